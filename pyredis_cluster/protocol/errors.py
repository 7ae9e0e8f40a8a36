"""Error replies: the class that carries one, and the texts that more than one place uses.

A text is spelled as on the wire, code word first, without the leading `-`. Texts that a single command
uses stand beside that command.
"""

from __future__ import annotations


class CommandError(Exception):
    """An error reply: raised by a handler, or held as a value inside a larger reply.

    `message` is the whole line without `-` and line end, as bytes; its first word is the error code that
    INFO errorstats counts.
    """

    __slots__ = ("message",)

    def __init__(self, message: bytes | str) -> None:
        if isinstance(message, str):
            message = message.encode("utf-8", "surrogateescape")
        # A line break inside would end the reply early; Redis turns both characters into spaces.
        if b"\r" in message or b"\n" in message:
            message = message.replace(b"\r", b" ").replace(b"\n", b" ")
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> bytes:
        """The error code: the first word of the message."""
        return self.message.split(b" ", 1)[0]

    def __str__(self) -> str:
        return self.message.decode("utf-8", "replace")


class ProtocolError(Exception):
    """The peer broke RESP: it gets `-ERR Protocol error: <reason>` and the connection is closed.

    `reason` is the text after `Protocol error: `.
    """

    def __init__(self, reason: bytes) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def reply(self) -> CommandError:
        """The error reply to send before closing."""
        return CommandError(b"ERR Protocol error: " + self.reason)


WRONG_TYPE = CommandError("WRONGTYPE Operation against a key holding the wrong kind of value")
SYNTAX_ERROR = CommandError("ERR syntax error")
NOT_AN_INTEGER = CommandError("ERR value is not an integer or out of range")
NOT_A_FLOAT = CommandError("ERR value is not a valid float")
OUT_OF_RANGE = CommandError("ERR value is out of range")
MUST_BE_POSITIVE = CommandError("ERR value is out of range, must be positive")
NO_SUCH_KEY = CommandError("ERR no such key")
INDEX_OUT_OF_RANGE = CommandError("ERR index out of range")
OVERFLOW = CommandError("ERR increment or decrement would overflow")
STRING_TOO_LONG = CommandError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
NO_AUTH = CommandError("NOAUTH Authentication required.")
OUT_OF_MEMORY = CommandError("OOM command not allowed when used memory > 'maxmemory'.")
EXEC_ABORT = CommandError("EXECABORT Transaction discarded because of previous errors.")
CROSS_SLOT = CommandError("CROSSSLOT Keys in request don't hash to the same slot")


def out_of_bounds(low: int, high: int) -> CommandError:
    """The refusal of an integer that is not within bounds which the reply names."""
    return CommandError(f"ERR value is out of range, value must between {low} and {high}")


def wrong_arity(full_name: str) -> CommandError:
    """The refusal of a call whose number of arguments does not fit; `full_name` as `config|get`."""
    return CommandError(f"ERR wrong number of arguments for '{full_name}' command")


def invalid_expire_time(command: str) -> CommandError:
    """The refusal of an expiry that is zero, negative or overflows."""
    return CommandError(f"ERR invalid expire time in '{command}' command")


def exec_abort(cause: CommandError) -> CommandError:
    """The reply to an EXEC that was itself refused for `cause`."""
    return CommandError(b"EXECABORT Transaction discarded because of: " + cause.message.removeprefix(b"ERR "))


def unknown_command(argv: list[bytes]) -> CommandError:
    """The refusal of a name that is not in the command table, quoting at most 128 bytes of arguments."""
    return _unknown_command(argv, b"'%b'", b" ")


def former_unknown_command(argv: list[bytes]) -> CommandError:
    """The same before 7.0."""
    return _unknown_command(argv, b"`%b`", b", ", len(argv[0]))


def _unknown_command(argv: list[bytes], quoted: bytes, separator: bytes, most: int = 128) -> CommandError:
    args = b""
    for arg in argv[1:]:
        if len(args) >= 128:
            break
        args += quoted % _c_string(arg)[: 128 - len(args)] + separator
    name = quoted % _c_string(argv[0])[:most]
    return CommandError(b"ERR unknown command %b, with args beginning with: %b" % (name, args))


def unknown_subcommand(name: str, subcommand: bytes) -> CommandError:
    """The refusal of a subcommand that container command `name` does not have."""
    return CommandError(
        b"ERR unknown subcommand '%b'. Try %b HELP." % (_c_string(subcommand)[:128], name.upper().encode())
    )


def subcommand_syntax(argv: list[bytes]) -> CommandError:
    """The refusal of a subcommand that exists but was called with arguments it does not take."""
    return CommandError(
        b"ERR unknown subcommand or wrong number of arguments for '%b'. Try %b HELP."
        % (_c_string(argv[1])[:128], _c_string(argv[0]).upper())
    )


def former_subcommand_syntax(argv: list[bytes]) -> CommandError:
    """The refusal of any subcommand before 7.0, which did not tell unknown ones from those used wrongly."""
    return CommandError(
        b"ERR Unknown subcommand or wrong number of arguments for '%b'. Try %b HELP."
        % (_c_string(argv[1])[:128], _c_string(argv[0]).upper())
    )


def _c_string(word: bytes) -> bytes:
    """What printf shows of `word`: it ends at the first NUL."""
    return word.partition(b"\0")[0]
