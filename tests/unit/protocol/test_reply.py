"""Replies on the wire, in both versions, as the bytes and as hiredis reads them."""

from __future__ import annotations

from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import (
    FALSE,
    NO_REPLY,
    NULL_ARRAY,
    OK,
    TRUE,
    Attributed,
    BigNumber,
    Push,
    Raw,
    Replies,
    SetReply,
    Status,
    Verbatim,
    encode,
)


@pytest.mark.parametrize(
    ("reply", "resp2", "resp3"),
    [
        (b"a\r\n\0", b"$4\r\na\r\n\0\r\n", None),
        (b"", b"$0\r\n\r\n", None),
        (bytearray(b"a"), b"$1\r\na\r\n", None),
        ("é\udcff", b"$3\r\n\xc3\xa9\xff\r\n", None),
        (5, b":5\r\n", None),
        (-1, b":-1\r\n", None),
        (True, b":1\r\n", None),
        (1.5, b"$3\r\n1.5\r\n", b",1.5\r\n"),
        (float("inf"), b"$3\r\ninf\r\n", b",inf\r\n"),
        (None, b"$-1\r\n", b"_\r\n"),
        (NULL_ARRAY, b"*-1\r\n", b"_\r\n"),
        (NO_REPLY, b"", None),
        (OK, b"+OK\r\n", None),
        (Raw(b"+X\r\n"), b"+X\r\n", None),
        (TRUE, b":1\r\n", b"#t\r\n"),
        (FALSE, b":0\r\n", b"#f\r\n"),
        (BigNumber(b"123"), b"$3\r\n123\r\n", b"(123\r\n"),
        (Verbatim("a"), b"$1\r\na\r\n", b"=5\r\ntxt:a\r\n"),
        (Verbatim(b"a", b"mkd"), b"$1\r\na\r\n", b"=5\r\nmkd:a\r\n"),
        (CommandError("ERR no"), b"-ERR no\r\n", None),
        ([], b"*0\r\n", None),
        ((1, [None]), b"*2\r\n:1\r\n*1\r\n$-1\r\n", b"*2\r\n:1\r\n*1\r\n_\r\n"),
        (SetReply([1]), b"*1\r\n:1\r\n", b"~1\r\n:1\r\n"),
        (Push([b"a"]), b"*1\r\n$1\r\na\r\n", b">1\r\n$1\r\na\r\n"),
        ({b"a": 1}, b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
        (Replies([1, None]), b":1\r\n$-1\r\n", b":1\r\n_\r\n"),
        (Attributed({b"a": 1}, 2), b":2\r\n", b"|1\r\n$1\r\na\r\n:1\r\n:2\r\n"),
        ([b"x" * 1024], b"*1\r\n$1024\r\n%b\r\n" % (b"x" * 1024), None),
    ],
)
def test_wire_form(reply: Any, resp2: bytes, resp3: bytes | None) -> None:
    assert encode(reply) == resp2
    assert encode(reply, 3) == (resp2 if resp3 is None else resp3)


def test_subclasses_are_encoded_as_their_base() -> None:
    class Words(list[bytes]):
        pass

    assert encode([Words([b"a"])]) == encode([[b"a"]])


@pytest.mark.parametrize("reply", [object(), [object()], [b"a"] * 20 + [object()]])
def test_what_is_no_reply_is_refused(reply: Any) -> None:
    with pytest.raises(TypeError):
        encode(reply)


plain = st.one_of(st.binary(max_size=20), st.integers(-(2**63), 2**63 - 1), st.none())
replies = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(st.binary(max_size=5), inner, max_size=5),
    ),
    max_leaves=30,
)


def read(wire: bytes) -> Any:
    reader = hiredis.Reader()
    reader.feed(wire)
    return reader.gets()


def flat(reply: Any) -> Any:
    """What RESP2 leaves of a reply."""
    if isinstance(reply, dict):
        return [each for pair in reply.items() for each in (pair[0], flat(pair[1]))]
    return [flat(each) for each in reply] if isinstance(reply, list) else reply


@pytest.mark.slow
@given(replies)
def test_clients_read_what_was_meant(reply: Any) -> None:
    assert read(encode(reply, 3)) == reply
    assert read(encode(reply, 2)) == flat(reply)


@given(st.lists(st.binary(max_size=1100), max_size=30), st.integers(0, 30))
def test_arrays_of_bulk_strings(elements: list[bytes], odd_one: int) -> None:
    """The fast way for short strings gives what the slow one gives, whatever interrupts it."""
    assert read(encode(elements)) == elements
    mixed = [*elements[:odd_one], 7, *elements[odd_one:]]
    assert read(encode(mixed)) == mixed


def test_status_is_a_value() -> None:
    assert Status(b"OK") == OK
    assert {Status(b"OK"), OK} == {OK}
    assert Status(b"NO") != OK
    assert OK != b"OK"
    assert repr(OK) == "Status(b'OK')"
    assert repr(NULL_ARRAY) == "NULL_ARRAY"
