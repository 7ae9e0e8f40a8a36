"""WAIT and WAITAOF: how many copies have the writes of this client.

This server has no replicas and writes no AOF, so nothing is ever acknowledged: who waits for a copy waits
until the time is up.
"""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import NOSCRIPT, Category, Group
from pyredis_cluster.execution.timeouts import parse_milliseconds
from pyredis_cluster.protocol.errors import MUST_BE_POSITIVE, CommandError, out_of_bounds
from pyredis_cluster.protocol.numbers import INT64_MAX, integer, integer_between
from pyredis_cluster.protocol.reply import Reply

acknowledgements = Group("generic", Category.CONNECTION)

_TIPS = ("request_policy:all_shards", "response_policy:agg_min")
_LOCAL_OUT_OF_RANGE = out_of_bounds(0, 1)
_NO_AOF = CommandError("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")


@acknowledgements.command(
    "WAIT",
    arity=3,
    flags=NOSCRIPT,
    since="3.0.0",
    syntax="numreplicas:integer timeout:integer",
    summary="Waits until replicas have acknowledged the writes of this connection.",
    tips=_TIPS,
)
def wait(call: Call, argv: list[bytes]) -> Reply:
    """WAIT numreplicas timeout

    The number of replicas that acknowledged, when they are `numreplicas` or after `timeout` milliseconds (0:
    never).
    """
    wanted = integer(argv[1])
    timeout_ms = parse_milliseconds(argv[2], call.now_ms)
    return 0 if wanted <= 0 else call.block([], timeout_ms, 0)


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
    Raises an error for `numlocal` of 1, as there is no AOF.
    """
    local = integer(argv[1])
    if local not in (0, 1):
        raise _LOCAL_OUT_OF_RANGE
    wanted = integer_between(argv[2], 0, INT64_MAX, MUST_BE_POSITIVE)
    timeout_ms = parse_milliseconds(argv[3], call.now_ms)
    if local:
        raise _NO_AOF
    return [0, 0] if not wanted else call.block([], timeout_ms, [0, 0])
