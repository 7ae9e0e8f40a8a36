"""FAULT NODE, PARTITION and CLOCK: what befalls the nodes that run in this process, this one among them."""

from __future__ import annotations

from collections.abc import Callable

from pyredis_cluster.commands.fault import FLAGS, SINCE, fault, faults_of
from pyredis_cluster.execution.blocking import Blocked
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.neighbours import Neighbours
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import floating, integer_between
from pyredis_cluster.protocol.reply import NO_REPLY, OK, Reply

_LAST_PORT = 65535
_MOST_MS = 2**31
_BAD_PORT = CommandError("ERR a node is named by its port")
_BAD_DURATION = CommandError("ERR PAUSE takes milliseconds, above 0")
_MOST_ADVANCED_MS = 100 * 366 * 24 * 3_600_000
_BAD_TIME = CommandError("ERR time is moved on by milliseconds, up to 100 years")
_CANNOT_WAIT_FOR_TIME = CommandError("ERR time cannot be moved inside a transaction")
_ALONE = CommandError("ERR this node knows of no others in its process")
_CANNOT_WAIT = CommandError("ERR a node cannot be started inside a transaction")
_FOR_EVER_MS = float("inf")


@fault.command(
    "FAULT NODE",
    arity=-4,
    flags=FLAGS,
    since=SINCE,
    syntax="port KILL | START | RESTART | PAUSE [milliseconds] | RESUME",
    summary="Ends, starts or pauses a node that runs in this process.",
)
def fault_node(call: Call, argv: list[bytes]) -> Reply:
    """FAULT NODE port <KILL | START | RESTART | PAUSE [milliseconds] | RESUME>

    OK, which START and RESTART tell when the node serves again. Who has its own node killed gets no reply.
    Raises an error where there is no such node, or it is not as it must be.
    """
    neighbours = _neighbours(call)
    port = integer_between(argv[2], 1, _LAST_PORT, _BAD_PORT)
    action, arguments = argv[3].upper(), argv[4:]
    if action == b"PAUSE" and len(arguments) <= 1:
        neighbours.pause(port, _duration_ms(arguments))
        return OK
    if arguments:
        raise SYNTAX_ERROR
    if action == b"KILL":
        neighbours.kill(port)
    elif action == b"RESUME":
        neighbours.resume(port)
    elif action in (b"START", b"RESTART"):
        if call.session.deny_blocking:
            raise _CANNOT_WAIT
        if action == b"RESTART":
            neighbours.kill(port)
        return _wait(call, argv, lambda done: neighbours.start(port, done))
    else:
        raise SYNTAX_ERROR
    return OK


def _wait(call: Call, argv: list[bytes], begin: Callable[[Callable[[Reply], object]], None]) -> Reply:
    """Have the client wait for a reply that what begins now gets in the end."""
    server, session = call.server, call.session

    def finish(reply: Reply) -> None:
        if session.blocked is not None:  # None: it is gone
            session.unblock(reply)

    # In a turn of this server, unless it has ended itself.
    begin(lambda reply: server.host.call_later(0, finish, reply))
    entry = server.table.find(argv)
    assert entry is not None
    if session.blocked is None and not session.is_closing:
        session.become_blocked(Blocked(entry, argv, [], None, None))
    return NO_REPLY


def _duration_ms(arguments: list[bytes]) -> float:
    if not arguments:
        return _FOR_EVER_MS
    duration_ms = floating(arguments[0], _BAD_DURATION)
    if not 0 < duration_ms < _MOST_MS:
        raise _BAD_DURATION
    return duration_ms


@fault.command(
    "FAULT PARTITION",
    arity=-3,
    flags=FLAGS,
    since=SINCE,
    syntax="port [port ...] [ONEWAY]",
    summary="Cuts nodes off from all others that run in this process.",
)
def fault_partition(call: Call, argv: list[bytes]) -> Reply:
    """FAULT PARTITION port [port ...] [ONEWAY]

    OK. Clients still reach all of them; FAULT HEAL ALL ends it. Raises an error, and does nothing, where one
    of the nodes is not there.
    """
    ports, one_way = argv[2:], False
    if ports[-1].upper() == b"ONEWAY":
        ports, one_way = ports[:-1], True
    if not ports:
        raise SYNTAX_ERROR
    numbers = [integer_between(word, 1, _LAST_PORT, _BAD_PORT) for word in ports]
    _neighbours(call).partition(numbers, one_way=one_way)
    return OK


@fault.command(
    "FAULT CLOCK",
    arity=4,
    flags=FLAGS,
    since=SINCE,
    syntax="ADVANCE milliseconds",
    summary="Moves the time of all nodes that run in this process.",
)
def fault_clock(call: Call, argv: list[bytes]) -> Reply:
    """FAULT CLOCK ADVANCE milliseconds

    OK, once what happens within that time has happened on all nodes. Raises an error where time cannot be
    moved, or is being moved already.
    """
    if argv[2].upper() != b"ADVANCE":
        raise SYNTAX_ERROR
    duration_ms = integer_between(argv[3], 0, _MOST_ADVANCED_MS, _BAD_TIME)
    neighbours = _neighbours(call)
    if call.session.deny_blocking:
        raise _CANNOT_WAIT_FOR_TIME
    return _wait(call, argv, lambda done: neighbours.advance(duration_ms, done))


def _neighbours(call: Call) -> Neighbours:
    neighbours = faults_of(call).neighbours
    if neighbours is None:
        raise _ALONE
    return neighbours
