"""Two clusters of the same shape: what is done to one in one way, and to the other in another way.

twins.form(3)
twins.same("reshard", "@0", "--cluster-from", "#1", "--cluster-to", "#0", "--cluster-slots", "11")

What is printed, the exit code, and what becomes of the clusters have to be the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from pyredis_cluster.protocol.slots import key_slot
from tests.support.administration import Printed, Spares, ours, spares, theirs
from tests.support.cluster_programs import SLOTS, is_ok, until, views
from tests.support.servers import Program

Run = Callable[..., Printed]
LIMIT_S = 20.0


@contextmanager
def twins(
    left: Program, right: Program, count: int, *options: str, runs: tuple[Run, Run] = (ours, theirs)
) -> Iterator[Twins]:
    """Two sets of so many empty servers; commands are run on each with its one of `runs`."""
    with spares(left, count, *options) as one, spares(right, count, *options) as other:
        yield Twins(one, other, runs)


class Twins:
    """`left` is what is tested, `right` how it ought to be."""

    def __init__(self, left: Spares, right: Spares, runs: tuple[Run, Run]) -> None:
        self.left, self.right = left, right
        self._runs = runs
        self._down: set[int] = set()

    @property
    def _both(self) -> tuple[Spares, Spares]:
        return self.left, self.right

    def same(self, *words: str, stdin: str = "", any_order: bool = False, settles: bool = True) -> Printed:
        """Run a command on both, `@3` being address and `#3` id of node 3. Raises AssertionError.

        With `any_order` the order of lines does not count: nodes come in that of the server's hash table.
        Without `settles` the clusters need not become the same: what is chosen at random differs.
        """
        results = []
        for run, cluster in zip(self._runs, self._both, strict=True):
            code, out, err = run(*[_fill(cluster, word) for word in words], stdin=_fill(cluster, stdin))
            texts = [cluster.plain(text) for text in (out, err)]
            if any_order:
                texts = ["".join(sorted(text.splitlines(keepends=True))) for text in texts]
            results.append(Printed(code, *texts))
        assert results[0] == results[1], _difference(words, *results)
        if settles:
            self.settle()
        return results[0]

    def settle(self) -> None:
        """Wait until the nodes of each cluster agree; then both are the same. Raises AssertionError."""
        for cluster in self._both:
            until(lambda cluster=cluster: self._agrees(cluster), limit_s=LIMIT_S)  # type: ignore[misc]
        try:
            until(lambda: self._shape(self.left) == self._shape(self.right), limit_s=LIMIT_S)
        except AssertionError:
            assert self._shape(self.left) == self._shape(self.right)

    def both(self, number: int, *words: str | int) -> None:
        """Have node `number` of both clusters say OK."""
        for cluster in self._both:
            cluster.call(number, *[_fill(cluster, word) if isinstance(word, str) else word for word in words])

    def reset(self) -> None:
        """Make all nodes empty ones that know nobody, with new ids."""
        for number in tuple(self._down):
            self.restart(number)
        for cluster in self._both:
            for server in cluster.servers:
                with server.connect() as client:
                    # A replica takes no FLUSHALL, a primary with keys no RESET.
                    for words in (("CLUSTER", "RESET", "HARD"), ("FLUSHALL",), ("CLUSTER", "RESET", "HARD")):
                        client.call(*words)
            cluster.forget_ids()

    def form(self, primaries: int, *, replicas: Iterable[tuple[int, int]] = ()) -> None:
        """Make a cluster of the first nodes, with a share of the slots each; replicas are (node, primary)."""
        replicas = tuple(replicas)
        members = [*range(primaries), *(replica for replica, _ in replicas)]
        for number in range(primaries):
            first, last = SLOTS * number // primaries, SLOTS * (number + 1) // primaries - 1
            self.both(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            self.both(number, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for number in members[1:]:
            for cluster in self._both:
                cluster.call(number, "CLUSTER", "MEET", "127.0.0.1", cluster.servers[0].port)
        for cluster in self._both:
            until(lambda cluster=cluster: _is_formed(cluster, members), limit_s=LIMIT_S)  # type: ignore[misc]
        for replica, primary in replicas:
            self.both(replica, "CLUSTER", "REPLICATE", f"#{primary}")
        self.settle()

    def put(self, number: int, slot: int, count: int = 1, value: str = "v") -> None:
        """Have a node that serves or imports a slot hold keys of it, the same each time."""
        for cluster in self._both:
            with cluster.servers[number].connect() as client:
                for n in range(count):
                    assert client.call("ASKING") == b"+OK\r\n"
                    assert client.call("SET", f"{{{_tag(slot)}}}:{n}", value) == b"+OK\r\n"

    def put_beside(self, number: int, slot: int, owner: int, count: int = 1, value: str = "v") -> None:
        """Have a node hold keys of a slot that is another one's."""
        self.both(number, "CLUSTER", "SETSLOT", slot, "IMPORTING", f"#{owner}")
        self.put(number, slot, count, value)
        self.both(number, "CLUSTER", "SETSLOT", slot, "STABLE")

    def uncover(self, primaries: int, *slots: int) -> None:
        """Have nobody own some slots, and wait until all nodes know it."""
        for number in range(primaries):
            for slot in slots:
                self.both(number, "CLUSTER", "DELSLOTS", slot)
        for cluster in self._both:
            until(lambda cluster=cluster: not any(map(is_ok, cluster.servers[:primaries])))  # type: ignore[misc]

    def kill(self, number: int) -> None:
        """Kill a node of each, as by kill -9."""
        for cluster in self._both:
            cluster.servers[number].kill()
        self._down.add(number)

    def restart(self, number: int) -> None:
        """Start a killed node again."""
        for cluster in self._both:
            cluster.servers[number].restart()
        self._down.discard(number)

    def _agrees(self, cluster: Spares) -> bool:
        """Whether those that know others all say the same of them."""
        seen = [_closed(view) for _, view in self._views(cluster) if len(view) > 1]
        return "handshake" not in str(seen) and all(view == seen[0] for view in seen)

    def _views(self, cluster: Spares) -> list[tuple[int, dict[str, str]]]:
        """What each node that runs says of each: role, state and slots."""
        return [
            (
                number,
                {
                    node_id: f"{','.join(sorted(view.flags))} {view.primary} {' '.join(view.slots)}"
                    for node_id, view in views(server).items()
                },
            )
            for number, server in enumerate(cluster.servers)
            if number not in self._down
        ]

    def _shape(self, cluster: Spares) -> list[tuple[int, list[str], bool, bytes]]:
        """By node: what it says of the cluster, whether it serves, how many keys it has."""
        shape = []
        for number, view in self._views(cluster):
            text = cluster.plain("\n".join([f"{node_id} {seen}" for node_id, seen in view.items()]))
            with cluster.servers[number].connect() as client:
                size = client.call("DBSIZE")
            shape.append((number, sorted(text.splitlines()), is_ok(cluster.servers[number]), size))
        return shape


def _closed(view: dict[str, str]) -> dict[str, str]:
    """Without open slots, which are shown by the node itself only."""
    return {
        node_id: " ".join([word for word in text.split(" ") if not word.startswith("[")]).rstrip()
        for node_id, text in view.items()
    }


def _is_formed(cluster: Spares, members: list[int]) -> bool:
    """Whether all know all, and serve."""
    servers = [cluster.servers[number] for number in members]
    return all(
        len(seen := views(server)) == len(members)
        and not any("handshake" in view.flags for view in seen.values())
        and is_ok(server)
        for server in servers
    )


def _fill(cluster: Spares, text: str) -> str:
    for number in range(len(cluster.servers)):
        text = text.replace(f"@{number}", cluster.address(number))
        if f"#{number}" in text:
            text = text.replace(f"#{number}", cluster.node_id(number))
    return text


def _difference(words: Sequence[str], one: Printed, other: Printed) -> str:
    """What differs, the other one's lines marked with -."""
    lines = [f"{' '.join(words)}: exit codes {one.code} and {other.code}"]
    for new, old in ((one.out, other.out), (one.err, other.err)):
        lines += difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    return "\n".join(lines)


@cache
def _tag(slot: int) -> str:
    """A key of that slot."""
    return next(f"t{n}" for n in range(10**6) if key_slot(f"t{n}".encode()) == slot)
