"""Moving one slot from node to node while clients use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, ReplyError
from pyredis_cluster.admin.link import Reply, Word
from pyredis_cluster.admin.live import LiveCluster, ask_nodes
from pyredis_cluster.admin.topology import Node

_NO_VALUE = b"0" * 40
_POLL_S = 0.1
_MOST_POLLS = 30


@dataclass(frozen=True, slots=True)
class MoveOptions:
    """How keys are moved: `pipeline` of them at once; `replaces` overwrites those that the target has too.

    `fixes` also gives a slot that nobody serves to the target.
    """

    timeout_ms: int = 60_000
    pipeline: int = 10
    replaces: bool = False
    fixes: bool = False


class _DifferentValuesError(AdminError):
    """Both nodes have a key, with other values; the line that tells of the slot has been ended."""


class SlotMover:
    """Moves slots of one cluster. Every method raises AdminError, where a node fails or refuses."""

    def __init__(self, environment: Environment, cluster: LiveCluster, options: MoveOptions) -> None:
        self._console = environment.console
        self._sleep = environment.sleep
        self._connect = environment.connect
        self._credentials = environment.credentials
        self._cluster = cluster
        self._options = options

    def move(self, source: Node, target: Node, slot: int, *, quiet: bool = False) -> int:
        """Move a slot with its keys, and tell all primaries; returns how many keys.

        In the order in which nothing is lost whatever happens: the target imports before the source gives
        away, and it knows that the slot is its own before anybody else does.
        """
        self._announce(source, target, slot, quiet)
        self._call(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.node_id)
        self._call(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.node_id)
        count = self._move_keys(source, target, slot, quiet)
        self._call(target, "CLUSTER", "SETSLOT", slot, "NODE", target.node_id)
        self._tell_others(target, slot)
        source.slots.discard(slot)
        target.slots.add(slot)
        source.close(slot)
        target.close(slot)
        return count

    def move_keys(self, source: Node, target: Node, slot: int) -> int:
        """Move the keys of a slot only, whoever has it; returns how many."""
        self._announce(source, target, slot, False)
        return self._move_keys(source, target, slot, False)

    def _announce(self, source: Node, target: Node, slot: int, quiet: bool) -> None:
        if not quiet:
            self._console.write(f"Moving slot {slot} from {source} to {target}: ")

    def _move_keys(self, source: Node, target: Node, slot: int, quiet: bool) -> int:
        count = 0
        is_line_open = not quiet
        try:
            while keys := self._keys(source, slot):
                self._migrate(source, target, slot, keys)
                count += len(keys)
                if not quiet:
                    self._console.write("." * len(keys))
        except _DifferentValuesError:
            is_line_open = False
            raise
        finally:
            if is_line_open:
                self._console.write("\n")
        return count

    def _keys(self, source: Node, slot: int) -> list[bytes]:
        reply = self._call(source, "CLUSTER", "GETKEYSINSLOT", slot, self._options.pipeline)
        return [key for key in reply if isinstance(key, bytes)] if isinstance(reply, list) else []

    def _migrate(self, source: Node, target: Node, slot: int, keys: Sequence[bytes]) -> None:
        """MIGRATE; what the target has already, or what nobody serves, is dealt with once."""
        try:
            self._call(source, *self._migrate_words(target, keys, replaces=False))
        except ReplyError as error:
            if "BUSYKEY" in error.text:
                self._console.warning("\n*** Target key exists")
                if not self._options.replaces:
                    self._require_same_values(source, target, keys)
                self._console.warning("*** Replacing target keys...")
                self._call(source, *self._migrate_words(target, keys, replaces=True))
            elif not self._is_served(source, slot):
                if self._options.fixes:
                    self._console.warning(f"*** Slot was not served, setting owner to node {target}.")
                    self._call(source, "CLUSTER", "SETSLOT", slot, "NODE", target.node_id)
                self._call(source, *self._migrate_words(target, keys, replaces=False))
            else:
                raise

    def _migrate_words(self, target: Node, keys: Sequence[bytes], *, replaces: bool) -> list[Word]:
        return [
            *("MIGRATE", target.address.host, target.address.port, "", 0, self._options.timeout_ms),
            *(("REPLACE",) if replaces else ()),
            *self._credentials.migrate_words(),
            "KEYS",
            *keys,
        ]

    def _require_same_values(self, source: Node, target: Node, keys: Sequence[bytes]) -> None:
        self._console.warning("*** Checking key values on both nodes...")
        try:
            digests = [self._call(node, "DEBUG", "DIGEST-VALUE", *keys) for node in (source, target)]
        except ReplyError:
            self._console.error("*** Value check failed!")
            raise
        here, there = [reply if isinstance(reply, list) else [] for reply in digests]
        different = [
            key
            for key, one, other in zip(keys, here, there, strict=True)
            if one != other and _NO_VALUE not in (one, other)
        ]
        if different:
            names = "".join([f"    - {key.decode(errors='backslashreplace')}\n" for key in different])
            raise _DifferentValuesError(
                f"*** Found {len(different)} key(s) in both source node and target node having different "
                f"values.\n    Source node: {source}\n    Target node: {target}\n    Keys(s):\n{names}"
                "Please fix the above key(s) manually and try again or relaunch the command \n"
                "with --cluster-replace option to force key overriding.\n"
            )

    def _is_served(self, node: Node, slot: int) -> bool:
        """Whether a node knows an owner of a slot."""
        return any(
            isinstance(entry, list)
            and isinstance(entry[0], int)
            and isinstance(entry[1], int)
            and entry[0] <= slot <= entry[1]
            for entry in _items(self._call(node, "CLUSTER", "SLOTS"))
        )

    def _tell_others(self, owner: Node, slot: int) -> None:
        """Spare clients the redirections by nodes that the news has not reached yet.

        Who loses the last slot may refuse: heard from the target, it has become its replica already.
        """
        others = [node for node in self._cluster.primaries if node is not owner]
        replies = self._cluster.call_each(others, "CLUSTER", "SETSLOT", slot, "NODE", owner.node_id)
        for node, reply in zip(others, replies, strict=True):
            if isinstance(reply, AdminError) and not self._hears_of(node, owner, slot):
                raise reply

    def _hears_of(self, node: Node, owner: Node, slot: int) -> bool:
        """Whether a node knows the new owner, at once or after a moment."""
        # Nodes close connections of blocked clients when they become replicas: with Valkey, SETSLOT blocks.
        self._cluster.links[node].close()
        self._cluster.links[node] = self._connect(node.address)
        for _ in range(_MOST_POLLS):
            for seen in ask_nodes(self._cluster.links[node]):
                if seen.node_id == owner.node_id and slot in seen.slots:
                    return True
            self._sleep(_POLL_S)
        return False

    def _call(self, node: Node, *words: Word) -> Reply:
        return self._cluster.call(node, *words)


def _items(reply: Reply) -> list[Reply]:
    return reply if isinstance(reply, list) else []
