"""Faults that a test asks for. Those of requests: answered wrongly, in part, or not at all.

Only servers with `enable-fault-command` have any, and while none is active nothing is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.execution import gate
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

ALL_SLOTS = range(SLOT_COUNT)

# Where no command is named clients' commands are meant, not those of replicas. Faults can always be ended.
_ONLY_IF_NAMED = frozenset({"replconf", "psync", "sync"})
_NEVER = "fault"


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
    """It is run, and its reply never sent, nor any on that connection from then on, as if the network had gone."""
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
        if self.times is not None:
            fields[b"times-left"] = self.times - self.hits
        fields[b"probability"] = self.probability
        fields[b"hits"] = self.hits
        return fields

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
class WireTrouble:
    """What is wrong with connections of a server: those of some `wires` (none: of all), to one peer or any.

    Wires are `client`, `bus`, `replication` (to this server's primary) and `sentinel` (from a sentinel). `peer`
    is the address at which clients reach another server; it concerns connections that this server makes, those
    to the other one's bus included, not those that it accepts. `latency_ms` is added to everything, with up to `jitter_ms` more by
    chance; `bytes_per_s` is how much passes at most, each way; `held_bytes` are not passed on before others
    follow them; `blocks_in` and `blocks_out`: nothing passes. `drop_probability` is that of a connection to
    be closed whenever something would pass.
    """

    wires: frozenset[str] = frozenset()
    peer: tuple[str, int] | None = None
    blocks_in: bool = False
    blocks_out: bool = False
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    bytes_per_s: float = 0.0
    held_bytes: int = 0
    drop_probability: float = 0.0

    def describe(self) -> dict[bytes, bytes | int | float]:
        """What FAULT LIST tells of it, by field."""
        fields: dict[bytes, bytes | int | float] = {}
        if self.wires:
            fields[b"wires"] = " ".join(sorted(self.wires)).encode()
        if self.peer is not None:
            fields[b"peer"] = f"{self.peer[0]}:{self.peer[1]}".encode()
        if self.blocks_in or self.blocks_out:
            both = self.blocks_in and self.blocks_out
            fields[b"blocks"] = b"both" if both else b"in" if self.blocks_in else b"out"
        for name in ("latency_ms", "jitter_ms", "bytes_per_s", "held_bytes", "drop_probability"):
            value = getattr(self, name)
            if value:
                fields[name.replace("_", "-").encode()] = value
        return fields


class Faults:
    """The faults of one server, numbered from 1 in the order in which they were made.

    `wire_fault` makes one of the server's connections.
    """

    def __init__(self, server: ServerState, wire_fault: Callable[[WireTrouble], Fault]) -> None:
        self._server = server
        self.wire_fault = wire_fault
        self._made = 0
        self.active: dict[int, Fault] = {}

    def begin(self, fault: Fault) -> int:
        """Let a fault be active; returns its number."""
        self._made += 1
        self.active[self._made] = fault
        fault.begin()
        self._update_gate()
        return self._made

    def heal(self, number: int) -> bool:
        """End a fault; whether one of that number was active."""
        fault = self.active.pop(number, None)
        if fault is None:
            return False
        fault.end()
        self._update_gate()
        return True

    def heal_all(self) -> int:
        """End every fault; how many there were."""
        return sum(self.heal(number) for number in list(self.active))

    def _update_gate(self) -> None:
        is_asked = any(isinstance(fault, ReplyFault) for fault in self.active.values())
        self._server.set_gate(gate.GATE_FAULTS, is_asked)

    def execute(self, session: Session, argv: list[bytes]) -> None:
        """Run a request, or do what a fault has in store for it."""
        entry = self._server.table.find(argv)
        name = entry.command.name if entry is not None else argv[0].decode("latin-1").lower()
        keys = [argv[at] for at in gate.key_positions(entry, argv)] if entry is not None else []
        fault = self._choose(name, keys)
        if fault is None:
            session.execute_checked(argv)
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
        else:
            slot = key_slot(keys[0]) if keys else 0
            session.reply(gate.reject(session, entry, argv, fault.error(slot)))

    def _choose(self, name: str, keys: list[bytes]) -> ReplyFault | None:
        """The first fault that comes about now."""
        if name.partition("|")[0] == _NEVER:
            return None
        for number, fault in self.active.items():
            if not isinstance(fault, ReplyFault) or not fault.concerns(name, keys):
                continue
            if fault.probability < 1 and self._server.random.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.hits == fault.times:
                self.heal(number)
            return fault
        return None
