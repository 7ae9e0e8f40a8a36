from __future__ import annotations

from dataclasses import replace

import pytest

from pyredis_cluster.admin.errors import AdminError, ReplyError
from pyredis_cluster.admin.executing import Executor
from pyredis_cluster.admin.link import Reply
from pyredis_cluster.admin.moving import MoveOptions, SlotMover
from pyredis_cluster.admin.steps import CloseSlot, ForgetSlot, Say, TakeSlot, Tone
from tests.unit.admin.fakes import FakeCluster, cluster_nodes
from tests.unit.admin.nodes import node

ONE, TWO = "1" * 40, "2" * 40
SERVED: Reply = [[0, 100, [b"127.0.0.1", 7001, ONE.encode()]]]


class Moving:
    """Slot 5 with two keys, of the first of three primaries."""

    def __init__(self, **options: bool) -> None:
        self.one, self.two = node(1, [5]), node(2, [6])
        self.fake = FakeCluster([self.one, self.two, node(3, [7]), node(4, follows=self.one)])
        self.source = self.fake.links[self.one]
        self.source.replies["CLUSTER GETKEYSINSLOT"] = [[b"a", b"b"], []]
        self.source.replies["CLUSTER SLOTS"] = [SERVED]
        self.mover = SlotMover(self.fake.environment, self.fake.live, MoveOptions(**options))

    def move(self) -> int:
        return self.mover.move(self.one, self.two, 5)

    @property
    def migrations(self) -> list[str]:
        return [text for text in self.fake.sent if "MIGRATE" in text]


def test_a_slot_is_never_without_owner_and_all_primaries_hear_of_the_new_one() -> None:
    moving = Moving()
    assert moving.move() == 2
    assert moving.fake.sent == [
        f"7002 CLUSTER SETSLOT 5 IMPORTING {ONE}",
        f"7001 CLUSTER SETSLOT 5 MIGRATING {TWO}",
        "7001 CLUSTER GETKEYSINSLOT 5 10",
        "7001 MIGRATE 127.0.0.1 7002  0 60000 KEYS a b",
        "7001 CLUSTER GETKEYSINSLOT 5 10",
        f"7002 CLUSTER SETSLOT 5 NODE {TWO}",
        f"7001 CLUSTER SETSLOT 5 NODE {TWO}",
        f"7003 CLUSTER SETSLOT 5 NODE {TWO}",
    ]
    assert moving.fake.console.text == "Moving slot 5 from 127.0.0.1:7001 to 127.0.0.1:7002: ..\n"
    assert (moving.one.slots, moving.two.slots) == (set(), {5, 6})


@pytest.mark.parametrize(
    "refusal",
    ["ERR Please use SETSLOT only with masters.", "UNBLOCKED force unblock from blocking operation"],
)
def test_who_lost_the_last_slot_may_be_a_replica_by_now(refusal: str) -> None:
    moving = Moving()
    moving.source.refuses(f"CLUSTER SETSLOT 5 NODE {TWO}", refusal)
    heard = cluster_nodes(moving.one, [replace(moving.one, slots=set()), replace(moving.two, slots={5, 6})])
    moving.source.replies["CLUSTER NODES"].append(heard.encode())
    assert moving.move() == 2
    assert moving.fake.slept_s == pytest.approx(0.1)


def test_the_connection_to_who_lost_the_last_slot_may_be_closed() -> None:
    moving = Moving()
    moving.source.replies[f"CLUSTER SETSLOT 5 NODE {TWO}"] = [b"CLOSE"]
    heard = cluster_nodes(moving.one, [replace(moving.one, slots=set()), replace(moving.two, slots={5, 6})])
    moving.source.replies["CLUSTER NODES"] = [heard.encode()]
    assert moving.move() == 2


def test_who_refuses_the_news_and_does_not_hear_it_either_ends_the_move() -> None:
    moving = Moving()
    moving.source.refuses("CLUSTER SETSLOT 5 NODE", "ERR Unknown node")
    with pytest.raises(ReplyError, match=r"Node 127.0.0.1:7001 replied with error:\nERR Unknown node"):
        moving.move()
    assert moving.one.slots == {5}
    assert moving.fake.slept_s > 1


def test_keys_that_are_there_already_with_the_same_value_are_replaced() -> None:
    moving = Moving()
    moving.source.refuses("MIGRATE", "BUSYKEY Target key name already exists.")
    digests: list[Reply] = [b"1" * 40, b"2" * 40]
    moving.source.replies["DEBUG DIGEST-VALUE"] = [digests]
    moving.fake.links[moving.two].replies["DEBUG DIGEST-VALUE"] = [[b"1" * 40, b"0" * 40]]
    moving.move()
    assert moving.migrations == [
        "7001 MIGRATE 127.0.0.1 7002  0 60000 KEYS a b",
        "7001 MIGRATE 127.0.0.1 7002  0 60000 REPLACE KEYS a b",
    ]


def test_keys_that_are_there_with_another_value_are_not() -> None:
    moving = Moving()
    moving.source.refuses("MIGRATE", "BUSYKEY Target key name already exists.")
    moving.source.replies["DEBUG DIGEST-VALUE"] = [[b"1" * 40, b"2" * 40]]
    moving.fake.links[moving.two].replies["DEBUG DIGEST-VALUE"] = [[b"1" * 40, b"3" * 40]]
    with pytest.raises(AdminError) as caught:
        moving.move()
    assert "*** Found 1 key(s) in both source node and target node" in str(caught.value)
    assert "    - b\n" in str(caught.value)
    assert len(moving.migrations) == 1
    assert not [text for text in moving.fake.sent if "NODE" in text]


def test_keys_whose_values_cannot_be_compared_are_not() -> None:
    moving = Moving()
    moving.source.refuses("MIGRATE", "BUSYKEY Target key name already exists.")
    moving.source.refuses("DEBUG", "ERR DEBUG command not allowed.")
    with pytest.raises(ReplyError, match="DEBUG command not allowed"):
        moving.move()
    assert "*** Value check failed!" in moving.fake.console.text


def test_they_are_if_so_told() -> None:
    moving = Moving(replaces=True)
    moving.source.refuses("MIGRATE", "BUSYKEY Target key name already exists.")
    moving.move()
    assert len(moving.migrations) == 2
    assert not [text for text in moving.fake.sent if "DEBUG" in text]


@pytest.mark.parametrize("fixes", [False, True])
def test_a_slot_that_nobody_serves_is_tried_again(fixes: bool) -> None:
    moving = Moving(fixes=fixes)
    moving.source.refuses("MIGRATE", "CLUSTERDOWN Hash slot not served")
    moving.source.replies["CLUSTER SLOTS"] = [[]]
    assert moving.mover.move_keys(moving.one, moving.two, 5) == 2
    assert len(moving.migrations) == 2
    assert (f"7001 CLUSTER SETSLOT 5 NODE {TWO}" in moving.fake.sent) is fixes


def test_what_migrate_fails_for_else_ends_the_move() -> None:
    moving = Moving()
    moving.source.refuses("MIGRATE", "IOERR error or timeout writing to target instance")
    with pytest.raises(ReplyError, match="IOERR"):
        moving.move()


def test_an_owner_is_made_in_one_transaction() -> None:
    moving = Moving()
    executor = Executor(moving.fake.environment, moving.fake.live, MoveOptions())
    moving.source.replies["EXEC"] = [
        [ReplyError("", "ERR Slot 9 is already unassigned"), b"OK", b"OK", b"OK"]
    ]
    executor.run([Say(Tone.INFO, "hello"), TakeSlot(moving.one, 9, closes=True)])
    assert [text.partition(" ")[2] for text in moving.fake.sent] == [
        "MULTI",
        "CLUSTER DELSLOTS 9",
        "CLUSTER ADDSLOTS 9",
        "CLUSTER SETSLOT 9 STABLE",
        "CLUSTER BUMPEPOCH",
        "EXEC",
    ]
    assert 9 in moving.one.slots
    assert moving.fake.console.text == "hello\n"


def test_an_owner_that_refuses_is_none() -> None:
    moving = Moving()
    executor = Executor(moving.fake.environment, moving.fake.live, MoveOptions())
    moving.source.replies["EXEC"] = [[b"OK", ReplyError("", "ERR Slot 9 is already busy"), b"OK"]]
    with pytest.raises(ReplyError, match="already busy"):
        executor.run([TakeSlot(moving.one, 9)])
    assert 9 not in moving.one.slots


def test_forgetting_an_owner_that_a_node_does_not_know() -> None:
    moving = Moving()
    executor = Executor(moving.fake.environment, moving.fake.live, MoveOptions())
    moving.source.refuses("CLUSTER DELSLOTS", "ERR Slot 5 is already unassigned")
    executor.run([ForgetSlot(moving.one, 5)])
    assert moving.one.slots == set()
    moving.source.refuses("CLUSTER SETSLOT 5 STABLE", "ERR no")
    with pytest.raises(ReplyError):
        executor.run([CloseSlot(moving.one, 5)])
