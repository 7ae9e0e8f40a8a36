"""Where the clients of this server are told that nodes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.cluster.audience import ANYONE, Audience, audience_of

if TYPE_CHECKING:
    from pyredis_cluster.cluster.core import ClusterCore
    from pyredis_cluster.execution.session import Session


def audience(core: ClusterCore, session: Session) -> Audience:
    """What `cluster-announce-to-clients` says for one client."""
    rules = core.state.settings.announce_rules
    if not rules:
        return ANYONE
    via = "" if session.is_unix_socket else session.local_address.rpartition(":")[0].strip("[]")
    return audience_of(rules, via)
