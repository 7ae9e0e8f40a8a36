"""Cluster nodes of ours in one process: sockets, files, and what commands and clients see."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import hiredis
import pytest
import pytest_asyncio

from pyredis_cluster.cluster.messages import Extensions, Gossip, Header, Published, encode
from pyredis_cluster.cluster.ready import SlotsLost
from pyredis_cluster.cluster.wire import MessageType
from pyredis_cluster.server.cluster import ClusterStartError
from pyredis_cluster.server.cluster_effects import carry_out
from pyredis_cluster.server.listeners import ListenError
from pyredis_cluster.server.network import Network
from tests.support.clusters import LocalNode, until

NodeFactory = Callable[..., Awaitable[LocalNode]]


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[NodeFactory]:
    network = Network(asyncio.get_running_loop())
    nodes: list[LocalNode] = []

    async def make_node(**directives: object) -> LocalNode:
        node = LocalNode(tmp_path, network, **directives)  # type: ignore[arg-type]
        nodes.append(node)
        await node.start()
        return node

    yield make_node
    for node in nodes:
        node.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    network.close()


async def pair(make: NodeFactory, **directives: object) -> tuple[LocalNode, LocalNode]:
    """Two nodes that know each other; the first has slots 0 to 8191."""
    one, two = await make(**directives), await make(**directives)
    assert one.run("CLUSTER ADDSLOTSRANGE 0 8191") == b"OK"
    assert two.run("CLUSTER ADDSLOTSRANGE 8192 16383") == b"OK"
    assert one.run("CLUSTER", "MEET", "127.0.0.1", str(two.port)) == b"OK"
    await until(lambda: one.cluster.core.ok and two.cluster.core.ok)
    await until(lambda: len(one.cluster.core.links()) == len(two.cluster.core.links()) == 2)
    return one, two


def error(reply: Any) -> str:
    assert isinstance(reply, hiredis.ReplyError), reply
    return str(reply)


@pytest.mark.slow
async def test_two_nodes_redirect_publish_and_survive_a_restart(make: NodeFactory, tmp_path: Path) -> None:
    one, two = await pair(make)
    assert one.run("SET {a}x 1") == error_of_moved(two, "{a}x")
    assert two.run("SET {a}x 1") == b"OK"
    assert two.run("CLUSTER COUNTKEYSINSLOT 15495") == 1
    assert two.run("CLUSTER GETKEYSINSLOT 15495 10") == [b"{a}x"]
    node_id = one.run("CLUSTER MYID")
    assert set(two.run("CLUSTER NODES").decode().split()) >= {node_id.decode()}
    listener = two.connect()
    two.server.state.pubsub.subscribe(listener.session, b"news")
    one.run("PUBLISH news hello")
    one.run("PUBLISH news again")
    await until(lambda: len(listener.session.out) == 2)
    assert b"hello" in listener.session.out[0]
    directory_before = sorted(os.listdir(tmp_path))
    assert directory_before == sorted(f"nodes-{node.port}.conf" for node in (one, two))
    assert b"\r\ncluster_connections:2\r\n" in one.run("INFO clients")
    one.server.shutdown(save=False, now=True, force=True)
    again = await make(port=one.port)
    assert again.run("CLUSTER MYID") == node_id
    await until(lambda: again.cluster.core.ok)


def error_of_moved(node: LocalNode, key: str) -> Any:
    slot = node.run("CLUSTER", "KEYSLOT", key)
    return IsError(f"MOVED {slot} 127.0.0.1:{node.port}")


class IsError:
    """Equal to an error reply of that text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, hiredis.ReplyError) and str(other) == self.text

    def __repr__(self) -> str:
        return f"<error {self.text}>"

    __hash__ = None  # type: ignore[assignment]


async def test_subcommands_of_one_node(make: NodeFactory) -> None:
    node = await make()
    run = node.run
    assert run("CLUSTER KEYSLOT {user}name") == 5474
    assert run("CLUSTER ADDSLOTS 1 2 3") == b"OK"
    assert error(run("CLUSTER ADDSLOTS 3 4")) == "ERR Slot 3 is already busy"
    assert error(run("CLUSTER ADDSLOTS 4 x")) == "ERR Invalid or out of range slot"
    assert error(run("CLUSTER DELSLOTS 4")) == "ERR Slot 4 is already unassigned"
    assert (
        error(run("CLUSTER ADDSLOTSRANGE 9 8")) == "ERR start slot number 9 is greater than end slot number 8"
    )
    assert error(run("CLUSTER ADDSLOTSRANGE 9 10 11")) == (
        "ERR wrong number of arguments for 'cluster|addslotsrange' command"
    )
    assert run("CLUSTER ADDSLOTSRANGE 8 9 20 20") == b"OK"
    assert run("CLUSTER DELSLOTSRANGE 8 8") == b"OK"
    assert run("CLUSTER DELSLOTS 9") == b"OK"
    my_id = run("CLUSTER MYID")
    assert run("CLUSTER NODES") == (
        b"%b :%d@%d myself,master - 0 0 0 connected 1-3 20\n" % (my_id, node.port, node.port + 10000)
    )
    assert run("CLUSTER SLOTS") == [
        [1, 3, [b"", node.port, my_id, []]],
        [20, 20, [b"", node.port, my_id, []]],
    ]
    assert len(run("CLUSTER SHARDS")) == 1
    assert len(run("CLUSTER MYSHARDID")) == 40
    assert run("CLUSTER LINKS") == []
    assert run("CLUSTER", "REPLICAS", my_id) == run("CLUSTER", "SLAVES", my_id) == []
    assert run("CLUSTER", "COUNT-FAILURE-REPORTS", my_id) == 0
    assert error(run("CLUSTER", "FORGET", my_id)) == "ERR I tried hard but I can't forget myself..."
    assert error(run("CLUSTER FORGET caf\u00e9")) == "ERR Unknown node caf\u00e9"
    assert run("CLUSTER SET-CONFIG-EPOCH 7") == b"OK"
    assert run("CLUSTER BUMPEPOCH") == b"STILL 7"
    assert error(run("CLUSTER COUNTKEYSINSLOT 16384")) == "ERR Invalid slot"
    assert error(run("CLUSTER GETKEYSINSLOT 1 -1")) == "ERR Invalid slot or number of keys"
    assert run("CLUSTER FLUSHSLOTS") == b"OK"
    assert run("CLUSTER SAVECONFIG") == b"OK"
    assert b"cluster_state:fail\r\n" in run("CLUSTER INFO")
    assert run("CLUSTER RESET hard") == b"OK"
    assert run("CLUSTER MYID") != my_id
    assert run("CLUSTER BUMPEPOCH") == b"BUMPED 1"
    assert error(run("CLUSTER RESET firmly")) == "ERR syntax error"
    assert error(run("CLUSTER RESET hard now")) == (
        "ERR unknown subcommand or wrong number of arguments for 'RESET'. Try CLUSTER HELP."
    )
    assert run("CLUSTER HELP")[0].startswith(b"CLUSTER <subcommand>")


async def test_meet_says_what_is_wrong_with_an_address(make: NodeFactory) -> None:
    run = (await make()).run
    assert error(run("CLUSTER MEET here 7000")) == "ERR Invalid node address specified: here:7000"
    assert error(run("CLUSTER MEET 127.0.0.1 x")) == "ERR Invalid base port specified: x"
    assert error(run("CLUSTER MEET 127.0.0.1 7000 x")) == "ERR Invalid bus port specified: x"
    assert error(run("CLUSTER MEET 127.0.0.1 7000 17000 1")).startswith(
        "ERR unknown subcommand or wrong number"
    )


async def test_keys_stand_in_the_way_of_flushslots_and_reset(make: NodeFactory) -> None:
    node = await make(cluster_require_full_coverage="no")
    assert node.run("CLUSTER ADDSLOTSRANGE 0 16383") == b"OK"
    await until(lambda: node.cluster.core.ok)
    assert node.run("SET a 1") == b"OK"
    assert error(node.run("CLUSTER FLUSHSLOTS")) == "ERR DB must be empty to perform CLUSTER FLUSHSLOTS."
    assert error(node.run("CLUSTER RESET")) == (
        "ERR CLUSTER RESET can't be called with master nodes containing keys"
    )
    assert node.run("CLUSTER DELSLOTS 15495") == b"OK"
    assert error(node.run("GET a")) == "CLUSTERDOWN Hash slot not served"
    carry_out(node.server.state, node.cluster.core, SlotsLost((15495,)))
    assert node.run("CLUSTER COUNTKEYSINSLOT 15495") == 0


async def test_a_node_takes_responsibility_for_the_keys_it_loads(make: NodeFactory) -> None:
    node = await make()
    node.run("CLUSTER ADDSLOTSRANGE 0 16383")
    await until(lambda: node.cluster.core.ok)
    assert node.run("SET a 1") == b"OK"
    assert node.run("SAVE") == b"OK"
    served = await make()
    lines = [line for line in served.lines if "I have keys for unassigned slot" in line]
    assert len(lines) == 1
    assert "unassigned slot 15495. Taking responsibility for it." in lines[0]
    assert served.run("CLUSTER NODES").endswith(b" connected 15495\n")
    assert not served.cluster.bus.is_frozen


async def test_waiting_clients_and_shard_subscribers_leave_with_the_slot(make: NodeFactory) -> None:
    node = await make()
    node.run("CLUSTER ADDSLOTSRANGE 0 16383")
    await until(lambda: node.cluster.core.ok)
    waiting, subscriber = node.connect(), node.connect()
    waiting.send("BLPOP a 0")
    node.server.state.pubsub.ssubscribe(subscriber.session, b"a")
    node.server.state.pubsub.ssubscribe(subscriber.session, b"b")
    node.run("CLUSTER DELSLOTS 15495")
    assert error(waiting.read_all()[0]) in (
        "CLUSTERDOWN Hash slot not served",
        "CLUSTERDOWN The cluster is down",
    )
    assert subscriber.read_all() == [[b"sunsubscribe", b"a", 1]]


async def test_readonly_readwrite_and_asking(make: NodeFactory) -> None:
    node = await make()
    session = node.client.session
    assert node.run("READONLY") == b"OK"
    assert session.is_readonly
    assert node.run("READWRITE") == b"OK"
    assert [session.is_readonly, node.run("ASKING"), session.is_asking] == [False, b"OK", True]
    node.run("PING")
    assert [session.is_asking, session.gate] == [False, 0]


async def test_directives_take_effect_while_running(make: NodeFactory) -> None:
    node = await make()
    node.server.config.set_many(
        [(b"cluster-announce-ip", b"192.0.2.1"), (b"cluster-announce-hostname", b"me")]
    )
    await until(lambda: b" 192.0.2.1:" in node.run("CLUSTER NODES"))
    assert b",me " in node.run("CLUSTER NODES")
    node.server.config.set_many([(b"cluster-node-timeout", b"50")])
    assert node.cluster.core.tick_interval_ms == 10


async def test_a_second_node_on_the_same_file_is_refused(make: NodeFactory) -> None:
    node = await make()
    with pytest.raises(ClusterStartError):
        await make(cluster_config_file=f"nodes-{node.port}.conf")


async def test_a_corrupted_file_stops_the_start(make: NodeFactory, tmp_path: Path) -> None:
    (tmp_path / "bad.conf").write_text("nonsense\n")
    with pytest.raises(ListenError):
        await make(cluster_config_file="bad.conf")


async def test_ports_without_room_for_the_bus_stop_the_start(make: NodeFactory) -> None:
    with pytest.raises(ClusterStartError):
        await make(port=55536)


async def test_a_taken_bus_port_stops_the_start(make: NodeFactory) -> None:
    node = await make()
    with pytest.raises(ListenError):
        await make(cluster_port=node.port + 10000)


@pytest.mark.slow
async def test_a_file_that_cannot_be_saved_ends_the_server(
    make: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await make()

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    assert error(node.run("CLUSTER SAVECONFIG")).startswith(
        "ERR error saving the cluster node config: No space"
    )
    node.run("CLUSTER BUMPEPOCH")
    await asyncio.wait_for(node.server.stopped.wait(), 5)
    assert any("Fatal: can't update cluster config file." in line for line in node.lines)


async def test_nonsense_costs_its_link_and_one_line(make: NodeFactory) -> None:
    node = await make()
    for data in (b"GET / HTTP/1.1\r\n\r\n", encode(Header(MessageType.FAIL, "a" * 40))):
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port + 10000)
        before = len(node.lines)
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        dropped = [line for line in node.lines[before:] if "Dropped a link of the Cluster bus" in line]
        assert len(dropped) == 1
    assert not any("Traceback" in line for line in node.lines)
    assert node.run("PING") == b"PONG"


async def test_a_fault_of_ours_is_logged_and_costs_the_link_alone(
    make: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await make()

    def fail(*args: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(node.cluster.core, "receive", fail)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port + 10000)
    writer.write(encode(Header(MessageType.PING, "a" * 40), Gossip()))
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert any("RuntimeError: a bug" in line for line in node.lines)


@pytest.mark.slow
async def test_a_frozen_node_is_silent_until_it_thaws(make: NodeFactory) -> None:
    one, two = await pair(make, cluster_node_timeout=300)
    one.server.freeze(60_000)
    await until(lambda: "fail?" in two.cluster.core.nodes_text())
    one.server.freezer.thaw()
    await until(lambda: "fail" not in two.cluster.core.nodes_text())


@pytest.mark.slow
async def test_a_peer_that_does_not_read_is_dropped_at_the_limit(make: NodeFactory) -> None:
    one, two = await pair(make, cluster_link_sendbuf_limit=1 << 20)
    two.server.freeze(60_000)
    for _ in range(12):
        one.run("PUBLISH", "ch", bytes(1 << 20))
        await asyncio.sleep(0)
    await until(lambda: "exceeded:0" not in one.cluster.info_text())
    # The rest may have come after the first link was dropped: then it is for the next tick.
    await until(lambda: one.cluster.bus.memory_bytes() < 1 << 22)
    two.server.freezer.thaw()


@pytest.mark.slow
async def test_a_stranger_that_does_not_read_is_not_answered_for_ever(make: NodeFactory) -> None:
    node = await make()
    _, writer = await asyncio.open_connection("127.0.0.1", node.port + 10000)
    ping = encode(Header(MessageType.PING, "a" * 40), Gossip((), Extensions("x" * 60000)))
    for _ in range(30):
        writer.write(ping * 20)
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert node.cluster.bus.memory_bytes() < 1 << 20
    writer.transport.abort()
    assert node.run("PING") == b"PONG"


async def test_published_by_strangers_is_not_delivered(make: NodeFactory) -> None:
    node = await make()
    listener = node.connect()
    node.server.state.pubsub.subscribe(listener.session, b"ch")
    _, writer = await asyncio.open_connection("127.0.0.1", node.port + 10000)
    writer.write(encode(Header(MessageType.PUBLISH, "a" * 40), Published(b"ch", b"x")))
    await until(lambda: node.cluster.core.state.received[MessageType.PUBLISH])
    assert listener.session.out == []
    writer.close()
