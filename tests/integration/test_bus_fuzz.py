"""Nonsense at the bus port: it costs whoever sends it the link, and nobody else anything."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
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
CONNECTIONS = 50
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


class Attacker:
    """One connection after another, each for as long as the node bears it."""

    def __init__(self, port: int, source: Iterator[bytes]) -> None:
        self._port = port
        self._source = source
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        # Leaves at once, without a port in TIME_WAIT.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.setblocking(False)
        return link

    def send(self) -> None:
        """Send one string. What was left of the last one is little, so the buffer has room."""
        with contextlib.suppress(ConnectionError):
            self._socket.send(next(self._source))

    def look(self) -> None:
        """Take what came back; connect anew if that was the end of the link."""
        try:
            while self._socket.recv(1 << 16):
                pass
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self.close()
        self._socket = self._connect()

    def close(self) -> None:
        self._socket.close()


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

        attackers = [Attacker(target.port + 10000, strings(node_id, seed)) for seed in range(CONNECTIONS)]
        deadline = time.monotonic() + LIMIT_S
        for number in range(STRINGS // CONNECTIONS):
            assert time.monotonic() < deadline
            for attacker in attackers:
                attacker.send()
            # Whoever answers this has also read, or will within the same turn, what was sent before.
            assert client.call("SET", "key", "value") == b"+OK\r\n"
            for attacker in attackers:
                attacker.look()
            if number % 100 == 0:
                nodes = parse_nodes(observer.call("CLUSTER", "NODES").decode().partition("\r\n")[2].rstrip())
                assert not any("fail" in view.flags for view in nodes.values())
        for attacker in attackers:
            attacker.close()

        assert client.call("GET", "key") == b"$5\r\nvalue\r\n"
        assert b"cluster_state:ok" in client.call("CLUSTER", "INFO")
        # A damaged PING may be a good MEET; who does not answer is forgotten after the node timeout.
        deadline = time.monotonic() + 20
        while b"cluster_known_nodes:2\r\n" not in client.call("CLUSTER", "INFO"):
            assert time.monotonic() < deadline, client.call("CLUSTER", "NODES")
            time.sleep(0.02)
        assert resident_bytes(target) - before < 32 << 20
        log = (target.directory / "server.log").read_text()
        assert "Traceback" not in log
        assert log.count("Dropped a link of the Cluster bus") > STRINGS // 10
