"""FAILOVER: a primary hands its role to a replica, once that has everything.

    NONE ──request──> WAITING ──a replica has caught up──> IN_PROGRESS ──the replica agrees──> NONE
                         └── time is up: on to IN_PROGRESS if it is forced, else back to NONE

While it lasts nothing is written here, so that a replica can catch up. In progress, this server is a replica
already, and asks the other one to become the primary.

Source: failoverCommand and updateFailoverStatus of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pyredis_cluster.replication.primary import Replica


class FailoverState(Enum):
    """With the words of INFO."""

    NONE = "no-failover"
    WAITING = "waiting-for-sync"
    IN_PROGRESS = "failover-in-progress"


class FailoverTimeoutError(Exception):
    """No replica has caught up in time."""


class Failover:
    """The failover of one server, if there is one. The host is "" until a replica is chosen."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """It is over, in whatever way."""
        self.state = FailoverState.NONE
        self.host = ""
        self.port = 0
        self.has_target = False
        self._end_ms = 0
        self._is_forced = False

    def request(self, host: str, port: int, *, timeout_ms: int, force: bool, now_ms: int) -> None:
        """Begin to wait for a replica: the given one, or any where `host` is ""."""
        self.state = FailoverState.WAITING
        self.host, self.port = host, port
        self.has_target = bool(host)
        self._end_ms = now_ms + timeout_ms if timeout_ms else 0
        self._is_forced = force

    def choose(self, replicas: Iterable[Replica], offset: int, now_ms: int) -> str | None:
        """Whether it is time to follow `host` and `port`: what to log then, else None.

        Raises FailoverTimeoutError.
        """
        if self.state is not FailoverState.WAITING:
            return None
        if self._end_ms and now_ms >= self._end_ms:
            if not self._is_forced:
                raise FailoverTimeoutError
            self.state = FailoverState.IN_PROGRESS
            return f"FAILOVER to {self.host}:{self.port} time out exceeded, failing over."
        for replica in replicas:
            if self.has_target and not _is_known_by(replica, self.host, self.port):
                continue
            if replica.ack_offset == offset:
                self.host, self.port = replica.shown_host, replica.listening_port
                self.has_target = True
                self.state = FailoverState.IN_PROGRESS
                return f"Failover target {self.host}:{self.port} is synced, failing over."
        return None

    def aborted(self, reason: str) -> str:
        """What to log of its end."""
        target = f"{self.host}:{self.port}" if self.has_target else "any replica"
        return f"FAILOVER to {target} aborted: {reason}"


def find_replica(replicas: Iterable[Replica], host: str, port: int) -> Replica | None:
    """The replica that is known by that address, if any."""
    for replica in replicas:
        if _is_known_by(replica, host, port):
            return replica
    return None


def _is_known_by(replica: Replica, host: str, port: int) -> bool:
    return replica.shown_host.lower() == host.lower() and replica.listening_port == port
