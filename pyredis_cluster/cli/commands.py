"""The subcommands of the program."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import click
from click.core import ParameterSource

from pyredis_cluster.cli.cluster_command import (
    ask_password,
    askpass_option,
    password_option,
    user_option,
)
from pyredis_cluster.cli.up_options import (
    ALL_ADDRESSES,
    BUS_PORT_OFFSET,
    HIGHEST_PORT,
    UpOptions,
    directives_of,
)
from pyredis_cluster.cli.up_shape import Shape, UpError, as_before, remembered
from pyredis_cluster.version import NAMES

_AUTO = "auto"
_FIRST_PORT = 7000
_REPLICAS_OF_A_CLUSTER, _REPLICAS_OF_A_GROUP = 1, 2


class _Port(click.ParamType):  # type: ignore[type-arg]
    """A number, or `auto`."""

    name = "port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """0 stands for `auto`."""
        if value == _AUTO:
            return 0
        return int(click.IntRange(1, HIGHEST_PORT)(value, param, ctx))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
    """A Redis server and cluster. Without a subcommand: what redis-server does."""


@program.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[OPTIONS] [--DIRECTIVE VALUE ...]",
)
@click.option(
    "--primaries",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="How many primaries; each has its share of the slots.",
)
@click.option(
    "--replicas",
    type=click.IntRange(0, 100),
    help=f"How many replicas each primary has.  [default: {_REPLICAS_OF_A_CLUSTER},"
    f" with --sentinels {_REPLICAS_OF_A_GROUP}]",
)
@click.option(
    "--sentinels",
    type=click.IntRange(1, 100),
    help="Instead of a cluster: a primary, its replicas, and so many sentinels that watch them.",
)
@click.option(
    "--port",
    type=_Port(),
    metavar="PORT|auto",
    default=str(_FIRST_PORT),
    show_default=True,
    help="Port of the first node; the others have those after it. Cluster nodes also use their port + 10000."
    " `auto` finds free ones.",
)
@click.option(
    "--bind",
    multiple=True,
    metavar="ADDRESS",
    help="Address to listen on; may be given several times.  [default: 127.0.0.1]",
)
@click.option(
    "--announce",
    metavar="HOST[:PORT]",
    help="Where clients from elsewhere are told that the nodes are, if ports are forwarded: PORT is that of"
    " the first.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False),
    help="Keep each node's data and log in a directory of its own here; the next start goes on with them.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(),
    metavar="FILE",
    help="A redis.conf for all nodes; what differs from node to node in it does not count.",
)
@click.option(
    "--redis-version",
    type=click.Choice(NAMES),
    help=f"The version of Redis that the nodes are to their clients.  [default: {NAMES[-1]}]",
)
@click.option("--processes", is_flag=True, help="Give each node a process of its own.")
@click.option("--json", "is_json", is_flag=True, help="Print one line of JSON when all are ready.")
@click.pass_context
def up(
    context: click.Context,
    primaries: int,
    replicas: int | None,
    sentinels: int | None,
    port: int,
    bind: tuple[str, ...],
    announce: str | None,
    directory: str | None,
    config_file: str | None,
    redis_version: str | None,
    processes: bool,
    is_json: bool,
) -> int:
    """Run a whole cluster until Ctrl-C.

    Any directive of redis.conf may be given for all nodes: --cluster-node-timeout 500, --requirepass secret.
    """
    from pyredis_cluster.cli.up import bring_up

    given = {
        name
        for name in ("primaries", "replicas", "sentinels", "port")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if sentinels and "primaries" in given and primaries != 1:
        raise click.UsageError("Sentinels watch one primary: --primaries has no place beside --sentinels.")
    if sentinels and announce:
        raise click.UsageError("--announce is for clusters: sentinels tell of servers as these are bound.")
    if sentinels and set(bind) & ALL_ADDRESSES:
        raise click.UsageError("Sentinels tell clients one address of each server: give that to --bind.")
    if replicas is None:
        replicas = _REPLICAS_OF_A_GROUP if sentinels else _REPLICAS_OF_A_CLUSTER
    shape = Shape(1 if sentinels else primaries, replicas, sentinels or 0, port)
    try:
        words = [*context.args, *(["--redis-version", redis_version] if redis_version else [])]
        directives = directives_of(words)
    except UpError as error:
        raise click.UsageError(str(error)) from None
    with contextlib.ExitStack() as held:
        try:
            shape = _placed(shape, given, directory, held)
        except UpError as error:
            raise click.ClickException(str(error)) from None
        options = UpOptions(shape, bind, directory, config_file, directives, *_announced(announce))
        return bring_up(options, as_json=is_json, processes=processes)


def _announced(announce: str | None) -> tuple[str, int]:
    """Host and port; 0 for none."""
    if announce is None:
        return "", 0
    host, colon, port = announce.rpartition(":")
    if not colon or (":" in host and not announce.startswith("[")) or port.endswith("]"):
        return announce.strip("[]"), 0
    if not port.isdecimal() or not 0 < int(port) <= HIGHEST_PORT:
        raise click.BadParameter(f"{announce} is not HOST or HOST:PORT", param_hint="--announce")
    return host.strip("[]"), int(port)


def _placed(wanted: Shape, given: set[str], directory: str | None, held: contextlib.ExitStack) -> Shape:
    """The nodes with their ports: as they were before, as given, or where there is room.

    Ports that were found are reserved until `held` is closed. Raises UpError.
    """
    before = remembered(directory)
    if before is not None:
        return as_before(wanted, before, given if wanted.port else given - {"port"})
    if not wanted.port:
        from pyredis_cluster.cli.free_ports import first_free

        reservation = held.enter_context(contextlib.closing(first_free(wanted)))
        return replace(wanted, port=min(reservation.ports))
    highest = wanted.ports[-1] + (BUS_PORT_OFFSET if wanted.is_cluster else 0)
    if highest > HIGHEST_PORT:
        raise click.BadParameter(f"too high for {len(wanted.ports)} nodes", param_hint="--port")
    return wanted


@program.command()
@click.argument("address", nargs=-1, metavar="[HOST:PORT]")
@click.option("--watch", is_flag=True, help="Show it anew until q or Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often with --watch.",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON, a line at a time.")
@password_option
@user_option
@askpass_option
def status(
    address: tuple[str, ...],
    watch: bool,
    interval: float,
    is_json: bool,
    password: str | None,
    user: str | None,
    askpass: bool,
) -> int:
    """Show the nodes of a cluster, their slots, and how far replicas are behind.

    Any node will do; without an address it is 127.0.0.1:7000. Exits with 1 if there is something to look at.
    """
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.errors import UsageError
    from pyredis_cluster.admin.link import Credentials
    from pyredis_cluster.cli.status import show
    from pyredis_cluster.cli.status import watch as watch_status

    try:
        asked = address_of(address or (f"127.0.0.1:{_FIRST_PORT}",))
    except UsageError as error:
        raise click.UsageError(str(error).removeprefix("[ERR] ")) from None
    credentials = Credentials(user, ask_password() if askpass else password)
    if watch:
        return watch_status(asked, credentials, interval_s=interval, is_json=is_json)
    return show(asked, credentials, is_json=is_json)


def run_subcommand(words: Sequence[str]) -> int:
    """Run what `words` ask for; the exit code."""
    if words[0] == "cluster":
        # Its many commands would only keep the others from starting.
        from pyredis_cluster.cli.cluster import cluster

        program.add_command(cluster)
    try:
        code = program.main(list(words), prog_name="pyredis-cluster", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 1
    return code if isinstance(code, int) else 0
