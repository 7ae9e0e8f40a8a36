"""The tables of one cluster node, and the only doors through which they change.

Invariants (checked by `check`): `slots[n]` is a node exactly if that node's bitmap has bit n; each node's
`slot_count` is the number of its bits; `replicas` and `primary` mirror each other; a link is a node's
`link` or `inbound_link` exactly if its `node` is that node; `served[n]` is 1 exactly if this node may
serve keys of slot n with no further question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pyredis_cluster.cluster import bitmap, wire
from pyredis_cluster.cluster.blacklist import Blacklist
from pyredis_cluster.cluster.candidacy import Candidacy, ManualFailover
from pyredis_cluster.cluster.node import ClusterNode, Link, is_node_id
from pyredis_cluster.cluster.ready import Connect, Outbox
from pyredis_cluster.cluster.settings import ClusterSettings
from pyredis_cluster.cluster.wire import MessageType
from pyredis_cluster.protocol.slots import SLOT_COUNT, ServedSlots

_EPOCH_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class RandomSource(Protocol):
    """What the core needs of a random number generator; `random.Random` has it."""

    def randrange(self, stop: int, /) -> int:
        """A number in [0, stop)."""


class ClusterState:
    """Everything that one node knows about its cluster. See the modules beside for what acts on it."""

    def __init__(
        self,
        settings: ClusterSettings,
        random: RandomSource,
        keys_in_slot: Callable[[int], int],
        repl_offset: Callable[[], int],
        repl_silence_ms: Callable[[], int | None],
        now_ms: int,
    ) -> None:
        self.settings = settings
        self.random = random
        self.keys_in_slot = keys_in_slot
        self.repl_offset = repl_offset
        self.repl_silence_ms = repl_silence_ms
        self.now_ms = now_ms  # set once on every entry into the core, read everywhere in it
        self.out = Outbox()

        self.nodes: dict[str, ClusterNode] = {}
        self.shards: dict[str, list[ClusterNode]] = {}
        self.myself = self.create_node(wire.MYSELF | wire.PRIMARY)
        self.current_epoch = 0
        self.last_vote_epoch = 0
        self.blacklist = Blacklist()

        self.slots: list[ClusterNode | None] = [None] * SLOT_COUNT
        self.migrating_to: dict[int, ClusterNode] = {}
        self.importing_from: dict[int, ClusterNode] = {}
        # Slots whose owner stopped claiming them: kept bound to it, so that clients are only sent on one
        # hop too many, but not told to others as its slots.
        self.not_claimed: set[int] = set()
        self.served = ServedSlots()

        self.ok = False
        self.size = 1  # primaries that have slots
        self.first_update_ms: int | None = None
        self.minority_ms = 0
        self.announced_ip = ""
        self.is_following = False  # whether the shell was told to replicate, and from where
        self.candidacy = Candidacy()
        self.manual_failover: ManualFailover | None = None

        self.links: dict[int, Link] = {}
        self._last_link_id = 0
        self.roll_call: dict[int, int] = {}  # after a sleep: link → how many PONGs are awaited
        self.roll_call_until_ms = 0
        self.sent: list[int] = [0] * len(MessageType)
        self.received: list[int] = [0] * len(MessageType)
        self.links_over_limit = 0
        self.next_random_ping_ms = now_ms
        self.ticked_ms = now_ms
        self.synced_ms = 0  # when nodes.conf was last saved with fsync
        self.synced_config = ""  # and what of it matters to who loads it

    # Nodes

    def random_id(self) -> str:
        """A new node or shard id."""
        return f"{self.random.randrange(16**40):040x}"

    def create_node(self, flags: int, node_id: str | None = None) -> ClusterNode:
        """A node with made-up id (unless given) and shard, not in any table yet."""
        return ClusterNode(node_id or self.random_id(), self.random_id(), self.now_ms, flags)

    def lookup(self, node_id: str) -> ClusterNode | None:
        """The node of that id, None for an unknown or malformed one."""
        return self.nodes.get(node_id)

    def add_node(self, node: ClusterNode) -> None:
        """Put `node` into the table; its id must be new and well-formed."""
        assert node.node_id not in self.nodes
        assert is_node_id(node.node_id)
        self.nodes[node.node_id] = node

    def rename_node(self, node: ClusterNode, node_id: str) -> None:
        """Give a node of a handshake the id it has told."""
        del self.nodes[node.node_id]
        node.node_id = node_id
        self.add_node(node)
        self.join_shard(node, node.shard_id)

    def delete_node(self, node: ClusterNode) -> None:
        """Remove `node`: its slots are unassigned, its failure reports withdrawn, its links dropped.

        Source: clusterDelNode and freeClusterNode.
        """
        assert node is not self.myself
        for table in (self.importing_from, self.migrating_to):
            for slot in [slot for slot, other in table.items() if other is node]:
                del table[slot]
                self._refresh_served(slot)
        self.delete_slots_of(node)
        for other in self.nodes.values():
            other.failure_reports.pop(node, None)
        self.leave_shard(node)
        for replica in node.replicas:
            replica.primary = None
        if node.primary is not None:
            self.remove_replica(node.primary, node)
        del self.nodes[node.node_id]
        for link in (node.link, node.inbound_link):
            if link is not None:
                self.drop_link(link)

    def change_my_id(self) -> None:
        """Take a new node id and shard id (CLUSTER RESET HARD)."""
        me = self.myself
        del self.nodes[me.node_id]
        self.leave_shard(me)
        me.node_id = self.random_id()
        me.shard_id = self.random_id()
        self.add_node(me)

    # Shards

    def join_shard(self, node: ClusterNode, shard_id: str) -> None:
        """List `node` under `shard_id`, leaving the shard it was in."""
        if node.shard_id != shard_id:
            self.leave_shard(node)
            node.shard_id = shard_id
        members = self.shards.setdefault(shard_id, [])
        if node not in members:
            members.append(node)

    def leave_shard(self, node: ClusterNode) -> None:
        """Take `node` off its shard's list; an empty shard is gone."""
        members = self.shards.get(node.shard_id)
        if members is not None and node in members:
            members.remove(node)
            if not members:
                del self.shards[node.shard_id]

    # Primaries and their replicas

    def add_replica(self, primary: ClusterNode, replica: ClusterNode) -> None:
        """Note that `replica` follows `primary`; no effect where it is noted already."""
        replica.primary = primary
        if replica not in primary.replicas:
            primary.replicas.append(replica)
            primary.flags |= wire.MIGRATE_TO

    def remove_replica(self, primary: ClusterNode, replica: ClusterNode) -> None:
        """Note that `replica` follows `primary` no longer."""
        replica.primary = None
        if replica in primary.replicas:
            primary.replicas.remove(replica)
            if not primary.replicas:
                primary.flags &= ~wire.MIGRATE_TO

    # Slots

    def add_slot(self, node: ClusterNode, slot: int) -> None:
        """Assign an unassigned slot."""
        assert self.slots[slot] is None
        node.slots[slot >> 3] |= 1 << (slot & 7)
        node.slot_count += 1
        self.slots[slot] = node
        # A primary that gets its first slot may receive replicas of others, unless there are none.
        if node.slot_count == 1 and any(other.replicas for other in self.nodes.values() if other.is_primary):
            node.flags |= wire.MIGRATE_TO
        if node is self.myself:
            self._refresh_served(slot)

    def add_slots(self, node: ClusterNode, first: int, last: int) -> None:
        """Assign a run of unassigned slots. As fast as copying memory, but for slots of this node."""
        count = last + 1 - first
        assert self.slots[first : last + 1].count(None) == count
        self.add_slot(node, first)
        owned = node.slot_bits() | ((1 << count) - 1) << first
        node.slots[:] = owned.to_bytes(len(node.slots), "little")
        node.slot_count += count - 1
        self.slots[first : last + 1] = [node] * count
        if node is self.myself and self.ok:
            for slot in range(first, last + 1):
                self._refresh_served(slot)

    def take_slots(self, node: ClusterNode, taken: int) -> None:
        """Assign slots, given as bits, that `node` does not have, whoever has them. O(nodes + runs of slots).

        For this node also O(slots).
        """
        for owner in self.nodes.values():
            owned = owner.slot_bits()
            lost = owned & taken
            if lost:
                owner.slots[:] = (owned ^ lost).to_bytes(len(owner.slots), "little")
                owner.slot_count -= lost.bit_count()
                self.out.released_slots.update(bitmap.bits(lost))
        for first, last in bitmap.runs(taken):
            self.slots[first : last + 1] = [None] * (last + 1 - first)
            self.served[first : last + 1] = bytes(last + 1 - first)
            self.add_slots(node, first, last)
        if self.not_claimed:
            self.not_claimed = {slot for slot in self.not_claimed if not taken >> slot & 1}

    def delete_slot(self, slot: int) -> bool:
        """Unassign a slot; False where it was not assigned."""
        node = self.slots[slot]
        if node is None:
            return False
        node.slots[slot >> 3] &= ~(1 << (slot & 7))
        node.slot_count -= 1
        self.slots[slot] = None
        self.not_claimed.discard(slot)
        self.served[slot] = 0
        self.out.released_slots.add(slot)
        return True

    def delete_slots_of(self, node: ClusterNode) -> int:
        """Unassign all slots of `node`; returns how many. O(slots of the node)."""
        slots = list(bitmap.bits(node.slot_bits()))
        for slot in slots:
            self.delete_slot(slot)
        return len(slots)

    def open_slot(self, slot: int, table: dict[int, ClusterNode], node: ClusterNode | None) -> None:
        """Mark a slot in `migrating_to` or `importing_from`, or (None) remove the mark."""
        if node is None:
            table.pop(slot, None)
        else:
            table[slot] = node
        self._refresh_served(slot)

    def close_all_slots(self) -> None:
        """Remove all migrating and importing marks."""
        slots = [*self.migrating_to, *self.importing_from]
        self.migrating_to.clear()
        self.importing_from.clear()
        for slot in slots:
            self._refresh_served(slot)

    def refresh_all_served(self) -> None:
        """Compute `served` anew, in place: to be called where `ok` has changed."""
        self.served[:] = self._served_as_of_now()

    def _served_as_of_now(self) -> bytearray:
        served = bytearray(SLOT_COUNT)
        if self.ok:
            for first, last in bitmap.ranges(self.myself.slots):
                served[first : last + 1] = b"\1" * (last + 1 - first)
            for slot in (*self.migrating_to, *self.importing_from):
                served[slot] = 0
        return served

    def _refresh_served(self, slot: int) -> None:
        self.served[slot] = (
            self.ok
            and self.slots[slot] is self.myself
            and slot not in self.migrating_to
            and slot not in self.importing_from
        )

    # Epochs

    def next_epoch(self) -> int:
        """Advance the current epoch and return it; wraps at 64 bits as the wire does."""
        self.current_epoch = (self.current_epoch + 1) & _EPOCH_MASK
        return self.current_epoch

    def greatest_epoch(self) -> int:
        """The greatest epoch seen anywhere. O(nodes)."""
        return max(self.current_epoch, max(node.config_epoch for node in self.nodes.values()))

    # nodes.conf

    def save_claims_of(self, node: ClusterNode | None) -> None:
        """Have it saved that the slots or the config epoch of `node` have changed.

        At once, and with fsync, where this node claims the same: its own, or those of its primary.
        """
        me = self.myself
        if node is me or (node is not None and node is me.primary):
            self.out.save_config(fsync=True)
        else:
            self.out.save_hearsay()

    # Links

    def open_link(self, node: ClusterNode) -> Link:
        """Have the shell connect to `node`, which has no link."""
        assert node.link is None
        link = self._new_link(inbound=False)
        link.node = node
        node.link = link
        self.out.ready.connects.append(Connect(link.link_id, node.ip, node.bus_port))
        return link

    def accept_link(self, peer_ip: str, local_ip: str) -> Link:
        """Note a connection that another node has made."""
        link = self._new_link(inbound=True)
        link.connected = True
        link.peer_ip = peer_ip
        link.local_ip = local_ip
        return link

    def adopt_inbound_link(self, node: ClusterNode, link: Link) -> None:
        """Tie an inbound link to the sender who spoke on it; one it had before is the stale one."""
        if node.inbound_link is not None:
            self.drop_link(node.inbound_link)
        node.inbound_link = link
        link.node = node

    def drop_link(self, link: Link) -> None:
        """Forget a link and have the shell close it."""
        self.forget_link(link)
        self.out.ready.disconnects.append(link.link_id)

    def forget_link(self, link: Link) -> None:
        """Forget a link that is closed."""
        self.links.pop(link.link_id, None)
        node = link.node
        if node is not None:
            if node.link is link:
                node.link = None
            elif node.inbound_link is link:
                node.inbound_link = None
            link.node = None

    def _new_link(self, *, inbound: bool) -> Link:
        self._last_link_id += 1
        link = Link(self._last_link_id, inbound, self.now_ms)
        self.links[link.link_id] = link
        return link

    # Invariants

    def check(self) -> None:
        """Assert every invariant of the tables. For tests: O(slots + nodes)."""
        owners: list[ClusterNode | None] = [None] * SLOT_COUNT
        for node in self.nodes.values():
            for first, last in bitmap.ranges(node.slots):
                assert not any(owners[first : last + 1])
                owners[first : last + 1] = [node] * (last + 1 - first)
        assert owners == self.slots
        assert self.served == self._served_as_of_now()
        for node_id, node in self.nodes.items():
            assert node.node_id == node_id
            assert node.slot_count == node.slot_bits().bit_count()
            assert all(replica.primary is node for replica in node.replicas)
            assert node.primary is None or node in node.primary.replicas
            assert node.primary is None or node.primary.node_id in self.nodes
            assert node.link is None or (node.link.node is node and not node.link.inbound)
            assert node.inbound_link is None or (node.inbound_link.node is node and node.inbound_link.inbound)
            assert all(reporter.node_id in self.nodes for reporter in node.failure_reports)
        for link_id, link in self.links.items():
            assert link.link_id == link_id
            assert link.node is None or link in (link.node.link, link.node.inbound_link)
        assert self.nodes[self.myself.node_id] is self.myself
        assert all(node in self.nodes.values() for members in self.shards.values() for node in members)
        assert all(self.shards.values())
