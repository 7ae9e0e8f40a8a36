"""A cluster of ours and real servers: each takes the other's place and slots; in the end one kind leaves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.cluster_programs import (
    HAS_REDIS_CLI,
    SLOTS,
    agree,
    id_of,
    is_ok,
    join,
    redis_cli,
    text_of,
    until,
    views,
)
from tests.support.nodes import started
from tests.support.servers import OURS, REDIS_7_0, VALKEY_9_1, RunningServer
from tests.support.steady import SteadyWriter, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli"),
]

OPTIONS = (
    *("--cluster-node-timeout", "2000"),
    *("--repl-diskless-sync-delay", "0"),
    *("--repl-ping-replica-period", "1"),
)
KEYS = 10_000
MOVED = 500
RESHARD_LIMIT_S = 120
MEMORY_DIRECTORY = Path("/dev/shm")


def is_primary(server: RunningServer, seen_by: RunningServer) -> bool:
    return "master" in views(seen_by)[id_of(server)].flags


def wait_until_well(servers: Sequence[RunningServer]) -> None:
    """All agree on everything, and all replicas are in sync."""
    until(lambda: agree(list(servers)) and all(map(is_ok, servers)))
    until(lambda: all(map(_is_in_sync, servers)))


def _is_in_sync(server: RunningServer) -> bool:
    text = text_of(server, "INFO replication")
    return "role:master" in text or "master_link_status:up" in text


def wait_for_same_offset(primary: RunningServer, replica: RunningServer) -> None:
    until(lambda: _offset(primary) == _offset(replica))


def _offset(server: RunningServer) -> str:
    _, _, rest = text_of(server, "INFO replication").partition("master_repl_offset:")
    return rest.split()[0]


def make_replica(replica: RunningServer, primary: RunningServer, known: Sequence[RunningServer]) -> None:
    """Have a node that knows nobody join the cluster as a replica."""
    with replica.connect() as client:
        assert client.call("CLUSTER", "MEET", "127.0.0.1", known[0].port) == b"+OK\r\n"
        until(lambda: agree([*known, replica]))
        assert client.call("CLUSTER", "REPLICATE", id_of(primary)) == b"+OK\r\n"
    wait_until_well([*known, replica])


@contextmanager
def families(*pairs: tuple[str, str]) -> Iterator[tuple[list[RunningServer], list[RunningServer]]]:
    """A cluster of primaries and their replicas, by the kinds of both; an empty name for no replica."""
    names = [primary for primary, _ in pairs]
    followers = [replica for _, replica in pairs if replica]
    with started(*names, *followers, options=OPTIONS, cluster=True) as nodes:
        servers = [node.server for node in nodes]
        primaries, replicas = servers[: len(names)], servers[len(names) :]
        join(primaries)
        until(lambda: agree(primaries) and all(map(is_ok, primaries)))
        until(lambda: len({view.epoch for view in views(primaries[0]).values()}) == len(primaries))
        known = list(primaries)
        followed = (primaries[n] for n, pair in enumerate(pairs) if pair[1])
        for replica, primary in zip(replicas, followed, strict=True):
            make_replica(replica, primary, known)
            known.append(replica)
        yield primaries, replicas


def fill(port: int) -> dict[str, str]:
    """10,000 strings, and what they are; many other keys beside them."""
    keys = {f"string:{n}": "x" * (n % 100) + str(n) for n in range(KEYS)}
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
    """So many slots go to the target, or all that there are."""
    redis_cli(
        *("--cluster", "reshard", f"127.0.0.1:{source.port}", "--cluster-from", id_of(source)),
        *("--cluster-to", id_of(target), "--cluster-slots", str(count), "--cluster-yes"),
        limit_s=limit_s,
    )


def hand_over(replica: RunningServer, primary: RunningServer, *option: str) -> None:
    with replica.connect() as client:
        assert client.call("CLUSTER", "FAILOVER", *option) == b"+OK\r\n"
    until(lambda: is_primary(replica, primary) and not is_primary(primary, primary))


def die_and_return(primary: RunningServer, replica: RunningServer, others: list[RunningServer]) -> None:
    """The replica takes the place of a primary that is killed, which then follows it."""
    wait_for_same_offset(primary, replica)
    primary.kill()
    until(lambda: all(is_primary(replica, one) for one in (replica, *others)))
    until(lambda: is_ok(replica) and all(map(is_ok, others)))
    primary.restart()
    everybody = [primary, replica, *others]
    until(lambda: agree(everybody) and views(primary)[id_of(primary)].primary == id_of(replica))
    wait_until_well(everybody)


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
        there = fill(third.port)
        with SteadyWriter(third.port) as writer:
            writer.wait_for_more(50)
            moves = [(ours, theirs), (theirs, third), (theirs, third), (third, theirs), (theirs, ours)]
            for source, target in moves:
                reshard(source, target, MOVED)
                wait_until_well(everybody)
            writer.wait_for_more(50)
            for one, other in ((ours, their_replica), (theirs, our_replica)):
                hand_over(other, one)
                wait_until_well(everybody)
                writer.wait_for_more(50)
                hand_over(one, other)
                wait_until_well(everybody)
                writer.wait_for_more(50)
        there |= writer.keys
        assert missing(third.port, there) == []
        for option in ("FORCE", "TAKEOVER"):
            for one, other in ((ours, their_replica), (theirs, our_replica)):
                for gives, takes in ((one, other), (other, one)):
                    wait_for_same_offset(gives, takes)
                    hand_over(takes, gives, option)
                    wait_until_well(everybody)
        assert missing(third.port, there) == []
        die_and_return(ours, their_replica, [theirs, our_replica, third])
        die_and_return(theirs, our_replica, [ours, their_replica, third])
        assert missing(third.port, there) == []
        # And back: both sit on replicas of another kind now.
        die_and_return(their_replica, ours, [theirs, our_replica, third])
        die_and_return(our_replica, theirs, [ours, their_replica, third])
        assert missing(third.port, there) == []
        check(third)


def test_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey's nodes join a cluster of ours, take all slots and stay behind; a client writes all along."""
    # As many times as there are slots each node saves its view: how fast a disk is is not the question here.
    if MEMORY_DIRECTORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(MEMORY_DIRECTORY))
    new_names = [VALKEY_9_1] * 6
    with (
        families((OURS, OURS), (OURS, ""), (OURS, "")) as (primaries, replicas),
        started(*new_names, options=OPTIONS, cluster=True) as nodes,
    ):
        old, new = [*primaries, *replicas], [node.server for node in nodes]
        known = f"127.0.0.1:{old[0].port}"
        there = fill(old[0].port)
        with SteadyWriter(old[0].port) as writer:
            writer.wait_for_more(50)
            for n, server in enumerate(new):
                words = ("--cluster-slave", "--cluster-master-id", id_of(new[n - 3])) if n >= 3 else ()
                redis_cli("--cluster", "add-node", f"127.0.0.1:{server.port}", known, *words)
                wait_until_agreed([*old, *new[: n + 1]])
            for source, target in zip(primaries, new[:3], strict=True):
                reshard(source, target, SLOTS, limit_s=RESHARD_LIMIT_S)
                wait_until_agreed([*old, *new])
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
        for primary, replica in zip(new[:3], new[3:], strict=True):
            wait_for_same_offset(primary, replica)
            assert views(primary)[id_of(replica)].primary == id_of(primary)


def wait_until_agreed(servers: list[RunningServer]) -> None:
    until(lambda: agree(servers) and all(map(is_ok, servers)))
