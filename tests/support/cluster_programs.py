"""Programs in cluster mode: what they say of their cluster, and redis-cli beside them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import hiredis
import redis

from tests.support.clusters import NodeView, parse_nodes
from tests.support.nodes import started
from tests.support.servers import RunningServer

LIMIT_S = 40.0
SLOTS = 16384
PROMPT = (
    *("--cluster-node-timeout", "3000"),
    *("--repl-diskless-sync-delay", "0"),
    *("--repl-ping-replica-period", "1"),
)
"""Options of nodes that lose no time."""

QUICK_TO_FAIL = ("--cluster-node-timeout", "1000", *PROMPT[2:])
"""And whose primaries are soon replaced."""

HAS_REDIS_CLI = shutil.which("redis-cli") is not None


def until(condition: Callable[[], object], limit_s: float = LIMIT_S) -> float:
    """Poll for `condition`; returns how many seconds it took. Fails after `limit_s`."""
    start = time.monotonic()
    while not condition():
        took_s = time.monotonic() - start
        assert took_s < limit_s, "condition not met in time"
        time.sleep(0.02)
    return time.monotonic() - start


def client(server: RunningServer) -> redis.Redis:
    return redis.Redis(port=server.port, decode_responses=True, socket_timeout=5)


def views(server: RunningServer) -> dict[str, NodeView]:
    return parse_nodes(str(text_of(server, "CLUSTER NODES")))


def text_of(server: RunningServer, command: str) -> str:
    """The text that a command replies with, once the server has no data to load."""
    words = command.split()
    deadline_s = time.monotonic() + LIMIT_S
    with server.connect() as raw:
        while (reply := raw.call(*words)).startswith(b"-LOADING "):
            assert time.monotonic() < deadline_s, reply
            time.sleep(0.01)
    return reply.partition(b"\r\n")[2].removesuffix(b"\r\n").decode()


def id_of(server: RunningServer) -> str:
    return text_of(server, "CLUSTER MYID").strip()


def is_ok(server: RunningServer) -> bool:
    return "cluster_state:ok" in text_of(server, "CLUSTER INFO")


def agree(servers: list[RunningServer]) -> bool:
    """Whether all know the same nodes, by id, address, role, epoch and slots, all of them well."""
    seen = [views(server) for server in servers]
    return all(view == seen[0] for view in seen) and set(seen[0]) == {id_of(server) for server in servers}


def is_well(servers: list[RunningServer]) -> bool:
    """Whether all agree, and each says that the cluster is ok."""
    return agree(servers) and all(map(is_ok, servers))


@contextmanager
def running(*names: str, options: Sequence[str] = PROMPT) -> Iterator[list[RunningServer]]:
    """Servers in cluster mode that know nobody; skips the test where one of them is missing."""
    with started(*names, options=options, cluster=True) as nodes:
        yield [node.server for node in nodes]


def join(servers: list[RunningServer], others: Sequence[RunningServer] = ()) -> None:
    """Give each of `servers` its share of the slots, have all meet the first, and wait until all is well."""
    everyone = [*servers, *others]
    for n, server in enumerate(everyone):
        with server.connect() as raw:
            if n < len(servers):
                first, last = SLOTS * n // len(servers), SLOTS * (n + 1) // len(servers) - 1
                assert raw.call("CLUSTER", "ADDSLOTSRANGE", first, last) == b"+OK\r\n"
            if n:
                assert raw.call("CLUSTER", "MEET", "127.0.0.1", servers[0].port) == b"+OK\r\n"
    until(lambda: is_well(everyone))


def form(primaries: Sequence[RunningServer], replicas: Sequence[RunningServer]) -> None:
    """One cluster of servers that know nobody: epochs and slots are dealt out, replicas follow in turn.

    Everybody meets everybody, which does not have to wait for gossip. Fails after `LIMIT_S`.
    """
    servers = [*primaries, *replicas]
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for server in servers]
        for n, raw in enumerate(clients[: len(primaries)]):
            first, last = SLOTS * n // len(primaries), SLOTS * (n + 1) // len(primaries) - 1
            assert raw.call("CLUSTER", "SET-CONFIG-EPOCH", n + 1) == b"+OK\r\n"
            assert raw.call("CLUSTER", "ADDSLOTSRANGE", first, last) == b"+OK\r\n"
        for n, raw in enumerate(clients):
            for other in servers[n + 1 :]:
                assert raw.call("CLUSTER", "MEET", "127.0.0.1", other.port) == b"+OK\r\n"
        until(lambda: agree(servers))
        for n, raw in enumerate(clients[len(primaries) :]):
            primary = primaries[n % len(primaries)]
            assert raw.call("CLUSTER", "REPLICATE", id_of(primary)) == b"+OK\r\n"
    until(lambda: is_well(servers))
    until(lambda: all(map(is_in_sync, servers)))


def is_in_sync(server: RunningServer) -> bool:
    """Whether a server is a primary, or a replica whose link is up."""
    text = text_of(server, "INFO replication")
    return "role:master" in text or "master_link_status:up" in text


def slots_entry(server: RunningServer, port: int) -> list[int]:
    """Ports of the primary at `port` and its replicas, as CLUSTER SLOTS of `server` lists them."""
    with server.connect() as raw:
        reader = hiredis.Reader()
        reader.feed(raw.call("CLUSTER", "SLOTS"))
        reply = reader.gets()
    assert isinstance(reply, list)
    for entry in reply:
        ports = [int(node[1]) for node in entry[2:]]
        if ports[0] == port:
            return ports
    return []


def redis_cli(*words: str, stdin: str | None = None, limit_s: float = 180.0) -> str:
    done = subprocess.run(
        ["redis-cli", *words], input=stdin, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
