"""The options that SET and GETEX share: conditions, and when a key expires."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, invalid_expire_time
from pyredis_cluster.protocol.numbers import INT64_MAX, integer

NX = 1
XX = 2
GET = 4
KEEPTTL = 8
PERSIST = 16
EX = 32
PX = 64
EXAT = 128
PXAT = 256

_TIMES = EX | PX | EXAT | PXAT
_SECONDS = EX | EXAT
_RELATIVE = EX | PX

# Option → its flag, and the flags beside which it is a syntax error. A time may be given twice, and the last
# one counts.
_CONDITIONS = {b"nx": (NX, XX), b"xx": (XX, NX), b"get": (GET, 0), b"keepttl": (KEEPTTL, PERSIST | _TIMES)}
_DEADLINES = {
    name: (flag, KEEPTTL | PERSIST | _TIMES & ~flag)
    for name, flag in ((b"ex", EX), (b"px", PX), (b"exat", EXAT), (b"pxat", PXAT))
}
EXPIRE_TEXT_OF_6_2 = reworded(r"^(ERR invalid expire time in) '(\w+)' command$", r"\1 \2")

SET_OPTIONS = _CONDITIONS | _DEADLINES
GETEX_OPTIONS = {b"persist": (PERSIST, KEEPTTL | _TIMES)} | _DEADLINES


def parse_options(
    argv: list[bytes], start: int, options: dict[bytes, tuple[int, int]]
) -> tuple[int, bytes | None]:
    """Flags of `argv[start:]`, and the time as it was given.

    Raises SYNTAX_ERROR for an unknown option, a missing time, and options that exclude each other.
    """
    flags = 0
    time: bytes | None = None
    last = len(argv) - 1
    index = start
    while index <= last:
        flag, excluded = options.get(argv[index].lower(), (0, 0))
        if not flag or flags & excluded:
            raise SYNTAX_ERROR
        if flag & _TIMES:
            if index == last:
                raise SYNTAX_ERROR
            index += 1
            time = argv[index]
        flags |= flag
        index += 1
    return flags, time


def deadline_ms(call: Call, time: bytes, flags: int, command: str) -> int:
    """The unix time in milliseconds that `time` means, `flags` giving its unit and origin.

    Raises an error unless it is an integer, positive, and neither it nor the result overflows.
    """
    when_ms = integer(time)
    if flags & _SECONDS:
        when_ms *= 1000
    if when_ms <= 0 or when_ms > INT64_MAX:
        raise invalid_expire_time(command)
    if flags & _RELATIVE:
        when_ms += call.now_ms
        if when_ms > INT64_MAX:
            raise invalid_expire_time(command)
    return when_ms
