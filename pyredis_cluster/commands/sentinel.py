"""SENTINEL itself, and what other sentinels ask.

The other subcommands are in `sentinel_views` and `sentinel_changes`.
"""

from __future__ import annotations

from typing import Final

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, STALE, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.sentinel import sentinel_of
from pyredis_cluster.protocol.reply import Reply

sentinel = Group("sentinel")
sentinel.container(
    "SENTINEL", flags=ADMIN, since="2.8.4", summary="A container for commands about what a sentinel does."
)


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
