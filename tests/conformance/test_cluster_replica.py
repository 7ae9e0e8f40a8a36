"""A replica in cluster mode answers as a real one: the same dialogues with two clusters, replies compared.

Each cluster has two primaries and a replica of the first, all of one program. Ids and ports are replaced by
names; what counts or tells times is compared by its sign.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.support.servers import (
    REDIS_7_2,
    VALKEY_8_1,
    Program,
    RunningServer,
    find_real_servers,
    our_program,
    start_server,
)
from tests.support.wire import RawClient, parse

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

LIMIT_S = 40.0
OPTIONS = (
    *("--cluster-node-timeout", "5000"),
    *("--repl-diskless-sync-delay", "0"),
    *("--repl-ping-replica-period", "1"),
)
BUS_OFFSET = 10000

DIALOGUES = {
    "reads without READONLY": "GET b|MGET b {b}2|EXISTS b|GET a|SET b 2|PING|DBSIZE",
    "reads with READONLY": (
        "READONLY|GET b|MGET b {b}2|HGETALL {b}h|OBJECT ENCODING b|EXISTS {b}ttl|GET a|GET b a|MGET b a"
        "|SORT_RO {b}l"
    ),
    "writes with READONLY": (
        "READONLY|SET b 2|DEL b|INCR {b}n|GETEX b|GETEX b PERSIST|RESTORE b 0 x|EXPIRE b 10|GETDEL b"
        "|BLPOP b 1|SORT {b}l STORE {b}z|SORT {b}l|READWRITE|GET b|SET b 2"
    ),
    "transactions": (
        "MULTI|GET b|EXEC|READONLY|MULTI|GET b|MGET b {b}2|EXEC|MULTI|GET b|SET b 2|GET b|EXEC"
        "|MULTI|READWRITE|GET b|EXEC|GET b|READONLY|WATCH b|MULTI|GET b|EXEC|MULTI|READONLY|PING|EXEC"
    ),
    "without keys": (
        "KEYS *|DBSIZE|FLUSHALL|FLUSHDB|SWAPDB 0 1|READONLY|FLUSHALL|REPLICAOF NO ONE|REPLICAOF 127.0.0.1 1"
        "|SLAVEOF NO ONE|FAILOVER|PUBLISH ch m|MULTI|FLUSHALL|EXEC"
    ),
    "channels": (
        "SPUBLISH b hello|SPUBLISH a hello|SSUBSCRIBE a|SSUBSCRIBE b|SUNSUBSCRIBE b|READONLY|SPUBLISH b hello"
        "|SPUBLISH a hello"
    ),
    "slots and keys": (
        "CLUSTER COUNTKEYSINSLOT 3300|CLUSTER GETKEYSINSLOT 3300 10|CLUSTER KEYSLOT b|CLUSTER ADDSLOTS 1"
        "|CLUSTER ADDSLOTSRANGE 9000 9001|CLUSTER FLUSHSLOTS|CLUSTER SET-CONFIG-EPOCH 9|CLUSTER SLOTS"
        "|CLUSTER SETSLOT 1 STABLE|CLUSTER SETSLOT x NODE y"
        "|ASKING|GET b"
    ),
    "administration": (
        "CLUSTER REPLICATE $replica|CLUSTER REPLICATE nope|CLUSTER FORGET $primary|CLUSTER FORGET $replica"
        "|CLUSTER REPLICAS $primary|CLUSTER REPLICAS $other|CLUSTER REPLICAS $replica|CLUSTER SLAVES $primary"
        "|CLUSTER COUNT-FAILURE-REPORTS $primary|CLUSTER MYID|CLUSTER MYSHARDID|CLUSTER NODES|CLUSTER SHARDS"
        "|CLUSTER INFO"
    ),
}
AT_THE_PRIMARY = (
    "CLUSTER FAILOVER|CLUSTER FAILOVER TAKEOVER|CLUSTER FAILOVER x|CLUSTER FAILOVER FORCE x"
    "|CLUSTER REPLICATE $replica|CLUSTER REPLICATE $other|CLUSTER REPLICATE $primary"
    "|CLUSTER REPLICAS $primary|CLUSTER REPLICAS $replica|CLUSTER NODES|CLUSTER SHARDS"
    "|CLUSTER SLOTS|CLUSTER MYSHARDID|CLUSTER INFO"
)


@dataclass
class Trio:
    """Two primaries and a replica of the first."""

    primary: RunningServer
    other: RunningServer
    replica: RunningServer
    ids: dict[str, str]

    @property
    def servers(self) -> dict[str, RunningServer]:
        return {"primary": self.primary, "other": self.other, "replica": self.replica}

    def ask(self, client: RawClient, line: str) -> object:
        """The reply to one command, with names for ids and ports."""
        for name, node_id in self.ids.items():
            line = line.replace(f"${name}", node_id)
        return self._comparable(line, client.call(*line.split()))

    def _comparable(self, line: str, raw: bytes) -> object:
        for name, node_id in self.ids.items():
            raw = raw.replace(node_id.encode(), name.encode().ljust(40, b"*"))
        for name, server in self.servers.items():
            for port, what in ((server.port + BUS_OFFSET, "bus"), (server.port, "port")):
                raw = re.sub(rb"\b%d\b" % port, f"{what} of {name}".encode(), raw)
        if line.startswith("CLUSTER INFO"):
            return [each for each in raw.split(b"\r\n")[1:] if b"_messages" not in each]
        # Node lines: times, and the lengths and order that depend on them.
        raw = re.sub(rb"( \S+) \d+ \d+ (\d+ (?:dis)?connected)", rb"\1 0 0 \2", raw)
        raw = re.sub(rb"(replication-offset\r\n:)[1-9]\d*", rb"\1n", raw)
        if line.startswith(("CLUSTER NODES", "CLUSTER REPLICAS", "CLUSTER SLAVES")):
            lines = raw.replace(b"txt:", b"").splitlines()
            return sorted(each for each in lines if each[:1] not in (b"$", b"*", b"="))
        if line.startswith("CLUSTER SHARDS"):
            return sorted(repr(shard) for shard in _shards(raw))
        if line.startswith(("KEYS", "CLUSTER GETKEYSINSLOT")):
            return sorted(raw.splitlines())
        return raw


def _shards(raw: bytes) -> list[list[bytes]]:
    """Words of each shard; RESP as it is would not parse with names where numbers were."""
    shards = re.split(rb"(?:\*4|%2)\r\n\$5\r\nslots\r\n", raw)
    return [shard.split(b"\r\n") for shard in shards[1:]]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.02)


def text(client: RawClient, *words: str) -> str:
    value = parse(client.call(*words)).value
    assert isinstance(value, bytes)
    return value.decode()


def start(program: Program, stack: ExitStack) -> Trio:
    servers = [stack.enter_context(start_server(program, *OPTIONS, cluster=True)) for _ in range(3)]
    clients = [stack.enter_context(server.connect()) for server in servers]
    ids = [text(client, "CLUSTER", "MYID") for client in clients]
    for n, client in enumerate(clients):
        assert client.call("CLUSTER", "SET-CONFIG-EPOCH", n + 1) == b"+OK\r\n"
    clients[0].call("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    clients[1].call("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
    for client in clients[1:]:
        client.call("CLUSTER", "MEET", "127.0.0.1", servers[0].port)
    until(lambda: all("cluster_state:ok" in text(client, "CLUSTER", "INFO") for client in clients))
    until(lambda: all(text(client, "CLUSTER", "NODES").count(" connected") == 3 for client in clients))
    for line in ("SET b 1", "SET {b}2 2", "HSET {b}h f v", "RPUSH {b}l 3 1 2", "SET {b}ttl x EX 1000"):
        clients[0].call(*line.split())
    assert clients[2].call("CLUSTER", "REPLICATE", ids[0]) == b"+OK\r\n"
    until(lambda: "master_link_status:up" in text(clients[2], "INFO", "replication"))
    # A replica is shown once it has taken over something: the primary's next PING at the latest.
    until(lambda: all(client.call("CLUSTER", "SLOTS").count(ids[2].encode()) == 1 for client in clients))
    shards = [text(client, "CLUSTER", "MYSHARDID") for client in clients]
    assert shards[2] == shards[0] != shards[1]
    names = dict(zip(("primary", "other", "replica"), ids, strict=True))
    primary, other, replica = servers
    return Trio(primary, other, replica, names | {"shard": shards[0], "othershard": shards[1]})


@pytest.fixture(scope="module")
def trios() -> Iterator[tuple[Trio, Trio]]:
    """A real cluster, and one of ours."""
    real = find_real_servers()
    oracle = real.get(REDIS_7_2) or real.get(VALKEY_8_1)
    if oracle is None:
        pytest.skip("no real server of that version on this machine")
    with ExitStack() as stack:
        yield start(oracle, stack), start(our_program(), stack)


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.parametrize("resp", [2, 3])
def test_dialogues_with_a_replica(trios: tuple[Trio, Trio], name: str, resp: int) -> None:
    compare(trios, DIALOGUES[name].split("|"), resp, lambda trio: trio.replica)


@pytest.mark.parametrize("resp", [2, 3])
def test_dialogues_with_its_primary(trios: tuple[Trio, Trio], resp: int) -> None:
    compare(trios, AT_THE_PRIMARY.split("|"), resp, lambda trio: trio.primary)


def compare(
    trios: tuple[Trio, Trio], lines: list[str], resp: int, choose: Callable[[Trio], RunningServer]
) -> None:
    seen: list[list[tuple[str, object]]] = []
    for trio in trios:
        with choose(trio).connect() as client:
            if resp == 3:
                client.call("HELLO", 3)
            seen.append([(line, trio.ask(client, line)) for line in lines])
    real, ours = seen
    assert ours == real
