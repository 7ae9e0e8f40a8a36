"""What a file or a primary says there is, put into the databases: `RdbSink` over a keyspace.

Nobody is told of these keys one by one: no notification, no propagation, no ledger of memory. Whoever loads
calls `Eviction.count_anew` when all is there.

Source: rdbLoadRioWithLoadingCtx and loadDataFromDisk of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyredis_cluster.keyspace.frequency import initial_frequency
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.protocol.slots import key_slot

if TYPE_CHECKING:
    from pyredis_cluster.keyspace.database import Database
    from pyredis_cluster.keyspace.keyspace import Keyspace
    from pyredis_cluster.keyspace.types.value import Value

_REPLICATION_ID_CHARACTERS: Final = 40
_MEBIBYTE: Final = 1 << 20
_FREQUENCY_MASK: Final = 0xFF


@dataclass(frozen=True, slots=True)
class ReplicationNote:
    """Which history the data belongs to, and how far: what a partial resynchronisation can go on from."""

    replid: str
    offset: int
    database: int
    """That is selected in the stream behind `offset`."""


def _ignore(line: str) -> None:
    pass


class KeyspaceSink:
    """Puts entries into a keyspace, and keeps what the file notes.

    `function_codes` are the libraries that were in it, `keys_loaded` and `keys_expired` counts for INFO.
    """

    def __init__(
        self,
        keyspace: Keyspace,
        *,
        drops_expired: bool,
        replaces: bool = False,
        log: Callable[[str], None] = _ignore,
        on_expired: Callable[[int, bytes], None] | None = None,
    ) -> None:
        """`drops_expired` is for primaries: a replica, and an AOF's preamble, go by what their stream says.

        `replaces` has a key that is there take the value of the file; otherwise it is an error. `log` gets
        what Redis says at level notice; `on_expired` the database and key of what was dropped.
        """
        self._keyspace = keyspace
        self._replaces = replaces
        self._log = log
        self._on_expired = on_expired
        self._expired_before_ms = keyspace.now_ms if drops_expired else 0
        self._access = initial_frequency(keyspace.lru_clock) if keyspace.is_lfu else keyspace.lru_clock
        self._replid: str | None = None
        self._offset: int | None = None
        self._stream_database: int | None = None
        self.keys_loaded = 0
        self.keys_expired = 0
        self.used_memory_bytes = 0
        """What the data took where it came from; 0 if that is not known."""
        self.function_codes: list[bytes] = []
        self.select(0)

    @property
    def replication_note(self) -> ReplicationNote | None:
        """The history that the data belongs to, if the file tells."""
        if self._replid is None or self._offset in (None, -1) or self._stream_database in (None, -1):
            return None
        assert self._offset is not None
        assert self._stream_database is not None
        return ReplicationNote(self._replid, self._offset, self._stream_database)

    def select(self, db: int) -> None:
        """See `RdbSink`. Raises RdbError where there are not as many databases."""
        databases = self._keyspace.databases
        if db >= len(databases):
            raise RdbError(
                "FATAL: Data file was created with a Redis server configured to handle more than "
                f"{len(databases)} databases. Exiting",
                0,
            )
        self._database: Database = databases[db]
        # A database with keys may have indexes that only its own methods keep.
        self._is_filled = bool(self._database.values)
        if not self._is_filled:
            self._database.clear()
        self._values = self._database.values
        self._slot_keys = self._database.slot_keys

    def resize(self, keys: int, expires: int) -> None:
        """See `RdbSink`. Dicts grow by themselves."""

    def entry(
        self, key: bytes, value: Value, expire_ms: int | None, idle_s: int | None, frequency: int | None
    ) -> None:
        """See `RdbSink`. Raises RdbError for a key that is there, unless it is to be replaced."""
        if expire_ms is not None and expire_ms < self._expired_before_ms:
            self.keys_expired += 1
            if self._on_expired is not None:
                self._on_expired(self._database.index, key)
            return
        if self._is_filled:
            self._merge(key, value)
        else:
            if self._values.setdefault(key, value) is not value:
                self._replace(key, value)
            elif self._slot_keys is not None:
                slot = key_slot(key)
                keys = self._slot_keys[slot]
                if keys is None:
                    self._slot_keys[slot] = {key: None}
                else:
                    keys[key] = None
        value.lru = self._access
        if idle_s is not None or frequency is not None:
            self._set_access(value, idle_s, frequency)
        if expire_ms is not None:
            self._database.set_expire(key, expire_ms)
        self.keys_loaded += 1

    def _merge(self, key: bytes, value: Value) -> None:
        if key in self._values:
            self._replace(key, value)
        else:
            self._database.add(key, value)

    def _replace(self, key: bytes, value: Value) -> None:
        database = self._database
        if not self._replaces:
            name = key.decode("utf-8", "surrogateescape")
            line = f"RDB has duplicated key '{name}' in DB {database.index}"
            raise RdbError("Duplicated key found in RDB file", 0, line=line)
        database.discard(key)
        database.add(key, value)

    def _set_access(self, value: Value, idle_s: int | None, frequency: int | None) -> None:
        """What the eviction policy of who wrote the file noted, if ours is of the same kind."""
        keyspace = self._keyspace
        if keyspace.is_lfu:
            if frequency is not None:
                value.lru = self._access & ~_FREQUENCY_MASK | frequency
        elif idle_s is not None:
            value.lru = max(keyspace.lru_clock - idle_s, 0)

    def aux(self, name: bytes, value: bytes) -> None:
        """See `RdbSink`. Logs what Redis does; what is not known is passed over."""
        text = value.decode("utf-8", "surrogateescape")
        lower = name.lower()
        if name.startswith(b"%"):
            self._log(f"RDB '{name.decode('utf-8', 'surrogateescape')}': {text}")
        elif lower == b"redis-ver":
            self._log(f"Loading RDB produced by version {text}")
        elif lower == b"valkey-ver":
            self._log(f"Loading RDB produced by valkey version {text}")
        elif lower == b"ctime":
            age_s = max(self._keyspace.now_ms // 1000 - _number(value), 0)
            self._log(f"RDB age {age_s} seconds")
        elif lower == b"used-mem":
            self.used_memory_bytes = max(_number(value), 0)
            self._log(f"RDB memory usage when created {_number(value) / _MEBIBYTE:.2f} Mb")
        elif lower == b"aof-preamble" and _number(value):
            self._log("RDB has an AOF tail")
        elif lower == b"aof-base" and _number(value):
            self._log("RDB is base AOF")
        elif lower == b"repl-stream-db":
            self._stream_database = _number(value)
        elif lower == b"repl-id" and len(value) == _REPLICATION_ID_CHARACTERS:
            self._replid = value.decode("latin-1")
        elif lower == b"repl-offset":
            self._offset = _number(value)

    def function(self, code: bytes) -> None:
        """See `RdbSink`. Kept, not run."""
        self.function_codes.append(code)


def _number(value: bytes) -> int:
    """The integer that text begins with, else 0, as C's strtoll has it; within 64 bits."""
    text = value.strip()
    end = 1 if text[:1] in (b"-", b"+") else 0
    while end < len(text) and text[end] in b"0123456789":
        end += 1
    try:
        number = int(text[: min(end, 20)])
    except ValueError:
        return 0
    return min(max(number, -(1 << 63)), (1 << 63) - 1)
