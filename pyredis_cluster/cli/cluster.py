"""`pyredis-cluster cluster …`: what `redis-cli --cluster …` does, with its options and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyredis_cluster.cli.cluster_command import Common, ask_password, cluster, command, run_work

if TYPE_CHECKING:
    from pyredis_cluster.admin.environment import Environment
    from pyredis_cluster.admin.moving import MoveOptions
    from pyredis_cluster.admin.outcome import Outcome

__all__ = ["cluster"]

_WEIGHT = "--cluster-weight"

_YES = click.option("--cluster-yes", is_flag=True, help="Do not ask whether to go on.")
_TIMEOUT = click.option(
    "--cluster-timeout",
    type=click.IntRange(1),
    default=60_000,
    show_default=True,
    metavar="MS",
    help="How long moving keys may take at a time.",
)
_PIPELINE = click.option(
    "--cluster-pipeline",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many keys are moved at a time.",
)
_REPLACE = click.option(
    "--cluster-replace", is_flag=True, help="Overwrite keys that are in the receiving node too."
)
_SEARCH_OWNERS = click.option(
    "--cluster-search-multiple-owners", is_flag=True, help="Also look for slots that several nodes have."
)
_ADDRESS = click.argument("address", nargs=-1, required=True, metavar="HOST:PORT")


@cluster.command("help")
@click.pass_context
def help_command(context: click.Context) -> None:
    """List the commands."""
    assert context.parent is not None
    click.echo(context.parent.get_help())


@command("create")
@click.argument("nodes", nargs=-1, required=True, metavar="HOST1:PORT1 ... HOSTN:PORTN")
@click.option(
    "--cluster-replicas",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="How many replicas each master is to have.",
)
@_YES
def create_command(common: Common, nodes: tuple[str, ...], cluster_replicas: int, cluster_yes: bool) -> int:
    """Make a cluster of empty nodes."""
    from pyredis_cluster.admin.address import parse_address
    from pyredis_cluster.admin.create import create
    from pyredis_cluster.admin.errors import UsageError

    def work(environment: Environment) -> Outcome:
        if len(nodes) == 1:
            raise UsageError("[ERR] Wrong number of arguments for specified --cluster sub command")
        addresses = []
        for text in nodes:
            address = parse_address(text)
            if address is None:
                raise UsageError(f"Invalid address format: {text}")
            addresses.append(address)
        return create(environment, addresses, replicas=cluster_replicas, assumes_yes=cluster_yes)

    return run_work(common, work)


@command("check")
@_ADDRESS
@_SEARCH_OWNERS
def check_command(common: Common, address: tuple[str, ...], cluster_search_multiple_owners: bool) -> int:
    """Tell whether a cluster is as it should be."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.inspecting import check

    return run_work(
        common,
        lambda environment: check(
            environment, address_of(address), searches_owners=cluster_search_multiple_owners
        ),
    )


@command("info")
@_ADDRESS
def info_command(common: Common, address: tuple[str, ...]) -> int:
    """Tell how many keys, slots and replicas each master has."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.inspecting import info

    return run_work(common, lambda environment: info(environment, address_of(address)))


@command("fix")
@_ADDRESS
@_SEARCH_OWNERS
@click.option(
    "--cluster-fix-with-unreachable-masters",
    is_flag=True,
    help="Also while masters cannot be reached: their slots go to others, their keys are lost.",
)
@_TIMEOUT
@_PIPELINE
@_REPLACE
def fix_command(
    common: Common,
    address: tuple[str, ...],
    cluster_search_multiple_owners: bool,
    cluster_fix_with_unreachable_masters: bool,
    **moving: Any,
) -> int:
    """Mend what check finds: slots that are open, or have no master."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.inspecting import fix

    options = _move_options(moving, fixes=True)
    return run_work(
        common,
        lambda environment: fix(
            environment,
            address_of(address),
            options,
            searches_owners=cluster_search_multiple_owners,
            forces=cluster_fix_with_unreachable_masters,
        ),
    )


@command("reshard")
@_ADDRESS
@click.option("--cluster-from", metavar="ID,...", help="Masters that give slots, or all.")
@click.option("--cluster-to", metavar="ID", help="The master that gets them.")
@click.option(
    "--cluster-slots", type=click.IntRange(0, 16384), default=0, metavar="N", help="How many slots."
)
@_YES
@_TIMEOUT
@_PIPELINE
@_REPLACE
def reshard_command(
    common: Common,
    address: tuple[str, ...],
    cluster_from: str | None,
    cluster_to: str | None,
    cluster_slots: int,
    cluster_yes: bool,
    **moving: Any,
) -> int:
    """Move slots with their keys to a master; what is not given is asked for."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.reshard import ReshardRequest, reshard

    request = ReshardRequest(
        slots=cluster_slots or None,
        target=cluster_to,
        sources=None if cluster_from is None else tuple(cluster_from.split(",")),
        assumes_yes=cluster_yes,
    )
    options = _move_options(moving)
    return run_work(common, lambda environment: reshard(environment, address_of(address), request, options))


class _WeightsCommand(click.Command):
    """Takes `--cluster-weight a=1 b=2`, several words after one option, as redis-cli does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = []
        is_weight = False
        for word in args:
            if is_weight and "=" in word and not word.startswith("--"):
                words += [_WEIGHT, word]
            elif word == _WEIGHT:
                is_weight = True
            else:
                is_weight = False
                words.append(word)
        if _WEIGHT in args and _WEIGHT not in words:
            raise click.BadOptionUsage(_WEIGHT, f"Option '{_WEIGHT}' requires an argument.", ctx)
        return super().parse_args(ctx, words)


@command("rebalance", cls=_WeightsCommand)
@_ADDRESS
@click.option(
    _WEIGHT,
    multiple=True,
    metavar="ID=W ...",
    help="How much of the slots a master is to have, 1 being usual; the beginning of the id will do.",
)
@click.option("--cluster-use-empty-masters", is_flag=True, help="Also give slots to masters without any.")
@click.option(
    "--cluster-threshold",
    type=click.FloatRange(0),
    default=2.0,
    show_default=True,
    metavar="PERCENT",
    help="Leave all as it is while no master is further from its share.",
)
@click.option("--cluster-simulate", is_flag=True, help="Only show what would be moved.")
@click.option("--verbose", is_flag=True, help="Show how much each master has too much.")
@_TIMEOUT
@_PIPELINE
@_REPLACE
def rebalance_command(
    common: Common,
    address: tuple[str, ...],
    cluster_weight: tuple[str, ...],
    cluster_use_empty_masters: bool,
    cluster_threshold: float,
    cluster_simulate: bool,
    verbose: bool,
    **moving: Any,
) -> int:
    """Share the slots out evenly, or by weight."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.rebalance import RebalanceRequest, rebalance

    request = RebalanceRequest(
        weights=cluster_weight,
        uses_empty=cluster_use_empty_masters,
        threshold=cluster_threshold,
        simulates=cluster_simulate,
        is_verbose=verbose,
    )
    options = _move_options(moving)
    return run_work(common, lambda environment: rebalance(environment, address_of(address), request, options))


@command("add-node")
@click.argument("new", metavar="NEW_HOST:NEW_PORT")
@click.argument("existing", nargs=-1, required=True, metavar="EXISTING_HOST:EXISTING_PORT")
@click.option("--cluster-slave", is_flag=True, help="Add it as a replica.")
@click.option(
    "--cluster-master-id", metavar="ID", help="Of this master; else of one that has the fewest replicas."
)
def add_node_command(
    common: Common,
    new: str,
    existing: tuple[str, ...],
    cluster_slave: bool,
    cluster_master_id: str | None,
) -> int:
    """Have an empty node join a cluster."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.membership import add_node

    return run_work(
        common,
        lambda environment: add_node(
            environment,
            address_of([new]),
            address_of(existing),
            as_replica=cluster_slave,
            primary_id=cluster_master_id,
        ),
    )


@command("del-node")
@click.argument("address", metavar="HOST:PORT")
@click.argument("node_id", metavar="NODE_ID")
def del_node_command(common: Common, address: str, node_id: str) -> int:
    """Remove a node that has no slots."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.membership import del_node

    return run_work(common, lambda environment: del_node(environment, address_of([address]), node_id))


@command("call", context_settings={"ignore_unknown_options": True})
@click.argument("address", metavar="HOST:PORT")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND ARG ...")
@click.option("--cluster-only-masters", is_flag=True, help="Not in replicas.")
@click.option("--cluster-only-replicas", is_flag=True, help="In replicas only.")
@click.option("-e", "errors_count", is_flag=True, help="Exit with 1 where a node replied with an error.")
def call_command(
    common: Common,
    address: str,
    words: tuple[str, ...],
    cluster_only_masters: bool,
    cluster_only_replicas: bool,
    errors_count: bool,
) -> int:
    """Run a command in all nodes."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.everywhere import call

    return run_work(
        common,
        lambda environment: call(
            environment,
            address_of([address]),
            words,
            only_primaries=cluster_only_masters,
            only_replicas=cluster_only_replicas,
            errors_count=errors_count,
        ),
    )


@command("set-timeout")
@click.argument("address", metavar="HOST:PORT")
@click.argument("milliseconds", type=int)
def set_timeout_command(common: Common, address: str, milliseconds: int) -> int:
    """Set cluster-node-timeout in all nodes."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.everywhere import set_timeout

    return run_work(common, lambda environment: set_timeout(environment, address_of([address]), milliseconds))


@command("import")
@_ADDRESS
@click.option("--cluster-from", metavar="HOST:PORT", help="The server that has the keys; no cluster node.")
@click.option("--cluster-from-user", metavar="NAME", help="Log in to it under this name.")
@click.option("--cluster-from-pass", metavar="PASSWORD", help="Its password.")
@click.option("--cluster-from-askpass", is_flag=True, help="Ask for its password.")
@click.option("--cluster-copy", is_flag=True, help="Leave the keys where they are, too.")
@_TIMEOUT
@_REPLACE
@click.option("--cluster-pipeline", hidden=True, expose_value=False)
def import_command(
    common: Common,
    address: tuple[str, ...],
    cluster_from: str | None,
    cluster_from_user: str | None,
    cluster_from_pass: str | None,
    cluster_from_askpass: bool,
    cluster_copy: bool,
    cluster_timeout: int,
    cluster_replace: bool,
) -> int:
    """Move the keys of a server into a cluster."""
    from pyredis_cluster.admin.address import address_of, parse_address
    from pyredis_cluster.admin.errors import UsageError
    from pyredis_cluster.admin.importing import ImportRequest, import_keys
    from pyredis_cluster.admin.link import Credentials

    def work(environment: Environment) -> Outcome:
        target = address_of(address)
        if cluster_from is None:
            raise UsageError("[ERR] Option '--cluster-from' is required for subcommand 'import'.")
        source = parse_address(cluster_from)
        if source is None:
            raise UsageError(
                "[ERR] Invalid --cluster-from host. You need to pass a valid address (ie. 120.0.0.1:7000)."
            )
        password = ask_password() if cluster_from_askpass else cluster_from_pass
        request = ImportRequest(
            source=source,
            source_credentials=Credentials(cluster_from_user, password),
            copies=cluster_copy,
            replaces=cluster_replace,
            timeout_ms=cluster_timeout,
        )
        return import_keys(environment, target, request)

    return run_work(common, work)


@command("backup")
@click.argument("address", metavar="HOST:PORT")
@click.argument("directory", metavar="BACKUP_DIRECTORY")
def backup_command(common: Common, address: str, directory: str) -> int:
    """Save the data of all masters, and what the cluster looks like."""
    from pyredis_cluster.admin.address import address_of
    from pyredis_cluster.admin.backup import backup

    return run_work(common, lambda environment: backup(environment, address_of([address]), directory))


def _move_options(words: dict[str, Any], *, fixes: bool = False) -> MoveOptions:
    from pyredis_cluster.admin.moving import MoveOptions

    return MoveOptions(
        timeout_ms=words["cluster_timeout"],
        pipeline=words["cluster_pipeline"],
        replaces=words["cluster_replace"],
        fixes=fixes,
    )
