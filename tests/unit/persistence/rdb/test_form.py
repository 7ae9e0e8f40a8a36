"""A whole keyspace as RDB data: both ways make what the reader reads, whatever happens meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pyredis_cluster.keyspace.digest import keyspace_digest
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.form import Access, RdbOptions, RdbSnapshot, rdb_at_once
from tests.support.inprocess import Harness
from tests.support.rdb import load

PLAIN = RdbOptions(compress=True, checksum=True)


def in_slices(keyspace: Keyspace, options: RdbOptions) -> bytes:
    snapshot = RdbSnapshot(keyspace, options)
    pieces = []
    while (piece := snapshot.next_piece(50)) is not None:
        pieces.append(piece)
    assert snapshot.keys_done == snapshot.keys_total == keyspace.key_count()
    return b"".join(pieces)


def at_once(keyspace: Keyspace, options: RdbOptions) -> bytes:
    return b"".join(rdb_at_once(keyspace, options))


both_ways = pytest.mark.parametrize("dump", [in_slices, at_once])
Dump = Callable[[Keyspace, RdbOptions], bytes]


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    for n in range(200):
        harness.run("SET", f"k{n}", f"value {n}")
    for request in (
        "HSET h f v g w",
        "SADD s 1 2 x",
        "PEXPIREAT k7 4000000000000",
        "SELECT 5",
        "RPUSH l a b",
    ):
        harness.run(request)
    return harness


@both_ways
def test_what_is_read_again_is_the_same(harness: Harness, dump: Dump) -> None:
    found = load(dump(harness.state.keyspace, PLAIN))
    assert keyspace_digest(found.keyspace) == keyspace_digest(harness.state.keyspace)


@both_ways
def test_an_empty_keyspace(dump: Dump) -> None:
    harness = Harness()
    found = load(dump(harness.state.keyspace, PLAIN))
    assert found.keyspace.key_count() == 0


@both_ways
def test_checksum_is_that_of_all_pieces(harness: Harness, dump: Dump) -> None:
    data = bytearray(dump(harness.state.keyspace, PLAIN))
    data[40] ^= 1
    with pytest.raises(RdbError):
        load(bytes(data))


@both_ways
def test_no_checksum_is_eight_zeros(harness: Harness, dump: Dump) -> None:
    data = dump(harness.state.keyspace, RdbOptions(compress=False, checksum=False))
    assert data.endswith(b"\xff" + bytes(8))


@both_ways
def test_notes_and_functions_come_first(harness: Harness, dump: Dump) -> None:
    options = RdbOptions(
        compress=True, checksum=True, notes=[(b"redis-ver", b"7.2.5")], functions=[b"#!lua name=f"]
    )
    found = load(dump(harness.state.keyspace, options))
    assert found.notes == {b"redis-ver": b"7.2.5"}
    assert found.functions == [b"#!lua name=f"]


@both_ways
@pytest.mark.parametrize(
    ("access", "policy", "noted"),
    [
        ("none", "noeviction", (None, None)),
        ("idle", "allkeys-lru", (50, None)),
        ("frequency", "allkeys-lfu", (None, 4)),
    ],
)
def test_accesses_are_noted_as_the_policy_asks(
    dump: Dump, access: Access, policy: str, noted: tuple[int | None, int | None]
) -> None:
    harness = Harness(maxmemory_policy=policy)
    harness.run("SET k v")
    harness.advance(50_000)
    found = load(dump(harness.state.keyspace, RdbOptions(compress=True, checksum=True, access=access)))
    assert (found.idle_s.get(b"k"), found.frequency.get(b"k")) == noted


def test_snapshot_is_of_its_moment(harness: Harness) -> None:
    keyspace = harness.state.keyspace
    digest = keyspace_digest(keyspace)
    snapshot = RdbSnapshot(keyspace, PLAIN)
    pieces = [snapshot.next_piece(50)]
    for request in ("APPEND k199 x", "SELECT 0", "APPEND k150 x", "DEL k151", "HSET h f other", "FLUSHALL"):
        harness.run(request)
    while (piece := snapshot.next_piece(50)) is not None:
        pieces.append(piece)
    found = load(b"".join(piece or b"" for piece in pieces))
    assert keyspace_digest(found.keyspace) == digest


class TestLargeValues:
    COUNT = 1500

    def _fill(self, harness: Harness) -> None:
        numbers = [f"{n:05d}" for n in range(self.COUNT)]
        for at in range(2):
            harness.run("RPUSH", f"list{at}", *numbers)
            harness.run("SADD", f"set{at}", *(f"m{n}" for n in numbers))
            harness.run("SADD", f"ints{at}", *(str(n) for n in range(600)))
            harness.run("HSET", f"hash{at}", *(word for n in numbers for word in (n, f"v{n}")))
            harness.run("ZADD", f"zset{at}", *(word for n in numbers for word in (n, n)))
            harness.run("SET", f"small{at}", "x")

    def test_come_in_pieces(self, harness: Harness) -> None:
        self._fill(harness)
        snapshot = RdbSnapshot(harness.state.keyspace, PLAIN)
        sizes = []
        while (piece := snapshot.next_piece(500)) is not None:
            sizes.append(len(piece))
        assert max(sizes) < 12_000
        assert snapshot.keys_done == snapshot.keys_total

    @pytest.mark.parametrize(
        ("access", "policy"), [("none", "noeviction"), ("frequency", "allkeys-lfu"), ("idle", "allkeys-lru")]
    )
    @pytest.mark.parametrize("seed", range(3))
    def test_may_change_while_they_are_written(self, access: Access, policy: str, seed: int) -> None:
        rng = random.Random(seed)
        harness = Harness(maxmemory_policy=policy)
        self._fill(harness)
        keyspace = harness.state.keyspace
        digest = keyspace_digest(keyspace)
        snapshot = RdbSnapshot(keyspace, RdbOptions(compress=False, checksum=True, access=access))
        pieces = []
        while (piece := snapshot.next_piece(2000)) is not None:
            pieces.append(piece)
            at, n = rng.randrange(2), f"{rng.randrange(self.COUNT):05d}"
            harness.run(rng.choice(self.CHANGES).format(at=at, n=n))
        assert keyspace_digest(load(b"".join(pieces)).keyspace) == digest
        assert keyspace_digest(keyspace) != digest

    CHANGES = (
        "LPOP list{at}",
        "RPUSH list{at} x",
        "LSET list{at} 700 y",
        "LINDEX list{at} 2500",
        "LREM list{at} 0 {n}",
        "LTRIM list{at} 5 -5",
        "SREM set{at} m{n}",
        "SADD set{at} x{n}",
        "SPOP set{at}",
        "SRANDMEMBER set{at} 3",
        "SADD ints{at} x{n}",
        "SREM ints{at} 17",
        "HSET hash{at} {n} other",
        "HDEL hash{at} {n}",
        "HINCRBY hash{at} count 1",
        "HRANDFIELD hash{at} 2",
        "HSCAN hash{at} 0",
        "ZADD zset{at} 5 m{n}",
        "ZINCRBY zset{at} 100 {n}",
        "ZREM zset{at} {n}",
        "ZPOPMIN zset{at}",
        "ZRANGE zset{at} 0 10",
        "ZRANK zset{at} {n}",
        "DEL hash{at}",
        "RENAME zset{at} moved",
        "RENAME moved zset{at}",
        "COPY list{at} copy REPLACE",
        "SMOVE set{at} ints{at} m{n}",
        "SUNIONSTORE set{at} set{at} ints{at}",
        "SORT list{at} STORE list{at}",
        "APPEND small{at} y",
        "EXPIRE list{at} 100",
        "PERSIST list{at}",
    )
