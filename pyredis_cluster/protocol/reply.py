"""Reply values, and the encoder that turns them into RESP2 or RESP3.

Handlers return plain Python values, so that Lua, EXEC and tests see values rather than wire bytes:

    value                      RESP2                      RESP3
    bytes, str                 bulk string                bulk string
    int, bool                  integer                    integer
    float, FullDouble          bulk string                double
    None                       null bulk string           null
    NULL_ARRAY                 null array                 null
    list, tuple                array                      array
    dict                       flat array                 map
    SetReply                   array                      set
    Push                       array                      push
    Status                     simple string              simple string
    Verbatim                   bulk string                verbatim string
    TRUE, FALSE                integer 1, 0               boolean
    BigNumber                  bulk string                big number
    Attributed                 the reply alone            attributes, then the reply
    CommandError               error                      error
    Replies                    each of them, in turn      each of them, in turn
    NO_REPLY                   nothing                    nothing
    Raw                        its bytes as they are      its bytes as they are

A reply is encoded before any other command runs, so a handler may return a live container of the
keyspace without copying it.

Source: https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import format_double

Reply = Any
"""A reply value as the module's table lists them (mypy cannot bound the recursion usefully)."""


class Status:
    """A simple string. Compare by identity with the constants below, or by `text`."""

    __slots__ = ("text", "wire")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.wire = b"+%b\r\n" % text

    def __repr__(self) -> str:
        return f"Status({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Status) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class SetReply(list[Any]):
    """Elements that RESP3 marks as a set; the order is that of the list."""

    __slots__ = ()


class Push(list[Any]):
    """An out-of-band message (pub/sub, invalidation); RESP2 sends it as an array."""

    __slots__ = ()


class Replies(list[Any]):
    """Several replies to one request, as SUBSCRIBE with several channels has."""

    __slots__ = ()


class Raw:
    """Bytes that are wire format already."""

    __slots__ = ("wire",)

    def __init__(self, wire: bytes) -> None:
        self.wire = wire


class Verbatim:
    """Text with a three-letter format: `txt` or `mkd`."""

    __slots__ = ("format", "text")

    def __init__(self, text: bytes | str, format: bytes = b"txt") -> None:
        self.text = text.encode() if isinstance(text, str) else text
        self.format = format


class BigNumber:
    """An integer of any size, in decimal digits."""

    __slots__ = ("digits",)

    def __init__(self, digits: bytes) -> None:
        self.digits = digits


class Attributed:
    """A reply with attributes, which RESP2 cannot carry."""

    __slots__ = ("attributes", "reply")

    def __init__(self, attributes: dict[Any, Any], reply: Reply) -> None:
        self.attributes = attributes
        self.reply = reply


class FullDouble(float):
    """A double whose text has 17 digits, if it needs them, instead of the shortest that means it."""

    __slots__ = ()


class _Singleton:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


class _NullArray(_Singleton):
    __slots__ = ()


class _Boolean(_Singleton):
    __slots__ = ()


class _NoReply(_Singleton):
    __slots__ = ()


OK: Final = Status(b"OK")
PONG: Final = Status(b"PONG")
QUEUED: Final = Status(b"QUEUED")
NULL_ARRAY: Final = _NullArray("NULL_ARRAY")
TRUE: Final = _Boolean("TRUE")
FALSE: Final = _Boolean("FALSE")
NO_REPLY: Final = _NoReply("NO_REPLY")

INTEGER_WIRE: Final = tuple(b":%d\r\n" % number for number in range(1024))
"""Wire form of the integers that most replies are."""

BULK_HEADER: Final = tuple(b"$%d\r\n" % length for length in range(1024))
"""First line of the bulk strings that most replies are, by length."""

_BULK_HEADER_LINE: Final = tuple(b"$%d" % length for length in range(1024))

_FEW = 8
"""Elements of an array up to which one by one is faster than all at once."""

_Append = Callable[[bytes], None]


def encode(reply: Reply, resp: int = 2) -> bytes:
    """Return the wire form of `reply` in protocol version `resp` (2 or 3).

    Raises TypeError for a value that is no reply: that is a bug of the handler.
    """
    parts: list[bytes] = []
    encode_into(parts.append, reply, resp)
    return b"".join(parts)


def encode_into(append: _Append, reply: Reply, resp: int) -> None:
    """Append the wire form of `reply`, in pieces, through `append`."""
    encoder = _ENCODERS.get(type(reply))
    if encoder is None:
        encoder = _encoder_of_subclass(reply)
    encoder(append, reply, resp)


def _encoder_of_subclass(reply: Reply) -> Callable[[_Append, Any, int], None]:
    for base in type(reply).__mro__:
        encoder = _ENCODERS.get(base)
        if encoder is not None:
            return encoder
    raise TypeError(f"not a reply value: {reply!r}")


def _bytes(append: _Append, reply: bytes, resp: int) -> None:
    append(b"$%d\r\n%b\r\n" % (len(reply), reply))


def _str(append: _Append, reply: str, resp: int) -> None:
    _bytes(append, reply.encode("utf-8", "surrogateescape"), resp)


def _int(append: _Append, reply: int, resp: int) -> None:
    append(b":%d\r\n" % reply)


def _float(append: _Append, reply: float, resp: int) -> None:
    if resp >= 3:
        append(b",%b\r\n" % format_double(reply))
    else:
        _bytes(append, format_double(reply), resp)


def _full_double(append: _Append, reply: FullDouble, resp: int) -> None:
    digits = b"%.17g" % reply
    if resp >= 3:
        append(b",%b\r\n" % digits)
    else:
        _bytes(append, digits, resp)


def _none(append: _Append, reply: None, resp: int) -> None:
    append(b"_\r\n" if resp >= 3 else b"$-1\r\n")


def _null_array(append: _Append, reply: _NullArray, resp: int) -> None:
    append(b"_\r\n" if resp >= 3 else b"*-1\r\n")


def _list(append: _Append, reply: list[Any], resp: int) -> None:
    append(b"*%d\r\n" % len(reply))
    _elements(append, reply, resp)


def _set(append: _Append, reply: list[Any], resp: int) -> None:
    append((b"~%d\r\n" if resp >= 3 else b"*%d\r\n") % len(reply))
    _elements(append, reply, resp)


def _push(append: _Append, reply: list[Any], resp: int) -> None:
    append((b">%d\r\n" if resp >= 3 else b"*%d\r\n") % len(reply))
    _elements(append, reply, resp)


def _dict(append: _Append, reply: dict[Any, Any], resp: int) -> None:
    if resp >= 3:
        append(b"%%%d\r\n" % len(reply))
    else:
        append(b"*%d\r\n" % (2 * len(reply)))
    _elements(append, list(chain.from_iterable(reply.items())), resp)


def _elements(append: _Append, reply: list[Any], resp: int) -> None:
    if len(reply) > _FEW and _small_bulks(append, reply):
        return
    headers = BULK_HEADER
    encoders = _ENCODERS
    for element in reply:
        # Three appends are cheaper than one % for the small bulk strings that most arrays are made of.
        if type(element) is bytes and len(element) < 1024:
            append(headers[len(element)])
            append(element)
            append(b"\r\n")
        else:
            encoder = encoders.get(type(element))
            if encoder is None:
                encoder = _encoder_of_subclass(element)
            encoder(append, element, resp)


def _small_bulks(append: _Append, reply: list[Any] | tuple[Any, ...]) -> bool:
    """Append elements if all are short `bytes`, or of one length, at the speed of C; whether they were."""
    try:
        length = len(reply[0])
        if length == len(reply[-1]) and len(set(map(len, reply))) == 1:
            # Elements of one length, as time series and identifiers are, have one header between them all.
            wire = (b"\r\n$%d\r\n" % length).join(reply)
            append(b"$%d\r\n" % length)
            append(wire)
            append(b"\r\n")
            return True
        lines: list[bytes] = [b""] * (2 * len(reply) + 1)
        lines[0:-1:2] = map(_BULK_HEADER_LINE.__getitem__, map(len, reply))
        lines[1::2] = reply
        wire = b"\r\n".join(lines)
    except (TypeError, IndexError):
        return False
    append(wire)
    return True


def _status(append: _Append, reply: Status | Raw, resp: int) -> None:
    append(reply.wire)


def _verbatim(append: _Append, reply: Verbatim, resp: int) -> None:
    if resp >= 3:
        append(b"=%d\r\n%b:%b\r\n" % (len(reply.text) + 4, reply.format, reply.text))
    else:
        _bytes(append, reply.text, resp)


def _error(append: _Append, reply: CommandError, resp: int) -> None:
    append(b"-%b\r\n" % reply.message)


def _boolean(append: _Append, reply: _Boolean, resp: int) -> None:
    if resp >= 3:
        append(b"#t\r\n" if reply is TRUE else b"#f\r\n")
    else:
        append(b":1\r\n" if reply is TRUE else b":0\r\n")


def _big_number(append: _Append, reply: BigNumber, resp: int) -> None:
    if resp >= 3:
        append(b"(%b\r\n" % reply.digits)
    else:
        _bytes(append, reply.digits, resp)


def _attributed(append: _Append, reply: Attributed, resp: int) -> None:
    if resp >= 3:
        append(b"|%d\r\n" % len(reply.attributes))
        for key, value in reply.attributes.items():
            encode_into(append, key, resp)
            encode_into(append, value, resp)
    encode_into(append, reply.reply, resp)


def _replies(append: _Append, reply: list[Any], resp: int) -> None:
    for each in reply:
        encode_into(append, each, resp)


def _nothing(append: _Append, reply: _NoReply, resp: int) -> None:
    pass


_ENCODERS: dict[type, Callable[[_Append, Any, int], None]] = {
    bytes: _bytes,
    bytearray: _bytes,
    str: _str,
    int: _int,
    bool: _int,
    float: _float,
    FullDouble: _full_double,
    type(None): _none,
    _NullArray: _null_array,
    _NoReply: _nothing,
    list: _list,
    tuple: _list,
    dict: _dict,
    SetReply: _set,
    Push: _push,
    Replies: _replies,
    Status: _status,
    Raw: _status,
    Verbatim: _verbatim,
    _Boolean: _boolean,
    BigNumber: _big_number,
    Attributed: _attributed,
    CommandError: _error,
}
