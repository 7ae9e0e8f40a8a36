"""Digests: values are those of real servers, taken with DEBUG DIGEST-VALUE and DEBUG DIGEST."""

import random

from pyredis_cluster.keyspace.digest import keyspace_digest, value_digest
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.stream import Stream, StreamNode
from pyredis_cluster.keyspace.types.string import String

ZEROS = "0" * 40


def sample() -> Keyspace:
    """SET k v; RPUSH l a b c; SADD s a b c; ZADD z 1 a 2.5 b; HSET h f v g w."""
    keyspace = Keyspace(16, random.Random(0))
    limits = keyspace.limits
    db = keyspace.databases[0]
    db.add(b"k", String(b"v"))
    db.add(b"l", List.build([b"a", b"b", b"c"], -2))
    db.add(b"s", Set.of([b"a", b"b", b"c"], limits))
    db.add(b"z", SortedSet.of({b"a": 1.0, b"b": 2.5}, limits))
    db.add(b"h", Hash.of([(b"f", b"v"), (b"g", b"w")], limits))
    return keyspace


def test_values_of_each_type() -> None:
    db = sample().databases[0]
    assert {key: value_digest(db, key).hex() for key in db.values} == {
        b"k": "d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f",
        b"l": "8bf72d812571eea9b927f3c11beb0c4165a6ff89",
        b"s": "593c2414786d75446e97f4ea5d4b731f3313da72",
        b"z": "c45c5b051acd64070e5ed1a949939d5145f806c5",
        b"h": "d127864ed50239662bf61bafc9bda63c17da5b37",
    }
    assert value_digest(db, b"missing").hex() == ZEROS


def test_whole_keyspaces() -> None:
    assert keyspace_digest(Keyspace(16, random.Random(0))).hex() == ZEROS
    assert keyspace_digest(sample()).hex() == "3e6d5c7af4fb11455dea1e731e9416a8b5aa894b"


def test_an_expiry_time_shows_but_not_which() -> None:
    db = sample().databases[0]
    db.set_expire(b"k", 10**15)
    assert value_digest(db, b"k").hex() == "311b17018163335616e089f6b951c82c477335ac"
    db.set_expire(b"k", 2 * 10**15)
    assert value_digest(db, b"k").hex() == "311b17018163335616e089f6b951c82c477335ac"


def test_order_matters_in_lists_alone() -> None:
    keyspace = sample()
    db = keyspace.databases[0]
    limits = keyspace.limits
    db.add(b"l2", List.build([b"c", b"b", b"a"], -2))
    db.add(b"s2", Set.of([b"c", b"b", b"a"], limits))
    db.add(b"h2", Hash.of([(b"g", b"w"), (b"f", b"v")], limits))
    assert value_digest(db, b"l2") != value_digest(db, b"l")
    assert value_digest(db, b"s2") == value_digest(db, b"s")
    assert value_digest(db, b"h2") == value_digest(db, b"h")


def test_entries_of_a_stream_in_their_order() -> None:
    """XADD x 5-1 a b c d; XADD x 5-2 e ""; XADD x 6-0 f g; XDEL x 5-2."""
    stream = Stream()
    node = StreamNode((5, 1), (b"a", b"c"))
    node.ids = [(5, 1), (6, 0)]
    node.items = [(b"a", b"b", b"c", b"d"), (b"f", b"g")]
    stream.nodes = [node]
    stream.length = 2
    db = Keyspace(16, random.Random(0)).databases[0]
    db.add(b"x", stream)
    assert value_digest(db, b"x").hex() == "e016b21951d788b9372b6244c304dce7c2fc52b5"
