"""SENTINEL: what a sentinel watches, and how."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, STALE, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.sentinel import sentinel_of
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

sentinel = Group("sentinel")
sentinel.container(
    "SENTINEL", flags=ADMIN, since="2.8.4", summary="A container for commands about what a sentinel does."
)

_OF_MASTER: Final = "master-name"
_NOT_A_CONFIG_SUBCOMMAND: Final = CommandError(
    "ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...]/ SET <param> <value> [<param> <value> ...] "
    "are supported."
)


@sentinel.command(
    "SENTINEL MASTERS",
    arity=2,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(N) where N is the number of masters",
    summary="Lists the masters that are watched, with what is known of them.",
)
def masters(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL MASTERS

    An array of maps.
    """
    return sentinel_of(call.server).masters()


@sentinel.command(
    "SENTINEL MASTER",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    syntax=_OF_MASTER,
    summary="Tells what is known of a master.",
)
def master(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL MASTER master-name

    A map. Raises an error where there is no such master, as the other commands that name one do.
    """
    return sentinel_of(call.server).master(argv[2])


@sentinel.command(
    "SENTINEL REPLICAS",
    arity=3,
    flags=ADMIN,
    since="5.0.0",
    complexity="O(N) where N is the number of replicas",
    syntax=_OF_MASTER,
    summary="Lists the replicas of a master, with what is known of them.",
)
def replicas(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL REPLICAS master-name

    An array of maps.
    """
    return sentinel_of(call.server).replicas(argv[2])


@sentinel.command(
    "SENTINEL SLAVES",
    arity=3,
    flags=ADMIN,
    since="2.8.0",
    complexity="O(N) where N is the number of replicas.",
    syntax=_OF_MASTER,
    summary="Lists the replicas of a master, with what is known of them.",
    deprecated_since="5.0.0",
    replaced_by="`SENTINEL REPLICAS`",
)
def slaves(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL SLAVES master-name

    An array of maps.
    """
    return sentinel_of(call.server).replicas(argv[2])


@sentinel.command(
    "SENTINEL SENTINELS",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(N) where N is the number of Sentinels",
    syntax=_OF_MASTER,
    summary="Lists the other sentinels that watch a master, with what is known of them.",
)
def sentinels(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL SENTINELS master-name

    An array of maps.
    """
    return sentinel_of(call.server).sentinels(argv[2])


@sentinel.command(
    "SENTINEL MYID",
    arity=2,
    flags=ADMIN,
    since="6.2.0",
    complexity="O(1)",
    summary="Tells the sentinel's id.",
)
def my_id(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL MYID

    40 characters.
    """
    return sentinel_of(call.server).my_id


@sentinel.command(
    "SENTINEL GET-MASTER-ADDR-BY-NAME",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    syntax=_OF_MASTER,
    summary="Tells where a master is: what clients ask.",
)
def get_master_addr_by_name(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL GET-MASTER-ADDR-BY-NAME master-name

    Host and port; a null array where there is no such master. After a replica was promoted: that one.
    """
    return sentinel_of(call.server).master_address(argv[2])


@sentinel.command(
    "SENTINEL IS-MASTER-DOWN-BY-ADDR",
    arity=6,
    flags=ADMIN,
    since="2.8.4",
    complexity="O(1)",
    syntax="ip port:integer current-epoch:integer runid",
    summary="Asks for this sentinel's view of a master, and for its vote.",
)
def is_master_down_by_addr(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL IS-MASTER-DOWN-BY-ADDR ip port current-epoch runid

    Whether the master is down (0 or 1), the sentinel that is voted for and the epoch of that vote; `*` and 0
    unless `runid` names a candidate. Raises an error for what is no port or epoch.
    """
    return sentinel_of(call.server).is_master_down(argv[2], argv[3], argv[4], argv[5])


@sentinel.command(
    "SENTINEL CKQUORUM",
    arity=3,
    flags=ADMIN,
    since="2.8.4",
    complexity="",
    syntax=_OF_MASTER,
    summary="Tells whether enough sentinels are there to fail a master over.",
)
def ckquorum(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL CKQUORUM master-name

    A status. Raises NOQUORUM where there are not enough.
    """
    return sentinel_of(call.server).check_quorum(argv[2])


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
    "SENTINEL PENDING-SCRIPTS",
    arity=2,
    flags=ADMIN,
    since="2.8.4",
    complexity="",
    summary="Lists scripts that run or wait.",
)
def pending_scripts(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL PENDING-SCRIPTS

    An array of maps.
    """
    return sentinel_of(call.server).pending_scripts()


@sentinel.command(
    "SENTINEL INFO-CACHE",
    arity=-3,
    flags=ADMIN,
    since="3.2.0",
    complexity="O(N) where N is the number of instances",
    syntax="nodename [nodename ...]",
    summary="Shows what masters and replicas last said to INFO.",
)
def info_cache(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL INFO-CACHE nodename [nodename ...]

    For each master its name, and an array with age and text for itself and each replica.
    """
    return sentinel_of(call.server).info_cache(argv[2:])


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


@sentinel.command(
    "SENTINEL HELP",
    arity=2,
    flags=LOADING | STALE,
    since="6.2.0",
    complexity="O(1)",
    summary="Describes the subcommands.",
)
def help_(call: Call, argv: list[bytes]) -> Reply:
    """SENTINEL HELP

    Lines of text.
    """
    return help_lines(argv[0], _HELP)


_HELP: Final = """
CKQUORUM <master-name>
    Check if the current Sentinel configuration is able to reach the quorum
    needed to failover a master and the majority needed to authorize the
    failover.
CONFIG SET param value [param value ...]
    Set a global Sentinel configuration parameter.
CONFIG GET <param> [param param param ...]
    Get global Sentinel configuration parameter.
DEBUG [<param> <value> ...]
    Show a list of configurable time parameters and their values (milliseconds).
    Or update current configurable parameters values (one or more).
GET-MASTER-ADDR-BY-NAME <master-name>
    Return the ip and port number of the master with that name.
FAILOVER <master-name>
    Manually failover a master node without asking for agreement from other
    Sentinels
FLUSHCONFIG
    Force Sentinel to rewrite its configuration on disk, including the current
    Sentinel state.
INFO-CACHE <master-name>
    Return last cached INFO output from masters and all its replicas.
IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>
    Check if the master specified by ip:port is down from current Sentinel's
    point of view.
MASTER <master-name>
    Show the state and info of the specified master.
MASTERS
    Show a list of monitored masters and their state.
MONITOR <name> <ip> <port> <quorum>
    Start monitoring a new master with the specified name, ip, port and quorum.
MYID
    Return the ID of the Sentinel instance.
PENDING-SCRIPTS
    Get pending scripts information.
REMOVE <master-name>
    Remove master from Sentinel's monitor list.
REPLICAS <master-name>
    Show a list of replicas for this master and their state.
RESET <pattern>
    Reset masters for specific master name matching this pattern.
SENTINELS <master-name>
    Show a list of Sentinel instances for this master and their state.
SET <master-name> <option> <value> [<option> <value> ...]
    Set configuration parameters for certain masters.
SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]
    Simulate a Sentinel crash.
"""
