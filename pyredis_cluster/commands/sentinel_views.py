"""SENTINEL: what a sentinel knows."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.commands.sentinel import sentinel
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN
from pyredis_cluster.execution.sentinel import sentinel_of
from pyredis_cluster.protocol.reply import Reply

_OF_MASTER: Final = "master-name"


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
