"""FAULT: have this server do wrong, for tests of clients in any language.

It is no command of Redis: only servers that were started with `enable-fault-command` have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyredis_cluster.commands.cluster import cluster_node
from pyredis_cluster.commands.fault_help import HELP
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, PROTECTED, STALE, Group
from pyredis_cluster.execution.faults import (
    ALL_SLOTS,
    Action,
    FalseTopology,
    Faults,
    ReplyFault,
    RequestFault,
    TopologyFault,
)
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.wire_trouble import WireTrouble
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import floating, integer_between
from pyredis_cluster.protocol.reply import Reply
from pyredis_cluster.protocol.slots import SLOT_COUNT

fault = Group("server")

FLAGS = ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED
SINCE = "6.2.0"
_MOST = 2**31
_BAD_SLOT = CommandError("ERR Invalid or out of range slot")
_BAD_TIMES = CommandError("ERR TIMES takes a number from 1")
_BAD_PROBABILITY = CommandError("ERR PROBABILITY takes a number above 0, at most 1")
_BAD_AMOUNT = CommandError("ERR an amount is a number above 0")
_BAD_ADDRESS = CommandError("ERR an address is <host>:<port>")
_BAD_NUMBER = CommandError("ERR no such fault")

_ACTIONS = {action.name.encode(): action for action in Action}
_AMOUNTS = {b"LATENCY": "latency_ms", b"JITTER": "jitter_ms", b"BANDWIDTH": "bytes_per_s"}
_DIRECTIONS = {
    b"IN": {"blocks_in": True},
    b"OUT": {"blocks_out": True},
    b"BOTH": {"blocks_in": True, "blocks_out": True},
}
_KINDS = (b"CLIENT", b"BUS", b"REPLICATION", b"SENTINEL")
_WITH_ARGUMENT = (Action.ERROR, Action.MOVED, Action.ASK)

fault.container("FAULT", since=SINCE, summary="Groups the commands that make this server do wrong.")


@fault.command(
    "FAULT REPLY",
    arity=-3,
    flags=FLAGS,
    since=SINCE,
    syntax=(
        "ERROR message | MOVED address | ASK address | CUT | SILENCE | CLOSE [COMMAND name ...] [KEY pattern]"
        " [SLOT start-slot end-slot] [TIMES count] [PROBABILITY probability]"
    ),
    summary="Answers some requests wrongly, in part, or not at all.",
)
def fault_reply(call: Call, argv: list[bytes]) -> Reply:
    """FAULT REPLY <ERROR message | MOVED address | ASK address | CUT | SILENCE | CLOSE>
    [COMMAND name]... [KEY pattern] [SLOT start end] [TIMES count] [PROBABILITY probability]

    The number of the fault, for FAULT HEAL. Raises an error, and does nothing, where an argument is bad.
    """
    words = iter(argv[2:])
    action = _ACTIONS.get(next(words).upper())
    if action is None:
        raise SYNTAX_ERROR
    made = ReplyFault(action)
    if action in _WITH_ARGUMENT:
        made.argument = _next(words)
        if action is not Action.ERROR:
            _address(made.argument)
    for option in words:
        _take_option(made, option.upper(), words)
    return faults_of(call).begin(made)


@fault.command(
    "FAULT WIRE",
    arity=-4,
    flags=FLAGS,
    since=SINCE,
    syntax=(
        "[LATENCY milliseconds] [JITTER milliseconds] [BANDWIDTH bytes-per-second] [HOLD bytes]"
        " [ONLY <IN | OUT>] [BLOCK <IN | OUT | BOTH>] [DROP probability]"
        " [KIND <CLIENT | BUS | REPLICATION | SENTINEL> ...] [PEER address]"
    ),
    summary="Delays, holds back, slows or cuts connections.",
)
def fault_wire(call: Call, argv: list[bytes]) -> Reply:
    """FAULT WIRE [LATENCY ms] [JITTER ms] [BANDWIDTH bytes-per-second] [HOLD bytes] [ONLY <IN | OUT>]
    [BLOCK <IN | OUT | BOTH>] [DROP probability] [KIND <CLIENT | BUS | REPLICATION | SENTINEL>]...
    [PEER address]

    The number of the fault, for FAULT HEAL; see `WireTrouble`. Raises an error, and does nothing, where an
    argument is bad.
    """
    words = iter(argv[2:])
    settings: dict[str, Any] = {}
    kinds: set[str] = set()
    for option in words:
        name, value = option.upper(), _next(words)
        if name in _AMOUNTS:
            settings[_AMOUNTS[name]] = _amount(value)
        elif name == b"HOLD":
            settings["held_bytes"] = integer_between(value, 1, _MOST, _BAD_AMOUNT)
        elif name == b"DROP":
            settings["drop_probability"] = _probability(value)
        elif name == b"ONLY" and value.upper() in (b"IN", b"OUT"):
            settings["only"] = value.decode().lower()
        elif name == b"BLOCK" and value.upper() in _DIRECTIONS:
            settings.update(_DIRECTIONS[value.upper()])
        elif name == b"KIND" and value.upper() in _KINDS:
            kinds.add(value.decode().lower())
        elif name == b"PEER":
            settings["peer"] = _address(value)
        else:
            raise SYNTAX_ERROR
    if not settings.keys() - {"peer", "only"}:
        raise SYNTAX_ERROR
    faults = faults_of(call)
    return faults.begin(faults.wire_fault(WireTrouble(wires=frozenset(kinds), **settings)))


def _amount(word: bytes) -> float:
    amount = floating(word, _BAD_AMOUNT)
    if not 0 < amount < _MOST:
        raise _BAD_AMOUNT
    return amount


def _probability(word: bytes) -> float:
    probability = floating(word, _BAD_PROBABILITY)
    if not 0 < probability <= 1:
        raise _BAD_PROBABILITY
    return probability


def _address(word: bytes) -> tuple[str, int]:
    host, colon, port = word.decode("latin-1").rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise _BAD_ADDRESS
    return host, int(port)


def _take_option(made: ReplyFault, option: bytes, words: Iterator[bytes]) -> None:
    if option == b"COMMAND":
        made.commands |= {_next(words).decode("latin-1").lower()}
    elif option == b"KEY":
        made.key = _next(words)
    elif option == b"SLOT":
        first, last = _slots(words)
        made.slots = ALL_SLOTS[first : last + 1]
    else:
        _take_frequency(made, option, _next(words))


def _take_frequency(made: RequestFault, option: bytes, value: bytes) -> None:
    if option == b"TIMES":
        made.times = integer_between(value, 1, _MOST, _BAD_TIMES)
    elif option == b"PROBABILITY":
        made.probability = _probability(value)
    else:
        raise SYNTAX_ERROR


def _slots(words: Iterator[bytes]) -> tuple[int, int]:
    first, last = (integer_between(_next(words), 0, SLOT_COUNT - 1, _BAD_SLOT) for _ in range(2))
    if first > last:
        raise _BAD_SLOT
    return first, last


def _next(words: Iterator[bytes]) -> bytes:
    word = next(words, None)
    if word is None:
        raise SYNTAX_ERROR
    return word


@fault.command(
    "FAULT TOPOLOGY",
    arity=-3,
    flags=FLAGS,
    since=SINCE,
    syntax=(
        "[STALE] [SLOTS start-slot end-slot address ...] [WITHOUT address ...] [NOHOSTS] [TIMES count]"
        " [PROBABILITY probability]"
    ),
    summary="Tells clients of a cluster that is not so, or not any more.",
)
def fault_topology(call: Call, argv: list[bytes]) -> Reply:
    """FAULT TOPOLOGY [STALE] [SLOTS start end address]... [WITHOUT address]... [NOHOSTS] [TIMES count]
    [PROBABILITY probability]

    The number of the fault, for FAULT HEAL; see `FalseTopology`. Raises an error, and does nothing, where an
    argument is bad, nothing is said to be false, or this is no node of a cluster.
    """
    owners, without = [], []
    is_stale = no_hosts = False
    made = TopologyFault(cluster_node(call), FalseTopology())
    words = iter(argv[2:])
    for option in words:
        name = option.upper()
        if name == b"STALE":
            is_stale = True
        elif name == b"NOHOSTS":
            no_hosts = True
        elif name == b"SLOTS":
            owners.append((_slots(words), _address(_next(words))))
        elif name == b"WITHOUT":
            without.append(_address(_next(words)))
        else:
            _take_frequency(made, name, _next(words))
    made.topology = FalseTopology(is_stale, tuple(owners), tuple(without), no_hosts)
    if made.topology == FalseTopology():
        raise SYNTAX_ERROR
    return faults_of(call).begin(made)


@fault.command("FAULT LIST", arity=2, flags=FLAGS, since=SINCE, summary="Answers the active faults.")
def fault_list(call: Call, argv: list[bytes]) -> Reply:
    """FAULT LIST

    An array of maps: `id`, and what the fault is, by field.
    """
    active = faults_of(call).active
    return [{b"id": number, **each.describe()} for number, each in active.items()]


@fault.command(
    "FAULT HEAL",
    arity=-2,
    flags=FLAGS,
    since=SINCE,
    syntax="[ALL | id ...]",
    summary="Ends some faults, or all.",
)
def fault_heal(call: Call, argv: list[bytes]) -> Reply:
    """FAULT HEAL [ALL | id ...]

    How many faults of this node were ended; with ALL, of all nodes of the process, with their pauses. Raises
    an error for what is no number; those that are over do not count.
    """
    faults = faults_of(call)
    if len(argv) == 3 and argv[2].upper() == b"ALL" and faults.neighbours is not None:
        return faults.neighbours.heal()
    if len(argv) == 2:
        return faults.heal_all()
    numbers = [integer_between(word, 1, _MOST, _BAD_NUMBER) for word in argv[2:]]
    return sum(faults.heal(number) for number in numbers)


@fault.command("FAULT HELP", arity=2, flags=LOADING | STALE, since=SINCE, summary="Lists the subcommands.")
def fault_help(call: Call, argv: list[bytes]) -> Reply:
    """FAULT HELP

    An array of status lines.
    """
    return help_lines(argv[0], HELP)


def faults_of(call: Call) -> Faults:
    """The faults of the server; it has some, as it has the command."""
    assert call.server.faults is not None
    return call.server.faults
