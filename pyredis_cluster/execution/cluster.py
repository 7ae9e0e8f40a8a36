"""What commands and the gate ask of the cluster; `pyredis_cluster.server.cluster` provides it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.faults import FalseTopology
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.protocol.slots import ServedSlots


class Cluster(Protocol):
    """This server as a node of a cluster. Node ids are text of 40 characters.

    What changes the cluster is saved, and told to the other nodes, before the method returns.
    """

    @property
    def served(self) -> ServedSlots:
        """The slots that this node serves with no further question."""

    @property
    def my_id(self) -> str:
        """Id of this node."""

    @property
    def my_shard_id(self) -> str:
        """Id of this node's shard."""

    @property
    def is_replica(self) -> bool:
        """Whether this node is a replica."""

    def redirection(
        self, session: Session, slot: int, keys: list[bytes], writes: bool
    ) -> CommandError | None:
        """Why a request for `keys`, all of `slot`, may not run here, or None if it may."""

    def refusal_of_crossing(self, slot: int) -> CommandError:
        """What a request is refused with whose keys are in several slots; `slot` is that of the first."""

    def meet(self, ip: str, port: int, bus_port: int) -> bool:
        """Make the acquaintance of a node; False where that is no address."""

    def forget(self, node_id: str) -> None:
        """Remove a node, on all nodes. Raises CommandError."""

    def replicate(self, node_id: str) -> None:
        """Make this node a replica of that primary. Raises CommandError, having changed nothing."""

    def mark_migrating(self, slot: int, node_id: str) -> None:
        """Keys of a slot of ours go to that node. Raises CommandError."""

    def mark_importing(self, slot: int, node_id: str) -> None:
        """Keys of a slot of another come from that node. Raises CommandError."""

    def mark_stable(self, slot: int) -> None:
        """No keys of that slot go or come."""

    def assign_slot(self, slot: int, node_id: str) -> None:
        """That slot is the node's, as far as this one knows. Raises CommandError, having changed nothing."""

    def fail_over(self, *, force: bool, takeover: bool) -> None:
        """Begin to replace this replica's primary. Raises CommandError, having changed nothing."""

    def add_slots(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Take unassigned slots, given as (first, last). Raises CommandError, having changed nothing."""

    def delete_slots(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Unassign slots, given as (first, last). Raises CommandError, having changed nothing."""

    def flush_slots(self) -> None:
        """Unassign all slots of this node."""

    def bump_epoch(self) -> tuple[bool, int]:
        """Whether the config epoch was advanced, and what it is."""

    def set_config_epoch(self, epoch: int) -> None:
        """Give a fresh node its config epoch. Raises CommandError."""

    def reset(self, *, hard: bool) -> None:
        """Forget all nodes and slots."""

    def failure_reports(self, node_id: str) -> int:
        """How many nodes report that one as failing. Raises CommandError."""

    def save_config(self) -> None:
        """Save nodes.conf. Raises OSError."""

    def nodes_text(self, session: Session) -> str:
        """The nodes as CLUSTER NODES shows them to that client."""

    def info_text(self) -> str:
        """Fields and counters of CLUSTER INFO."""

    def slots_reply(self, session: Session) -> Reply:
        """The reply of CLUSTER SLOTS."""

    def shards_reply(self, session: Session) -> Reply:
        """The reply of CLUSTER SHARDS."""

    def replicas_reply(self, session: Session, node_id: str) -> Reply:
        """The reply of CLUSTER REPLICAS. Raises CommandError."""

    def memory(self) -> object:
        """What `mislead` can tell of the cluster later as it is now."""

    def mislead(self, topology: FalseTopology, memory: object) -> None:
        """Tell clients of nodes and slots as `topology` has them; the rest by `memory`, or (None) as now."""

    def tell_truth(self) -> None:
        """End `mislead`."""

    def links_reply(self) -> Reply:
        """The reply of CLUSTER LINKS."""
