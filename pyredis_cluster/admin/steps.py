"""What a plan consists of: changes to nodes, and what is said between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from pyredis_cluster.admin.topology import Node


class Tone(Enum):
    """How something is said."""

    INFO = "info"
    WARNING = "warning"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Say:
    """A line for whoever watches."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class TakeSlot:
    """Make a node the slot's owner under a new epoch, whoever had it; `closes` ends its open state."""

    node: Node
    slot: int
    closes: bool = False


@dataclass(frozen=True, slots=True)
class AssignSlot:
    """Tell a node who owns a slot."""

    node: Node
    slot: int
    owner: Node


@dataclass(frozen=True, slots=True)
class ImportSlot:
    """Have a node take keys of a slot of another one."""

    node: Node
    slot: int
    source: Node


@dataclass(frozen=True, slots=True)
class CloseSlot:
    """End a slot's migrating or importing state in a node."""

    node: Node
    slot: int


@dataclass(frozen=True, slots=True)
class ForgetSlot:
    """Have a node know no owner of a slot; it may know none already."""

    node: Node
    slot: int


@dataclass(frozen=True, slots=True)
class MoveSlot:
    """Move the keys of a slot, and the slot with them unless `keys_only`."""

    source: Node
    target: Node
    slot: int
    keys_only: bool = False


Step: TypeAlias = Say | TakeSlot | AssignSlot | ImportSlot | CloseSlot | ForgetSlot | MoveSlot
