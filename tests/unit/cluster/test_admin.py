"""What administrators do, and what CLUSTER subcommands show of it."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.cron import tick_interval_ms
from pyredis_cluster.cluster.ready import SlotsReleased, StateChanged, StopFollowing
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.settings import EndpointType
from pyredis_cluster.protocol.errors import CommandError
from tests.unit.cluster.bench import A, B, Bench, C, D


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("ip", "port", "bus_port"),
    [
        ("localhost", 7001, 17001),
        ("127.0.0.1%lo", 7001, 17001),
        ("127.0.0.1", 0, 17001),
        ("127.0.0.1", 65536, 17001),
        ("127.0.0.1", 7001, 75001),
        ("127.0.0.1", 7001, -1),
    ],
)
def test_meet_takes_addresses_alone(bench: Bench, ip: str, port: int, bus_port: int) -> None:
    assert not bench.core.meet(ip, port, bus_port, bench.now_ms)
    assert len(bench.state.nodes) == 1


def test_meet_normalises_the_address_and_starts_one_handshake(bench: Bench) -> None:
    for ip in ("0:0:0:0:0:0:0:1", "::1"):
        assert bench.core.meet(ip, 7001, 17001, bench.now_ms)
    assert [node.ip for node in bench.state.nodes.values()] == ["", "::1"]


def test_forget(bench: Bench) -> None:
    bench.peer(A, slots=[5])
    bench.peer(B, primary=A)
    bench.peer(C)
    bench.state.nodes[A].failure_reports[bench.state.nodes[C]] = bench.now_ms
    bench.state.open_slot(9, bench.state.importing_from, bench.state.nodes[C])
    bench.state.open_slot(8, bench.state.migrating_to, bench.state.nodes[C])
    with pytest.raises(CommandError, match=f"ERR Unknown node {D}"):
        bench.core.forget(D, bench.now_ms)
    with pytest.raises(CommandError, match="can't forget myself"):
        bench.core.forget(bench.core.my_id, bench.now_ms)
    for node_id in (C, A):
        bench.core.forget(node_id, bench.now_ms)
        bench.core.forget(node_id, bench.now_ms)
        bench.state.check()
    ready = bench.ready()
    assert SlotsReleased((5,)) in ready.events
    assert len(ready.disconnects) == 2
    assert bench.state.nodes[B].primary is None
    assert not bench.state.importing_from
    assert not bench.state.migrating_to


def test_a_replica_cannot_forget_its_primary_but_be_reset(bench: Bench) -> None:
    primary = bench.peer(A, slots=[1])
    become_replica_of(bench.state, primary)
    assert bench.core.is_replica
    with pytest.raises(CommandError, match="Can't forget my master!"):
        bench.core.forget(A, bench.now_ms)
    assert "myself,slave" in bench.core.nodes_text()
    bench.ready()
    bench.core.reset(bench.now_ms, hard=False)
    assert StopFollowing() in bench.ready().events
    assert "myself,master" in bench.core.nodes_text()
    bench.state.check()


def test_a_replica_may_change_its_primary(bench: Bench) -> None:
    first, second = bench.peer(A), bench.peer(B)
    become_replica_of(bench.state, first)
    become_replica_of(bench.state, second)
    assert first.replicas == []
    assert second.replicas == [bench.state.myself]
    bench.state.check()


def test_slots_are_added_and_deleted_all_or_none(bench: Bench) -> None:
    core = bench.core
    core.add_slots([(0, 5), (9, 9)], bench.now_ms)
    assert "connected 0-5 9\n" in core.nodes_text()
    for ranges, reason in (
        ([(7, 7), (5, 5)], "ERR Slot 5 is already busy"),
        ([(7, 8), (8, 8)], "ERR Slot 8 specified multiple times"),
    ):
        with pytest.raises(CommandError, match=reason):
            core.add_slots(ranges, bench.now_ms)
    with pytest.raises(CommandError, match="ERR Slot 6 is already unassigned"):
        core.delete_slots([(5, 6)], bench.now_ms)
    assert bench.state.myself.slot_count == 7
    core.delete_slots([(1, 2)], bench.now_ms)
    assert SlotsReleased((1, 2)) in bench.ready().events
    assert bench.ready().events == []
    core.flush_slots(bench.now_ms)
    assert bench.state.myself.slot_count == 0
    bench.state.check()


def test_adding_a_slot_ends_its_import(bench: Bench) -> None:
    bench.state.open_slot(3, bench.state.importing_from, bench.peer(A))
    bench.core.add_slots([(3, 3)], bench.now_ms)
    assert bench.state.importing_from == {}


def test_config_epochs_are_set_on_fresh_nodes_alone(bench: Bench) -> None:
    for epoch, reason in ((-1, "Invalid config epoch specified: -1"),):
        with pytest.raises(CommandError, match=reason):
            bench.core.set_config_epoch(epoch, bench.now_ms)
    bench.core.set_config_epoch(7, bench.now_ms)
    assert (bench.state.current_epoch, bench.state.myself.config_epoch) == (7, 7)
    with pytest.raises(CommandError, match="already non-zero"):
        bench.core.set_config_epoch(8, bench.now_ms)
    bench.peer(A)
    with pytest.raises(CommandError, match="does not know any other node"):
        bench.core.set_config_epoch(8, bench.now_ms)


def test_failure_reports_and_replicas_of_unknown_nodes(bench: Bench) -> None:
    for ask in (bench.core.replicas_reply, lambda node_id: bench.core.failure_reports(node_id, bench.now_ms)):
        with pytest.raises(CommandError, match=f"ERR Unknown node {D}"):
            ask(D)
    bench.peer(A)
    bench.peer(B, primary=A)
    with pytest.raises(CommandError, match="The specified node is not a master"):
        bench.core.replicas_reply(B)
    assert bench.core.replicas_reply(A) == [
        f"{B} 127.0.0.1:7001@17001 slave {A} 0 0 0 connected".encode(),
    ]


def test_full_coverage_makes_the_state_ok_and_the_slots_served() -> None:
    bench = Bench(writable_delay_ms=0)
    bench.core.add_slots([(0, 16382)], bench.now_ms)
    assert not bench.ready().events
    bench.now_ms += 5000
    bench.core.add_slots([(16383, 16383)], bench.now_ms)
    assert not bench.core.served[0]
    assert bench.ready().events == [StateChanged(True)]
    assert bench.core.ok
    assert sum(bench.core.served) == 16384
    bench.state.open_slot(4, bench.state.migrating_to, bench.peer(A))
    assert bench.core.served[4] == 0
    bench.state.refresh_all_served()
    bench.state.check()
    bench.state.close_all_slots()
    assert bench.core.served[4] == 1
    bench.core.delete_slots([(5, 5)], bench.now_ms)
    assert bench.core.served[5] == 0
    assert StateChanged(False) in bench.ready().events
    assert not any(bench.core.served)


def test_full_coverage_can_be_waived() -> None:
    bench = Bench(writable_delay_ms=0, require_full_coverage=False)
    bench.core.add_slots([(1, 1)], bench.now_ms)
    bench.ready()
    bench.advance(5000)
    assert [slot for slot, served in enumerate(bench.core.served) if served] == [1]


def test_info_counts_slots_by_the_state_of_their_owner(bench: Bench) -> None:
    for node_id, flags in ((A, 0), (B, wire.PFAIL), (C, wire.FAIL)):
        bench.peer(node_id, slots=[ord(node_id[0])]).flags |= flags
    info = dict(line.split(":") for line in bench.core.info_text().split())
    assert info == {
        "cluster_state": "fail",
        "cluster_slots_assigned": "3",
        "cluster_slots_ok": "1",
        "cluster_slots_pfail": "1",
        "cluster_slots_fail": "1",
        "cluster_known_nodes": "4",
        "cluster_size": "1",
        "cluster_current_epoch": "0",
        "cluster_my_epoch": "0",
        "cluster_stats_messages_sent": "0",
        "cluster_stats_messages_received": "0",
        "total_cluster_links_buffer_limit_exceeded": "0",
    }


def test_slots_and_shards(bench: Bench) -> None:
    bench.core.add_slots([(0, 2), (6, 6)], bench.now_ms)
    bench.state.myself.ip = "127.0.0.1"
    primary = bench.peer(A, slots=[3, 4])
    replica, loading, down = (bench.peer(node_id, primary=A) for node_id in (B, C, D))
    replica.repl_offset = down.repl_offset = 10
    down.flags |= wire.FAIL
    primary.hostname = "a.example"
    primary.tls_port = 7301
    me = bench.core.my_id.encode()
    expected_primary = [b"127.0.0.1", 7001, A.encode(), {b"hostname": b"a.example"}]
    assert bench.core.slots_reply() == [
        [0, 2, [b"127.0.0.1", 7000, me, {}]],
        [3, 4, expected_primary, [b"127.0.0.1", 7001, B.encode(), {}]],
        [6, 6, [b"127.0.0.1", 7000, me, {}]],
    ]
    bench.settings.preferred_endpoint_type = EndpointType.HOSTNAME
    assert bench.core.slots_reply()[0][2] == [b"?", 7000, me, {b"ip": b"127.0.0.1"}]  # type: ignore[index]
    assert bench.core.slots_reply()[1][2] == [b"a.example", 7001, A.encode(), {b"ip": b"127.0.0.1"}]  # type: ignore[index]
    bench.settings.preferred_endpoint_type = EndpointType.UNKNOWN
    assert bench.core.slots_reply(tls=True)[1][2] == [  # type: ignore[index]
        None,
        7301,
        A.encode(),
        {b"ip": b"127.0.0.1", b"hostname": b"a.example"},
    ]
    for node in (replica, loading, down):
        bench.state.join_shard(node, primary.shard_id)
    bench.offset = 77
    mine, other = bench.core.shards_reply()
    assert mine == {
        b"slots": [0, 2, 6, 6],
        b"nodes": [
            {
                b"id": me,
                b"port": 7000,
                b"ip": b"127.0.0.1",
                b"endpoint": b"",
                b"role": b"master",
                b"replication-offset": 77,
                b"health": b"online",
            }
        ],
    }
    assert isinstance(other, dict)
    members = other[b"nodes"]
    assert isinstance(members, list)
    assert other[b"slots"] == [3, 4]
    assert [(m[b"role"], m[b"health"]) for m in members] == [  # type: ignore[index,call-overload]
        (b"master", b"online"),
        (b"replica", b"online"),
        (b"replica", b"loading"),
        (b"replica", b"fail"),
    ]
    assert members[0][b"tls-port"] == 7301  # type: ignore[index,call-overload]
    assert members[0][b"hostname"] == b"a.example"  # type: ignore[index,call-overload]


def test_links_are_those_of_known_nodes(bench: Bench) -> None:
    node = bench.peer(A)
    inbound = bench.core.accept_link("127.0.0.1", "127.0.0.1", bench.now_ms)
    assert [link.inbound for link in bench.core.links()] == [False]
    bench.state.adopt_inbound_link(node, bench.state.links[inbound])
    assert [(link.inbound, link.node_id, link.created_ms) for link in bench.core.links()] == [
        (False, A, bench.now_ms),
        (True, A, bench.now_ms),
    ]


@pytest.mark.parametrize(
    ("node_timeout_ms", "expected_ms"), [(15000, 100), (500, 100), (200, 40), (50, 10), (0, 10)]
)
def test_short_node_timeouts_tick_faster(node_timeout_ms: int, expected_ms: int) -> None:
    assert tick_interval_ms(node_timeout_ms) == expected_ms
    assert Bench(node_timeout_ms=node_timeout_ms).core.tick_interval_ms == expected_ms


def test_known_ids_are_vouched_for(bench: Bench) -> None:
    assert bench.core.knows(bench.core.my_id)
    assert not bench.core.knows(A)
