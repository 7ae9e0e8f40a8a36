"""Introductions, addresses, roles and hearsay."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.messages import (
    BusProtocolError,
    Extensions,
    ForgottenNode,
    Gossip,
    Header,
    SlotsUpdate,
    Unknown,
    decode,
    encode,
)
from pyredis_cluster.cluster.ready import FollowPrimary
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.wire import NO_SLOTS, MessageType
from tests.unit.cluster.bench import A, B, Bench, C, D, entry, sent, texts, types


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_stranger_that_meets_us_is_met_in_turn(bench: Bench) -> None:
    ready = bench.hear(MessageType.MEET, A, port=7009, bus_port=17009)
    assert types(ready) == [MessageType.PONG]
    assert "IP address for this node updated to 127.0.0.1" in texts(ready)
    [node] = [node for node in bench.state.nodes.values() if node is not bench.state.myself]
    assert node.in_handshake
    assert node.node_id != A
    [connect] = bench.advance(1).connects
    assert (connect.ip, connect.port) == ("127.0.0.1", 17009)
    bench.core.link_connected(connect.link_id, "127.0.0.1", bench.now_ms)
    assert types(bench.ready()) == [MessageType.PING]
    bench.hear(MessageType.PONG, A, link_id=connect.link_id, flags=wire.PRIMARY)
    assert node.node_id == A
    assert node.flag_text() == "master"
    bench.state.check()


@pytest.mark.slow
def test_handshakes_are_one_per_address_and_bounded(bench: Bench) -> None:
    for port in [*range(1, 1010), 5, 6]:
        bench.hear(MessageType.MEET, A, port=port, bus_port=port)
    assert len(bench.state.nodes) == 1001
    link_id = bench.core.accept_link("", "", bench.now_ms)
    bench.core.reset(bench.now_ms, hard=False)
    bench.hear(MessageType.MEET, A, link_id=link_id)
    for _ in range(2):
        bench.hear(MessageType.MEET, A)
    assert len(bench.state.nodes) == 2


def test_a_stranger_that_only_pings_gets_a_pong_and_no_place(bench: Bench) -> None:
    body = Gossip((entry(B, wire.PRIMARY),))
    ready = bench.hear(MessageType.PING, A, body)
    assert types(ready) == [MessageType.PONG]
    bench.hear(MessageType.MEET, A, body)
    assert bench.state.lookup(A) is None
    assert bench.state.lookup(B) is None


def test_an_answer_with_a_bad_id_ends_the_handshake(bench: Bench) -> None:
    assert bench.core.meet("127.0.0.1", 7001, 17001, bench.now_ms)
    [connect] = bench.advance(1).connects
    bench.core.link_connected(connect.link_id, "127.0.0.1", bench.now_ms)
    assert types(bench.ready()) == [MessageType.MEET]
    ready = bench.hear(MessageType.PONG, "A" * 39 + "\n", link_id=connect.link_id)
    assert ready.disconnects == [connect.link_id]
    assert texts(ready) == [f"Handshake with a node of bad id {'A' * 39}\\n refused"]
    assert len(bench.state.nodes) == 1


def test_known_senders_introduce_nodes_by_id(bench: Bench) -> None:
    bench.peer(A)
    flags = wire.PRIMARY | wire.MYSELF | wire.HANDSHAKE | wire.MEET | 1 << 11
    bench.gossip(A, B, flags, ip="10.0.0.7", port=7005, bus_port=17005, secondary_port=7105)
    node = bench.state.nodes[B]
    assert (node.ip, node.tcp_port, node.tls_port, node.bus_port) == ("10.0.0.7", 7005, 7105, 17005)
    assert node.flag_text() == "master"
    bench.gossip(A, C, wire.PRIMARY | wire.NOADDR)
    bench.gossip(A, "X" * 40, wire.PRIMARY)
    assert set(bench.state.nodes) == {bench.core.my_id, A, B}
    bench.state.check()


def test_gossip_spares_pings_but_not_with_times_in_the_future(bench: Bench) -> None:
    bench.peer(A)
    node = bench.peer(B)
    now_s = bench.now_ms // 1000
    bench.gossip(A, B, wire.PRIMARY, pong_received_s=now_s)
    assert node.pong_received_ms == now_s * 1000
    bench.gossip(A, B, wire.PRIMARY, pong_received_s=now_s + 1)
    assert node.pong_received_ms == now_s * 1000
    bench.gossip(A, B, wire.PRIMARY, pong_received_s=now_s - 1)
    assert node.pong_received_ms == now_s * 1000


def test_a_failing_node_is_looked_for_where_others_see_it(bench: Bench) -> None:
    bench.peer(A)
    node = bench.peer(B)
    node.flags |= wire.FAIL | wire.NOADDR
    link = node.link
    assert link is not None
    bench.gossip(A, B, wire.PRIMARY)
    assert node.link is link
    ready = bench.gossip(A, B, wire.PRIMARY, port=7055, bus_port=17055)
    assert link.link_id in ready.disconnects
    assert (node.tcp_port, node.bus_port, node.flags & wire.NOADDR) == (7055, 17055, 0)
    bench.gossip(A, B, wire.PRIMARY, port=7056)
    assert node.tcp_port == 7056
    bench.gossip(A, B, wire.PRIMARY | wire.NOADDR, port=7057)
    assert node.tcp_port == 7056


def test_gossip_about_ourselves_is_ignored(bench: Bench) -> None:
    bench.peer(A)
    bench.gossip(A, bench.core.my_id, wire.PRIMARY | wire.PFAIL)
    assert bench.state.myself.failure_reports == {}


def test_roles_follow_what_a_node_says_of_itself(bench: Bench) -> None:
    primary = bench.peer(A, slots=[1])
    other = bench.peer(B, slots=[2, 3])
    bench.hear(MessageType.PONG, B, primary=A)
    assert other.flag_text() == "slave"
    assert other.primary is primary
    assert other.slot_count == 0
    assert other.shard_id == primary.shard_id
    assert primary.flags & wire.MIGRATE_TO
    bench.hear(MessageType.PONG, B, primary=C)
    assert other.primary is primary
    third = bench.peer(C)
    bench.hear(MessageType.PONG, B, primary=C)
    assert third.replicas == [other]
    assert primary.replicas == []
    assert not primary.flags & wire.MIGRATE_TO
    bench.hear(MessageType.PONG, B)
    assert other.flag_text() == "master"
    assert other.flags & wire.MIGRATE_TO
    assert third.replicas == []
    bench.hear(MessageType.PONG, B, primary=B)
    assert other.replicas == []
    bench.hear(MessageType.PONG, B, primary=A)
    bench.core.forget(B, bench.now_ms)
    assert primary.replicas == []
    bench.state.check()


def test_a_replica_of_an_unknown_primary(bench: Bench) -> None:
    node = bench.peer(A)
    bench.hear(MessageType.PONG, A, primary=D)
    assert node.flag_text() == "slave"
    assert f"{A} 127.0.0.1:7001@17001 slave - " in bench.core.nodes_text()
    bench.hear(MessageType.PONG, A, slots=[4])
    assert bench.state.slots[4] is node


def test_a_node_that_copies_our_id_teaches_nothing(bench: Bench) -> None:
    before = bench.core.config_text()
    ready = bench.hear(MessageType.PING, bench.core.my_id, primary=A, current_epoch=99, slots=[1], port=1)
    assert types(ready) == [MessageType.PONG]
    bench.state.myself.ip = ""
    assert bench.core.config_text() == before
    assert bench.state.current_epoch == 0


def test_pings_from_elsewhere_update_the_address(bench: Bench) -> None:
    node = bench.peer(A)
    link = node.link
    assert link is not None
    ready = bench.hear(MessageType.PING, A, ip="10.1.1.1", port=7002, secondary_port=7102, bus_port=17002)
    assert f"Address updated for node {A} (), now 10.1.1.1:7002" in texts(ready)
    assert ready.disconnects == [link.link_id]
    assert (node.ip, node.tcp_port, node.tls_port, node.bus_port) == ("10.1.1.1", 7002, 7102, 17002)
    # Not from its answers on our own link, nor where the peer's address cannot be told.
    [connect] = bench.advance(1).connects
    bench.core.link_connected(connect.link_id, "10.1.1.1", bench.now_ms)
    bench.hear(MessageType.PING, A, link_id=connect.link_id, ip="10.2.2.2")
    link_id = bench.core.accept_link("", "", bench.now_ms)
    bench.hear(MessageType.PING, A, link_id=link_id, port=1)
    assert node.ip == "10.1.1.1"


def test_tls_clusters_swap_the_ports(bench: Bench) -> None:
    bench = Bench(tls_cluster=True, tls_port=7100)
    assert bench.core.meet("127.0.0.1", 7101, 17101, bench.now_ms)
    assert bench.core.meet("127.0.0.1", 7101, 17101, bench.now_ms)
    assert len(bench.state.nodes) == 2
    bench.peer(A)
    [(_, pong)] = sent(bench.hear(MessageType.PING, A, port=7101, secondary_port=7001))
    assert (pong.header.port, pong.header.secondary_port, pong.header.bus_port) == (7100, 7000, 17100)
    assert (bench.state.nodes[A].tcp_port, bench.state.nodes[A].tls_port) == (7001, 7101)
    bench.peer(B, slots=[1])
    bodies = [message.body for _, message in sent(bench.hear(MessageType.PING, A, port=7101))]
    [gossip] = [body for body in bodies if isinstance(body, Gossip)]
    assert {(each.port, each.secondary_port) for each in gossip.entries if each.node_id == B} <= {(0, 7001)}
    assert ",,tcp-port=7000,shard-id=" in bench.core.config_text()


def test_a_peer_that_answers_with_another_id_loses_its_address(bench: Bench) -> None:
    node = bench.peer(A)
    assert node.link is not None
    ready = bench.hear(MessageType.PONG, B, link_id=node.link.link_id)
    assert node.flag_text() == "master,noaddr"
    assert len(ready.disconnects) == 1
    assert bench.advance(100).connects == []


def test_a_second_inbound_link_replaces_the_first(bench: Bench) -> None:
    node = bench.peer(A)
    first = bench.core.accept_link("127.0.0.1", "127.0.0.1", bench.now_ms)
    bench.hear(MessageType.PONG, A, link_id=first)
    second = bench.core.accept_link("127.0.0.1", "127.0.0.1", bench.now_ms)
    assert bench.hear(MessageType.PONG, A, link_id=second).disconnects == [first]
    assert node.inbound_link is not None
    assert node.inbound_link.link_id == second
    assert bench.hear(MessageType.PING, A, link_id=first).sends == []
    bench.core.link_closed(second, bench.now_ms)
    assert node.inbound_link is None


def test_a_forgotten_node_extension_forgets(bench: Bench) -> None:
    bench.peer(A)
    bench.peer(B)
    body = Gossip((), Extensions("", "", (ForgottenNode(B, 60), ForgottenNode(D, 2**64 - 1)), C))
    bench.hear(MessageType.PING, A, body)
    assert bench.state.lookup(B) is None
    bench.gossip(A, B, wire.PRIMARY)
    assert bench.state.lookup(B) is None
    [(_, pong)] = sent(bench.hear(MessageType.PING, A))
    assert isinstance(pong.body, Gossip)
    assert pong.body.extensions.forgotten == (ForgottenNode(B, 60),)
    bench.now_ms += 61_000
    [(_, pong)] = sent(bench.hear(MessageType.PING, A))
    assert isinstance(pong.body, Gossip)
    assert pong.body.extensions.forgotten == ()
    bench.gossip(A, B, wire.PRIMARY)
    assert bench.state.lookup(B) is not None
    body = Gossip(
        (), Extensions("", "", (ForgottenNode(A, 2**64 - 1), ForgottenNode(bench.core.my_id, 1)), C)
    )
    bench.hear(MessageType.PING, A, body)
    assert set(bench.state.nodes) == {bench.core.my_id, B}
    assert bench.hear(MessageType.PING, B).sends
    bench.state.check()


def test_shard_ids_are_told_or_shared_with_the_primary(bench: Bench) -> None:
    primary = bench.peer(A)
    replica = bench.peer(B, primary=A)
    bench.hear(MessageType.PING, A, Gossip((), Extensions(shard_id=C)))
    assert primary.shard_id == C
    bench.hear(MessageType.PING, B, Gossip((), Extensions()), primary=A)
    assert replica.shard_id == C
    assert bench.state.shards[C] == [primary, replica]
    bench.hear(MessageType.PING, A, Gossip((), Extensions(shard_id="?" * 40, unknown=(7,))))
    assert primary.shard_id == C


def test_as_a_replica_we_follow_our_primary(bench: Bench) -> None:
    primary = bench.peer(A)
    become_replica_of(bench.state, primary)
    bench.ready()
    bench.hear(MessageType.PING, A, Gossip((), Extensions(shard_id=C)))
    assert bench.core.my_shard_id == C
    ready = bench.hear(MessageType.PING, A, port=7077)
    assert ready.events == [FollowPrimary(A, "127.0.0.1", 7077)]
    bench.hear(MessageType.PING, A, Gossip((), Extensions("", "", (ForgottenNode(A, 60),), C)), port=7077)
    assert bench.state.lookup(A) is primary
    assert sent(bench.hear(MessageType.PING, A, port=7077))[0][1].header.primary == A
    # Our primary became a replica itself: follow who it follows.
    grand_primary = bench.peer(B)
    bench.hear(MessageType.PING, A, port=7077, primary=B)
    bench.hear(MessageType.PING, B, slots=[1], config_epoch=1)
    assert bench.state.myself.primary is grand_primary
    become_replica_of(bench.state, primary)
    bench.state.add_replica(bench.state.myself, primary)
    bench.hear(MessageType.PING, B, slots=[1, 2], config_epoch=1)
    assert bench.state.myself.primary is primary


def test_nofailover_is_what_the_node_last_said(bench: Bench) -> None:
    node = bench.peer(A)
    bench.hear(MessageType.PONG, A, flags=wire.PRIMARY | wire.NOFAILOVER)
    assert node.flag_text() == "master,nofailover"
    bench.hear(MessageType.PONG, A, flags=wire.PRIMARY)
    assert node.flag_text() == "master"
    bench.settings.replica_no_failover = True
    bench.core.settings_changed(bench.now_ms)
    assert bench.state.myself.flag_text() == "myself,master,nofailover"


def test_updates_about_unknown_nodes_old_epochs_or_ourselves(bench: Bench) -> None:
    bench.peer(A, epoch=5)
    claim = b"\x01" + NO_SLOTS[1:]
    for node_id, epoch in ((C, 9), (A, 5)):
        bench.hear(MessageType.UPDATE, A, SlotsUpdate(epoch, node_id, claim))
        assert bench.state.slots[0] is None
    ready = bench.hear(MessageType.UPDATE, A, SlotsUpdate(7, bench.core.my_id, claim))
    assert texts(ready) == ["Discarding UPDATE message about myself."]
    assert bench.state.myself.config_epoch == 7
    replica = bench.peer(B, primary=A)
    bench.hear(MessageType.UPDATE, A, SlotsUpdate(6, B, claim))
    assert replica.is_primary
    assert bench.state.slots[0] is replica


def test_a_former_primary_does_not_lend_its_slots_the_epoch_of_its_primary(bench: Bench) -> None:
    bench.peer(A, slots=[5], epoch=3)
    bench.peer(B, slots=[6], epoch=9)
    claim = bytes(wire.SLOT_BITMAP_BYTES)
    bench.hear(MessageType.UPDATE, A, SlotsUpdate(1, B, claim), config_epoch=9, current_epoch=9, primary=B)
    assert bench.state.nodes[A].config_epoch == 3
    assert bench.state.current_epoch == 9
    bench.hear(MessageType.PING, A, config_epoch=9, current_epoch=9, primary=B, flags=wire.REPLICA)
    assert bench.state.nodes[A].config_epoch == 9
    assert bench.state.nodes[A].slot_count == 0


def test_unknown_packets_are_logged_once_each(bench: Bench) -> None:
    bench.peer(A)
    ready = bench.hear(11, A, Unknown(1, 0))  # type: ignore[arg-type]
    assert texts(ready) == ["Received unknown packet type: 11"]
    assert texts(bench.hear(MessageType.PING, A, Unknown(2, 0))) == []


def test_messages_on_links_that_are_gone_are_dropped(bench: Bench) -> None:
    assert bench.hear(MessageType.MEET, A, link_id=77).sends == []
    bench.core.link_connected(77, "127.0.0.1", bench.now_ms)
    bench.core.link_over_limit(77, 1, bench.now_ms)
    assert bench.ready().sends == []


def test_links_over_their_limit_are_dropped(bench: Bench) -> None:
    node = bench.peer(A)
    assert node.link is not None
    bench.core.link_over_limit(node.link.link_id, 4096, bench.now_ms)
    stranger = bench.core.accept_link("127.0.0.1", "127.0.0.1", bench.now_ms)
    bench.core.link_over_limit(stranger, 5, bench.now_ms)
    ready = bench.ready()
    assert len(ready.disconnects) == 2
    what = "due to exceeding send buffer memory limit."
    assert texts(ready) == [
        f"Freeing cluster link(to node {A}, used memory: 4096) {what}",
        f"Freeing cluster link(from node , used memory: 5) {what}",
    ]
    assert "total_cluster_links_buffer_limit_exceeded:2\r\n" in bench.core.info_text()


@pytest.mark.slow
def test_mutated_traffic_of_known_nodes_never_breaks_the_tables() -> None:
    bench = Bench()
    for node_id in (A, B):
        bench.peer(node_id, slots=[ord(node_id[0])])
    bench.peer(C, primary=A)
    choose = random.Random(3)
    entries = tuple(entry(node_id, wire.PRIMARY) for node_id in (A, B, C, D, bench.core.my_id))
    samples = [
        encode(
            Header(type_, sender, flags=1), Gossip(entries, Extensions("h", "n", (ForgottenNode(D, 9),), C))
        )
        for type_ in (MessageType.PING, MessageType.PONG, MessageType.MEET)
        for sender in (A, B, C, D)
    ]
    samples.append(encode(Header(MessageType.UPDATE, A), SlotsUpdate(9, B, NO_SLOTS)))
    link_ids = [bench.core.accept_link("127.0.0.1", "127.0.0.1", bench.now_ms) for _ in range(4)]
    for step in range(1500):
        data = bytearray(choose.choice(samples))
        for _ in range(choose.randrange(1, 6)):
            data[choose.choice([*range(12, 130), *range(2128, len(data))])] = choose.choice([0, 1, 97, 255])
        try:
            message = decode(bytes(data))
        except BusProtocolError:
            continue
        links = [*link_ids, *bench.state.links]
        bench.core.receive(choose.choice(links), message, bench.now_ms)
        for _, sent_bytes in bench.ready().sends:
            decode(sent_bytes)
        if step % 50 == 0:
            bench.advance(choose.choice([10, 100, 600]))
        if step % 500 == 0:
            bench.state.check()
    bench.state.check()
    Bench(bench.core.config_text()).state.check()
