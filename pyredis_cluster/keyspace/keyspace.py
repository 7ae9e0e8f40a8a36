"""All databases of one server, and what they share: time, counters, and who wants to know of changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.frequency import Frequency
from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.memory import MemoryLedger
from pyredis_cluster.keyspace.types.value import Value

SETTLED = 0
RECORDING = 1
"""What `unsettled` is between commands while changes are recorded: whether `dirty` moved is looked at."""
UNSETTLED = 2

if TYPE_CHECKING:
    from pyredis_cluster.ports import Random

ACCESS_CLOCK_MASK = (1 << 24) - 1
"""Access times are compared in 24 bits, so that what another policy left in them is never very long ago."""

ChangeObserver = Callable[["Database", bytes, int, bytes], None]
WriteObserver = Callable[["Database", bytes, Value], None]


class Keyspace:
    """The databases of one server.

    `now_ms` is the time of the command that runs: one clock reading for all it does. `dirty` counts
    changes since the last save. `observer`, where set, hears of each change (`Database.changed`) and
    each miss: it is None while nobody watches, is blocked, or is notified, and changes then cost nothing more
    than the count. `propagate` takes commands that replicas and the AOF must run for effects that no
    request names, such as the DEL of an expired key.
    """

    __slots__ = (
        "active_expire_enabled",
        "databases",
        "dirty",
        "evicted_keys",
        "expired_keys",
        "expires_on_access",
        "expiry_paused",
        "frequency",
        "hits",
        "is_lfu",
        "keeps_expired",
        "ledger",
        "limits",
        "lru_clock",
        "misses",
        "now_ms",
        "observer",
        "on_write",
        "preserve",
        "propagate",
        "random",
        "recording",
        "slotted",
        "touch_lfu",
        "unsettled",
    )

    def __init__(self, databases: int, random: Random, *, slotted: bool = False) -> None:
        self.now_ms = 0
        self.lru_clock = 0
        self.unsettled = SETTLED
        """UNSETTLED once the running command left something to do: effects to propagate, clients to wake."""
        self.recording = SETTLED
        """What `unsettled` goes back to: RECORDING while replicas or the AOF want to know of changes."""
        self.dirty = 0
        self.hits = 0
        self.misses = 0
        self.expired_keys = 0
        self.evicted_keys = 0
        self.active_expire_enabled = True
        self.expires_on_access = True
        """False on a replica: an expired key is hidden, but only the primary's DEL removes it."""
        self.expiry_paused = False
        """True during CLIENT PAUSE: expired keys are hidden, but nothing may be removed."""
        self.keeps_expired = False
        """True while what a primary or an AOF says is run: there an expired key counts as present, since the
        DEL that removes it is yet to come."""
        self.limits = EncodingLimits()
        self.random = random
        self.slotted = slotted
        """Whether keys are also indexed by hash slot (cluster mode)."""
        self.touch_lfu: Callable[[int], int] | None = None
        """The access field after one more access, where that is not simply `lru_clock`."""
        self.preserve: WriteObserver | None = None
        """Shown each value before it is changed in place, while a snapshot is taken."""
        self.on_write: WriteObserver | None = None
        """What a write does beside setting the clock reading of the access; None where that is nothing."""
        self.is_lfu = False
        """Whether access fields hold frequencies (`keyspace.frequency`) and not clock readings."""
        self.frequency = Frequency(random)
        self.ledger: MemoryLedger | None = None
        """The size of each key, while there is a limit to their sum."""
        self.observer: ChangeObserver | None = None
        self.propagate: Callable[[int, list[bytes]], None] | None = None
        self.databases = [Database(self, index) for index in range(databases)]

    def note_use(self, field: int) -> int:
        """The frequency field after a use now; `touch_lfu` under an LFU policy."""
        return self.frequency.used(field, self.lru_clock)

    def set_frequencies(self, on: bool) -> None:
        """Whether access fields hold frequencies from now on."""
        self.is_lfu = on
        self.touch_lfu = self.note_use if on else None
        self._choose_on_write()

    def preserve_with(self, preserve: WriteObserver | None) -> None:
        """Show `preserve` each value that is about to be changed in place; None: no longer."""
        self.preserve = preserve
        self._choose_on_write()

    def _choose_on_write(self) -> None:
        is_plain = self.touch_lfu is None and self.preserve is None
        self.on_write = None if is_plain else self._prepare_write

    def _prepare_write(self, db: Database, key: bytes, value: Value) -> None:
        if self.preserve is not None:
            self.preserve(db, key, value)
        value.lru = self.lru_clock if self.touch_lfu is None else self.touch_lfu(value.lru)

    def idle_s(self, value: Value) -> int:
        """Seconds since the last access to `value`; means nothing under an LFU policy."""
        return (self.lru_clock - value.lru) & ACCESS_CLOCK_MASK

    def key_count(self) -> int:
        """Number of keys in all databases, expired ones included. O(databases)."""
        return sum(len(database.values) for database in self.databases)
