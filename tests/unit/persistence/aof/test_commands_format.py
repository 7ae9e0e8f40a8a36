"""Datasets as commands."""

from __future__ import annotations

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.stream import Stream
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.aof.commands_format import CommandsFormat
from pyredis_cluster.persistence.aof.stream import CommandReader, Request
from pyredis_cluster.persistence.rdb.dump import dump_payload
from pyredis_cluster.protocol.command_stream import encode_request

_LIMITS = EncodingLimits()


def _commands(value: Value, expire_ms: int | None = None) -> list[Request]:
    return CommandReader(CommandsFormat().entry(b"k", value, expire_ms)).read(1 << 20)


def test_what_stands_between_the_keys() -> None:
    form = CommandsFormat([b"#!lua name=x"], unix_s=17)
    function = encode_request(b"FUNCTION", b"LOAD", b"#!lua name=x")
    assert form.begin() == b"#TS:17\r\n" + function
    assert CommandsFormat().begin() == form.end() == b""
    assert form.select(9, 1, 0) == encode_request(b"SELECT", b"9")


def test_strings_and_expiry() -> None:
    assert _commands(String(bytearray(b"v")), 1234) == [[b"SET", b"k", b"v"], [b"PEXPIREAT", b"k", b"1234"]]


def test_large_values_take_several_commands() -> None:
    words = [b"%03d" % n for n in range(130)]
    assert _commands(List.build(words, -2)) == [
        [b"RPUSH", b"k", *words[:64]],
        [b"RPUSH", b"k", *words[64:128]],
        [b"RPUSH", b"k", *words[128:]],
    ]
    pairs = [(word, word) for word in words]
    hmset = _commands(Hash.of(pairs, _LIMITS))
    assert [len(request) for request in hmset] == [130, 130, 6]
    assert hmset[0][:4] == [b"HMSET", b"k", b"000", b"000"]
    sadd = _commands(Set.of(words, _LIMITS))
    assert [len(request) for request in sadd] == [66, 66, 4]


def test_scores_keep_all_digits() -> None:
    value = SortedSet.of({b"a": 0.1, b"b": 2.0, b"c": float("inf"), b"d": float("-inf")}, _LIMITS)
    assert _commands(value) == [
        [b"ZADD", b"k", b"-inf", b"d", b"0.10000000000000001", b"a", b"2", b"b", b"inf", b"c"]
    ]


def test_what_no_command_makes_is_restored() -> None:
    stream = Stream()
    assert _commands(stream) == [[b"RESTORE", b"k", b"0", dump_payload(stream)]]
    timed = Hash.of([(b"f", b"value")], _LIMITS)
    timed.set_field_times({b"f": 4_000_000_000_000})
    assert _commands(timed)[0][0] == b"RESTORE"
