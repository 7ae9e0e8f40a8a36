"""Commands that work on parts of a string."""

from __future__ import annotations

from pyredis_cluster.commands.strings import strings
from pyredis_cluster.config.events import NOTIFY_STRING
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, INSERT, RO, RW, UPDATE, KeyRange
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.protocol.errors import STRING_TOO_LONG, CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import Reply

_OFFSET_OUT_OF_RANGE = CommandError("ERR offset is out of range")
_RANGE_COMPLEXITY = (
    "O(N) where N is the length of the returned string. The complexity is ultimately determined by the "
    "returned length, but because creating a substring from an existing string is very cheap, it can be "
    "considered O(1) for small strings."
)


@strings.command(
    "APPEND",
    arity=3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    since="2.0.0",
    syntax="key value",
    summary="Adds to the end of a string; a missing one counts as empty.",
    complexity="O(1). The amortized time complexity is O(1) assuming the appended value is small and the "
    "already present value is of any size, since the dynamic string library used by Redis will double the "
    "free space available on every reallocation.",
)
def append(call: Call, argv: list[bytes]) -> Reply:
    """APPEND key value

    The length of the string after it.
    """
    key, addition = argv[1], argv[2]
    db = call.db
    value = db.write(key, String)
    if value is None:
        value = String(addition)
        db.add(key, value)
    else:
        _check_length(call, len(value.data), len(addition))
        value.editable().extend(addition)
    db.changed(key, NOTIFY_STRING, b"append")
    return len(value.data)


@strings.command(
    "STRLEN",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    since="2.2.0",
    syntax="key",
    summary="Returns the length of a string.",
)
def strlen(call: Call, argv: list[bytes]) -> Reply:
    """STRLEN key

    The length in bytes, 0 if there is no such key.
    """
    value = call.db.read(argv[1], String)
    return 0 if value is None else len(value.data)


@strings.command(
    "SETRANGE",
    arity=4,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, flags=RW | UPDATE),
    since="2.2.0",
    syntax="key offset value",
    summary="Overwrites a part of a string, which grows as needed; a missing one counts as empty.",
    complexity="O(1), not counting the time taken to copy the new string in place. Usually, this string is "
    "very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length "
    "of the value argument.",
)
def setrange(call: Call, argv: list[bytes]) -> Reply:
    """SETRANGE key offset value

    The length of the string after it. Raises an error for a negative offset, and for a string that would
    become too long.
    """
    key, part = argv[1], argv[3]
    offset = integer(argv[2])
    if offset < 0:
        raise _OFFSET_OUT_OF_RANGE
    db = call.db
    value = db.write(key, String)
    if not part:
        return 0 if value is None else len(value.data)
    _check_length(call, offset, len(part))
    if value is None:
        value = String(bytearray(offset + len(part)))
        db.add(key, value)
    data = value.editable()
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(part)] = part
    db.changed(key, NOTIFY_STRING, b"setrange")
    return len(data)


def _check_length(call: Call, length: int, addition: int) -> None:
    if length + addition > call.server.max_bulk_bytes:
        raise STRING_TOO_LONG


@strings.command(
    "GETRANGE",
    arity=4,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.4.0",
    syntax="key start end",
    summary="Returns a part of a string.",
    complexity=_RANGE_COMPLEXITY,
)
def getrange(call: Call, argv: list[bytes]) -> Reply:
    """GETRANGE key start end

    The bytes from `start` to `end`, both included and counted from the end where negative; empty where there
    are none.
    """
    start, end = integer(argv[2]), integer(argv[3])
    value = call.db.read(argv[1], String)
    if value is None or (start < 0 and end < 0 and start > end):
        return b""
    length = len(value.data)
    if start < 0:
        start = max(start + length, 0)
    if end < 0:
        end = max(end + length, 0)
    return bytes(value.data[start : end + 1])


@strings.command(
    "SUBSTR",
    arity=4,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    syntax="key start end",
    summary="Returns a part of a string, as GETRANGE does.",
    complexity=_RANGE_COMPLEXITY,
    deprecated_since="2.0.0",
    replaced_by="`GETRANGE`",
)
def substr(call: Call, argv: list[bytes]) -> Reply:
    """SUBSTR key start end

    See GETRANGE.
    """
    return getrange(call, argv)
