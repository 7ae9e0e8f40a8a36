"""The kinds of value a directive can have: how each is read, shown and rewritten, with Redis's error texts.

One instance belongs to one directive of the table and holds no server's value. `parse` takes the words after
the directive's name; a directive that is not `multi` always gets exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pyredis_cluster.protocol.numbers import integer_or_none
from pyredis_cluster.protocol.words import quote_word

T = TypeVar("T")

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
UINT_MAX = 2**32 - 1
LLONG_MAX = 2**63 - 1
ULLONG_MAX = 2**64 - 1

_MEMORY = re.compile(rb"([0-9]{0,127})(b|kb?|mb?|gb?)?", re.IGNORECASE)
_UNITS = {b"b": 1, b"k": 1000, b"kb": 1 << 10, b"m": 10**6, b"mb": 1 << 20, b"g": 10**9, b"gb": 1 << 30}
_OCTAL = re.compile(rb"(?:[ \t\n\v\f\r]*([+-]?[0-7]+))?")


class BadValue(ValueError):  # noqa: N818 - it is the value that is bad
    """A value is refused; the message is Redis's, for CONFIG SET and for the configuration file alike."""


class Line(NamedTuple):
    """A line of a rewritten file; without `force` it only replaces a line that is there already."""

    text: bytes
    force: bool


class Kind(Generic[T]):
    """How values of one directive are read and written."""

    multi = False
    """Whether several words follow the name in redis.conf; in CONFIG SET they are one argument."""

    def parse(self, words: Sequence[bytes], current: T) -> T:
        """The value spelled by `words`; `current` is what a partial setting adds to. Raises `BadValue`."""
        raise NotImplementedError

    def parse_line(self, words: Sequence[bytes], current: T, *, first: bool) -> T:
        """As `parse`, for a configuration line; `first` of its name in this start. Raises `BadValue`."""
        return self.parse(words, current)

    def show(self, value: T) -> bytes:
        """The value as CONFIG GET replies it."""
        raise NotImplementedError

    def rewritten(self, name: bytes, value: T, default: T) -> list[Line]:
        """The lines that say `value`; none where only the absence of the directive says it."""
        return [Line(b"%b %b" % (name, self.show(value)), value != default)]

    def describe(self) -> str:
        """What may be given, for the documentation and for --help."""
        raise NotImplementedError


class YesNo(Kind[bool]):
    """`yes` or `no`."""

    def parse(self, words: Sequence[bytes], current: bool) -> bool:
        word = words[0].lower()
        if word not in (b"yes", b"no"):
            raise BadValue("argument must be 'yes' or 'no'")
        return word == b"yes"

    def show(self, value: bool) -> bytes:
        return b"yes" if value else b"no"

    def describe(self) -> str:
        return "yes | no"


class Number(Kind[int]):
    """A decimal integer within bounds; `clamp` narrows silently, as Redis does for `hz`."""

    def __init__(
        self, low: int, high: int, *, clamp: tuple[int, int] | None = None, unsigned: bool = False
    ) -> None:
        self.low = low
        self.high = high
        self.unsigned = unsigned
        self._clamp = clamp or (low, high)

    def parse(self, words: Sequence[bytes], current: int) -> int:
        number = integer_or_none(words[0])
        if number is None:
            raise BadValue("argument couldn't be parsed into an integer")
        return self.bounded(number)

    def bounded(self, number: int) -> int:
        """`number`, clamped; raises `BadValue` where it is out of bounds."""
        # Redis compares as the type of its C variable: negative numbers are huge to an unsigned one.
        if self.unsigned:
            number &= ULLONG_MAX
        if not self.low <= number <= self.high:
            low, high = self.show(self.low).decode(), self.show(self.high).decode()
            raise BadValue(f"argument must be between {low} and {high} inclusive")
        return min(max(number, self._clamp[0]), self._clamp[1])

    def show(self, value: int) -> bytes:
        return b"%d" % value

    def describe(self) -> str:
        if (self.low, self.high) == (INT_MIN, INT_MAX):
            return "integer"
        if self.high in (INT_MAX, UINT_MAX, LLONG_MAX, ULLONG_MAX):
            return f"integer, at least {self.low}"
        return f"integer, {self.low} to {self.high}"


class Memory(Number):
    """Bytes, with an optional unit (k, kb, m, mb, g, gb)."""

    def parse(self, words: Sequence[bytes], current: int) -> int:
        number = memory_or_none(words[0])
        if number is None:
            raise BadValue("argument must be a memory value")
        return self.bounded(number)

    def bounded(self, number: int) -> int:
        return super().bounded(number if self.unsigned else _as_signed(number))

    def rewritten(self, name: bytes, value: int, default: int) -> list[Line]:
        return [Line(b"%b %b" % (name, memory_text(value)), value != default)]

    def describe(self) -> str:
        return "bytes, with an optional unit (1kb is 1024, 1k is 1000)"


class MemoryOrPercent(Memory):
    """Bytes, or a percentage kept as a negative number."""

    def parse(self, words: Sequence[bytes], current: int) -> int:
        number = memory_or_none(words[0])
        if number is not None:
            return self.bounded(_as_signed(number))
        percent = integer_or_none(words[0][:-1]) if words[0].endswith(b"%") else None
        if percent is None or percent < 0:
            raise BadValue("argument must be a memory or percent value")
        return self.bounded(-percent)

    def bounded(self, number: int) -> int:
        if number < self.low:
            raise BadValue(f"percentage argument must be less or equal to {-self.low}")
        return super().bounded(number)

    def show(self, value: int) -> bytes:
        return b"%d%%" % -value if value < 0 else b"%d" % value

    def rewritten(self, name: bytes, value: int, default: int) -> list[Line]:
        if value < 0:
            return [Line(b"%b %b" % (name, self.show(value)), True)]
        return super().rewritten(name, value, default)

    def describe(self) -> str:
        return f"bytes, with an optional unit, or a percentage up to {-self.low}%"


class Octal(Number):
    """An octal number, as for file permissions."""

    def parse(self, words: Sequence[bytes], current: int) -> int:
        match = _OCTAL.fullmatch(words[0])
        if match is None:
            raise BadValue("argument couldn't be parsed as an octal number")
        return self.bounded(int(match[1] or b"0", 8))

    def show(self, value: int) -> bytes:
        return b"%o" % value

    def describe(self) -> str:
        return f"octal, {self.low:o} to {self.high:o}"


class Text(Kind[str]):
    """A string. Bytes that are no UTF-8 are kept (surrogateescape).

    `vanishes`: the empty string means "not set", and such a directive is left out of a rewritten file.
    """

    def __init__(
        self, check: Callable[[str], None] | None = None, *, vanishes: bool = False, binary: bool = False
    ) -> None:
        self._check = check
        self._vanishes = vanishes
        self._binary = binary

    def parse(self, words: Sequence[bytes], current: str) -> str:
        data = words[0] if self._binary else words[0].partition(b"\0")[0]
        text = data.decode("utf-8", "surrogateescape")
        if self._check is not None:
            self._check(text)
        return text

    def show(self, value: str) -> bytes:
        return value.encode("utf-8", "surrogateescape")

    def rewritten(self, name: bytes, value: str, default: str) -> list[Line]:
        if self._vanishes and not value:
            return []
        return [Line(b"%b %b" % (name, quote_word(self.show(value))), value != default)]

    def describe(self) -> str:
        return "string"


class Choice(Kind[str]):
    """One of several words, in any case; `same` gives further spellings of some of them."""

    def __init__(self, *words: str, same: dict[str, str] | None = None) -> None:
        self.words = words
        self._same = same or {}

    def parse(self, words: Sequence[bytes], current: str) -> str:
        word = words[0].decode("utf-8", "replace").lower() if words else ""
        if word not in self.words:
            raise BadValue(_not_one_of(self.words))
        return self._same.get(word, word)

    def show(self, value: str) -> bytes:
        return value.encode()

    def describe(self) -> str:
        return " | ".join(self.words)


class Choices(Kind[tuple[str, ...]]):
    """Any number of words out of several, in the table's order; `neutral` stands for none of them."""

    multi = True

    def __init__(
        self, neutral: str, *words: str, check: Callable[[tuple[str, ...]], None] | None = None
    ) -> None:
        self.neutral = neutral
        self.words = words
        self._check = check

    def parse(self, words: Sequence[bytes], current: tuple[str, ...]) -> tuple[str, ...]:
        given = {word.decode("utf-8", "replace").lower() for word in words}
        if not given or not given <= {self.neutral, *self.words}:
            raise BadValue(_not_one_of((self.neutral, *self.words)))
        chosen = tuple(word for word in self.words if word in given)
        if self._check is not None:
            self._check(chosen)
        return chosen

    def show(self, value: tuple[str, ...]) -> bytes:
        return " ".join(value or (self.neutral,)).encode()

    def describe(self) -> str:
        return f"{self.neutral} | one or more of {' '.join(self.words)}"


AnyKind = Kind[Any]


def memory_or_none(text: bytes) -> int | None:
    """The bytes that `text` spells, or None; without digits 0, and modulo 2**64, as memtoull of Redis."""
    match = _MEMORY.fullmatch(text)
    if match is None:
        return None
    digits = min(int(match[1] or b"0"), ULLONG_MAX)
    return digits * _UNITS[(match[2] or b"b").lower()] & ULLONG_MAX


def memory_text(number: int) -> bytes:
    """`number` bytes in the largest unit that divides it."""
    for shift, unit in ((30, b"gb"), (20, b"mb"), (10, b"kb")):
        if number and number % (1 << shift) == 0:
            return b"%d%b" % (number >> shift, unit)
    return b"%d" % number


def _as_signed(number: int) -> int:
    return number - 2**64 if number > LLONG_MAX else number


def _not_one_of(words: Sequence[str]) -> str:
    return "argument(s) must be one of the following: " + ", ".join(words)
