"""Classes of keyspace events: the letters of notify-keyspace-events and the flags they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis_cluster.config.kinds import BadValue, Kind, Line
from pyredis_cluster.protocol.words import quote_word

NOTIFY_KEYSPACE = 1 << 0
NOTIFY_KEYEVENT = 1 << 1
NOTIFY_GENERIC = 1 << 2
NOTIFY_STRING = 1 << 3
NOTIFY_LIST = 1 << 4
NOTIFY_SET = 1 << 5
NOTIFY_HASH = 1 << 6
NOTIFY_ZSET = 1 << 7
NOTIFY_EXPIRED = 1 << 8
NOTIFY_EVICTED = 1 << 9
NOTIFY_STREAM = 1 << 10
NOTIFY_KEY_MISS = 1 << 11
NOTIFY_MODULE = 1 << 13
NOTIFY_NEW = 1 << 14

# In the order in which Redis prints them. `A` stands for these, which leaves out misses and new keys.
_IN_ALL = {
    "g": NOTIFY_GENERIC,
    "$": NOTIFY_STRING,
    "l": NOTIFY_LIST,
    "s": NOTIFY_SET,
    "h": NOTIFY_HASH,
    "z": NOTIFY_ZSET,
    "x": NOTIFY_EXPIRED,
    "e": NOTIFY_EVICTED,
    "t": NOTIFY_STREAM,
    "d": NOTIFY_MODULE,
}
_NEW = {"n": NOTIFY_NEW}
_AFTER = {"K": NOTIFY_KEYSPACE, "E": NOTIFY_KEYEVENT, "m": NOTIFY_KEY_MISS}

NOTIFY_ALL = sum(_IN_ALL.values())
_LETTERS = _IN_ALL | _NEW | _AFTER | {"A": NOTIFY_ALL}


class KeyspaceEvents(Kind[int]):
    """A string of event class letters, kept as flags."""

    def parse(self, words: Sequence[bytes], current: int) -> int:
        flags = 0
        for letter in words[0].decode("latin-1"):
            if letter not in _LETTERS:
                raise BadValue("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
            flags |= _LETTERS[letter]
        return flags

    def show(self, value: int) -> bytes:
        letters = "A" if value & NOTIFY_ALL == NOTIFY_ALL else _letters(value, _IN_ALL | _NEW)
        return (letters + _letters(value, _AFTER)).encode()

    def rewritten(self, name: bytes, value: int, default: int) -> list[Line]:
        return [Line(b"%b %b" % (name, quote_word(self.show(value))), value != default)]

    def describe(self) -> str:
        return "letters of Ag$lshzxeKEtmdn"


def _letters(flags: int, letters: dict[str, int]) -> str:
    return "".join([letter for letter, flag in letters.items() if flags & flag])
