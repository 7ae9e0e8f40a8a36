"""Files cut anywhere: an AOF gives all whole commands before the cut, an RDB file is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log, write_nowhere
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from tests.support.dataset import small_commands
from tests.support.inloop import TestServer, make_config, peer, until
from tests.support.ports import free_port, release_port
from tests.support.wire import encode

pytestmark = pytest.mark.slow

MANIFEST = b"file appendonly.aof.1.incr.aof seq 1 type i\n"
INCREMENT = Path("appendonlydir") / "appendonly.aof.1.incr.aof"


class Starter:
    """Starts servers in one directory, one after the other."""

    def __init__(self, directory: Path, port: int, network: Network) -> None:
        self.directory = directory
        self._port = port
        self._network = network

    @asynccontextmanager
    async def serving(self, **directives: object) -> AsyncIterator[TestServer]:
        """A server on the files that are there. Raises StartError."""
        config = make_config(
            self._port, dir=str(self.directory), enable_debug_command="yes", appendfsync="no", **directives
        )
        log = Log(SystemClock(), write_nowhere)
        server = TestServer(config, self._network.loop, network=self._network, log=log)
        try:
            await server.start()
            yield server
        finally:
            if not server.stopped.is_set():
                server.shutdown(save=False, now=True, force=True)
            await until(lambda: not server.clients.connections)


@pytest.fixture
async def starter(tmp_path: Path) -> AsyncIterator[Starter]:
    port = free_port()
    network = Network(asyncio.get_running_loop())
    yield Starter(tmp_path, port, network)
    network.close()
    release_port(port)


async def call(server: TestServer, *words: str) -> bytes:
    async with peer(server) as client:
        return await client.call(*words)


def write_aof(directory: Path, data: bytes) -> None:
    (directory / INCREMENT).parent.mkdir(exist_ok=True)
    (directory / INCREMENT).write_bytes(data)
    (directory / "appendonlydir" / "appendonly.aof.manifest").write_bytes(MANIFEST)


# What is applied together, and how many pushes have been made after it.
UNITS = [
    (encode(["SELECT", "0"]), 0),
    (encode(["RPUSH", "l", "a" * 30]), 1),
    (b"".join(map(encode, (["MULTI"], ["RPUSH", "l", "b"], ["RPUSH", "l", "c"], ["EXEC"]))), 3),
    (b"#TS:1700000000\r\n", 3),
    (encode(["RPUSH", "l", b"\r\n*1\r\n"]), 4),
    (encode(["RPUSH", "l", ""]), 5),
]


def pushes_before(cut: int) -> int:
    """How long the list is that the first `cut` bytes make."""
    end = length = 0
    for data, after in UNITS:
        end += len(data)
        if end > cut:
            break
        length = after
    return length


async def test_aof_cut_anywhere(starter: Starter) -> None:
    whole = b"".join(data for data, _ in UNITS)
    for cut in (*range(1, len(whole), 3), len(whole)):
        write_aof(starter.directory, whole[:cut])
        expected = pushes_before(cut)
        async with starter.serving(appendonly=True) as server:
            assert await call(server, "LLEN", "l") == b":%d\r\n" % expected, cut
            assert await call(server, "RPUSH", "l", "more") == b":%d\r\n" % (expected + 1)
        async with starter.serving(appendonly=True) as server:
            assert await call(server, "LLEN", "l") == b":%d\r\n" % (expected + 1), cut


async def test_aof_cut_at_any_byte_where_that_is_not_allowed(starter: Starter) -> None:
    whole = b"".join(data for data, _ in UNITS)
    ends = {0}
    for data, _ in UNITS:
        ends.add(max(ends) + len(data))
    for cut in range(1, len(whole)):
        write_aof(starter.directory, whole[:cut])
        if cut in ends:
            async with starter.serving(appendonly=True, aof_load_truncated=False) as server:
                assert await call(server, "LLEN", "l") == b":%d\r\n" % pushes_before(cut), cut
        else:
            with pytest.raises(StartError):
                async with starter.serving(appendonly=True, aof_load_truncated=False):
                    pass
            assert (starter.directory / INCREMENT).read_bytes() == whole[:cut]


@pytest.mark.parametrize("checksum", [True, False])
async def test_rdb_file_cut_anywhere(starter: Starter, checksum: bool) -> None:
    async with starter.serving(rdbchecksum=checksum) as server, peer(server) as client:
        for command in small_commands(seed=3, streams=False):
            assert not (await client.call(*command)).startswith(b"-")
        assert await client.call("SAVE") == b"+OK\r\n"
    path = starter.directory / "dump.rdb"
    whole = path.read_bytes()
    cuts = sorted(
        {*random.Random(1).sample(range(len(whole)), 150), *range(30), *range(len(whole) - 20, len(whole))}
    )
    for cut in cuts:
        path.write_bytes(whole[:cut])
        with pytest.raises(StartError):
            async with starter.serving():
                pytest.fail(f"served {cut} bytes of {len(whole)}")
        assert path.read_bytes() == whole[:cut]
