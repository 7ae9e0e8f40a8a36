"""Directives whose value has a shape of its own: save points, output buffer limits, addresses and others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import NamedTuple

from pyredis_cluster.config.kinds import BadValue, Kind, Line, Memory, memory_or_none, memory_text
from pyredis_cluster.protocol.numbers import float_or_none
from pyredis_cluster.protocol.words import quote_word

_LEADING_INTEGER = re.compile(rb"(?:[ \t\n\v\f\r]*([+-]?[0-9]+))?")
_BARE = re.compile(rb"[^\x00-\x20\"'\x7f-\xff]+").fullmatch
_MOST_ADDRESSES = 16


class SavePoint(NamedTuple):
    """Save after `seconds` if there were at least `changes` changes."""

    seconds: int
    changes: int


class OutputLimit(NamedTuple):
    """Bytes a client may leave unread: `hard_bytes`, or `soft_bytes` for `soft_seconds`; 0 is no limit."""

    hard_bytes: int
    soft_bytes: int
    soft_seconds: int


OutputLimits = MappingProxyType[str, OutputLimit]

DEFAULT_OUTPUT_LIMITS: OutputLimits = MappingProxyType(
    {
        "normal": OutputLimit(0, 0, 0),
        "slave": OutputLimit(256 << 20, 64 << 20, 60),
        "pubsub": OutputLimit(32 << 20, 8 << 20, 60),
    }
)


class SavePoints(Kind[tuple[SavePoint, ...]]):
    """`<seconds> <changes> …`; lines of a file add up, the first of them replacing the defaults."""

    multi = True

    def parse(self, words: Sequence[bytes], current: tuple[SavePoint, ...]) -> tuple[SavePoint, ...]:
        if list(words) == [b""]:
            return ()
        numbers = [_strtoll(word) for word in words]
        points = []
        for seconds, changes in zip(numbers[::2], numbers[1::2], strict=False):
            if seconds is None or changes is None or seconds < 1 or changes < 0:
                raise BadValue("Invalid save parameters")
            points.append(SavePoint(seconds, changes))
        if len(words) % 2:
            raise BadValue("Invalid save parameters")
        return tuple(points)

    def parse_line(
        self, words: Sequence[bytes], current: tuple[SavePoint, ...], *, first: bool
    ) -> tuple[SavePoint, ...]:
        added = self.parse(words, current)
        return added if first or list(words) == [b""] else current + added

    def show(self, value: tuple[SavePoint, ...]) -> bytes:
        return b" ".join([b"%d %d" % point for point in value])

    def rewritten(
        self, name: bytes, value: tuple[SavePoint, ...], default: tuple[SavePoint, ...]
    ) -> list[Line]:
        if not value:
            return [Line(name + b' ""', True)]
        return [Line(b"%b %d %d" % (name, *point), True) for point in value]

    def describe(self) -> str:
        return '<seconds> <changes> [<seconds> <changes> …] | ""'


class OutputBufferLimits(Kind[OutputLimits]):
    """`<class> <hard> <soft> <soft seconds> …`; classes that are not named keep their limits."""

    multi = True

    def parse(self, words: Sequence[bytes], current: OutputLimits) -> OutputLimits:
        if len(words) % 4:
            raise BadValue("Wrong number of arguments in buffer limit configuration.")
        limits = dict(current)
        for at in range(0, len(words), 4):
            name = words[at].decode("utf-8", "replace").lower()
            name = "slave" if name == "replica" else name
            if name not in limits:
                raise BadValue("Invalid client class specified in buffer limit configuration.")
            hard, soft = memory_or_none(words[at + 1]), memory_or_none(words[at + 2])
            seconds = _strtoll(words[at + 3])
            if hard is None or soft is None or seconds is None or seconds < 0:
                raise BadValue("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            limits[name] = OutputLimit(hard, soft, seconds)
        return MappingProxyType(limits)

    def show(self, value: OutputLimits) -> bytes:
        return b" ".join([b"%b %d %d %d" % (name.encode(), *limit) for name, limit in value.items()])

    def rewritten(self, name: bytes, value: OutputLimits, default: OutputLimits) -> list[Line]:
        lines = []
        for client, limit in value.items():
            shown = b"replica" if client == "slave" else client.encode()
            sizes = memory_text(limit.hard_bytes), memory_text(limit.soft_bytes)
            text = b"%b %b %b %b %d" % (name, shown, *sizes, limit.soft_seconds)
            lines.append(Line(text, limit != default[client]))
        return lines

    def describe(self) -> str:
        return "<normal|replica|pubsub> <hard bytes> <soft bytes> <soft seconds> …"


class Integers(Kind[tuple[int, ...]]):
    """A fixed number of integers between -2000 and 2000 (oom-score-adj-values)."""

    multi = True

    def __init__(self, count: int) -> None:
        self._count = count

    def parse(self, words: Sequence[bytes], current: tuple[int, ...]) -> tuple[int, ...]:
        if len(words) != self._count:
            raise BadValue("wrong number of arguments")
        numbers = [_strtoll(word) for word in words]
        if any(number is None or not -2000 <= number <= 2000 for number in numbers):
            raise BadValue("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        return tuple(number for number in numbers if number is not None)

    def show(self, value: tuple[int, ...]) -> bytes:
        return b" ".join([b"%d" % number for number in value])

    def describe(self) -> str:
        return f"{self._count} integers, -2000 to 2000"


class Percentiles(Kind[tuple[float, ...]]):
    """Numbers from 0 to 100; a rewritten file always has them."""

    multi = True

    def parse(self, words: Sequence[bytes], current: tuple[float, ...]) -> tuple[float, ...]:
        if list(words) == [b""]:
            return ()
        percentiles = []
        for word in words:
            number = float_or_none(word)
            if number is None:
                raise BadValue("Invalid latency-tracking-info-percentiles parameters")
            if not 0.0 <= number <= 100.0:
                raise BadValue("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
            percentiles.append(number)
        return tuple(percentiles)

    def show(self, value: tuple[float, ...]) -> bytes:
        return b" ".join([(b"%f" % number).rstrip(b"0").rstrip(b".") for number in value])

    def rewritten(self, name: bytes, value: tuple[float, ...], default: tuple[float, ...]) -> list[Line]:
        return [Line(b"%b %b" % (name, self.show(value) or b'""'), True)]

    def describe(self) -> str:
        return 'numbers, 0 to 100 | ""'


class Addresses(Kind[tuple[str, ...]]):
    """Addresses to listen on; one that begins with `-` may be missing on this machine."""

    multi = True

    def parse(self, words: Sequence[bytes], current: tuple[str, ...]) -> tuple[str, ...]:
        if len(words) > _MOST_ADDRESSES:
            raise BadValue("Too many bind addresses specified.")
        if list(words) == [b""]:
            return ()
        return tuple(word.decode("utf-8", "surrogateescape") for word in words)

    def show(self, value: tuple[str, ...]) -> bytes:
        return " ".join(value).encode("utf-8", "surrogateescape")

    def rewritten(self, name: bytes, value: tuple[str, ...], default: tuple[str, ...]) -> list[Line]:
        if value == default:
            return []
        words = [address.encode("utf-8", "surrogateescape") for address in value]
        return [Line(b"%b %b" % (name, _spelled(words) or b'""'), True)]

    def describe(self) -> str:
        return "addresses, each optionally after a -"


class ReplicaOf(Kind[tuple[str, int] | None]):
    """`<host> <port>`, or `no one`."""

    multi = True

    def parse(self, words: Sequence[bytes], current: tuple[str, int] | None) -> tuple[str, int] | None:
        if len(words) != 2:
            raise BadValue("wrong number of arguments")
        if words[0].lower() == b"no" and words[1].lower() == b"one":
            return None
        port = _strtoll(words[1])
        if port is None or not 0 <= port <= 65535:
            raise BadValue("Invalid master port")
        return words[0].decode("utf-8", "surrogateescape"), port

    def show(self, value: tuple[str, int] | None) -> bytes:
        if value is None:
            return b""
        return b"%b %d" % (value[0].encode("utf-8", "surrogateescape"), value[1])

    def rewritten(
        self, name: bytes, value: tuple[str, int] | None, default: tuple[str, int] | None
    ) -> list[Line]:
        if value is None:
            return []
        words = [value[0].encode("utf-8", "surrogateescape"), b"%d" % value[1]]
        return [Line(b"%b %b" % (name, _spelled(words)), True)]

    def describe(self) -> str:
        return "<host> <port> | no one"


class BacklogSize(Memory):
    """Bytes; CONFIG SET raises them to a minimum, a configuration line does not."""

    def __init__(self, low: int, high: int, *, least: int) -> None:
        super().__init__(low, high)
        self._least = least

    def parse(self, words: Sequence[bytes], current: int) -> int:
        return max(super().parse(words, current), self._least)

    def parse_line(self, words: Sequence[bytes], current: int, *, first: bool) -> int:
        return super().parse(words, current)


class Directory(Kind[str]):
    """A directory; `Config` makes it absolute, so a rewritten file always has it."""

    def parse(self, words: Sequence[bytes], current: str) -> str:
        return words[0].partition(b"\0")[0].decode("utf-8", "surrogateescape")

    def show(self, value: str) -> bytes:
        return value.encode("utf-8", "surrogateescape")

    def rewritten(self, name: bytes, value: str, default: str) -> list[Line]:
        return [Line(b"%b %b" % (name, quote_word(self.show(value))), True)]

    def describe(self) -> str:
        return "directory"


def _spelled(words: Sequence[bytes]) -> bytes:
    """The words as a configuration line needs them; bare, as Redis has them, wherever that reads back."""
    spelled = [word if _BARE(word) else quote_word(word) for word in words]
    # The value of a line that has a single one is split once more.
    return quote_word(spelled[0]) if len(words) == 1 and spelled[0] != words[0] else b" ".join(spelled)


def _strtoll(word: bytes) -> int | None:
    """What strtoll makes of the whole of `word`: blanks and `+` may lead, and an empty word is 0."""
    match = _LEADING_INTEGER.fullmatch(word)
    if match is None:
        return None
    return max(-(2**63), min(int(match[1] or b"0"), 2**63 - 1))
