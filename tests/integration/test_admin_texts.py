"""What our administrative commands print and do, beside what redis-cli's do in the same situation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.support.cluster_programs import HAS_REDIS_CLI
from tests.support.nodes import program
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_9_1
from tests.support.twins import Twins, twins

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli on this machine"),
]

NOBODY = "127.0.0.1:1"
TO_1 = ("--cluster-to", "#1", "--cluster-yes")


@pytest.fixture(scope="module", params=[REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def servers(request: pytest.FixtureRequest) -> Iterator[Twins]:
    real = program(request.param)
    # DEBUG compares the values of keys.
    with twins(real, real, 5, "--enable-debug-command", "yes") as found:
        yield found


@pytest.fixture
def pair(servers: Twins) -> Twins:
    servers.reset()
    return servers


def test_every_command_reads_as_redis_cli(pair: Twins) -> None:
    assert pair.same("create", "@0", "@1").code == 1
    assert pair.same("create", "@0", "127.0.0.1").code == 1
    assert pair.same("create", "@0", "@1", "@2", stdin="yes").code == 0
    assert pair.same("create", "@0", "@1", "@2", "--cluster-yes").code == 1
    assert pair.same("add-node", "@3", "@0").code == 0
    assert pair.same("add-node", "@3", "@0").code == 1
    assert pair.same("add-node", "@4", "@0", "--cluster-slave", "--cluster-master-id", "#1").code == 0
    assert pair.same("check", "@0").code == 0
    assert pair.same("check", "127.0.0.1").code == 1
    assert pair.same("info", "@3").code == 0
    assert pair.same("rebalance", "@0").code == 0
    words = ("--cluster-from", "#1,#2", "--cluster-to", "#0", "--cluster-slots", "11")
    assert pair.same("reshard", "@0", *words, "--cluster-yes").code == 0
    words = ("--cluster-from", "all", "--cluster-to", "#4", "--cluster-slots", "5")
    assert pair.same("reshard", "@0", *words).code == 1
    weights = ("--cluster-weight", "#0=1.001", "#1=0.999", "--cluster-threshold", "0.01")
    assert pair.same("rebalance", "@0", *weights, "--cluster-simulate").code == 0
    assert pair.same("rebalance", "@0", "--cluster-weight", "x=1").code == 1
    assert pair.same("call", "@0", "ECHO", "hello").code == 0
    assert pair.same("call", "@0", "NOSUCH", "--cluster-only-replicas").code == 0
    assert pair.same("set-timeout", "@0", "99").code == 1
    assert pair.same("set-timeout", "@0", "4000").code == 0
    assert pair.same("import", "@0").code == 1
    assert pair.same("import", "@0", "--cluster-from", "@1").code == 1
    assert pair.same("del-node", "@0", "#1").code == 1
    assert pair.same("del-node", "@0", "nobody").code == 1
    assert pair.same("del-node", "@0", "#3").code == 0


def test_what_makes_no_sense_reads_so(pair: Twins) -> None:
    senseless: Sequence[tuple[str, ...]] = (
        ("create", "@0"),
        ("create", "@0", "@1", "@2", "--cluster-replicas", "1"),
        ("create", "@0", "@1", NOBODY),
        ("check", NOBODY),
        ("add-node", "@3", "nowhere"),
        ("import", "@0", "--cluster-from", "nowhere"),
    )
    for words in senseless:
        assert pair.same(*words).code == 1
    assert pair.same("fix", "@0", stdin="no").code == 1
    assert pair.same("reshard", "@0").code == 1
    pair.form(3, replicas=[(3, 0)])
    refused: Sequence[tuple[str, ...]] = (
        ("add-node", NOBODY, "@0"),
        ("add-node", "@4", NOBODY),
        ("add-node", "@0", "@4"),
        ("add-node", "@4", "@0", "--cluster-slave", "--cluster-master-id", "nobody"),
        ("reshard", "@0", "--cluster-from", "#1", "--cluster-slots", "3", *TO_1),
        ("reshard", "@0", "--cluster-from", "#3", "--cluster-slots", "3", *TO_1),
        ("reshard", "@0", "--cluster-from", "", "--cluster-slots", "3", *TO_1),
        ("import", "@0", "--cluster-from", NOBODY),
    )
    for words in refused:
        assert pair.same(*words).code == 1


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ("0\n-1\nabc\n99999\n5\n#1\n#0\nnobody", 1),
        ("5\n#1\ndone", 1),
        ("5\n#1\nall\nno", 1),
        ("5\n#1\nall\nYES", 1),
        ("5\n#3", 1),
        ("5\n\n#1\n#1\n#3", 1),
        ("5\n#1\n#0\n#2\ndone\nyes", 0),
        ("17\n#1\nall\nyes", 0),
    ],
)
def test_answers_to_questions(pair: Twins, answers: str, code: int) -> None:
    pair.form(3, replicas=[(3, 0)])
    pair.put(0, 0, 3)
    assert pair.same("reshard", "@0", stdin=answers).code == code


def test_open_slots_read_as_with_redis_cli(pair: Twins) -> None:
    pair.form(3)
    states = (
        (0, "#1", (1,), "Case 1"),  # and then it is node 1 that has the slot
        (1, None, (2,), "Case 2"),
        (1, "#2", (), "Case 4"),
        (1, "#2", (0, 2), "Case 3"),  # then node 2
        (2, "#1", (0,), "Case 1"),  # then node 0, though another one was meant
    )
    for owner, migrates_to, importing, case in states:
        for number in importing:
            pair.both(number, "CLUSTER", "SETSLOT", "1", "IMPORTING", f"#{owner}")
        if migrates_to is not None:
            pair.both(owner, "CLUSTER", "SETSLOT", "1", "MIGRATING", migrates_to)
        assert pair.same("check", "@0", any_order=True).code == 1
        fixed = pair.same("fix", "@0", any_order=True)
        assert (fixed.code, f">>> {case}: " in fixed.out) == (0, True)
        assert pair.same("check", "@0").code == 0


def test_a_move_that_was_cut_is_finished(pair: Twins) -> None:
    pair.form(3)
    pair.put(0, 0, 25)
    pair.both(1, "CLUSTER", "SETSLOT", 0, "IMPORTING", "#0")
    pair.put(1, 0, 3)
    pair.put(1, 1200 + 5461)
    pair.both(0, "CLUSTER", "SETSLOT", 0, "MIGRATING", "#1")
    for words in (
        ("reshard", "@0", "--cluster-from", "#0", "--cluster-slots", "3", *TO_1),
        ("rebalance", "@0"),
    ):
        assert pair.same(*words).code == 1
    fixed = pair.same("fix", "@2", "--cluster-pipeline", "7", any_order=True)
    assert (fixed.code, "*** Replacing target keys..." in fixed.out) == (0, True)
    assert pair.same("check", "@2", "--cluster-search-multiple-owners").code == 0


def test_other_values_are_replaced_only_if_told(pair: Twins) -> None:
    pair.form(3)
    pair.put(0, 0, 3)
    pair.both(1, "CLUSTER", "SETSLOT", 0, "IMPORTING", "#0")
    pair.put(1, 0, 2, "another")
    pair.both(0, "CLUSTER", "SETSLOT", 0, "MIGRATING", "#1")
    assert "having different values" in pair.same("fix", "@0", any_order=True).out
    assert pair.same("fix", "@0", "--cluster-replace").code == 0
    assert pair.same("check", "@0").code == 0


def test_slots_without_owner(pair: Twins) -> None:
    pair.form(3)
    pair.put(0, 1, 2)
    pair.uncover(3, 1)
    assert pair.same("check", "@0").code == 1
    assert pair.same("fix", "@0", stdin="no").code == 1
    fixed = pair.same("fix", "@0", stdin="yes")
    assert (fixed.code, ">>> Covering slot 1 with" in fixed.out) == (0, True)
    assert pair.same("check", "@0", "--cluster-search-multiple-owners").code == 0


def test_nodes_that_cannot_be_reached(pair: Twins) -> None:
    pair.form(3, replicas=[(3, 1)])
    pair.kill(3)
    for name in ("check", "info", "fix", "rebalance"):
        assert pair.same(name, "@0").code == 0
    assert pair.same("call", "@0", "PING").code == 0
    assert pair.same("del-node", "@0", "#3").code == 1
    assert pair.same("reshard", "@0", "--cluster-from", "#0", "--cluster-slots", "2", *TO_1).code == 0
    pair.kill(2)
    assert pair.same("info", "@0", any_order=True).code == 0
    words = ("--cluster-from", "#0", "--cluster-slots", "2", *TO_1)
    assert pair.same("reshard", "@0", *words, any_order=True).code == 1
    assert pair.same("add-node", "@4", "@0", any_order=True).code == 1
    for name in ("check", "rebalance", "fix"):
        assert pair.same(name, "@0", any_order=True).code == 1
    forced = ("fix", "@0", "--cluster-fix-with-unreachable-masters")
    assert pair.same(*forced, stdin="no", any_order=True).code == 1
