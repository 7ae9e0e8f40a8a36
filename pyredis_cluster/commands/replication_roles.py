"""Commands that make a server a replica or a primary."""

from __future__ import annotations

from pyredis_cluster.commands.server import server
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.client_line import client_line
from pyredis_cluster.execution.command import ADMIN, NO_ASYNC_LOADING, NOSCRIPT, STALE
from pyredis_cluster.execution.gate import GATE_REPLICA
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.execution.replication_roles import NO_FAILOVER, ReplicationRoles
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import integer, integer_between
from pyredis_cluster.protocol.reply import OK, Reply, Status
from pyredis_cluster.replication.failover import find_replica

_MAX_PORT = 65535
_PRIMARY = "args=<host-port=<host port:integer> | no-one=<NO ONE>>"

_NOT_HERE = CommandError("ERR this server does not replicate")
_IN_CLUSTER = CommandError("ERR REPLICAOF not allowed in cluster mode.")
_FAILING_OVER = CommandError("ERR REPLICAOF not allowed while failing over.")
_FROM_REPLICA = CommandError("ERR Command is not valid when client is a replica.")
_BAD_PORT = CommandError("ERR Invalid master port")
_ALREADY_CONNECTED = Status(b"OK Already connected to specified master")

_FAILOVER_IN_CLUSTER = CommandError(
    "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead."
)
_NO_FAILOVER = CommandError("ERR No failover in progress.")
_BAD_TIMEOUT = CommandError("ERR FAILOVER timeout must be greater than 0")
_IN_PROGRESS = CommandError("ERR FAILOVER already in progress.")
_IS_REPLICA = CommandError("ERR FAILOVER is not valid when server is a replica.")
_NO_REPLICAS = CommandError("ERR FAILOVER requires connected replicas.")
_INCOMPLETE_FORCE = CommandError(
    "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
)
_NO_SUCH_REPLICA = CommandError("ERR FAILOVER target HOST and PORT is not a replica.")
_NOT_ONLINE = CommandError("ERR FAILOVER target replica is not online.")


def _roles(call: Call) -> ReplicationRoles:
    roles = call.server.replication_roles
    if roles is None:
        raise _NOT_HERE
    return roles


@server.command(
    "REPLICAOF",
    arity=3,
    flags=NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE,
    since="5.0.0",
    complexity="O(1)",
    syntax=_PRIMARY,
    summary="Makes the server a replica of another one, or a primary.",
)
def replicaof(call: Call, argv: list[bytes]) -> Reply:
    """REPLICAOF host port | REPLICAOF NO ONE

    `OK` as soon as it is begun; with other words where nothing changes. Raises errors for a bad port, in a
    cluster, and during a failover.
    """
    roles = _roles(call)
    if call.server.config.flag("cluster-enabled"):
        raise _IN_CLUSTER
    if roles.failover_state != NO_FAILOVER:
        raise _FAILING_OVER
    log = call.server.host.log
    client = client_line(call.session).decode("utf-8", "replace")
    if argv[1].lower() == b"no" and argv[2].lower() == b"one":
        if roles.primary is not None:
            roles.stop_following()
            log.notice(f"MASTER MODE enabled (user request from '{client}')")
        return OK
    if call.session.gate & GATE_REPLICA:
        raise _FROM_REPLICA
    port = integer_between(argv[2], 0, _MAX_PORT, _BAD_PORT)
    host = argv[1].partition(b"\0")[0].decode("utf-8", "surrogateescape")
    if roles.primary is not None and (roles.primary[0].lower(), roles.primary[1]) == (host.lower(), port):
        log.notice(
            "REPLICAOF would result into synchronization with the master we are already connected with. No "
            "operation performed."
        )
        return _ALREADY_CONNECTED
    roles.follow(host, port)
    log.notice(f"REPLICAOF {host}:{port} enabled (user request from '{client}')")
    return OK


@server.command(
    "SLAVEOF",
    arity=3,
    flags=NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE,
    since="1.0.0",
    complexity="O(1)",
    syntax=_PRIMARY,
    summary="Makes the server a replica of another one, or a primary.",
    deprecated_since="5.0.0",
    replaced_by="`REPLICAOF`",
)
def slaveof(call: Call, argv: list[bytes]) -> Reply:
    """SLAVEOF host port | SLAVEOF NO ONE

    See `replicaof`.
    """
    return replicaof(call, argv)


@server.command(
    "FAILOVER",
    arity=-1,
    flags=ADMIN | NOSCRIPT | STALE,
    since="6.2.0",
    complexity="O(1)",
    syntax="[TO target=<host port:integer [FORCE]>] [ABORT] [TIMEOUT milliseconds:integer]",
    summary="Hands the role of the primary to a replica.",
)
def failover(call: Call, argv: list[bytes]) -> Reply:
    """FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]

    `OK` as soon as it is begun, or called off; how it goes on, INFO tells. Raises errors where there is
    nothing to hand over, or nobody to take it.
    """
    roles = _roles(call)
    if call.server.config.flag("cluster-enabled"):
        raise _FAILOVER_IN_CLUSTER
    if len(argv) == 2 and argv[1].lower() == b"abort":
        if roles.failover_state == NO_FAILOVER:
            raise _NO_FAILOVER
        roles.abort_failover("Failover manually aborted")
        return OK
    timeout_ms, host, port, force = _failover_options(argv)
    if roles.failover_state != NO_FAILOVER:
        raise _IN_PROGRESS
    if roles.primary is not None:
        raise _IS_REPLICA
    replicas = call.server.replicas
    if not replicas:
        raise _NO_REPLICAS
    if force and not (timeout_ms and host):
        raise _INCOMPLETE_FORCE
    if host:
        target = find_replica(replicas, host, port)
        if target is None:
            raise _NO_SUCH_REPLICA
        if not target.is_online:
            raise _NOT_ONLINE
    roles.fail_over(host, port, timeout_ms=timeout_ms, force=force)
    return OK


def _failover_options(argv: list[bytes]) -> tuple[int, str, int, bool]:
    """Timeout in milliseconds, host, port, and whether it is forced. Raises CommandError."""
    timeout_ms = port = 0
    host = ""
    force = False
    index = 1
    while index < len(argv):
        word = argv[index].lower()
        left = len(argv) - index - 1
        if word == b"timeout" and left and not timeout_ms:
            timeout_ms = integer(argv[index + 1])
            if timeout_ms <= 0:
                raise _BAD_TIMEOUT
            index += 2
        elif word == b"to" and left >= 2 and not host:
            port = integer(argv[index + 2])
            host = argv[index + 1].decode("utf-8", "surrogateescape")
            index += 3
        elif word == b"force" and not force:
            force = True
            index += 1
        else:
            raise SYNTAX_ERROR
    return timeout_ms, host, port, force


server.before(
    "7.0.0",
    "REPLICAOF",
    "SLAVEOF",
    wrap=reworded("^ERR Invalid master port$", "ERR value is not an integer or out of range"),
)
