"""Nobody is served while files are loaded, nor afterwards where they could not be loaded to their end."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log, write_nowhere
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from tests.support.inloop import TestServer, make_config, peer, until
from tests.support.ports import free_port, release_port
from tests.support.wire import ConnectionClosedError, encode

pytestmark = pytest.mark.slow

KEYS = 3000
LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"


def aof(directory: Path, tail: bytes) -> None:
    """A directory as a server leaves it, with `tail` behind the writes."""
    parts = directory / "appendonlydir"
    parts.mkdir()
    writes = b"".join(encode(["SET", f"key:{n}", "x" * 100]) for n in range(KEYS))
    (parts / "appendonly.aof.1.incr.aof").write_bytes(writes + tail)
    (parts / "appendonly.aof.manifest").write_bytes(b"file appendonly.aof.1.incr.aof seq 1 type i\n")


async def ask_until_closed(port: int, replies: Counter[bytes]) -> None:
    """Ask again and again, as fast as the loop turns, until all is loaded or nothing listens."""
    while True:
        try:
            async with peer(port) as client:
                while True:
                    reply = await client.call("INCR", "asked")
                    replies[reply] += 1
                    if reply == b":1\r\n":
                        return
        except (OSError, ConnectionClosedError):
            if replies:
                return
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "tail", [b"", b"*1\r\n$7\r\nNO-SUCH\r\n", b"garbage"], ids=["good", "unknown", "bad"]
)
async def test_nobody_is_served_a_part_of_the_data(tmp_path: Path, tail: bytes) -> None:
    aof(tmp_path, tail)
    loop = asyncio.get_running_loop()
    port = free_port()
    network = Network(loop)
    config = make_config(port, dir=str(tmp_path), appendonly=True, appendfsync="always")
    config.set_many([(b"loading-process-events-interval-bytes", b"4096")])
    server = TestServer(config, loop, network=network, log=Log(SystemClock(), write_nowhere))
    replies: Counter[bytes] = Counter()
    asking = asyncio.ensure_future(ask_until_closed(port, replies))
    try:
        if tail:
            with pytest.raises(StartError):
                await server.start()
        else:
            await server.start()
        await asyncio.wait_for(asking, 10)
        written = (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").read_bytes()
    finally:
        if not server.stopped.is_set():
            server.shutdown(save=False, now=True, force=True)
        await until(lambda: not server.clients.connections)
        network.close()
        release_port(port)
    assert replies.pop(LOADING) > 5
    assert replies == ({} if tail else {b":1\r\n": 1})
    assert (encode(["INCR", "asked"]) in written) == (not tail)
