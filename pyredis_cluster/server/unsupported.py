"""What a configuration asks for that this server does not have: told rather than passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution.authentication import users_unlike_ours
from pyredis_cluster.server.errors import StartError

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.server.log import Log


def check_supported(config: Config, log: Log) -> None:
    """Warn of what will not be done.

    A server that only lacks users starts, so that common files can be used as they are. One
    that would be something else than it was told to be does not: raises `StartError`, the reason logged.
    """
    if config.modules:
        name = config.modules[0][0].decode("utf-8", "replace")
        log.warning(f"Module {name} failed to load: this server does not load modules")
        log.warning(f"Can't load module from {name}: server aborting")
        raise StartError
    if config.is_sentinel and (config.flag("cluster-enabled") or config.replica_of is not None):
        log.warning("A sentinel is neither a cluster node nor a replica: drop cluster-enabled and replicaof")
        raise StartError
    if users_unlike_ours(config) or config.text("aclfile"):
        log.warning("WARNING: users are configured, but there is only the default one yet. They are ignored.")
