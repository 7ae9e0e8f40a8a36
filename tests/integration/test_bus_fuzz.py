"""Nonsense at the bus port: it costs whoever sends it the link, and nobody else anything."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.messages import (
    Extensions,
    Failing,
    ForgottenNode,
    Gossip,
    GossipEntry,
    Header,
    ModuleData,
    Published,
    SlotsUpdate,
    encode,
)
from pyredis_cluster.cluster.wire import MessageType
from tests.support.clusters import parse_nodes
from tests.support.servers import RunningServer, our_program, start_server

pytestmark = pytest.mark.slow

STRINGS = 100_000
CONNECTIONS = 8
LIMIT_S = 120
STRANGER = "f" * 40
# No message may make the node connect anywhere: announced addresses are left empty and ports closed.
UNTOUCHED = frozenset(range(2168, 2214)) | frozenset(range(2246, 2250))


def samples(node_id: str) -> list[bytes]:
    entry = GossipEntry(node_id, 1, 2, "", 1, 1, wire.PRIMARY, 0)
    gossip = Gossip((entry,), Extensions("host", "name", (ForgottenNode("e" * 40, 9),), "d" * 40))

    def header(type_: MessageType) -> Header:
        return Header(type_, STRANGER, 1, 1, 0, port=1, bus_port=1, flags=wire.PRIMARY)

    return [
        encode(header(MessageType.PING), gossip),
        encode(header(MessageType.PONG), gossip),
        encode(header(MessageType.FAIL), Failing(node_id)),
        encode(header(MessageType.PUBLISH), Published(b"channel", b"message")),
        encode(header(MessageType.UPDATE), SlotsUpdate(9, node_id, wire.NO_SLOTS)),
        encode(header(MessageType.MODULE), ModuleData(bytes(8), 1, b"payload")),
        encode(header(MessageType.FAILOVER_AUTH_REQUEST)),
        encode(header(MessageType.MFSTART)),
        encode(header(MessageType.PUBLISHSHARD), Published(b"channel", b"message")),
    ]


def strings(node_id: str, seed: int) -> Iterator[bytes]:
    """Random bytes, damaged messages, and messages cut short or drawn out."""
    choose = random.Random(seed)
    whole = samples(node_id)
    while True:
        kind = choose.random()
        if kind < 0.1:
            yield choose.randbytes(choose.randrange(1, 200))
            continue
        data = bytearray(choose.choice(whole))
        for _ in range(choose.randrange(1, 6)):
            offset = choose.choice(
                (choose.randrange(16), choose.randrange(len(data)), choose.randrange(2250, 2256))
            )
            if offset not in UNTOUCHED:
                data[offset] = choose.randrange(256)
        if kind < 0.2:
            data = data[: choose.randrange(1, len(data))] + choose.randbytes(choose.randrange(3))
        yield bytes(data)


async def bombard(port: int, source: Iterator[bytes], count: int) -> None:
    """Send `count` strings, on as many connections as it takes."""
    while count > 0:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            while count > 0 and not reader.at_eof() and not writer.is_closing():
                writer.write(next(source))
                count -= 1
                await writer.drain()
                # Its PONGs, or the end of the link that was due.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1 << 16), 0.0005)
        writer.transport.abort()


def resident_bytes(server: RunningServer) -> int:
    pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_nonsense_at_the_bus_port_harms_nobody() -> None:
    options = ("--cluster-node-timeout", "2000")
    with (
        start_server(our_program(), *options, cluster=True) as target,
        start_server(our_program(), *options, cluster=True) as peer,
        target.connect() as client,
        peer.connect() as observer,
    ):
        assert client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == b"+OK\r\n"
        assert client.call("CLUSTER", "MEET", "127.0.0.1", peer.port) == b"+OK\r\n"
        deadline = time.monotonic() + 20
        while b"cluster_state:ok" not in observer.call("CLUSTER", "INFO"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        node_id = observer.call("CLUSTER", "MYID").split(b"\r\n")[1].decode()
        before = resident_bytes(target)

        async def attack() -> None:
            share = STRINGS // CONNECTIONS
            attackers = [
                asyncio.create_task(bombard(target.port + 10000, strings(node_id, seed), share))
                for seed in range(CONNECTIONS)
            ]
            async with asyncio.timeout(LIMIT_S):
                while not all(task.done() for task in attackers):
                    await asyncio.sleep(0.5)
                    assert client.call("SET", "key", "value") == b"+OK\r\n"
                    nodes = parse_nodes(
                        observer.call("CLUSTER", "NODES").decode().partition("\r\n")[2].rstrip()
                    )
                    assert not any("fail" in view.flags for view in nodes.values())
            for task in attackers:
                task.result()

        asyncio.run(attack())
        assert client.call("GET", "key") == b"$5\r\nvalue\r\n"
        assert b"cluster_state:ok" in client.call("CLUSTER", "INFO")
        assert b"cluster_known_nodes:2\r\n" in client.call("CLUSTER", "INFO")
        assert resident_bytes(target) - before < 32 << 20
        log = (target.directory / "server.log").read_text()
        assert "Traceback" not in log
        assert log.count("Dropped a link of the Cluster bus") > STRINGS // 10
