"""Files of real servers are read as Redis 7.2 reads them: the same data, the same encodings."""

from __future__ import annotations

import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pyredis_cluster.keyspace.digest import keyspace_digest, value_digest
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.stream import Stream, StreamId
from pyredis_cluster.persistence.rdb.reader import RdbReader
from pyredis_cluster.persistence.rdb.values import load_value
from tests.support.dataset import fill
from tests.support.digests import Where, bulk, digest, expiry_times_ms, key_digests
from tests.support.rdb import Loaded, load
from tests.support.rdb_forms import FORMS, NEWER_THAN_7_0, all_forms
from tests.support.servers import (
    REDIS_6_2,
    REDIS_7_0,
    REDIS_7_2,
    VALKEY_8_1,
    VALKEY_9_1,
    RunningServer,
    find_real_servers,
    start_server,
)
from tests.support.shapes import ONCE, STREAMS
from tests.support.wire import Node, RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

KEYS = int(os.environ.get("PYREDIS_TEST_KEYS", "3000"))
WRITERS = [REDIS_6_2, REDIS_7_0, REDIS_7_2, VALKEY_8_1, VALKEY_9_1]
FILE = "dump.rdb"
FIRST_ID = b"recorded-first-entry-id"
MAX_ID = (2**64 - 1, 2**64 - 1)


def server(name: str, *options: str, files: Path | None = None) -> RunningServer:
    program = find_real_servers().get(name)
    if program is None:
        pytest.skip(f"no {name} here")
    return start_server(program, *options, files=files)


def saved(running: RunningServer) -> bytes:
    with running.connect(timeout_s=60) as client:
        assert client.call("SAVE") == b"+OK\r\n"
    return (running.directory / FILE).read_bytes()


def our_encodings(loaded: Loaded) -> dict[Where, bytes]:
    return {
        (db.index, key): value.encoding()
        for db in loaded.keyspace.databases
        for key, value in db.values.items()
    }


def encodings(client: RawClient, loaded: Loaded) -> dict[Where, bytes]:
    found: dict[Where, bytes] = {}
    for db in loaded.keyspace.databases:
        if db.values:
            client.call("SELECT", db.index)
            replies = client.pipeline([[b"OBJECT", b"ENCODING", key] for key in db.values])
            found |= {
                (db.index, key): reply.split(b"\r\n")[1]
                for key, reply in zip(db.values, replies, strict=True)
            }
    return found


def assert_same(loaded: Loaded, client: RawClient) -> None:
    if keyspace_digest(loaded.keyspace).hex().encode() != digest(client):
        ours = loaded.key_digests()
        theirs = {where: bulk(raw).decode() for where, raw in nested_digests(client).items()}
        different = {where for where in ours.keys() | theirs.keys() if ours.get(where) != theirs.get(where)}
        raise AssertionError(sorted(different)[:10])


def nested_digests(client: RawClient) -> dict[Where, bytes]:
    """DEBUG DIGEST-VALUE of each key as a bulk reply of its own, which is in an array of one."""
    return {where: raw.partition(b"\r\n")[2] for where, raw in key_digests(client).items()}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_type_and_encoding(writer: str, tmp_path: Path) -> None:
    with server(writer) as running:
        with running.connect(timeout_s=60) as client:
            fill(client, keys=KEYS, seed=7, streams=True)
        data = saved(running)
        loaded = load(data)
        with running.connect(timeout_s=60) as client:
            assert_same(loaded, client)
            if writer != REDIS_6_2:
                databases = loaded.keyspace.databases
                ours = {(db.index, key): when for db in databases for key, when in db.expires.items()}
                assert ours == expiry_times_ms(client)
    if writer == VALKEY_9_1:
        # Its files are for itself alone.
        return
    (tmp_path / FILE).write_bytes(data)
    with server(REDIS_7_2, files=tmp_path) as running, running.connect(timeout_s=60) as client:
        assert_same(loaded, client)
        assert our_encodings(loaded) == encodings(client, loaded)


@pytest.mark.parametrize("writer", WRITERS)
def test_payloads_of_dump(writer: str) -> None:
    limits = EncodingLimits()
    with server(writer) as running, running.connect(timeout_s=60) as client:
        fill(client, keys=200, seed=8, streams=True, databases=(0,))
        digests = nested_digests(client)
        for (_, key), raw in digests.items():
            payload = bulk(client.call("DUMP", key))
            body = payload[:-10]
            version = int.from_bytes(payload[-10:-8], "little")
            value, end = load_value(body[0], body, 1, limits, version=version)
            assert end == len(body)
            db = Keyspace(1, random.Random(0)).databases[0]
            db.add(key, value)
            if client.call("TTL", key) != b":-1\r\n":
                db.set_expire(key, 1)
            assert value_digest(db, key).hex().encode() == bulk(raw)


@pytest.mark.parametrize(
    ("reader", "version", "without"),
    [
        (REDIS_7_2, 11, frozenset()),
        (VALKEY_8_1, 11, frozenset()),
        (REDIS_7_0, 10, NEWER_THAN_7_0),
    ],
)
def test_forms_that_nobody_writes_any_more(
    reader: str, version: int, without: frozenset[int], tmp_path: Path
) -> None:
    data = all_forms(without=without, version=version)
    loaded = load(data)
    (tmp_path / FILE).write_bytes(data)
    with server(reader, files=tmp_path) as running, running.connect() as client:
        assert_same(loaded, client)
        if reader == REDIS_7_2:
            theirs = encodings(client, loaded)
            assert our_encodings(loaded) == theirs
            assert {key.decode(): found.decode() for (_, key), found in theirs.items()} == {
                name: form.encoding for name, form in FORMS.items()
            }


@pytest.mark.parametrize("list_size", [1, 2, 100, -1, -5])
@pytest.mark.parametrize("others", [(0, 0, 0), (2, 3, 1), (140, 20, 70), (10_000, 1000, 100)])
def test_limits_that_are_not_the_defaults(
    list_size: int, others: tuple[int, int, int], tmp_path: Path
) -> None:
    entries, fewer, longest = others
    limits = EncodingLimits(
        hash_max_listpack_entries=entries,
        hash_max_listpack_value=longest,
        list_max_listpack_size=list_size,
        set_max_intset_entries=fewer,
        set_max_listpack_entries=entries,
        set_max_listpack_value=longest,
        zset_max_listpack_entries=fewer,
        zset_max_listpack_value=longest,
    )
    data = all_forms()
    (tmp_path / FILE).write_bytes(data)
    loaded = Loaded()
    assert RdbReader(data, loaded, limits).advance(1 << 30)
    options = [part for name, value in asdict(limits).items() for part in (option(name), str(value))]
    with server(REDIS_7_2, *options, files=tmp_path) as running, running.connect() as client:
        assert_same(loaded, client)
        assert our_encodings(loaded) == encodings(client, loaded)


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


@pytest.mark.parametrize("writer", WRITERS)
def test_streams_in_full(writer: str, tmp_path: Path) -> None:
    """All of XINFO STREAM that does not depend on the time, as Redis 7.2 has it after loading."""
    with server(writer) as running:
        with running.connect() as client:
            fill(client, keys=len(ONCE) + len(STREAMS), seed=9, streams=True, databases=(0,))
        data = saved(running)
        if writer == VALKEY_9_1:
            compare_streams(load(data), running)
            return
    (tmp_path / FILE).write_bytes(data)
    with server(REDIS_7_2, files=tmp_path) as running:
        compare_streams(load(data), running)


def compare_streams(loaded: Loaded, running: RunningServer) -> None:
    values = loaded.keyspace.databases[0].values
    streams = {key: value for key, value in values.items() if isinstance(value, Stream)}
    assert len(streams) > 4
    with running.connect() as client:
        for key, stream in streams.items():
            ours = described(stream)
            theirs = facts(client.ask("XINFO", "STREAM", key, "FULL", "COUNT", 0))
            if not stream.length and theirs[FIRST_ID] == text_id(MAX_ID):
                # What Redis makes of a file that does not say it, until it saves one that does.
                theirs[FIRST_ID] = ours[FIRST_ID]
            assert ours == theirs


def text_id(entry_id: StreamId) -> bytes:
    return b"%d-%d" % entry_id


def described(stream: Stream) -> dict[bytes, object]:
    return {
        b"length": len(stream),
        b"radix-tree-keys": len(stream.nodes),
        b"last-generated-id": text_id(stream.last_id),
        b"max-deleted-entry-id": text_id(stream.max_deleted_id),
        b"entries-added": stream.entries_added,
        FIRST_ID: text_id(stream.first_id),
        b"entries": [[text_id(entry_id), list(item)] for entry_id, item in stream],
        b"groups": [
            {
                b"name": name,
                b"last-delivered-id": text_id(group.last_id),
                b"entries-read": group.entries_read,
                b"pel-count": len(group.pending),
                b"pending": [
                    [text_id(each), entry.consumer.name, entry.delivery_time_ms, entry.delivery_count]
                    for each, entry in group.pending.items()
                ],
                b"consumers": [
                    {
                        b"name": consumer.name,
                        b"seen-time": consumer.seen_ms,
                        b"active-time": -1 if consumer.active_ms is None else consumer.active_ms,
                        b"pel-count": len(consumer.pending),
                        b"pending": [
                            [text_id(each), entry.delivery_time_ms, entry.delivery_count]
                            for each, entry in consumer.pending.items()
                        ],
                    }
                    for consumer in group.consumers.values()
                ],
            }
            for name, group in stream.groups.items()
        ],
    }


def facts(reply: Node) -> dict[object, object]:
    """A reply of XINFO STREAM FULL, without what Redis computes of it."""
    found = pairs(reply)
    del found[b"radix-tree-nodes"]
    found[b"groups"] = groups = [pairs(group) for group in found[b"groups"].items]
    found[b"entries"] = plain(found[b"entries"])
    for group in groups:
        del group[b"lag"]
        group[b"pending"] = plain(group[b"pending"])
        group[b"consumers"] = [pairs(consumer) for consumer in group[b"consumers"].items]
        for consumer in group[b"consumers"]:
            consumer[b"pending"] = plain(consumer[b"pending"])
    return found


def pairs(reply: Node) -> dict[object, Any]:
    parts = [part if part.kind == "*" else plain(part) for part in reply.items]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def plain(reply: Node) -> Any:
    if reply.kind == "*":
        return [plain(each) for each in reply.items]
    return int(reply.value) if reply.kind == ":" and isinstance(reply.value, bytes) else reply.value


def test_hashes_whose_fields_expire() -> None:
    with server(VALKEY_9_1) as running:
        with running.connect() as client:
            client.call("HSET", "h", "a", "1", "b", "22", "c", "33")
            client.call("HPEXPIREAT", "h", 4_000_000_000_000, "FIELDS", 1, "a")
            client.call("HPEXPIREAT", "h", 4_000_000_070_000, "FIELDS", 1, "b")
        data = saved(running)
    found = load(data).value(b"h")
    assert isinstance(found, Hash)
    assert found.fields == {b"a": b"1", b"b": b"22", b"c": b"33"}
    assert found.field_times() == {b"a": 4_000_000_000_000, b"b": 4_000_000_070_000}
    later = load(data, now_ms=4_000_000_000_000).value(b"h")
    assert isinstance(later, Hash)
    assert later.fields == {b"b": b"22", b"c": b"33"}


@pytest.mark.parametrize("writer", [REDIS_7_0, REDIS_7_2, VALKEY_8_1, VALKEY_9_1])
def test_libraries_of_functions(writer: str) -> None:
    code = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    with server(writer) as running:
        with running.connect() as client:
            assert client.call("FUNCTION", "LOAD", code) == b"$3\r\nlib\r\n"
        assert load(saved(running)).functions == [code]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu"])
def test_what_eviction_has_noted(writer: str, policy: str) -> None:
    with server(writer, "--maxmemory-policy", policy, "--maxmemory", "1gb") as running:
        with running.connect() as client:
            client.pipeline([["MSET", "a", "1", "b", "2"], *[["GET", "a"]] * 5])
        loaded = load(saved(running))
    noted = loaded.idle_s if policy.endswith("lru") else loaded.frequency
    assert set(noted) == {b"a", b"b"}
    if policy.endswith("lfu"):
        assert loaded.frequency[b"a"] >= 6
    assert not (loaded.frequency if noted is loaded.idle_s else loaded.idle_s)


def test_a_file_without_checksum_and_compression() -> None:
    options = ("--rdbchecksum", "no", "--rdbcompression", "no")
    with server(REDIS_7_2, *options) as running, running.connect() as client:
        fill(client, keys=300, seed=3)
        data = saved(running)
        assert data.endswith(bytes(8))
        assert_same(load(data), client)
