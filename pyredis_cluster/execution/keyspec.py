"""Key specifications: where in a request its keys are.

Each has a *begin search* (a fixed index, or a keyword) and a *find keys* step (a range, or a count that
precedes the keys). Four classes cover every command of Redis:

    KeyRange(1)                     one key at argument 1
    KeyRange(1, last=-1)            keys from argument 1 to the end
    KeyRange(1, last=-1, step=2)    every second one: MSET
    KeyCount(1)                     argument 1 counts the keys that follow it: ZUNION
    KeyWord(-2, word="STORE")       the key after a word, sought from that argument (negative: backwards)
    KeyUnknown()                    keys that only the command's own parser finds: SORT ... STORE

Source: https://redis.io/docs/latest/develop/reference/key-specs/
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto


class KeyFlag(Flag):
    """What a command does to the keys that a specification finds, in the order COMMAND INFO shows them."""

    RO = auto()
    RW = auto()
    OW = auto()
    RM = auto()
    ACCESS = auto()
    UPDATE = auto()
    INSERT = auto()
    DELETE = auto()
    NOT_KEY = auto()
    INCOMPLETE = auto()
    VARIABLE_FLAGS = auto()


RO = KeyFlag.RO
RW = KeyFlag.RW
OW = KeyFlag.OW
RM = KeyFlag.RM
ACCESS = KeyFlag.ACCESS
UPDATE = KeyFlag.UPDATE
INSERT = KeyFlag.INSERT
DELETE = KeyFlag.DELETE
NOT_KEY = KeyFlag.NOT_KEY
INCOMPLETE = KeyFlag.INCOMPLETE
VARIABLE_FLAGS = KeyFlag.VARIABLE_FLAGS


@dataclass(frozen=True, slots=True)
class KeySpec:
    """Base of the four; `flags` says what is done to the keys, `notes` is free text for COMMAND INFO."""

    begin: int = 1
    flags: KeyFlag = RO | ACCESS
    notes: str = ""

    @property
    def is_range_by_index(self) -> bool:
        """Whether first key, last key and step say all there is to say."""
        return False

    def positions(self, argv: list[bytes]) -> list[int] | None:
        """Indices of the keys in `argv`; None where the request does not have them as specified."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class KeyRange(KeySpec):
    """Keys at a fixed index and after.

    `last` is relative to the first where positive, else from the end (-1: the last argument); `limit` of 2
    means that only the first half of what is left are keys, and so on (Redis's `limit`).
    """

    last: int = 0
    step: int = 1
    limit: int = 0

    @property
    def is_range_by_index(self) -> bool:
        """Always true: an index and a range."""
        return True

    def positions(self, argv: list[bytes]) -> list[int] | None:
        """Indices of the keys in `argv`; None where the range runs past its end."""
        return _range(self.begin, self.last, self.step, self.limit, len(argv))


@dataclass(frozen=True, slots=True)
class KeyCount(KeySpec):
    """Keys preceded by their number: the number at `begin + count_at`, the first key at `begin + first`."""

    count_at: int = 0
    first: int = 1
    step: int = 1

    def positions(self, argv: list[bytes]) -> list[int] | None:
        """Indices of the keys in `argv`; None where the count is no number or too large."""
        return _counted(self.begin + self.count_at, self.begin + self.first, self.step, argv)


@dataclass(frozen=True, slots=True)
class KeyWord(KeySpec):
    """Keys after a keyword, sought from argument `begin` on (negative: from the end, backwards)."""

    word: str = ""
    last: int = 0
    step: int = 1
    limit: int = 0

    def positions(self, argv: list[bytes]) -> list[int] | None:
        """Indices of the keys in `argv`; an empty list where the keyword is absent."""
        wanted = self.word.upper().encode()
        count = len(argv)
        # The last argument is no keyword: nothing would follow it.
        order = range(self.begin, count - 1) if self.begin > 0 else range(count + self.begin, 1, -1)
        for index in order:
            if argv[index].upper() == wanted:
                return _range(index + 1, self.last, self.step, self.limit, count)
        return []


@dataclass(frozen=True, slots=True)
class KeyUnknown(KeySpec):
    """Keys that no specification can find; the command needs a `get_keys` of its own."""

    def positions(self, argv: list[bytes]) -> list[int] | None:
        """None: only `get_keys` of the command knows."""
        return None


def _range(first: int, last: int, step: int, limit: int, count: int) -> list[int] | None:
    if last >= 0:
        end = first + last
    elif limit > 1:
        end = first + (count - first) // limit + last
    else:
        end = count + last
    if end >= count or end < first:
        return None
    return list(range(first, end + 1, step))


def _counted(count_at: int, first: int, step: int, argv: list[bytes]) -> list[int] | None:
    if count_at >= len(argv) or not argv[count_at].isdigit() or len(argv[count_at]) > 18:
        return None
    end = first + (int(argv[count_at]) - 1) * step
    if end >= len(argv):
        return None
    return list(range(first, end + 1, step))


def legacy_range(specs: tuple[KeySpec, ...]) -> tuple[int, int, int]:
    """First key, last key, step as COMMAND INFO's old fields: what adjoining index ranges add up to."""
    if len(specs) == 1 and isinstance(spec := specs[0], KeyRange):
        return spec.begin, _absolute_last(spec), spec.step
    plain, _ = _plain_ranges(specs)
    if not plain:
        return 0, 0, 0
    # A last key counted from the end is further than any counted from the start.
    last = max((_absolute_last(spec) for spec in plain), key=lambda end: (end < 0, end))
    return min(spec.begin for spec in plain), last, 1


def are_movable(specs: tuple[KeySpec, ...]) -> bool:
    """Whether the old fields do not find all keys, so that clients must ask COMMAND GETKEYS."""
    if any(INCOMPLETE in spec.flags for spec in specs):
        return True
    if len(specs) == 1 and isinstance(specs[0], KeyRange):
        return False
    return _plain_ranges(specs)[1]


def _plain_ranges(specs: tuple[KeySpec, ...]) -> tuple[list[KeyRange], bool]:
    """Ranges with step 1 that follow each other without a gap, and whether any specification is left out."""
    plain: list[KeyRange] = []
    previous_last = 0
    for spec in specs:
        if isinstance(spec, KeyRange) and spec.step == 1 and previous_last in (0, spec.begin - 1):
            plain.append(spec)
            previous_last = _absolute_last(spec)
    return plain, len(plain) < len(specs)


def _absolute_last(spec: KeyRange) -> int:
    return spec.last if spec.last < 0 else spec.begin + spec.last
