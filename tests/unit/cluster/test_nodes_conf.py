"""nodes.conf: written, loaded, refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.cluster.core import ClusterCore
from pyredis_cluster.cluster.nodes_conf import NodesConfError
from pyredis_cluster.cluster.ready import FollowPrimary
from pyredis_cluster.cluster.settings import ClusterSettings
from tests.unit.cluster.bench import NOW_MS, A, B, Bench, C, D

ME = f"{A} 127.0.0.1:7000@17000,,tls-port=0,shard-id={D} myself,master - 0 0 4 connected"
# As Redis 7.0 writes it, one field for all of the address.
OLD = (
    f"{B} 127.0.0.1:7001@17001 master - 1700000000 1699999999 2 connected 5461-10922\n"
    f"{C} 127.0.0.1:7002@17002,c.example slave {A} 0 1699999998 4 disconnected\n"
    f"{A} 127.0.0.1:7000@17000 myself,master - 0 0 4 connected 0-5460 10923 [93-<-{B}] [77->-{B}]\n"
    "vars currentEpoch 6 lastVoteEpoch 5\n"
)


def load(text: str, **values: object) -> ClusterCore:
    options = ClusterSettings(port=7000)
    for name, value in values.items():
        setattr(options, name, value)
    return ClusterCore(options, random.Random(1), now_ms=NOW_MS, config=text)


def test_a_new_node_saves_its_made_up_id_with_fsync() -> None:
    core = ClusterCore(ClusterSettings(port=7000), random.Random(1), now_ms=NOW_MS)
    ready = core.ready(NOW_MS)
    assert ready.fsync
    assert ready.config == (
        f"{core.my_id} :7000@17000,,tls-port=0,shard-id={core.my_shard_id} myself,master - 0 0 0 connected\n"
        "vars currentEpoch 0 lastVoteEpoch 0\n"
    )
    assert [line.text for line in ready.logs] == [f"No cluster configuration found, I'm {core.my_id}"]
    assert core.ready(NOW_MS).config is None


def test_a_file_of_redis_7_0() -> None:
    core = load(OLD)
    state = core.state
    state.check()
    assert core.my_id == A
    assert (state.current_epoch, state.last_vote_epoch) == (6, 5)
    assert state.nodes[B].ping_sent_ms == state.nodes[B].pong_received_ms == NOW_MS
    assert (state.nodes[B].config_epoch, state.nodes[C].config_epoch) == (2, 0)
    assert state.nodes[C].primary is state.myself
    assert state.nodes[C].shard_id == state.myself.shard_id
    assert state.nodes[C].hostname == "c.example"
    assert state.myself.slot_count == 5462
    assert (state.importing_from, state.migrating_to) == ({93: state.nodes[B]}, {77: state.nodes[B]})
    text = core.config_text()
    assert f"connected 0-5460 10923 [77->-{B}] [93-<-{B}]\n" in text
    assert load(text).config_text() == text


def test_a_replica_follows_its_primary_again() -> None:
    text = OLD.replace("slave", "myself,slave").replace("myself,master", "master")
    core = load(text)
    assert core.is_replica
    ready = core.ready(NOW_MS)
    assert ready.events == []
    core.tick(NOW_MS)
    primary = core.state.myself.primary
    assert primary is not None
    follow = FollowPrimary(primary.node_id, primary.ip, primary.tcp_port)
    assert core.ready(NOW_MS).events == [follow]
    core.tick(NOW_MS + 100)
    assert core.ready(NOW_MS).events == []


def test_auxiliary_fields_and_defaults() -> None:
    core = load(
        f"{ME.replace('shard-id', 'nodename=me,shard-id')}\n"
        f"{B} ::1:7001,b.example,tcp-port=7101,tls-port=7201,shard-id={C} master,fail - 0 0 1 connected\n"
        f"{C} 10.0.0.1:7002 fail?,noflags,noaddr,nofailover,handshake - 0 0 1 connected\n"
        "\n"
        "vars currentEpoch 1 someday 3\n",
        announce_human_nodename="me",
    )
    nodes = core.state.nodes
    assert core.my_shard_id == D
    assert nodes[A].human_nodename == "me"
    assert (nodes[B].ip, nodes[B].tcp_port, nodes[B].tls_port, nodes[B].bus_port) == (
        "::1",
        7001,
        7201,
        17001,
    )
    assert (nodes[B].hostname, nodes[B].shard_id, nodes[B].fail_ms) == ("b.example", C, NOW_MS)
    assert nodes[C].bus_port == 17002
    assert nodes[C].flag_text() == "fail?,handshake,noaddr,nofailover"
    assert core.state.current_epoch == 4
    texts = [line.text for line in core.ready(NOW_MS).logs]
    assert texts == [
        "Skipping unknown cluster config variable 'someday'",
        f"Node configuration loaded, I'm {A}",
    ]


def test_tls_clusters_read_the_port_as_tls() -> None:
    node = load(OLD, tls_cluster=True, tls_port=7000).state.nodes[B]
    assert (node.tcp_port, node.tls_port, node.bus_port) == (0, 7001, 17001)
    text = f"{ME}\n{B} ::1:7001,,tcp-port=7101 master - 0 0 1 connected\n"
    node = load(text, tls_cluster=True, tls_port=7000).state.nodes[B]
    assert (node.tcp_port, node.tls_port) == (7101, 7001)


@pytest.mark.parametrize("primary_first", [True, False])
@pytest.mark.parametrize("shard_of_replica", [D, A])
def test_a_replica_shares_the_shard_of_its_primary(primary_first: bool, shard_of_replica: str) -> None:
    primary = f"{B} ::1:7001@17001,,tls-port=0,shard-id={D} master - 0 0 1 connected"
    replica = f"{C} ::1:7002@17002,,tls-port=0,shard-id={shard_of_replica} slave {B} 0 0 1 connected"
    lines = [primary, replica] if primary_first else [replica, primary]
    state = load("\n".join([ME.replace(D, B), *lines])).state
    state.check()
    assert set(state.shards[D]) == {state.nodes[B], state.nodes[C]}


@pytest.mark.parametrize(
    "line",
    [
        "garbage",
        "vars currentEpoch",
        f"{B} 127.0.0.1:7001@17001 master - 0 0 1",
        f"{B[1:]} 127.0.0.1:7001@17001 master - 0 0 1 connected",
        f"{B} 127.0.0.1 master - 0 0 1 connected",
        f"{B} 127.0.0.1:70010@17001 master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001 boss - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001,,shard-id master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001,,shard-id=a=b master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001,,shard-id=short master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001,,colour=red master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001,,nodename=a*b master - 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001 slave nobody 0 0 1 connected",
        f"{B} 127.0.0.1:7001@17001 master - 0 0 1 connected 16384",
        f"{B} 127.0.0.1:7001@17001 master - 0 0 1 connected 1-16384",
        f"{B} 127.0.0.1:7001@17001 master - 0 0 1 connected x",
        f"{B} 127.0.0.1:7001@17001 master - 0 0 1 connected [5]",
        f"{B} 127.0.0.1:7001@17001 master - 0 0 1 connected [99999-<-{A}]",
    ],
)
def test_a_corrupted_line_is_named_as_redis_names_it(line: str) -> None:
    with pytest.raises(NodesConfError) as caught:
        load(f"{ME}\n\n{line}\nvars currentEpoch 1 lastVoteEpoch 0\n")
    assert str(caught.value) == f'Unrecoverable error: corrupted cluster config file "{line}\n".'


def test_a_file_without_myself_is_refused() -> None:
    with pytest.raises(NodesConfError, match="vars currentEpoch 1"):
        load(f"{B} 127.0.0.1:7001@17001 master - 0 0 1 connected\nvars currentEpoch 1 lastVoteEpoch 0\n")


@pytest.mark.slow
@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_loaded_or_refused(data: st.DataObject) -> None:
    lines = OLD.split("\n")
    index = data.draw(st.integers(0, len(lines) - 1))
    words = lines[index].split(" ")
    word = data.draw(st.integers(0, len(words) - 1))
    words[word] = data.draw(
        st.one_of(st.text(max_size=8), st.sampled_from(["-", "[", "1-", "master", A, B, ",,="]))
    )
    lines[index] = " ".join(words)
    try:
        core = load("\n".join(lines))
    except NodesConfError:
        return
    core.state.check()


def test_what_a_core_saves_it_loads_again() -> None:
    bench = Bench(announce_hostname="me.example", announce_human_nodename="me")
    bench.peer(B, slots=[1, 2, 3, 7], epoch=3)
    replica = bench.peer(C, primary=B)
    bench.state.join_shard(replica, bench.state.nodes[B].shard_id)
    bench.state.current_epoch = 3
    text = bench.core.config_text()
    again = Bench(text, announce_hostname="me.example", announce_human_nodename="me").core.config_text()
    assert again == text.replace(" connected", " disconnected").replace(
        "0 0 disconnected", "0 0 connected", 1
    )
