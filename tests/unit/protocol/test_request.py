"""Requests: what each parser makes of regular, broken, mutated and cut up input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.protocol.request import RequestParser, StrictParser

Request = list[bytes]
Outcome = tuple[list[Request], bytes | None, int]
"""The requests, the reason of the protocol error if any, and how many bytes wait for more."""


def wire(*argv: bytes) -> bytes:
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in argv)


def strictly(chunks: Iterable[bytes], *, authenticated: bool = True) -> Outcome:
    parser = StrictParser()
    parser.set_limits(authenticated=authenticated, bulk_max_bytes=1 << 20)
    requests: list[Request] = []
    try:
        for chunk in chunks:
            parser.feed(chunk, requests)
    except ProtocolError as error:
        return requests, error.reason, 0
    return requests, None, parser.buffered_bytes


def quickly(chunks: Iterable[bytes], *, authenticated: bool = True) -> Outcome:
    parser = RequestParser()
    parser.set_limits(authenticated=authenticated, bulk_max_bytes=1 << 20)
    requests: list[Request] = []
    try:
        for chunk in chunks:
            requests += parser.parse(chunk)
    except ProtocolError as error:
        return requests + parser.completed, error.reason, 0
    return requests, None, parser.buffered_bytes


def both(*chunks: bytes, authenticated: bool = True) -> Outcome:
    """What the parsers agree on."""
    outcome = strictly(chunks, authenticated=authenticated)
    assert quickly(chunks, authenticated=authenticated) == outcome
    return outcome


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


# Bytes that mean something to one of the parsers, and a few that do not.
ODD_BYTES = b"\r\n$*:+-=~%>(#,_|'\"\\ \0\x01\xffa1"

words = st.one_of(
    st.binary(max_size=8),
    st.lists(st.sampled_from(ODD_BYTES), max_size=8).map(bytes),
    st.sampled_from([b"GET", b"\r\n$", b"\r\n*", b"$-1\r\n", b"*0", b"\n=", b"x" * 300]),
)
regular = st.lists(words, min_size=1, max_size=12).map(lambda argv: wire(*argv))
elements = st.sampled_from(
    [
        b"+a\r\n", b"+$\r\n", b"-E\r\n", b":5\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"_\r\n", b"#t\r\n",
        b",1.5\r\n", b"(12\r\n", b"=5\r\ntxt:$\r\n", b"~1\r\n", b"~0\r\n", b">1\r\n", b"%1\r\n", b"|1\r\n",
        b"*1\r\n", b"*2\r\n", b"$1\r\n$\r\n", b"$1\r\n*\r\n", b"$1\r\n\n\r\n", b"$2\r\n\r\n\r\n", b"$4\r\n",
        b"+OK\n", b"PING\r\n", b"PING\n", b"\r\n", b"\n", b"ECHO 'a b'\r\n", b'"', b"\0",
    ]
)  # fmt: skip
streams = st.lists(st.one_of(regular, elements, st.binary(max_size=3)), max_size=6).map(b"".join)
cuts = st.lists(st.integers(0, 2000), max_size=4)
mutations = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from(ODD_BYTES), st.sampled_from("rid")), max_size=3
)


def mutate(data: bytes, changes: Iterable[tuple[int, int, str]]) -> bytes:
    mutated = bytearray(data)
    for place, byte, kind in changes:
        at = place % (len(mutated) + 1)
        mutated[at : at + (kind != "i")] = b"" if kind == "d" else bytes([byte])
    return bytes(mutated)


@pytest.mark.slow
@given(stream=streams, places=cuts, changes=mutations)
@example(b"*2\r\n+$\r\n$1\r\na\r\n", [], [])
@example(b"*2\r\n:5\r\n$1\r\n$\r\n", [], [])
@example(b"*2\r\n:5\r\n$1\r\n\n\r\n", [], [])
@example(b"*2\r\n:5\r\n$2\r\n$\n\r\n", [], [])
@example(b"*1\r\n$1\r\na\r\n~2\r\n$1\r\n*\r\n$1\r\nb\r\n", [], [])
@example(b"*1\r\n$1\r\na\r\n>2\r\n$1\r\n*\r\n$1\r\nb\r\n", [], [])
@example(b"*1\r\n$4\r\nPING\r\n+OK\n", [], [])
@example(b"*1\r\n$4\r\nPING\r\n~1\r\n", [], [])
@example(b"*1\r\n=5\r\ntxt:$\r\n", [], [])
@example(b"*1\r\n+a\r\n$5\r\n", [], [])
@example(b"*1\r\n\0$1\r\na\r\n", [], [])
def test_the_parsers_agree(stream: bytes, places: list[int], changes: list[tuple[int, int, str]]) -> None:
    """On requests, on the error, and on what is left; whatever comes, and however it is cut."""
    both(*cut(mutate(stream, changes), places))


@given(stream=streams, places=cuts)
def test_the_parsers_agree_on_clients_without_password(stream: bytes, places: list[int]) -> None:
    """They have limits of their own."""
    both(*cut(stream, places), authenticated=False)


@pytest.mark.slow
@given(stream=streams, places=cuts, changes=mutations)
def test_cuts_do_not_matter(stream: bytes, places: list[int], changes: list[tuple[int, int, str]]) -> None:
    """Byte by byte, in pieces and at once give the same."""
    data = mutate(stream, changes)
    at_once = strictly([data] if data else [])
    assert strictly(cut(data, places)) == at_once
    assert strictly(bytes([byte]) for byte in data) == at_once


@pytest.mark.slow
@given(st.lists(st.lists(words, min_size=1, max_size=12), max_size=8), cuts)
def test_what_is_sent_arrives(requests: list[Request], places: list[int]) -> None:
    """Any arguments, in any pieces."""
    data = b"".join(wire(*argv) for argv in requests)
    assert both(*cut(data, places)) == (requests, None, 0)


@pytest.mark.parametrize(
    ("data", "requests"),
    [
        (b"PING\r\n", [[b"PING"]]),
        (b"PING\n", [[b"PING"]]),
        (b"  set  k\t'a b' \"\\x41\" \r\n", [[b"set", b"k", b"a b", b"A"]]),
        (b"\r\n\n \r\nPING\r\n", [[b"PING"]]),
        (b"PING\r\r\n", [[b"PING"]]),
        (b"*0\r\n*-1\r\n*-10\r\nPING\r\n", [[b"PING"]]),
        (b"*1\r\n$4\r\nPINGxyPING\r\n", [[b"PING"], [b"PING"]]),
        (b"*1\rx$0\rx\r\n", [[b""]]),
        (wire(b"PING") + b"PING\r\n" + wire(b"GET", b"k"), [[b"PING"], [b"PING"], [b"GET", b"k"]]),
        (wire(*[b"x"] * 1000), [[b"x"] * 1000]),
        (wire(b"SET", b"k", b"v" * 70_000), [[b"SET", b"k", b"v" * 70_000]]),
        (wire(b"a\0b"), [[b"a\0b"]]),
    ],
)
def test_requests(data: bytes, requests: list[Request]) -> None:
    assert both(data) == (requests, None, 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'ECHO "a\r\n', b"unbalanced quotes in request"),
        (b'ECHO "a"b\r\n', b"unbalanced quotes in request"),
        (b"a" * 65_537, b"too big inline request"),
        (b"a\0\n" + b"a" * 65_537, b"too big inline request"),
        (b"*" + b"1" * 65_537, b"too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 65_537, b"too big bulk count string"),
        (b"*\r\n", b"invalid multibulk length"),
        (b"*x\r\n", b"invalid multibulk length"),
        (b"*01\r\n", b"invalid multibulk length"),
        (b"*-0\r\n", b"invalid multibulk length"),
        (b"*+1\r\n", b"invalid multibulk length"),
        (b"* 1\r\n", b"invalid multibulk length"),
        (b"*2147483648\r\n", b"invalid multibulk length"),
        (b"*100000000000000000000000\r\n", b"invalid multibulk length"),
        (b"*1\r\n$\r\n", b"invalid bulk length"),
        (b"*1\r\n$-1\r\n", b"invalid bulk length"),
        (b"*1\r\n$x\r\n", b"invalid bulk length"),
        (b"*1\r\n$04\r\n", b"invalid bulk length"),
        (b"*1\r\n$1048577\r\n", b"invalid bulk length"),
        (b"*1\r\n:5\r\n", b"expected '$', got ':'"),
        (b"*1\r\n+PING\r\n", b"expected '$', got '+'"),
        (b"*1\r\n*1\r\n$4\r\nPING\r\n", b"expected '$', got '*'"),
        (b"*1\r\n\r\n", b"expected '$', got '\r'"),
        (b"*1\r\nPING\r\n", b"expected '$', got 'P'"),
        (b"*2\r\n$4\r\nECHO\r\n:5\r\n", b"expected '$', got ':'"),
    ],
)
def test_errors(data: bytes, reason: bytes) -> None:
    """The request before is not lost, those after are not run."""
    assert both(data) == ([], reason, 0)
    before = wire(b"PING")
    after = b"" if reason.startswith(b"too big") else before
    assert both(before + data + after) == ([[b"PING"]], reason, 0)
    assert both(before, data) == ([[b"PING"]], reason, 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (wire(*[b"x"] * 11), b"unauthenticated multibulk length"),
        (wire(b"x" * 16_385), b"unauthenticated bulk length"),
    ],
)
def test_limits_of_clients_without_password(data: bytes, reason: bytes) -> None:
    assert both(data, authenticated=False) == ([], reason, 0)
    assert both(data)[1] is None


def test_largest_requests_of_clients_without_password() -> None:
    requests = [[b"x"] * 10, [b"x" * 16_384]]
    assert both(*(wire(*argv) for argv in requests), authenticated=False) == (requests, None, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"PING",
        b"PING\r",
        b"PI\0NG\r\n",
        b"*",
        b"*1",
        b"*1\r",
        b"*1\0\r\n$4\r\nPING\r\n",
        b"*2147483647\r\n$",
        b"a" * 65_536,
        b"*" + b"1" * 65_535,
    ],
)
def test_incomplete(data: bytes) -> None:
    """Nothing is a request, nothing an error, and all is kept, but for a header that was read."""
    requests, reason, kept = both(data)
    assert (requests, reason) == ([], None)
    assert kept == len(data.removeprefix(b"*2147483647\r\n"))


def test_arguments_of_an_incomplete_request_count_as_buffered() -> None:
    assert both(b"*3\r\n$3\r\nSET\r\n$10\r\nabc")[2] == len(b"SET" + b"abc")


def test_boundary() -> None:
    parser = StrictParser()
    requests: list[Request] = []
    for data, at_boundary in ((b"*1\r\n", False), (b"$1\r\na\r\n", True), (b"PI", False), (b"NG\n", True)):
        parser.feed(data, requests)
        assert parser.at_boundary is at_boundary
    assert requests == [[b"a"], [b"PING"]]


def test_limits_take_effect_between_chunks() -> None:
    parser = RequestParser()
    parser.set_limits(authenticated=False, bulk_max_bytes=100)
    assert parser.parse(wire(b"AUTH", b"x")) == [[b"AUTH", b"x"]]
    parser.set_limits(authenticated=True, bulk_max_bytes=20_000)
    assert parser.parse(wire(b"x" * 20_000)) == [[b"x" * 20_000]]
    assert parser.parse(wire(*[b"x"] * 11)) == [[b"x"] * 11]
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        parser.parse(b"*1\r\n$20001\r\n")


def test_empty_requests_are_skipped_in_a_regular_chunk() -> None:
    assert both(b"*0\r\n" + wire(b"PING") * 20 + b"*0\r\n") == ([[b"PING"]] * 20, None, 0)
