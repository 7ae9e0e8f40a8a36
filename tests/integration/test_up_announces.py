"""Clients are told addresses at which they reach the nodes: others of the host, ports that are forwarded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from redis.asyncio.cluster import ClusterNode, RedisCluster

from pyredis_cluster.cli.free_ports import first_free
from pyredis_cluster.cli.up_shape import Shape
from tests.support.program import started
from tests.support.servers import our_program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address"),
]

OTHER = "127.0.0.3"
NODES = (
    *("up", "--primaries", "2", "--replicas", "0", "--port", "auto", "--json"),
    *("--bind", "127.0.0.1", "--bind", OTHER),
)


async def use(host: str, port: int) -> set[str]:
    """Names of the nodes that a client finds from one of them, having written to all."""
    client = RedisCluster(startup_nodes=[ClusterNode(host, port)])
    try:
        for number in range(20):
            await client.set(f"key:{number}", number)
        assert [await client.get(f"key:{number}") for number in range(20)] == [b"%d" % n for n in range(20)]
        return {node.name for node in client.get_nodes()}
    finally:
        await client.aclose()


@contextlib.asynccontextmanager
async def forwarded(ports: Sequence[int], to_ports: Sequence[int]) -> AsyncIterator[None]:
    """What a client connects to on `ports` of 127.0.0.1 comes to the other address of this host."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        for port, to_port in zip(ports, to_ports, strict=True):

            async def accept(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to_port: int = to_port
            ) -> None:
                far_reader, far_writer = await asyncio.open_connection(OTHER, to_port)
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

            await stack.enter_async_context(await asyncio.start_server(accept, "127.0.0.1", port))
        yield


async def test_each_is_told_the_address_by_which_it_came(tmp_path: Path) -> None:
    with started(our_program(), *NODES, directory=tmp_path) as process:
        await asyncio.to_thread(process.wait_for, "\n")
        ports = [node["port"] for node in json.loads(process.text())["nodes"]]
        for host in ("127.0.0.1", OTHER):
            assert await use(host, ports[0]) == {f"{host}:{port}" for port in ports}


async def test_those_behind_forwarded_ports_are_told_these(tmp_path: Path) -> None:
    reservation = first_free(Shape(primaries=2, replicas=0, sentinels=0, port=0))
    first = min(reservation.ports)
    options = (*NODES, "--announce", f"127.0.0.1:{first}")
    with contextlib.closing(reservation), started(our_program(), *options, directory=tmp_path) as process:
        await asyncio.to_thread(process.wait_for, "\n")
        ports = [node["port"] for node in json.loads(process.text())["nodes"]]
        assert await use("127.0.0.1", ports[0]) == {f"127.0.0.1:{port}" for port in ports}
        async with forwarded([first, first + 1], ports):
            assert await use("127.0.0.1", first) == {f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}"}
