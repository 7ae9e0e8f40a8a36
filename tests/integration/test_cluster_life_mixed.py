"""A cluster of ours and real servers: each takes the other's place and slots; in the end one kind leaves."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from pyredis_cluster.protocol.slots import key_slot
from tests.support.cluster_programs import (
    HAS_REDIS_CLI,
    SLOTS,
    agree,
    form,
    id_of,
    is_in_sync,
    is_ok,
    is_well,
    redis_cli,
    running,
    text_of,
    until,
    views,
)
from tests.support.servers import OURS, REDIS_7_0, VALKEY_9_1, RunningServer
from tests.support.steady import SteadyWriter, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli"),
]

NODE_TIMEOUT_S = 2
# Who has voted for a replica of a primary votes for none of them for so long.
VOTES_APART_S = 2 * NODE_TIMEOUT_S
OPTIONS = (
    *("--cluster-node-timeout", str(1000 * NODE_TIMEOUT_S)),
    *("--repl-diskless-sync-delay", "0"),
    *("--repl-ping-replica-period", "1"),
)
KEYS = 10_000
MOVED = 100
RESHARD_LIMIT_S = 300
MEMORY_DIRECTORY = Path("/dev/shm")

WayOut = Callable[[list[RunningServer], list[RunningServer], list[RunningServer]], None]
"""Has new servers take all slots of the old primaries; the last list has all nodes, and grows."""


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each node saves its view with each slot that moves: how fast a disk is is not the question here.
    if MEMORY_DIRECTORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(MEMORY_DIRECTORY))


def is_primary(server: RunningServer, seen_by: RunningServer) -> bool:
    return "master" in views(seen_by)[id_of(server)].flags


def wait_until_well(servers: Sequence[RunningServer]) -> None:
    """All agree on everything, and all replicas are in sync."""
    until(lambda: is_well(list(servers)))
    until(lambda: all(map(is_in_sync, servers)))


def wait_for_same_offset(primary: RunningServer, replica: RunningServer) -> None:
    until(lambda: _offset(primary) == _offset(replica))


def _offset(server: RunningServer) -> str:
    _, _, rest = text_of(server, "INFO replication").partition("master_repl_offset:")
    return rest.split()[0]


@contextmanager
def families(
    *pairs: tuple[str, str],
) -> Iterator[tuple[list[RunningServer], list[RunningServer]]]:
    """A cluster of primaries and their replicas, by the kinds of both; those without replica last."""
    names = [primary for primary, _ in pairs]
    followers = [replica for _, replica in pairs if replica]
    with running(*names, *followers, options=OPTIONS) as servers:
        primaries, replicas = servers[: len(names)], servers[len(names) :]
        form(primaries, replicas)
        yield primaries, replicas


def tags(slots: int) -> list[str]:
    """For each of the first slots a tag that puts keys there."""
    found: dict[int, str] = {}
    for n in range(100 * SLOTS):
        found.setdefault(key_slot(str(n).encode()), str(n))
        if len(found) == SLOTS:
            break
    return [found[slot] for slot in range(slots)]


def fill(port: int, *, slots: int) -> dict[str, str]:
    """10,000 strings in the first slots, and what they are; many other keys beside them."""
    where = tags(slots)
    keys = {f"string:{n}:{{{where[n % slots]}}}": "x" * (n % 100) + str(n) for n in range(KEYS)}
    names = list(keys)
    with redis.RedisCluster("127.0.0.1", port) as cluster:
        for start in range(0, KEYS, 1000):
            with cluster.pipeline() as pipeline:
                for name in names[start : start + 1000]:
                    pipeline.set(name, keys[name])
                for n in range(start, start + 1000, 50):
                    pipeline.zadd(f"zset:{n}", {f"member:{m}": m for m in range(1 + n % 300)})
                    pipeline.hset(f"hash:{n}", mapping={f"field:{m}": m for m in range(1 + n % 200)})
                pipeline.execute()
    return keys


def reshard(source: RunningServer, target: RunningServer, count: int, *, limit_s: float = 60.0) -> None:
    """The first so many slots of the source go to the target, or all that it has."""
    redis_cli(
        *("--cluster", "reshard", f"127.0.0.1:{source.port}", "--cluster-from", id_of(source)),
        *("--cluster-to", id_of(target), "--cluster-slots", str(count), "--cluster-yes"),
        limit_s=limit_s,
    )


class Succession:
    """Who takes whose place, not sooner than the others vote for that again."""

    def __init__(self, servers: list[RunningServer]) -> None:
        self._servers = servers
        self._voted_s: dict[int, float] = {}

    def hand_over(self, primary: RunningServer, replica: RunningServer, *option: str) -> None:
        """The replica is asked to take the place of its primary, which lives."""
        self._wait_for_voters(primary)
        with replica.connect() as client:
            assert client.call("CLUSTER", "FAILOVER", *option) == b"+OK\r\n"
        until(lambda: is_primary(replica, primary) and not is_primary(primary, primary))
        self._voted_s[primary.port] = time.monotonic()
        wait_until_well(self._servers)

    def die_and_return(self, primary: RunningServer, replica: RunningServer) -> None:
        """The replica takes the place of a primary that is killed, which then follows it."""
        wait_for_same_offset(primary, replica)
        self._wait_for_voters(primary)
        primary.kill()
        others = [server for server in self._servers if server is not primary]
        until(lambda: all(is_primary(replica, one) and is_ok(one) for one in others))
        self._voted_s[primary.port] = time.monotonic()
        primary.restart()
        until(lambda: agree(self._servers) and views(primary)[id_of(primary)].primary == id_of(replica))
        wait_until_well(self._servers)

    def _wait_for_voters(self, primary: RunningServer) -> None:
        again_s = self._voted_s.get(primary.port, 0.0) + VOTES_APART_S
        until(lambda: time.monotonic() > again_s)


def check(server: RunningServer) -> None:
    shown = redis_cli("--cluster", "check", f"127.0.0.1:{server.port}")
    assert "[OK] All nodes agree about slots configuration." in shown
    assert "[OK] All 16384 slots covered." in shown
    assert "[ERR]" not in shown
    assert "[WARNING]" not in shown


@pytest.mark.parametrize("kind", [REDIS_7_0, VALKEY_9_1])
def test_each_takes_the_place_of_the_other(kind: str) -> None:
    # Each candidate needs the votes of both others, one of either kind.
    with families((OURS, kind), (kind, OURS), (OURS, "")) as (primaries, replicas):
        (ours, theirs, third), (their_replica, our_replica) = primaries, replicas
        everybody = [*primaries, *replicas]
        succession = Succession(everybody)
        there = fill(third.port, slots=MOVED)
        with SteadyWriter(third.port) as writer:
            writer.wait_for_more(50)
            # All strings go from ours to theirs, to ours, and all the way back.
            moves = [(ours, theirs), (theirs, third), (theirs, third), (third, theirs), (theirs, ours)]
            for source, target in moves:
                reshard(source, target, MOVED)
                wait_until_well(everybody)
            writer.wait_for_more(50)
            for one, other in ((ours, their_replica), (theirs, our_replica)):
                succession.hand_over(one, other)
                writer.wait_for_more(50)
                succession.hand_over(other, one)
                writer.wait_for_more(50)
        there |= writer.keys
        assert missing(third.port, there) == []
        for option in ("FORCE", "TAKEOVER"):
            for gives, takes in (
                *((ours, their_replica), (theirs, our_replica)),
                *((their_replica, ours), (our_replica, theirs)),
            ):
                wait_for_same_offset(gives, takes)
                succession.hand_over(gives, takes, option)
        assert missing(third.port, there) == []
        succession.die_and_return(ours, their_replica)
        succession.die_and_return(theirs, our_replica)
        assert missing(third.port, there) == []
        # And back: both sit on replicas of another kind now.
        succession.die_and_return(their_replica, ours)
        succession.die_and_return(our_replica, theirs)
        assert missing(third.port, there) == []
        check(third)


def add(server: RunningServer, known: list[RunningServer], primary: RunningServer | None = None) -> None:
    """Have a node join the cluster by redis-cli, as a replica if it is given a primary; wait for all."""
    words = ("--cluster-slave", "--cluster-master-id", id_of(primary)) if primary is not None else ()
    addresses = (f"127.0.0.1:{server.port}", f"127.0.0.1:{known[0].port}")
    redis_cli("--cluster", "add-node", *addresses, *words)
    known.append(server)
    until(lambda: is_well(known))


def out_by_failover(old: list[RunningServer], new: list[RunningServer], cluster: list[RunningServer]) -> None:
    """New nodes follow the old primaries, and take their places."""
    for primary, server in zip(old, new[:3], strict=True):
        add(server, cluster, primary)
    wait_until_well(cluster)
    succession = Succession(cluster)
    for primary, server in zip(old, new[:3], strict=True):
        succession.hand_over(primary, server)
    for primary, server in zip(new[:3], new[3:], strict=True):
        add(server, cluster, primary)


def out_by_resharding(
    old: list[RunningServer], new: list[RunningServer], cluster: list[RunningServer]
) -> None:
    """New primaries join with their replicas, and get all slots."""
    for n, server in enumerate(new):
        add(server, cluster, new[n - 3] if n >= 3 else None)
    for source, target in zip(old, new[:3], strict=True):
        reshard(source, target, SLOTS, limit_s=RESHARD_LIMIT_S)
        until(lambda: is_well(cluster))


@pytest.mark.parametrize("go_out", [out_by_failover, out_by_resharding])
def test_the_way_out(go_out: WayOut) -> None:
    """Valkey's nodes join a cluster of ours, take all slots and stay behind; a client writes all along."""
    with (
        families((OURS, OURS), (OURS, ""), (OURS, "")) as (primaries, replicas),
        running(*[VALKEY_9_1] * 6, options=OPTIONS) as new,
    ):
        old = [*primaries, *replicas]
        there = fill(old[0].port, slots=SLOTS)
        with SteadyWriter(old[0].port) as writer:
            writer.wait_for_more(50)
            go_out(primaries, new, list(old))
            assert not any(views(new[0])[id_of(server)].slots for server in old)
            writer.wait_for_more(50)
            for server in reversed(old):
                redis_cli("--cluster", "del-node", f"127.0.0.1:{new[0].port}", id_of(server))
                server.kill()
            wait_until_well(new)
            writer.wait_for_more(200)
        assert missing(new[0].port, there | writer.keys) == []
        assert len({views(new[0])[id_of(server)].slots for server in new[:3]}) == 3
        check(new[0])
        for replica in new[3:]:
            # Mostly its own one; but while there were more replicas, one may have moved.
            followed = views(replica)[id_of(replica)].primary
            (primary,) = (server for server in new[:3] if id_of(server) == followed)
            wait_for_same_offset(primary, replica)
