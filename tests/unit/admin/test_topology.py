from __future__ import annotations

import pytest

from pyredis_cluster.admin.describe import backup_text, describe_node, describe_slots
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.topology import Topology, parse_nodes, signature, slot_ranges
from tests.unit.admin.nodes import node

A, B, C = "a" * 40, "b" * 40, "c" * 40
NODES = (
    f"{A} 127.0.0.1:7000@17000 myself,master - 0 1629082981000 1 connected 0-2 5 [5->-{B}] [7-<-{C}]\n"
    f"{B} 127.0.0.1:7001@17001,,shard-id=aa slave {A} 0 1629082982000 1 connected\n"
    f"{C} :0@0 master,fail,noaddr - 1629082982000 1629082981000 3 disconnected 8-16383\n"
)


def test_lines_of_cluster_nodes() -> None:
    first, second, third = parse_nodes(NODES)
    assert (first.node_id, str(first), first.is_myself, first.is_replica) == (
        A,
        "127.0.0.1:7000",
        True,
        False,
    )
    assert (first.slots, first.migrating, first.importing) == ({0, 1, 2, 5}, {5: B}, {7: C})
    assert (second.primary_id, second.is_replica, second.is_lost, second.slots) == (A, True, False, set())
    assert (third.is_lost, third.is_linked, third.config_epoch) == (True, False, 3)


@pytest.mark.parametrize(
    "text", ["x", f"{A} nowhere master - 0 0 1 connected", f"{A} 127.0.0.1:7000@17000 master"]
)
def test_what_is_no_line_of_cluster_nodes(text: str) -> None:
    with pytest.raises(AdminError, match="invalid CLUSTER NODES reply"):
        parse_nodes(text)


def test_nodes_agree_by_their_slots_alone() -> None:
    one = parse_nodes(NODES)
    other = parse_nodes(
        "\n".join(reversed(NODES.replace("myself,", "").replace("0-2 5", "5 0-2").splitlines()))
    )
    assert signature(one) == signature(other)
    assert signature(one) != signature(parse_nodes(NODES.replace("0-2", "0-1")))


def test_ranges() -> None:
    assert slot_ranges([]) == []
    assert slot_ranges([9, 1, 2, 3, 16383]) == [(1, 3), (9, 9), (16383, 16383)]
    assert describe_slots([9, 1, 2, 3]) == "[1-3],[9]"


def test_finding_nodes() -> None:
    one, two = node(1, range(8192)), node(2, range(8192, 16000))
    replica = node(3, follows=one)
    stray = node(4, follows=node(9))
    cluster = Topology([one, two, replica, stray])
    assert cluster.count_replicas() == [stray]
    assert (one.replica_count, two.replica_count) == (1, 0)
    assert cluster.primaries == [one, two]
    assert cluster.with_fewest_replicas() is two
    assert cluster.with_fewest_replicas(other_than=two) is one
    assert cluster.by_id("3" * 40) is replica
    assert cluster.by_abbreviated_id("22") is two
    assert cluster.by_id("22") is None
    assert cluster.uncovered_slots() == list(range(16000, 16384))


def test_a_node_as_redis_cli_shows_it() -> None:
    primary, replica = parse_nodes(NODES)[:2]
    primary.replica_count = 1
    assert describe_node(primary) == (
        f"M: {A} 127.0.0.1:7000\n   slots:[0-2],[5] (4 slots) master\n   1 additional replica(s)"
    )
    assert describe_node(replica, 4) == (
        f"    S: {B} 127.0.0.1:7001\n       slots: (0 slots) slave\n       replicates {A}"
    )
    assert describe_node(replica, will_be_replica=True) == f"S: {B} 127.0.0.1:7001\n   replicates {A}"


def test_nodes_json_of_a_backup() -> None:
    assert backup_text(parse_nodes(NODES)[:1], 2) == (
        "[\n"
        "  {\n"
        f'    "name": "{A}",\n'
        '    "host": "127.0.0.1",\n'
        '    "port": 7000,\n'
        '    "replicate": null,\n'
        '    "slots": [[0,2],[5]],\n'
        '    "slots_count": 4,\n'
        '    "flags": "master",\n'
        '    "current_epoch": 1,\n'
        '    "cluster_errors": 2,\n'
        f'    "migrating": {{"5": "{B}"}},\n'
        f'    "importing": {{"7": "{C}"}}\n'
        "  }\n"
        "]"
    )
