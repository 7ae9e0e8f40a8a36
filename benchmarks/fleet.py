"""A cluster of six processes that loses primaries: formed, watched while one is replaced, and mended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.cluster_programs import agree, form, id_of, is_in_sync, is_ok, until, views
from tests.support.servers import Program, RunningServer, start_server
from tests.support.wire import RawClient

SHARDS = 3
_POLL_S = 0.002
_LIMIT_S = 120.0
_LOG_BYTES = 1 << 22
# One in the slots of each shard.
_KEYS = ("key:0", "key:1", "key:3")


@dataclass(frozen=True)
class Failover:
    """Seconds from the kill until a node knew that the primary is down, until all that live said that the
    cluster is ok, the replica being a primary, and until a write to the lost slots succeeded.
    """

    agreed_s: float
    healed_s: float
    written_s: float


class Fleet:
    """Three primaries with a replica each; `pairs` has primary and replica of each shard as they are now."""

    def __init__(self, servers: list[RunningServer]) -> None:
        """`servers` are the primaries and then, in the same order, their replicas."""
        self.servers = servers
        self.pairs = list(zip(servers[:SHARDS], servers[SHARDS:], strict=True))

    def lose_primary(self, shard: int) -> Failover:
        """Kill one, wait for its replica to replace it, start it again. Raises AssertionError."""
        primary, replica = self.pairs[shard]
        with ExitStack() as stack:
            living = [server for server in self.servers if server is not primary]
            clients = [stack.enter_context(server.connect()) for server in living]
            writer = stack.enter_context(replica.connect())
            primary.kill()
            failover = _watch(clients, writer, _KEYS[shard])
        primary.restart()
        self.pairs[shard] = (replica, primary)
        self.wait_until_well()
        return failover

    def wait_until_well(self) -> None:
        """Wait until all agree, all serve, and each pair is as it should be. Raises AssertionError."""
        until(self._is_well, _LIMIT_S)

    def _is_well(self) -> bool:
        if not (agree(self.servers) and all(map(is_ok, self.servers)) and self.is_in_place()):
            return False
        return all(map(is_in_sync, self.servers))

    def is_in_place(self) -> bool:
        """Whether every replica follows the primary it is paired with."""
        known = views(self.servers[0])
        return all(known[id_of(replica)].primary == id_of(primary) for primary, replica in self.pairs)

    def verdicts(self) -> int:
        """How many times a primary has found that a majority holds a node for down. Replicas may, too."""
        logs = [server.log(_LOG_BYTES) for server in self.servers]
        return sum(text.count("as failing (quorum reached)") for text in logs)


def _watch(clients: list[RawClient], writer: RawClient, key: str) -> Failover:
    """Ask all nodes, and write to the replica, until all is well."""
    start_s = time.perf_counter()
    agreed_s = healed_s = written_s = 0.0
    while not (healed_s and written_s):
        assert time.perf_counter() - start_s < _LIMIT_S, "no failover in time"
        if not written_s and writer.call("SET", key, "x") == b"+OK\r\n":
            written_s = time.perf_counter() - start_s
        if not healed_s:
            told = [client.call("CLUSTER", "INFO") for client in clients]
            is_ok_everywhere = all(b"cluster_state:ok" in info for info in told)
            now_s = time.perf_counter() - start_s
            if not is_ok_everywhere:
                agreed_s = agreed_s or now_s
            elif writer.call("ROLE").startswith(b"*3\r\n$6\r\nmaster"):
                healed_s = now_s
        time.sleep(_POLL_S)
    return Failover(agreed_s, healed_s, written_s)


@contextmanager
def fleet(program: Program, node_timeout_ms: int) -> Iterator[Fleet]:
    """A cluster of six nodes, all well."""
    options = ("--cluster-node-timeout", str(node_timeout_ms), "--repl-diskless-sync-delay", "0")
    with ExitStack() as stack:
        servers = [
            stack.enter_context(start_server(program, *options, cluster=True)) for _ in range(2 * SHARDS)
        ]
        form(servers[:SHARDS], servers[SHARDS:])
        formed = Fleet(servers)
        formed.wait_until_well()
        yield formed
