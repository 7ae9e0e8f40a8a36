"""SENTINEL: what a sentinel is told."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.commands.sentinel import sentinel
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN
from pyredis_cluster.execution.sentinel import sentinel_of
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

_OF_MASTER: Final = "master-name"
_NOT_A_CONFIG_SUBCOMMAND: Final = CommandError(
    "ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...]/ SET <param> <value> [<param> <value> ...] "
    "are supported."
)


@sentinel.command(
    "SENTINEL MONITOR",
    arity=6,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    syntax="name ip port:integer quorum:integer",
    summary="Begins to watch a master.",
)
def monitor(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL MONITOR name ip port quorum

    `OK`. Raises an error for a bad number or address, for a name that is taken, and where it cannot be saved.
    """
    return sentinel_of(call.server).monitor(argv[2], argv[3], argv[4], argv[5])


@sentinel.command(
    "SENTINEL REMOVE",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    syntax=_OF_MASTER,
    summary="Watches a master no more.",
)
def remove(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL REMOVE master-name

    `OK`. Raises an error where it cannot be saved.
    """
    return sentinel_of(call.server).remove(argv[2])


@sentinel.command(
    "SENTINEL SET",
    arity=-5,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    syntax=f"{_OF_MASTER} option value [option value ...]",
    summary="Changes how a master is watched.",
)
def set_(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL SET master-name option value [option value ...]

    `OK`. Raises an error for the first option that is bad, those before it being changed.
    """
    return sentinel_of(call.server).set(argv[2], argv[3:])


@sentinel.command(
    "SENTINEL RESET",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(N) where N is the number of monitored masters",
    syntax="pattern:pattern",
    summary="Forgets what was discovered of masters whose names match.",
)
def reset(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL RESET pattern

    How many masters match.
    """
    return sentinel_of(call.server).reset(argv[2])


@sentinel.command(
    "SENTINEL FAILOVER",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="",
    syntax=_OF_MASTER,
    summary="Fails a master over, whatever other sentinels think.",
)
def failover(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL FAILOVER master-name

    `OK` as soon as it is begun. Raises INPROG and NOGOODSLAVE.
    """
    return sentinel_of(call.server).fail_over(argv[2])


@sentinel.command(
    "SENTINEL CONFIG",
    arity=-4,
    flags=ADMIN,
    since="6.2.0",
    complexity="O(N) when N is the number of configuration parameters provided",
    syntax="action=<SET parameter value [parameter value ...] | GET parameter [parameter ...]>",
    history=(("7.2.0", "Added the ability to set and get multiple parameters in one call."),),
    summary="Shows or changes what concerns all masters.",
)
def config(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL CONFIG SET parameter value [parameter value ...] | GET parameter [parameter ...]

    `OK`, or a map. Raises an error for what does not exist or is no value, nothing being changed.
    """
    action = argv[2].lower()
    if action == b"set" and len(argv) >= 5:
        return sentinel_of(call.server).config_set(argv[3:])
    if action == b"get":
        return sentinel_of(call.server).config_get(argv[3:])
    raise _NOT_A_CONFIG_SUBCOMMAND


@sentinel.command(
    "SENTINEL DEBUG",
    arity=-2,
    flags=ADMIN,
    since="7.0.0",
    complexity="O(N) where N is the number of configurable parameters",
    syntax="[parameter value [parameter value ...]]",
    summary="Shows or changes the periods by which the sentinel works.",
)
def debug(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL DEBUG [parameter value ...]

    A map of names and milliseconds, or `OK`. Raises an error for the first bad one.
    """
    return sentinel_of(call.server).debug(argv[2:])


@sentinel.command(
    "SENTINEL FLUSHCONFIG",
    arity=2,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    summary="Writes sentinel.conf anew.",
)
def flushconfig(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL FLUSHCONFIG

    `OK`. Raises an error where it cannot be written.
    """
    return sentinel_of(call.server).flush_config()


@sentinel.command(
    "SENTINEL SIMULATE-FAILURE",
    arity=-3,
    flags=ADMIN,
    since="3.2.0",
    complexity="",
    syntax="mode=[CRASH-AFTER-ELECTION | CRASH-AFTER-PROMOTION | HELP] ...",
    summary="Makes the sentinel crash in the middle of a failover.",
)
def simulate_failure(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]

    `OK`; with HELP what there is. Raises an error for anything else.
    """
    return sentinel_of(call.server).simulate_failure(argv[2:])
