"""The subcommands of the program."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pyredis_cluster.cli.cluster import cluster
from pyredis_cluster.version import NAMES

_HIGHEST_PORT = 65535
_BUS_PORT_OFFSET = 10000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
    """A Redis server and cluster. Without a subcommand: what redis-server does."""


@program.command()
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
    default=0,
    show_default=True,
    help="How many replicas each primary has.",
)
@click.option(
    "--port",
    type=click.IntRange(1, _HIGHEST_PORT - _BUS_PORT_OFFSET),
    default=7000,
    show_default=True,
    help="Port of the first node; the others have those after it. Each node also uses its port + 10000.",
)
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False),
    help="Keep each node's data and log in a directory of its own here; the next start goes on with them.",
)
@click.option(
    "--redis-version",
    type=click.Choice(NAMES),
    default=NAMES[-1],
    show_default=True,
    help="The version of Redis that the nodes are to their clients.",
)
def up(primaries: int, replicas: int, port: int, bind: str, directory: str | None, redis_version: str) -> int:
    """Run a whole cluster in this process until Ctrl-C."""
    from pyredis_cluster.cli.up import UpOptions, bring_up

    options = UpOptions(primaries, replicas, port, bind, directory, redis_version)
    if options.ports[-1] + _BUS_PORT_OFFSET > _HIGHEST_PORT:
        raise click.BadParameter(f"too high for {len(options.ports)} nodes", param_hint="--port")
    return bring_up(options)


program.add_command(cluster)


def run_subcommand(words: Sequence[str]) -> int:
    """Run what `words` ask for; the exit code."""
    try:
        code = program.main(list(words), prog_name="pyredis-cluster", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 1
    return code if isinstance(code, int) else 0
