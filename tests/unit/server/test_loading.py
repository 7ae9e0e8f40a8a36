"""Loading in slices: what clients see, how it ends, and what it leaves."""

from __future__ import annotations

import gc

import pytest

from pyredis_cluster.persistence.rdb.errors import RdbError
from tests.support import rdb
from tests.support.inloop import peer, serving, until

KEYS = 30
DATA = rdb.file(*(rdb.entry(0, b"k%d" % n, rdb.string(b"v")) for n in range(KEYS)))
EXPIRED = rdb.file(b"\xfc" + (1000).to_bytes(8, "little") + rdb.entry(0, b"old", rdb.string(b"v")))
LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"


async def test_clients_wait_until_it_is_done() -> None:
    ends: list[Exception | None] = []
    async with serving(key_load_delay=1000) as server, peer(server) as client:
        server.loading.begin(DATA, is_replica=False, done=ends.append)
        assert await client.call("GET", "k1") == LOADING
        assert await client.call("DEBUG", "RELOAD") == LOADING
        await until(lambda: bool(ends))
        assert ends == [None]
        assert not server.loading.is_active
        assert await client.call("DBSIZE") == b":%d\r\n" % KEYS
        assert server.loading.keys_loaded == KEYS


async def test_nothing_is_saved_meanwhile() -> None:
    async with serving(key_load_delay=10_000, save="1 1", hz=100) as server, peer(server) as client:
        await client.call("SET", "k", "v")
        server.persistence.last_save_s -= 100
        server.loading.begin(DATA, is_replica=False, done=lambda error: None)
        for _ in range(20):
            await client.call("ECHO", "x")
        assert not server.background.is_active
        server.loading.abort()


@pytest.mark.parametrize(("is_replica", "keys"), [(True, 1), (False, 0)])
async def test_expired_keys_stay_on_a_replica(is_replica: bool, keys: int) -> None:
    ends: list[Exception | None] = []
    async with serving() as server:
        server.loading.begin(EXPIRED, is_replica=is_replica, done=ends.append)
        await until(lambda: bool(ends))
        assert server.state.keyspace.key_count() == keys
        assert server.loading.keys_expired == 1 - keys


async def test_broken_data_is_told_and_logged() -> None:
    ends: list[Exception | None] = []
    async with serving() as server, peer(server) as client:
        server.loading.begin(DATA[:-20], is_replica=True, done=ends.append)
        await until(lambda: bool(ends))
        assert isinstance(ends[0], RdbError)
        assert ends[0].is_short
        assert server.logged()[-2:] == [
            "Short read or OOM loading DB. Unrecoverable error, aborting now.",
            f"Internal error in RDB reading offset {len(DATA) - 20} -> Unexpected EOF reading RDB file",
        ]
        assert await client.call("PING") == b"+PONG\r\n"


async def test_fault_of_ours_is_logged_and_ends_it() -> None:
    class Broken:
        position = 0

        def advance(self, budget: int) -> bool:
            return [True][budget]

    ends: list[Exception | None] = []
    async with serving() as server:
        server.loading.begin_from(Broken(), 100, ends.append)
        assert [type(end) for end in ends] == [IndexError]
        assert "Failure while loading" in server.logged()
        assert not server.loading.is_active


async def test_aborted_load_tells_nobody() -> None:
    ends: list[Exception | None] = []
    async with serving(key_load_delay=1000) as server, peer(server) as client:
        server.loading.begin(DATA, is_replica=True, done=ends.append)
        server.loading.abort()
        server.loading.abort()
        assert await client.call("PING") == b"+PONG\r\n"
        assert (ends, server.loading.is_active) == ([], False)
        assert gc.isenabled()


async def test_garbage_is_not_looked_for_meanwhile() -> None:
    ends: list[Exception | None] = []
    async with serving(key_load_delay=1000) as server, serving(key_load_delay=3000) as other:
        server.loading.begin(DATA, is_replica=True, done=ends.append)
        other.loading.begin(DATA, is_replica=True, done=ends.append)
        assert not gc.isenabled()
        await until(lambda: len(ends) == 2)
        assert gc.isenabled()


async def test_memory_of_what_was_loaded_counts() -> None:
    ends: list[Exception | None] = []
    async with serving(maxmemory="100mb") as server:
        before = server.state.eviction.used_bytes()
        server.loading.begin(DATA, is_replica=True, done=ends.append)
        await until(lambda: bool(ends))
        assert server.state.eviction.used_bytes() > before + 50 * KEYS


async def test_frozen_server_does_not_go_on() -> None:
    ends: list[Exception | None] = []
    async with serving(key_load_delay=1000) as server, serving() as other, peer(other) as client:
        server.loading.begin(DATA, is_replica=True, done=ends.append)
        server.freeze(20_000)
        loaded = server.loading.keys_loaded
        for _ in range(50):
            await client.call("PING")
        assert server.loading.keys_loaded == loaded < KEYS
        server.freezer.thaw()
        await until(lambda: bool(ends))


async def test_functions_are_kept_and_saved_again() -> None:
    code = b"#!lua name=f\nredis.register_function('f', function() return 1 end)"
    async with serving() as server:
        server.loading.load_now(rdb.file(b"\xf5" + rdb.string(code)), is_replica=False)
        assert server.state.function_libraries == [code]
        assert server.persistence.options().functions == [code]


async def test_empty_containers_are_passed_over() -> None:
    async with serving() as server:
        server.loading.load_now(rdb.file(rdb.entry(1, b"empty", b"\0")), is_replica=False)
        assert server.logged()[-2:] == [
            "rdbLoadObject skipping empty key: empty",
            "Done loading RDB, keys loaded: 0, keys expired: 0, empty keys skipped: 1.",
        ]


async def test_missing_checksum_is_said() -> None:
    async with serving() as server:
        server.loading.load_now(rdb.file(checksum=0), is_replica=False)
        assert server.logged()[-2] == "RDB file was saved with checksum disabled: no check performed."
