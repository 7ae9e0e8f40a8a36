"""What a test may have go wrong on one server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from pyredis_cluster.execution.faults import (
    ALL_SLOTS,
    Action,
    FalseTopology,
    Fault,
    Faults,
    ReplyFault,
    TopologyFault,
)
from pyredis_cluster.execution.wire_trouble import Address, WireTrouble
from pyredis_cluster.server.network import BUS, CLIENT, REPLICATION, SENTINEL

if TYPE_CHECKING:
    from pyredis_cluster.execution.table import CommandTable
    from pyredis_cluster.server.server import Server

_WIRES = frozenset((CLIENT, BUS, REPLICATION, SENTINEL))


class Requests(TypedDict, total=False):
    """Which requests a fault of replies is about.

    `commands`, names as `get` or `config|set`, none for all; `key`, a glob; `slots`, a range; `times`, how
    often at most; `probability`, how probably each time.
    """

    commands: str | Iterable[str]
    key: str | bytes | None
    slots: range
    times: int | None
    probability: float


class Trouble(TypedDict, total=False):
    """What a fault of wires is; see `WireTrouble`. `peer` is an address, `host:port`."""

    latency_ms: float
    jitter_ms: float
    bytes_per_s: float
    held_bytes: int
    only: Literal["in", "out", ""]
    blocks_in: bool
    blocks_out: bool
    drop_probability: float
    peer: str | Address | None


class NodeFaults:
    """The faults of a running server: each method but `heal` begins one and returns its number.

    They are those of the command FAULT, and end with the server. Raise ValueError for what would never come
    about: a command or a wire that there is not, an impossible number.
    """

    def __init__(
        self, server: Server, call: Callable[[Callable[[], Any]], Any] = lambda function: function()
    ) -> None:
        self._server = server
        # Where the server runs in another thread: has it make a call.
        self._call = call

    @property
    def _faults(self) -> Faults:
        faults = self._server.state.faults
        assert faults is not None
        return faults

    def error(self, message: str, **requests: Unpack[Requests]) -> int:
        """Answer requests with an error (`LOADING …`, `CLUSTERDOWN …`, `BUSY …`) instead of running them."""
        return self._reply(Action.ERROR, message, **requests)

    def moved(self, address: str, **requests: Unpack[Requests]) -> int:
        """Send requests to another address by MOVED, whoever owns the slot."""
        return self._reply(Action.MOVED, address, **requests)

    def ask(self, address: str, **requests: Unpack[Requests]) -> int:
        """Send requests to another address by ASK."""
        return self._reply(Action.ASK, address, **requests)

    def cut(self, **requests: Unpack[Requests]) -> int:
        """Run requests, send half of the reply, and close the connection."""
        return self._reply(Action.CUT, **requests)

    def silence(self, **requests: Unpack[Requests]) -> int:
        """Run requests, and never reply, nor to anything else on those connections."""
        return self._reply(Action.SILENCE, **requests)

    def close(self, **requests: Unpack[Requests]) -> int:
        """Close the connection of who sends such a request, and do not run it."""
        return self._reply(Action.CLOSE, **requests)

    def _reply(self, action: Action, argument: str = "", **requests: Unpack[Requests]) -> int:
        unknown = requests.keys() - Requests.__annotations__.keys()
        if unknown:
            raise TypeError(f"a fault has no {', '.join(unknown)}, but {', '.join(Requests.__annotations__)}")
        names = _words(requests.get("commands", ()))
        _check_commands(names, self._server.state.table)
        key, times, probability = requests.get("key"), requests.get("times"), requests.get("probability", 1.0)
        if times is not None and times < 1:
            raise ValueError(f"times {times}: a fault comes about once at least")
        _check_probability(probability)
        if action in (Action.MOVED, Action.ASK):
            _address(argument)
        pattern = key.encode() if isinstance(key, str) else key
        slots = requests.get("slots", ALL_SLOTS)
        return self._begin(ReplyFault(action, argument.encode(), names, pattern, slots, times, probability))

    def wire(self, *, wires: str | Iterable[str] = (), **trouble: Unpack[Trouble]) -> int:
        """Have trouble with connections of wires (`client`, `bus`, `replication`, `sentinel`; none: all).

        The rest are fields of `WireTrouble`: `latency_ms`, `jitter_ms`, `bytes_per_s`, `held_bytes`,
        `only`, `blocks_in`, `blocks_out`, `drop_probability`, `peer`.
        """
        names = _words(wires)
        _check_wires(names)
        _check_probability(trouble.get("drop_probability", 1.0))
        peer = trouble.pop("peer", None)
        address = _address(peer) if isinstance(peer, str) else peer
        # What is left are the other fields, by their names.
        fields: dict[str, Any] = {**trouble}
        return self._begin(self._faults.wire_fault(WireTrouble(wires=names, peer=address, **fields)))

    def hold_replication(self, *, seconds: float = 0, bytes: int = 0) -> int:
        """Hold back what this replica gets from its primary, which does not notice.

        Each write for so many `seconds`, or the latest `bytes` until others follow them, or, with neither,
        everything until it is healed.
        """
        held_all = not (seconds or bytes)
        return self.wire(
            wires=["replication"],
            latency_ms=1000 * seconds,
            held_bytes=bytes,
            only="in",
            blocks_in=held_all,
        )

    def topology(
        self,
        *,
        stale: bool = False,
        slots: Mapping[tuple[int, int], str] | None = None,
        without: Iterable[str] = (),
        no_hosts: bool = False,
        times: int | None = None,
        probability: float = 1.0,
    ) -> int:
        """Tell clients of a cluster that is not so, in CLUSTER SLOTS, SHARDS, NODES and REPLICAS.

        It is as now, whatever happens (`stale`); runs of `slots` are served at the addresses given, there are
        no nodes at the addresses `without`, and all hosts are empty (`no_hosts`). Raises ValueError where
        nothing of it is asked for, and RuntimeError for a server that is no node of a cluster.
        """
        cluster = self._server.state.cluster
        if cluster is None:
            raise RuntimeError("this server is no node of a cluster")
        owners = tuple((run, _address(address)) for run, address in (slots or {}).items())
        told = FalseTopology(stale, owners, tuple(map(_address, without)), no_hosts)
        if told == FalseTopology():
            raise ValueError("what is to be false: stale, slots, without or no_hosts?")
        return self._begin(TopologyFault(cluster, told, times, probability))

    def drop_connections(self, wire: str = "client") -> int:
        """Close all connections of a wire, once; how many there were."""
        _check_wires({wire})
        dropped: int = self._call(lambda: self._server.drop_connections(wire))
        return dropped

    @property
    def active(self) -> dict[int, dict[bytes, bytes | int | float]]:
        """What is wrong now, by number, as FAULT LIST tells it."""
        active: dict[int, dict[bytes, bytes | int | float]] = self._call(
            lambda: {number: fault.describe() for number, fault in self._faults.active.items()}
        )
        return active

    def heal(self, number: int | None = None) -> None:
        """End one fault, or all."""
        self._call(self._faults.heal_all if number is None else lambda: self._faults.heal(number))

    def _begin(self, fault: Fault) -> int:
        number: int = self._call(lambda: self._faults.begin(fault))
        return number


def _words(words: str | Iterable[str]) -> frozenset[str]:
    """Several words, or one, in lower case."""
    return frozenset(word.lower() for word in ((words,) if isinstance(words, str) else words))


def _check_commands(names: Iterable[str], table: CommandTable) -> None:
    for name in names:
        entry = table.find(name.encode().split(b"|"))
        if entry is None or entry.command.name != name:
            raise ValueError(f"this server has no command {name!r}")


def _check_wires(names: Iterable[str]) -> None:
    unknown = sorted(set(names) - _WIRES)
    if unknown:
        raise ValueError(f"there is no wire {unknown[0]!r}, but {', '.join(sorted(_WIRES))}")


def _check_probability(probability: float) -> None:
    if not 0 < probability <= 1:
        raise ValueError(f"probability {probability}: it is above 0, and at most 1")


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"{text!r} is no address, host:port")
    return host, int(port)
