"""Faults that a test asks for. Those of requests: answered wrongly, in part, or not at all.

Only servers with `enable-fault-command` have any, and while none is active nothing is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.wire_trouble import Address, WireTrouble, address_text
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot

if TYPE_CHECKING:
    from pyredis_cluster.execution.cluster import Cluster
    from pyredis_cluster.execution.neighbours import Neighbours
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

ALL_SLOTS = range(SLOT_COUNT)

# Where no command is named clients' commands are meant, not those of replicas. Faults can always be ended.
_ONLY_IF_NAMED = frozenset({"replconf", "psync", "sync"})
_NEVER = "fault"

_TOPOLOGY_COMMANDS = frozenset(
    f"cluster|{name}" for name in ("slots", "shards", "nodes", "replicas", "slaves")
)


class Fault(Protocol):
    """Something that is wrong for as long as it is active."""

    def begin(self) -> None:
        """It is active from now on."""

    def end(self) -> None:
        """It is over."""

    def describe(self) -> dict[bytes, bytes | int | float]:
        """What FAULT LIST tells of it, by field."""


class Action(Enum):
    """What becomes of a request."""

    ERROR = "error"
    """It is not run, and answered with an error."""
    MOVED = "moved"
    """It is not run, and sent to another address, which need not serve the slot."""
    ASK = "ask"
    """The same, but for this request only."""
    CUT = "cut"
    """It is run; half of its reply is sent, then the connection is closed."""
    SILENCE = "silence"
    """It is run, and its reply never sent, nor any other on that connection, until `heal_all` closes it."""
    CLOSE = "close"
    """It is not run, and the connection is closed."""


@dataclass(slots=True)
class ReplyFault:
    """What becomes of which requests, how often and how probably.

    `argument` is the message of ERROR, and the address of MOVED and ASK. `commands` are lower-case names
    (`get`, `config`, `config|set`), none for all; `key` is a glob, None for requests with and without keys;
    `slots` counts for requests with keys. A fault that has come about `times` is over. A reply that a client
    has to wait for (BLPOP) comes as it is.
    """

    action: Action
    argument: bytes = b""
    commands: frozenset[str] = frozenset()
    key: bytes | None = None
    slots: range = ALL_SLOTS
    times: int | None = None
    probability: float = 1.0
    hits: int = field(default=0, init=False)

    def begin(self) -> None:
        """See `Fault`."""

    def end(self) -> None:
        """See `Fault`."""

    def describe(self) -> dict[bytes, bytes | int | float]:
        """See `Fault`."""
        fields: dict[bytes, bytes | int | float] = {b"reply": self.action.value.encode()}
        if self.argument:
            fields[b"argument"] = self.argument
        if self.commands:
            fields[b"commands"] = " ".join(sorted(self.commands)).encode()
        if self.key is not None:
            fields[b"key"] = self.key
        if self.slots != ALL_SLOTS:
            fields[b"slots"] = b"%d-%d" % (self.slots[0], self.slots[-1])
        return {**fields, **_frequency(self)}

    def concerns(self, name: str, keys: Iterable[bytes]) -> bool:
        """Whether a request with that command and those keys is meant."""
        is_named = name in self.commands or name.partition("|")[0] in self.commands
        if not is_named and (self.commands or name in _ONLY_IF_NAMED):
            return False
        if self.key is None and self.slots == ALL_SLOTS:
            return True
        matches = compile_glob(b"*" if self.key is None else self.key)
        return any(matches(key) and key_slot(key) in self.slots for key in keys)

    def error(self, slot: int) -> CommandError:
        """The reply of ERROR, MOVED and ASK."""
        if self.action is Action.ERROR:
            return CommandError(self.argument)
        return CommandError(b"%b %d %b" % (self.action.name.encode(), slot, self.argument))


@dataclass(frozen=True, slots=True)
class FalseTopology:
    """What a node of a cluster tells clients of it, in CLUSTER SLOTS, SHARDS, NODES and REPLICAS.

    `is_stale`: it is as it was when the fault began. `owners` are runs of slots, as a first and a last one,
    and the address at which each is said to be served, whether or not a node is there. Nodes of the addresses
    `without` are left out, and with `no_hosts` every host is empty.
    """

    is_stale: bool = False
    owners: tuple[tuple[tuple[int, int], Address], ...] = ()
    without: tuple[Address, ...] = ()
    no_hosts: bool = False


@dataclass(slots=True)
class TopologyFault:
    """Who asks a node for the topology is told `topology`, `times` at most, and so probably each time."""

    cluster: Cluster
    topology: FalseTopology
    times: int | None = None
    probability: float = 1.0
    hits: int = field(default=0, init=False)
    _memory: object = field(default=None, init=False)

    def begin(self) -> None:
        """See `Fault`."""
        if self.topology.is_stale:
            self._memory = self.cluster.memory()

    def end(self) -> None:
        """See `Fault`."""

    def concerns(self, name: str, keys: Iterable[bytes]) -> bool:
        """Whether a request asks for the topology."""
        return name in _TOPOLOGY_COMMANDS

    def execute(self, session: Session, argv: list[bytes]) -> None:
        """Run a request that does."""
        self.cluster.mislead(self.topology, self._memory)
        try:
            session.execute_checked(argv)
        finally:
            self.cluster.tell_truth()

    def describe(self) -> dict[bytes, bytes | int | float]:
        """See `Fault`."""
        topology = self.topology
        told = ["stale"] if topology.is_stale else []
        for (first, last), address in topology.owners:
            told.append(f"slots {first}-{last} {address_text(address)}")
        told += [f"without {address_text(address)}" for address in topology.without]
        told += ["no-hosts"] if topology.no_hosts else []
        return {b"topology": ", ".join(told).encode(), **_frequency(self)}


RequestFault = ReplyFault | TopologyFault


def _frequency(fault: RequestFault) -> dict[bytes, bytes | int | float]:
    """Fields of FAULT LIST that tell how often a fault comes about."""
    left = {} if fault.times is None else {b"times-left": fault.times - fault.hits}
    return {**left, b"probability": fault.probability, b"hits": fault.hits}


def _in_words(fault: Fault) -> str:
    texts = []
    for name, value in fault.describe().items():
        shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if name not in (b"hits", b"probability") or value not in (0, 1):
            texts.append(f"{name.decode()} {shown}")
    return ", ".join(texts)


class Faults:
    """The faults of one server, numbered from 1 in the order in which they were made.

    `wire_fault` makes one of the server's connections.
    """

    def __init__(self, server: ServerState, wire_fault: Callable[[WireTrouble], Fault]) -> None:
        self._server = server
        self.wire_fault = wire_fault
        self._made = 0
        self.active: dict[int, Fault] = {}
        self._silenced: list[Session] = []
        self.neighbours: Neighbours | None = None
        """The servers beside this one, where there may be some."""

    def begin(self, fault: Fault) -> int:
        """Let a fault be active; returns its number."""
        self._made += 1
        self.active[self._made] = fault
        fault.begin()
        self._update_gate()
        if self._server.observer is not None:
            self._server.observer.told(f"fault {self._made} begins: {_in_words(fault)}")
        return self._made

    def heal(self, number: int) -> bool:
        """End a fault; whether one of that number was active."""
        fault = self.active.pop(number, None)
        if fault is None:
            return False
        fault.end()
        self._update_gate()
        if self._server.observer is not None:
            self._server.observer.told(f"fault {number} ends")
        return True

    def heal_all(self) -> int:
        """End every fault, and close the connections that were silenced; how many faults there were."""
        for session in self._silenced:
            if not session.is_closing:
                session.close(after_flush=False)
        self._silenced.clear()
        return sum(self.heal(number) for number in list(self.active))

    def _update_gate(self) -> None:
        is_asked = any(isinstance(fault, RequestFault) for fault in self.active.values())
        self._server.set_gate(gate.GATE_FAULTS, is_asked)

    def execute(self, session: Session, argv: list[bytes]) -> None:
        """Run a request, or do what a fault has in store for it."""
        entry = self._server.table.find(argv)
        name = entry.command.name if entry is not None else argv[0].decode("latin-1").lower()
        keys = [argv[at] for at in gate.key_positions(entry, argv)] if entry is not None else []
        fault = self._choose(name, keys)
        if fault is None:
            session.execute_checked(argv)
        elif isinstance(fault, TopologyFault):
            fault.execute(session, argv)
        elif fault.action is Action.CLOSE:
            session.close(after_flush=False)
        elif fault.action is Action.CUT or fault.action is Action.SILENCE:
            before = len(session.out)
            session.execute_checked(argv)
            reply = b"".join(session.out[before:])
            del session.out[before:]
            if fault.action is Action.CUT:
                session.out.append(reply[: len(reply) // 2])
                session.close(after_flush=True)
            else:
                session.set_gate(gate.GATE_SILENCED, True)
                self._silenced = [each for each in self._silenced if not each.is_closing] + [session]
        else:
            slot = key_slot(keys[0]) if keys else 0
            session.reply(gate.reject(session, entry, argv, fault.error(slot)))

    def _choose(self, name: str, keys: list[bytes]) -> RequestFault | None:
        """The first fault that comes about now."""
        if name.partition("|")[0] == _NEVER:
            return None
        for number, fault in self.active.items():
            if not isinstance(fault, RequestFault) or not fault.concerns(name, keys):
                continue
            if fault.probability < 1 and self._server.random.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.hits == fault.times:
                self.heal(number)
            return fault
        return None
