"""The directive table: every directive of Redis 7.2; redis.conf, CONFIG and the CLI derive from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from pyredis_cluster.config.directive import Directive
from pyredis_cluster.config.tables import data, kept, persistence, replication, serving
from pyredis_cluster.version import Version

SECTIONS: Mapping[str, tuple[Directive, ...]] = MappingProxyType(
    {
        "Network": tuple(serving.NETWORK),
        "Clients": tuple(serving.CLIENTS),
        "Security": tuple(serving.SECURITY),
        "General": tuple(serving.GENERAL),
        "Memory": tuple(data.MEMORY),
        "Encodings": tuple(data.ENCODINGS),
        "Observation": tuple(data.OBSERVATION),
        "Scripts": tuple(data.SCRIPTS),
        "Snapshots": tuple(persistence.SNAPSHOTS),
        "Append-only file": tuple(persistence.APPEND_ONLY_FILE),
        "Replication": tuple(replication.REPLICATION),
        "Cluster": tuple(replication.CLUSTER),
        "Process and kernel": tuple(kept.PROCESS),
        "Allocator": tuple(kept.ALLOCATOR),
        "TLS": tuple(kept.TLS),
    }
)
"""The table as the documentation presents it."""

DIRECTIVES: Mapping[str, Directive] = MappingProxyType(
    {directive.name: directive for section in SECTIONS.values() for directive in section}
)
"""Every directive by its name."""

NAMES: Mapping[str, Directive] = MappingProxyType(
    dict(DIRECTIVES) | {entry.alias: entry for entry in DIRECTIVES.values() if entry.alias}
)
"""Every directive by its name and by its alias."""


@cache
def names_of(of: Version) -> Mapping[str, Directive]:
    """What CONFIG of a server of version `of` knows directives by: names and aliases."""
    return MappingProxyType({name: entry for name, entry in NAMES.items() if entry.is_known(name, of)})


IGNORED = frozenset({"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"})
"""Names that older files have, each with one value: read over, neither kept nor shown."""

FILE_ONLY = frozenset({"include", "rename-command", "user", "loadmodule", "sentinel"})
"""Names that only a configuration file or the command line has, beside the table."""

if len(DIRECTIVES) != sum(map(len, SECTIONS.values())) or not NAMES.keys().isdisjoint(IGNORED | FILE_ONLY):
    raise AssertionError("a directive is declared twice")


def find(name: bytes) -> Directive | None:
    """The directive called `name` in any case, by alias as well, or None."""
    return NAMES.get(name.decode("utf-8", "replace").lower())


def is_sensitive(name: bytes) -> bool:
    """Whether the value of `name` must be hidden in MONITOR, SLOWLOG and logs."""
    directive = find(name)
    return directive is not None and directive.sensitive
