"""WAIT and WAITAOF: how many copies have the writes of this client."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import NOSCRIPT, Category, Group
from pyredis_cluster.execution.replication import is_replica
from pyredis_cluster.execution.timeouts import parse_milliseconds
from pyredis_cluster.execution.waits import NO_AOF, Wish
from pyredis_cluster.protocol.errors import MUST_BE_POSITIVE, CommandError, out_of_bounds
from pyredis_cluster.protocol.numbers import INT64_MAX, integer, integer_between
from pyredis_cluster.protocol.reply import Reply

acknowledgements = Group("generic", Category.CONNECTION)

_TIPS = ("request_policy:all_shards", "response_policy:agg_min")
_LOCAL_OUT_OF_RANGE = out_of_bounds(0, 1)
_WAIT_ON_REPLICA = CommandError(
    "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is "
    "configured to be writable (which is not the default) writes to replicas are just local and are not "
    "propagated."
)
_WAITAOF_ON_REPLICA = CommandError(
    "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just "
    "local and are not propagated."
)


@acknowledgements.command(
    "WAIT",
    arity=3,
    since="3.0.0",
    syntax="numreplicas:integer timeout:integer",
    summary="Waits until replicas have acknowledged the writes of this connection.",
    tips=_TIPS,
)
def wait(call: Call, argv: list[bytes]) -> Reply:
    """WAIT numreplicas timeout

    The number of replicas that acknowledged, when they are `numreplicas` or after `timeout` milliseconds (0:
    never). Raises an error on a replica.
    """
    server = call.server
    if is_replica(server):
        raise _WAIT_ON_REPLICA
    wanted = integer(argv[1])
    timeout_ms = parse_milliseconds(argv[2], call.now_ms)
    return server.waits.wait(call.session, Wish(server.write_offset_of(call.session), wanted), timeout_ms)


@acknowledgements.command(
    "WAITAOF",
    arity=4,
    flags=NOSCRIPT,
    since="7.2.0",
    syntax="numlocal:integer numreplicas:integer timeout:integer",
    summary="Waits until the writes of this connection are on disk, here and on replicas.",
    tips=_TIPS,
)
def waitaof(call: Call, argv: list[bytes]) -> Reply:
    """WAITAOF numlocal numreplicas timeout

    Two integers: 1 if the own AOF has the writes, else 0; and the number of replicas whose AOF has them.
    Raises errors on a replica, and for `numlocal` of 1 where there is no AOF.
    """
    local = integer(argv[1])
    if local not in (0, 1):
        raise _LOCAL_OUT_OF_RANGE
    wanted = integer_between(argv[2], 0, INT64_MAX, MUST_BE_POSITIVE)
    timeout_ms = parse_milliseconds(argv[3], call.now_ms)
    server = call.server
    if is_replica(server):
        raise _WAITAOF_ON_REPLICA
    if local and (server.append_only is None or not server.append_only.is_enabled):
        raise NO_AOF
    wish = Wish(server.write_offset_of(call.session), wanted, on_disk=True, locally=bool(local))
    return server.waits.wait(call.session, wish, timeout_ms)


acknowledgements.before("7.2.0", "WAIT", adds=NOSCRIPT)
acknowledgements.before("7.0.0", "WAIT", categories=Category.KEYSPACE | Category.SLOW)
