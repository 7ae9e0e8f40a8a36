"""Texts of the gate that are not those of every version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyredis_cluster.protocol.errors import CommandError, former_unknown_command, unknown_command
from pyredis_cluster.version import Version, version


@dataclass(frozen=True, slots=True)
class Refusals:
    """How a server of some version refuses."""

    unknown_command: Callable[[list[bytes]], CommandError]
    allowed_subscribed: str
    """The commands of subscribers, as their refusal of others begins to list them."""
    replica_touches_no_keys: CommandError


_NOW = Refusals(
    unknown_command,
    "(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE",
    CommandError("ERR Replica can't interact with the keyspace"),
)
_BEFORE_7_0 = Refusals(
    former_unknown_command,
    "(P)SUBSCRIBE / (P)UNSUBSCRIBE",
    CommandError("ERR Replica can't interract with the keyspace"),
)


def refusals_of(of: Version) -> Refusals:
    """Those of a server of version `of`."""
    return _NOW if of >= version("7.0") else _BEFORE_7_0
