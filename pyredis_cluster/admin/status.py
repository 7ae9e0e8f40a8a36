"""How a cluster fares: what its nodes say of themselves, beside what one of them says of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.live import info_field
from pyredis_cluster.admin.topology import Node, slot_ranges
from pyredis_cluster.protocol.slots import SLOT_COUNT

_STATES = {"fail": "failed", "fail?": "failing", "handshake": "joining", "noaddr": "lost"}
_RUNS_TOLD = 4
_LAG_TOLD_BYTES = 1024
"""Less is under way in any cluster that is written to: the nodes are not asked at one moment."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one node said: replies to INFO and CLUSTER INFO, and its own line of CLUSTER NODES."""

    info: str
    cluster_info: str = ""
    itself: Node | None = None
    view: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Which node it takes for the owner of which slots."""

    def text(self, name: str) -> str:
        """A field of INFO; empty where there is none."""
        return info_field(self.info, name)

    def number(self, name: str) -> int:
        """The same as a number; 0 where it is none."""
        value = self.text(name)
        return int(value) if value.lstrip("-").isdecimal() else 0

    @property
    def keys(self) -> int:
        """How many keys the node has, in all databases."""
        total = 0
        for line in self.info.splitlines():
            name, _, fields = line.partition(":")
            if name.startswith("db") and name[2:].isdecimal():
                total += int(fields.partition("keys=")[2].partition(",")[0] or 0)
        return total


@dataclass(slots=True)
class Member:
    """One node: as the node that was asked sees it, and its own answers, or why there are none."""

    node: Node
    answers: Answers | None = None
    failure: str = ""

    @property
    def slots(self) -> list[tuple[int, int]]:
        """Runs of slots that it has, in the eyes of the node that was asked."""
        return slot_ranges(self.node.slots)

    @property
    def state(self) -> str:
        """What is wrong with it, in a word; empty where nothing is."""
        flags = self.node.flags
        for flag, word in (
            ("fail", "failed"),
            ("fail?", "failing"),
            ("handshake", "joining"),
            ("noaddr", "lost"),
        ):
            if flag in flags:
                return word
        return "" if self.answers is not None else "no answer"


@dataclass(slots=True)
class Status:
    """All nodes, as the one at `asked` names them; `is_cluster` is False for a server with its replicas."""

    asked: Address
    members: list[Member]
    is_cluster: bool = True
    problems: list[str] = field(default_factory=list)

    @property
    def primaries(self) -> list[Member]:
        """Those that are no replicas: first by their slots, then those without any."""
        found = [member for member in self.members if not member.node.is_replica]
        return sorted(found, key=lambda member: min(member.node.slots, default=SLOT_COUNT))

    def replicas_of(self, primary: Member) -> list[Member]:
        """The replicas of a primary, by address."""
        found = [member for member in self.members if member.node.primary_id == primary.node.node_id]
        return sorted(found, key=lambda member: member.node.address)

    @property
    def strays(self) -> list[Member]:
        """Replicas of a primary that is not there."""
        known = {member.node.node_id for member in self.members}
        return [
            member
            for member in self.members
            if member.node.is_replica and member.node.primary_id not in known
        ]

    @property
    def cluster_info(self) -> str:
        """CLUSTER INFO of the node that was asked, or of the first that answered."""
        answered = [member for member in self.members if member.answers is not None]
        mine = [member for member in answered if member.node.is_myself]
        for member in (*mine, *answered):
            assert member.answers is not None
            return member.answers.cluster_info
        return ""

    @property
    def is_ok(self) -> bool:
        """Whether the cluster serves all slots, in the eyes of the node that was asked."""
        return not self.is_cluster or info_field(self.cluster_info, "cluster_state") == "ok"

    @property
    def epoch(self) -> str:
        """The current epoch."""
        return info_field(self.cluster_info, "cluster_current_epoch")

    @property
    def slot_count(self) -> int:
        """How many slots have an owner."""
        return len(set().union(*[member.node.slots for member in self.members]))

    def name_of(self, node_id: str) -> str:
        """Where a node is; its id where that is not known."""
        for member in self.members:
            if member.node.node_id == node_id:
                return str(member.node.address)
        return node_id[:8]


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a replica is behind; `bytes` is None where that cannot be told, `down_s` None while linked."""

    bytes: int | None
    down_s: int | None = None
    is_syncing: bool = False

    def __str__(self) -> str:
        if self.is_syncing:
            return "synchronising"
        if self.down_s is not None:
            return f"link down for {self.down_s} s" if self.down_s >= 0 else "link down"
        if self.bytes is None:
            return "linked"
        return "in sync" if self.bytes < _LAG_TOLD_BYTES else f"{shown_bytes(self.bytes)} behind"

    @property
    def is_small(self) -> bool:
        """Whether the replica is where it should be."""
        return self.down_s is None and not self.is_syncing and (self.bytes or 0) < _LAG_TOLD_BYTES


def lag_of(replica: Member, primary: Member | None) -> Lag | None:
    """How far a replica is behind its primary; None where it does not answer."""
    answers = replica.answers
    if answers is None:
        return None
    if answers.text("master_sync_in_progress") == "1":
        return Lag(None, None, True)
    if answers.text("master_link_status") != "up":
        down = answers.text("master_link_down_since_seconds")
        return Lag(None, int(down) if down.isdecimal() else -1)
    if primary is None or primary.answers is None:
        return Lag(None)
    behind = primary.answers.number("master_repl_offset") - answers.number("slave_repl_offset")
    return Lag(max(behind, 0))


def some_slots(slots: Iterable[int]) -> str:
    """The first few runs of slots, as people read them."""
    runs = slot_ranges(slots)
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:_RUNS_TOLD]]
    return ", ".join(shown) + (f" and {len(runs) - _RUNS_TOLD} more runs" if len(runs) > _RUNS_TOLD else "")


def version_of(answers: Answers) -> str:
    """What kind of server it is, and which."""
    valkey = answers.text("valkey_version")
    return f"valkey {valkey}" if valkey else answers.text("redis_version")


def shown_bytes(number: float) -> str:
    """A number of bytes as people read it."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TB"
