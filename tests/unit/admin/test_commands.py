"""Whole commands, on nodes that answer as told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyredis_cluster.admin.create import create
from pyredis_cluster.admin.errors import (
    AdminError,
    DeclinedError,
    NotANodeError,
    ReplyError,
    UnreachableError,
    UsageError,
)
from pyredis_cluster.admin.everywhere import as_json, call, raw_text, set_timeout
from pyredis_cluster.admin.inspecting import check, fix
from pyredis_cluster.admin.joining import meet_words, wait_until_joined
from pyredis_cluster.admin.membership import add_node, del_node
from pyredis_cluster.admin.moving import MoveOptions
from pyredis_cluster.admin.rebalance import RebalanceRequest, rebalance
from pyredis_cluster.admin.reshard import ReshardRequest, reshard
from pyredis_cluster.admin.topology import Node
from tests.unit.admin.fakes import FakeCluster
from tests.unit.admin.nodes import node


def three() -> list[Node]:
    return [node(1, range(5461)), node(2, range(5461, 10923)), node(3, range(10923, 16384))]


def test_check_of_a_cluster_that_is_well() -> None:
    nodes = three()
    fake = FakeCluster([*nodes, node(4, follows=nodes[0])])
    outcome = check(fake.environment, nodes[0].address, searches_owners=False)
    assert outcome.ok
    assert fake.console.text == (
        "127.0.0.1:7001 (11111111...) -> 7 keys | 5461 slots | 1 slaves.\n"
        "127.0.0.1:7002 (22222222...) -> 7 keys | 5462 slots | 0 slaves.\n"
        "127.0.0.1:7003 (33333333...) -> 7 keys | 5461 slots | 0 slaves.\n"
        "[OK] 21 keys in 3 masters.\n"
        "0.00 keys per slot on average.\n"
        ">>> Performing Cluster Check (using node 127.0.0.1:7001)\n"
        f"M: {'1' * 40} 127.0.0.1:7001\n   slots:[0-5460] (5461 slots) master\n   1 additional replica(s)\n"
        f"M: {'2' * 40} 127.0.0.1:7002\n   slots:[5461-10922] (5462 slots) master\n"
        f"M: {'3' * 40} 127.0.0.1:7003\n   slots:[10923-16383] (5461 slots) master\n"
        f"S: {'4' * 40} 127.0.0.1:7004\n   slots: (0 slots) slave\n   replicates {'1' * 40}\n"
        "[OK] All nodes agree about slots configuration.\n"
        ">>> Check for open slots...\n"
        ">>> Check slots coverage...\n"
        "[OK] All 16384 slots covered.\n"
    )
    assert [text for text in fake.sent if text.endswith("closed")] == [f"700{n} closed" for n in (1, 2, 3, 4)]


def test_check_says_all_that_is_wrong() -> None:
    nodes = three()
    nodes[0].migrating[3] = nodes[1].node_id
    nodes[1].slots.discard(10922)
    fake = FakeCluster(nodes)
    fake.show(nodes[2], nodes[1:])
    outcome = check(fake.environment, nodes[0].address, searches_owners=False)
    assert not outcome.ok
    assert outcome.details["errors"] == [
        "[ERR] Nodes don't agree about configuration!",
        "[WARNING] Node 127.0.0.1:7001 has slots in migrating state 3.",
        "[ERR] Not all 16384 slots are covered by nodes.",
    ]
    assert (outcome.details["open_slots"], outcome.details["uncovered_slots"]) == ([3], "[10922]")


def test_nodes_that_cannot_be_asked_are_left_out_and_counted() -> None:
    nodes = three()
    fake = FakeCluster(nodes)
    lost = replace(node(5, range(16380, 16384)), flags=("master", "fail"))
    missing = node(6)
    stranger = replace(node(7, follows=node(8)), flags=("slave", "noaddr"))
    for each in nodes:
        fake.show(each, [*nodes, lost, missing, stranger])
    outcome = check(fake.environment, nodes[0].address, searches_owners=False)
    assert outcome.ok
    assert outcome.details["unreachable_masters"] == 2
    assert fake.console.complaints == [
        f"Could not connect to Redis at 127.0.0.1:700{number}: Connection refused" for number in (5, 6, 7)
    ]


@pytest.mark.slow
def test_fix_does_not_touch_a_cluster_that_lacks_primaries_unless_forced() -> None:
    nodes = three()
    fake = FakeCluster(nodes[:2], "yes")
    fake.show(nodes[0], nodes)
    fake.show(nodes[1], nodes)
    options = MoveOptions(fixes=True)
    with pytest.raises(AdminError, match="with 1 unreachable masters is dangerous"):
        fix(fake.environment, nodes[0].address, options, searches_owners=False, forces=False)
    assert not [text for text in fake.sent if "ADDSLOTS" in text]
    outcome = fix(fake.environment, nodes[0].address, options, searches_owners=False, forces=True)
    assert outcome.ok
    assert len([text for text in fake.sent if "ADDSLOTS" in text]) == 5461


def test_fix_leaves_slots_uncovered_unless_told_yes() -> None:
    nodes = three()
    nodes[2].slots.discard(16383)
    fake = FakeCluster(nodes, "no")
    outcome = fix(fake.environment, nodes[0].address, MoveOptions(), searches_owners=False, forces=False)
    assert not outcome.ok
    assert not [text for text in fake.sent if "ADDSLOTS" in text]
    assert fake.console.text.endswith(
        "The following uncovered slots have no keys across the cluster:\n[16383]\n"
        "Fix these slots by covering with a random node? (type 'yes' to accept): "
    )


def test_a_server_that_is_no_cluster_node() -> None:
    nodes = three()
    fake = FakeCluster(nodes)
    fake.links[nodes[0]].replies["INFO"] = [b"cluster_enabled:0\r\n"]
    with pytest.raises(
        NotANodeError, match=r"^\[ERR\] Node 127.0.0.1:7001 is not configured as a cluster node.$"
    ):
        check(fake.environment, nodes[0].address, searches_owners=False)


def test_reshard_asks_for_what_it_was_not_told() -> None:
    nodes = three()
    fake = FakeCluster(nodes, "x", "0", "2", "", "1" * 40, "1" * 40, "2" * 40, "done", "yes")
    for each in nodes:
        fake.links[each].replies["CLUSTER GETKEYSINSLOT"] = [[]]
    outcome = reshard(fake.environment, nodes[0].address, ReshardRequest(), MoveOptions())
    one, two = "1" * 40, "2" * 40
    assert outcome.details["moved"] == [{"slot": slot, "from": two, "to": one} for slot in (5461, 5462)]
    asked = fake.console.text.partition("slots covered.\n")[2]
    question = "How many slots do you want to move (from 1 to 16384)? "
    assert asked.startswith(
        f"{question * 3}What is the receiving node ID? What is the receiving node ID? "
        "Please enter all the source node IDs.\n"
        "  Type 'all' to use all the nodes as source nodes for the hash slots.\n"
        "  Type 'done' once you entered all the source nodes IDs.\n"
        "Source node #1: *** It is not possible to use the target node as source node.\n"
        "Source node #1: Source node #2: \nReady to move 2 slots.\n  Source nodes:\n"
        f"    M: {two} 127.0.0.1:7002\n       slots:[5461-10922] (5462 slots) master\n"
        f"  Destination node:\n    M: {one} 127.0.0.1:7001\n       slots:[0-5460] (5461 slots) master\n"
        f"  Resharding plan:\n    Moving slot 5461 from {two}\n    Moving slot 5462 from {two}\n"
        "Do you want to proceed with the proposed reshard plan (yes/no)? "
    )


@pytest.mark.parametrize(
    ("request_", "answers", "error", "text"),
    [
        (ReshardRequest(), (), UsageError, "no more answers"),
        (ReshardRequest(5, "1" * 40, ("all",)), ("no",), DeclinedError, "^$"),
        (ReshardRequest(5, "9" * 40, ("all",)), (), AdminError, "is not known or not a master"),
        (ReshardRequest(5, "4" * 40, ("all",)), (), AdminError, "is not known or not a master"),
        (ReshardRequest(5, "1" * 40, ("2" * 40, "nobody")), (), AdminError, r"node \(nobody\) is not known"),
        (ReshardRequest(5, "1" * 40, ("1" * 40, "")), (), UsageError, "No source nodes given"),
    ],
)
def test_reshards_that_move_nothing(
    request_: ReshardRequest, answers: tuple[str, ...], error: type[AdminError], text: str
) -> None:
    nodes = three()
    fake = FakeCluster([*nodes, node(4, follows=nodes[0])], *answers)
    with pytest.raises(error, match=text):
        reshard(fake.environment, nodes[0].address, request_, MoveOptions())
    assert not [text for text in fake.sent if "SETSLOT" in text]


def test_nothing_is_moved_in_a_cluster_that_is_not_well() -> None:
    nodes = three()
    nodes[0].migrating[3] = nodes[1].node_id
    fake = FakeCluster(nodes)
    with pytest.raises(UsageError, match="Please fix your cluster problems before resharding"):
        reshard(fake.environment, nodes[0].address, ReshardRequest(), MoveOptions())
    with pytest.raises(AdminError, match="Please fix your cluster problems before rebalancing"):
        rebalance(fake.environment, nodes[0].address, RebalanceRequest(), MoveOptions())


def test_a_simulated_rebalance_changes_nothing() -> None:
    nodes = [*three(), node(4)]
    fake = FakeCluster(nodes)
    request = RebalanceRequest(uses_empty=True, simulates=True, is_verbose=True)
    outcome = rebalance(fake.environment, nodes[0].address, request, MoveOptions())
    assert not [text for text in fake.sent if "SETSLOT" in text]
    assert ">>> Rebalancing across 4 nodes. Total weight = 4.00\n" in fake.console.text
    assert "127.0.0.1:7004 balance is -4096 slots\n" in fake.console.text
    assert f"Moving 1366 slots from 127.0.0.1:7002 to 127.0.0.1:7004\n{'#' * 1366}\n" in fake.console.text
    assert isinstance(outcome.details["transfers"], list)
    assert len(outcome.details["transfers"]) == 3


def test_primaries_without_slots_are_left_out_of_a_rebalance() -> None:
    nodes = [*three(), node(4)]
    fake = FakeCluster(nodes)
    rebalance(fake.environment, nodes[0].address, RebalanceRequest(), MoveOptions())
    assert fake.console.text.endswith(
        "*** No rebalancing needed! All nodes are within the 2.00% threshold.\n"
    )


@pytest.mark.parametrize(
    ("weight", "text"),
    [("1", "invalid input 1"), ("1=x", "invalid input"), ("1=-1", "invalid"), ("1=inf", "invalid"),
     ("1=nan", "invalid"), ("9=1", "No such master node 9")],
)  # fmt: skip
def test_weights_that_make_no_sense(weight: str, text: str) -> None:
    nodes = three()
    fake = FakeCluster(nodes)
    with pytest.raises(AdminError, match=text):
        rebalance(fake.environment, nodes[0].address, RebalanceRequest(weights=(weight,)), MoveOptions())


def test_a_new_replica_waits_until_it_knows_its_primary() -> None:
    nodes = three()
    new = node(4)
    fake = FakeCluster([*nodes, new])
    for each in nodes:
        fake.show(each, nodes)
    fake.show(new, [new])
    knowing = FakeCluster([*nodes, new]).links[new].replies["CLUSTER NODES"][0]
    fake.links[new].replies["CLUSTER NODES"] *= 3
    fake.links[new].replies["CLUSTER NODES"].append(knowing)
    outcome = add_node(fake.environment, new.address, nodes[0].address, as_replica=True, primary_id="2" * 40)
    assert outcome.ok
    assert fake.slept_s == pytest.approx(0.2)
    assert f"7004 CLUSTER REPLICATE {'2' * 40}" in fake.sent
    assert fake.sent.index("7004 CLUSTER MEET 127.0.0.1 7001") < fake.sent.index(
        f"7004 CLUSTER REPLICATE {'2' * 40}"
    )


def test_a_new_primary_gets_the_functions() -> None:
    nodes = three()
    new = node(4)
    fake = FakeCluster([*nodes, new])
    for each in nodes:
        fake.show(each, nodes)
    fake.show(new, [new])
    fake.links[nodes[0]].replies["FUNCTION DUMP"] = [b"payload"]
    fake.links[new].replies["FUNCTION LIST"] = [[]]
    add_node(fake.environment, new.address, nodes[0].address, as_replica=False)
    assert fake.sent[-7:-4] == [
        "7004 FUNCTION LIST",
        "7004 FUNCTION RESTORE payload",
        "7004 CLUSTER MEET 127.0.0.1 7001",
    ]
    fake.links[new].replies["FUNCTION LIST"] = [[b"mine"]]
    with pytest.raises(AdminError, match="New node already contains functions"):
        add_node(fake.environment, new.address, nodes[0].address, as_replica=False)


@pytest.mark.parametrize(
    ("existing", "problem", "error"),
    [
        (b"# Keyspace\r\ncluster_enabled:1\r\ndb0:keys=1\r\n", b"cluster_known_nodes:1\r\n", NotANodeError),
        (b"cluster_enabled:1\r\n", b"cluster_known_nodes:2\r\n", NotANodeError),
    ],
)
def test_a_node_that_is_not_empty_cannot_join(
    existing: bytes, problem: bytes, error: type[AdminError]
) -> None:
    nodes = three()
    new = node(4)
    fake = FakeCluster([*nodes, new])
    for each in nodes:
        fake.show(each, nodes)
    fake.links[new].replies |= {"INFO": [existing], "CLUSTER INFO": [problem]}
    with pytest.raises(
        error, match=r"\[ERR\] Node 127.0.0.1:7004 is not empty. Either the node already knows"
    ):
        add_node(fake.environment, new.address, nodes[0].address, as_replica=False)


def test_del_node_gives_its_replicas_to_another_primary() -> None:
    nodes = [*three(), node(4)]
    replica = node(5, follows=nodes[3])
    fake = FakeCluster([*nodes, replica])
    assert del_node(fake.environment, nodes[0].address, "4" * 40).ok
    changes = [text for text in fake.sent if "FORGET" in text or "REPLICATE" in text or "RESET" in text]
    assert changes == [
        *[f"700{number} CLUSTER FORGET {'4' * 40}" for number in (1, 2, 3)],
        # The one that leaves has fewest replicas but for this one.
        f"7005 CLUSTER REPLICATE {'1' * 40}",
        f"7005 CLUSTER FORGET {'4' * 40}",
        "7004 CLUSTER RESET SOFT",
    ]


@pytest.mark.parametrize(
    ("node_id", "text"), [("1" * 40, "is not empty! Reshard"), ("9" * 40, "No such node ID 9")]
)
def test_nodes_that_cannot_be_removed(node_id: str, text: str) -> None:
    fake = FakeCluster(three())
    with pytest.raises(AdminError, match=text):
        del_node(fake.environment, next(iter(fake.links)).address, node_id)
    assert not [text for text in fake.sent if "FORGET" in text]


def test_create_is_not_begun_with_a_node_that_is_not_empty() -> None:
    nodes = [node(number) for number in (1, 2, 3)]
    fake = FakeCluster(nodes)
    fake.links[nodes[2]].replies["CLUSTER INFO"] = [b"cluster_known_nodes:3\r\n"]
    addresses = [each.address for each in nodes]
    with pytest.raises(NotANodeError):
        create(fake.environment, addresses, replicas=0, assumes_yes=True)
    with pytest.raises(UnreachableError):
        create(fake.environment, [*addresses[:2], node(9).address], replicas=0, assumes_yes=True)
    assert not [text for text in fake.sent if "ADDSLOTS" in text]


def test_create_asks_first() -> None:
    nodes = [node(number) for number in (1, 2, 3)]
    fake = FakeCluster(nodes, "no")
    assert not create(fake.environment, [each.address for each in nodes], replicas=0, assumes_yes=False).ok
    assert fake.console.text.endswith("Can I set the above configuration? (type 'yes' to accept): ")
    assert not [text for text in fake.sent if "ADDSLOTS" in text]


def test_nodes_that_never_meet_are_told_of_and_given_up() -> None:
    nodes = [node(number, [number]) for number in (1, 2, 3)]
    fake = FakeCluster(nodes)
    nodes[1].is_linked = False
    for each in nodes:
        fake.show(each, nodes if each is nodes[0] else [each])
    with pytest.raises(AdminError, match="did not join in time"):
        wait_until_joined(fake.environment, fake.live, {})
    assert 60 < fake.slept_s < 600
    text = fake.console.text
    assert text.startswith(
        f"Waiting for the cluster to join\n{'.' * 20}\nWarning: 1 node(s) may be unreachable\n"
        " - The port 17002 of node 127.0.0.1 may be unreachable from:\n   127.0.0.1:7001\n"
        "Cluster bus ports must be reachable by every node.\n"
    )


def test_an_unusual_bus_port_is_part_of_meet() -> None:
    one = node(1)
    assert meet_words(one) == ["CLUSTER", "MEET", "127.0.0.1", 7001]
    one.address = one.address._replace(bus_port=9999)
    assert meet_words(one) == ["CLUSTER", "MEET", "127.0.0.1", 7001, 9999]


def test_call_shows_what_each_node_replies() -> None:
    nodes = three()
    replica = node(4, follows=nodes[0])
    fake = FakeCluster([*nodes, replica])
    fake.links[nodes[1]].refuses("PING", "ERR no")
    outcome = call(fake.environment, nodes[0].address, ["PING"], only_primaries=True)
    assert outcome.ok
    assert fake.console.text == (
        ">>> Calling PING\n127.0.0.1:7001: OK\n127.0.0.1:7002: ERR no\n\n127.0.0.1:7003: OK\n"
    )
    fake.links[replica].refuses("PING", "ERR no")
    assert not call(fake.environment, nodes[0].address, ["PING"], only_replicas=True, errors_count=True).ok


def test_a_reply_as_text_and_as_json() -> None:
    reply: list[object] = [b"a", 1, None, [b"\xff", ReplyError("", "ERR x")]]
    assert raw_text(reply) == "a\n1\n\n\\xff\nERR x\n"  # type: ignore[arg-type]
    assert as_json(reply) == ["a", 1, None, ["\\xff", {"error": "ERR x"}]]  # type: ignore[arg-type]


def test_set_timeout_goes_on_where_a_node_refuses() -> None:
    nodes = three()
    fake = FakeCluster(nodes)
    fake.links[nodes[1]].refuses("CONFIG REWRITE", "ERR The server is running without a config file")
    outcome = set_timeout(fake.environment, nodes[0].address, 2000)
    assert (outcome.ok, outcome.details["done"]) == (True, 2)
    assert "ERR setting node-timeout for 127.0.0.1:7002: ERR The server is running" in fake.console.text
    with pytest.raises(UsageError, match="less than 100 milliseconds is a bad idea"):
        set_timeout(fake.environment, nodes[0].address, 99)
