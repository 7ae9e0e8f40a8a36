"""All commands there are: the groups' declarations joined. A name declared twice fails at import."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyredis_cluster.commands import (
    acknowledgements,
    append_only,
    client_control,
    clients,
    cluster,
    cluster_changes,
    cluster_views,
    command,
    config,
    connection,
    debug,
    dump,
    expiry,
    generic,
    hash_picks,
    hashes,
    info,
    keys,
    latency,
    list_elements,
    list_moves,
    lists,
    memory,
    migrate,
    object,
    persistence,
    pubsub,
    replication,
    replication_roles,
    server,
    set_algebra,
    set_picks,
    sets,
    slowlog,
    sort,
    sorted_set_algebra,
    sorted_set_pops,
    sorted_set_ranges,
    sorted_set_spans,
    sorted_sets,
    string_bulk,
    string_counters,
    string_lcs,
    string_ranges,
    strings,
    transactions,
)
from pyredis_cluster.execution.command import Command, Group

GROUPS: tuple[Group, ...] = (
    acknowledgements.acknowledgements,
    clients.clients,
    cluster.cluster,
    command.command,
    config.config,
    connection.connection,
    debug.debug,
    dump.internal,
    generic.generic,
    hashes.hashes,
    info.info,
    latency.latency,
    lists.lists,
    memory.memory,
    pubsub.pubsub,
    server.server,
    sets.sets,
    slowlog.slowlog,
    sort.sort,
    sorted_sets.sorted_sets,
    strings.strings,
    transactions.transactions,
)

EXTENSIONS = (
    append_only,
    client_control,
    cluster_changes,
    cluster_views,
    expiry,
    hash_picks,
    keys,
    list_elements,
    list_moves,
    migrate,
    object,
    persistence,
    replication,
    replication_roles,
    set_algebra,
    set_picks,
    sorted_set_algebra,
    sorted_set_pops,
    sorted_set_ranges,
    sorted_set_spans,
    string_bulk,
    string_counters,
    string_lcs,
    string_ranges,
)
"""Modules that add commands to a group of another module: importing them is all it takes."""


def _join(groups: tuple[Group, ...]) -> Mapping[bytes, Command]:
    commands: dict[bytes, Command] = {}
    for group in groups:
        for name, each in group.commands.items():
            if name in commands:
                raise ValueError(f"{each.name} is declared in two groups")
            commands[name] = each
    return MappingProxyType(commands)


COMMANDS = _join(GROUPS)
