"""Error replies: their texts, and what is quoted in them."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.errors import (
    CROSS_SLOT,
    CommandError,
    ProtocolError,
    exec_abort,
    invalid_expire_time,
    subcommand_syntax,
    unknown_command,
    unknown_subcommand,
    wrong_arity,
)


def test_code_and_text() -> None:
    assert CROSS_SLOT.code == b"CROSSSLOT"
    assert str(CommandError("ERR é\udcff")) == "ERR é\ufffd"
    assert CommandError(b"LOADING").code == b"LOADING"


def test_line_ends_cannot_end_the_reply() -> None:
    assert CommandError("ERR a\r\nb\rc\nd").message == b"ERR a  b c d"


def test_protocol_error() -> None:
    assert ProtocolError(b"invalid bulk length").reply.message == b"ERR Protocol error: invalid bulk length"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([b"foo"], b"'foo', with args beginning with: "),
        ([b"foo", b"bar", b""], b"'foo', with args beginning with: 'bar' '' "),
        ([b"foo", b"a\r\nb"], b"'foo', with args beginning with: 'a  b' "),
        ([b"a\0b", b"c\0d"], b"'a', with args beginning with: 'c' "),
        ([b"f" * 200], b"'%b', with args beginning with: " % (b"f" * 128)),
        ([b"f", b"a" * 200, b"b"], b"'f', with args beginning with: '%b' " % (b"a" * 128)),
        # The quotes and the blank of the first argument count too.
        (
            [b"f", b"a" * 100, b"b" * 100, b"c"],
            b"'f', with args beginning with: '%b' '%b' " % (b"a" * 100, b"b" * 25),
        ),
    ],
)
def test_unknown_command(argv: list[bytes], text: bytes) -> None:
    assert unknown_command(argv).message == b"ERR unknown command " + text


def test_texts_about_subcommands() -> None:
    assert unknown_subcommand("config", b"x\0y").message == b"ERR unknown subcommand 'x'. Try CONFIG HELP."
    assert subcommand_syntax([b"pubsub", b"Channels"]).message == (
        b"ERR unknown subcommand or wrong number of arguments for 'Channels'. Try PUBSUB HELP."
    )


def test_other_texts() -> None:
    assert wrong_arity("config|get").message == b"ERR wrong number of arguments for 'config|get' command"
    assert invalid_expire_time("set").message == b"ERR invalid expire time in 'set' command"


def test_the_cause_of_an_aborted_exec() -> None:
    """A code of its own is shown, ERR is not."""
    text = b"EXECABORT Transaction discarded because of: "
    assert exec_abort(CommandError("ERR no")).message == text + b"no"
    assert exec_abort(CommandError("NOAUTH no")).message == text + b"NOAUTH no"
