"""maxmemory: when keys are evicted, and what clients see of it.

The memory that data takes is only counted while a limit is set. Until it comes near to the limit, requests do
not even pass through the gate; from then on each is checked, and keys are evicted before it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.config.events import NOTIFY_EVICTED
from pyredis_cluster.execution.gate import GATE_MAXMEMORY
from pyredis_cluster.execution.memory_report import STARTUP_BYTES, client_bytes
from pyredis_cluster.keyspace.eviction import Evictor
from pyredis_cluster.keyspace.memory import MemoryLedger

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

_KEYS_PER_LOOK = 16
_NEAR = 0.95
_FAR = 0.90
_SHORT_TIME_US = 500

_TOO_SMALL = (
    "WARNING: the new maxmemory value set via CONFIG SET (%d) is smaller than the current memory usage (%d). "
    "This will result in key eviction and/or the inability to accept new write commands depending on the "
    "maxmemory-policy."
)


def time_limit_ns(tenacity: int) -> float:
    """How long one round may take, by `maxmemory-eviction-tenacity` from 0 to 100."""
    if tenacity >= 100:
        return float("inf")
    if tenacity <= 10:
        return 1000 * 50 * tenacity
    return 1000 * _SHORT_TIME_US * 1.15 ** (tenacity - 10)


class Eviction:
    """The limit of one server. `follow_configuration` calls `set_limit` and the setters of `evictor`."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._keyspace = server.keyspace
        self._client_bytes = 0
        self._is_continuing = False
        self._exceeded_since_ns: int | None = None
        self._exceeded_ns = 0
        self.time_limit_ns: float = time_limit_ns(10)
        self.evictor = Evictor(server.keyspace)

    @property
    def exceeded_ns(self) -> int:
        """For how long eviction has been behind altogether."""
        return self._exceeded_ns + self.currently_exceeded_ns

    @property
    def currently_exceeded_ns(self) -> int:
        """For how long eviction has been behind, 0 if it is not."""
        since_ns = self._exceeded_since_ns
        return 0 if since_ns is None else self._server.monotonic_ns() - since_ns

    def reset_statistics(self) -> None:
        """Forget the time that eviction was behind, as CONFIG RESETSTAT does."""
        self._exceeded_ns = 0
        if self._exceeded_since_ns is not None:
            self._exceeded_since_ns = self._server.monotonic_ns()

    def set_limit(self, maxmemory: int) -> None:
        """Keep data below so many bytes from now on; 0: no limit. O(n) where there was none."""
        server, keyspace = self._server, self._keyspace
        server.maxmemory = maxmemory
        if not maxmemory:
            keyspace.ledger = None
            server.set_gate(GATE_MAXMEMORY, False)
        else:
            if keyspace.ledger is None:
                self.count_anew()
            self._set_alarm()
            server.set_gate(GATE_MAXMEMORY, True)
            if self.used_bytes() > maxmemory and keyspace.key_count():
                server.host.log.warning(_TOO_SMALL % (maxmemory, self.used_bytes()))
                self._go_on_later(server.monotonic_ns())
        server.observers_changed()

    def count_anew(self) -> None:
        """Count all data, as where it came from a file and not by requests. O(n)."""
        self._keyspace.ledger = MemoryLedger(self._keyspace, self._come_near)
        self._set_alarm()

    def refresh(self) -> None:
        """Look how much clients take, which is not counted at each request. O(clients)."""
        if self._keyspace.ledger is not None:
            self._client_bytes = client_bytes(self._server)
            self._set_alarm()

    def _set_alarm(self) -> None:
        ledger = self._keyspace.ledger
        if ledger is not None:
            ledger.alarm_bytes = int(self._server.maxmemory * _NEAR) - STARTUP_BYTES - self._client_bytes

    def _come_near(self) -> None:
        if not self._server.gate & GATE_MAXMEMORY:
            self._server.set_gate(GATE_MAXMEMORY, True)

    def used_bytes(self) -> int:
        """What counts against the limit: data, clients, and what an empty server uses. O(1)."""
        ledger = self._keyspace.ledger
        return STARTUP_BYTES + self._client_bytes + (ledger.total if ledger is not None else 0)

    def evict_to_limit(self) -> bool:
        """Evict keys until data is within the limit; False where the policy leaves none to evict.

        True as well where time ran out: a timer goes on with it.
        """
        server = self._server
        limit = server.maxmemory
        used = self.used_bytes()
        if used <= limit:
            if used < limit * _FAR:
                server.set_gate(GATE_MAXMEMORY, False)
            self._caught_up()
            return True
        # While clients are paused data must not change, and a replica only does what its primary says.
        is_replica = not self._keyspace.expires_on_access
        if server.pauses.is_active or (is_replica and server.config.flag("replica-ignore-maxmemory")):
            return True
        started_ns = server.monotonic_ns()
        is_within = self._evict(limit)
        server.latency.note(b"eviction-cycle", (server.monotonic_ns() - started_ns) // 1_000_000)
        return is_within

    def _evict(self, limit: int) -> bool:
        monotonic_ns = self._server.monotonic_ns
        started_ns = monotonic_ns()
        evicted = 0
        while self.used_bytes() > limit:
            if not self._evict_one():
                self._caught_up()
                return False
            evicted += 1
            if evicted % _KEYS_PER_LOOK == 0 and monotonic_ns() - started_ns > self.time_limit_ns:
                self._go_on_later(started_ns)
                return True
        self._caught_up()
        return True

    def _evict_one(self) -> bool:
        picked = self.evictor.pick()
        if picked is None:
            return False
        db, key = picked
        keyspace = self._keyspace
        db.discard(key)
        keyspace.evicted_keys += 1
        if keyspace.propagate is not None:
            keyspace.propagate(db.index, [b"DEL", key])
        db.notify(key, NOTIFY_EVICTED, b"evicted")
        self._server.settle_alone()
        return True

    def _caught_up(self) -> None:
        if self._exceeded_since_ns is not None:
            self._exceeded_ns += self.currently_exceeded_ns
            self._exceeded_since_ns = None

    def _go_on_later(self, started_ns: int) -> None:
        if self._exceeded_since_ns is None:
            self._exceeded_since_ns = started_ns
        if not self._is_continuing:
            self._is_continuing = True
            self._server.host.call_later(0, self._go_on)

    def _go_on(self) -> None:
        self._is_continuing = False
        if self._server.maxmemory:
            self.evict_to_limit()
