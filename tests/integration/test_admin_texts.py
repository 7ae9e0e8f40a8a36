"""What our administrative commands print, beside what redis-cli prints in the same situation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.administration import Printed, Spares, ours, spares, theirs
from tests.support.cluster_programs import HAS_REDIS_CLI, is_ok, until, views
from tests.support.nodes import program
from tests.support.servers import REDIS_7_0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli on this machine"),
]


class Pair:
    """Two clusters of the same shape, one of which our commands are for, the other for redis-cli's."""

    def __init__(self, left: Spares, right: Spares) -> None:
        self.left, self.right = left, right

    def same(self, *words: str, stdin: str = "", any_order: bool = False) -> Printed:
        """Run a command on both, `@3` being address and `#3` id of node 3. Raises AssertionError.

        With `any_order` the order of lines does not count: nodes come in that of the server's hash table.
        """
        results = []
        for run, cluster in ((ours, self.left), (theirs, self.right)):
            code, out, err = run(*[_fill(cluster, word) for word in words], stdin=_fill(cluster, stdin))
            shown = cluster.plain(out)
            if any_order:
                shown = "".join(sorted(shown.splitlines(keepends=True)))
            results.append(Printed(code, shown, cluster.plain(err)))
        assert results[0].out == results[1].out
        assert results[0] == results[1]
        self.wait()
        return results[0]

    def wait(self) -> None:
        """Wait until all nodes of each cluster know of what was done."""
        for cluster in (self.left, self.right):
            until(lambda cluster=cluster: _agrees(cluster))  # type: ignore[misc]

    def both(self, number: int, *words: str) -> None:
        """Have node `number` of both clusters say OK."""
        for cluster in (self.left, self.right):
            cluster.call(number, *[_fill(cluster, word) for word in words])


def _fill(cluster: Spares, text: str) -> str:
    for number in range(len(cluster.servers)):
        text = text.replace(f"@{number}", cluster.address(number))
        if f"#{number}" in text:
            text = text.replace(f"#{number}", cluster.node_id(number))
    return text


def _agrees(cluster: Spares) -> bool:
    """Whether those that know others all say the same of them, and serve."""
    seen = [
        {
            # Open slots are shown by the node itself only.
            node_id: view._replace(slots=tuple(word for word in view.slots if not word.startswith("[")))
            for node_id, view in views(server).items()
        }
        for server in cluster.servers
    ]
    used = [(server, view) for server, view in zip(cluster.servers, seen, strict=True) if len(view) > 1]
    return all(view == used[0][1] and is_ok(server) for server, view in used)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with spares(program(REDIS_7_0), 5) as left, spares(program(REDIS_7_0), 5) as right:
        yield Pair(left, right)


def test_every_command_reads_as_redis_cli(pair: Pair) -> None:
    assert pair.same("create", "@0", "@1").code == 1
    assert pair.same("create", "@0", "127.0.0.1").code == 1
    assert pair.same("create", "@0", "@1", "@2", stdin="yes\n").code == 0
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
    assert (
        pair.same("reshard", "@0", "--cluster-from", "all", "--cluster-to", "#4", "--cluster-slots", "5").code
        == 1
    )
    weights = (
        "--cluster-weight",
        "#0=1.001",
        "#1=0.999",
        "--cluster-threshold",
        "0.01",
        "--cluster-simulate",
    )
    assert pair.same("rebalance", "@0", *weights).code == 0
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


def test_open_slots_read_as_with_redis_cli(pair: Pair) -> None:
    pair.same("create", "@0", "@1", "@2", "--cluster-yes")
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
