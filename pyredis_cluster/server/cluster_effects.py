"""What the cluster's decisions do to keys and clients of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.cluster.ready import (
    DataDropped,
    Event,
    FollowPrimary,
    PauseWrites,
    ResumeWrites,
    SlotsLost,
    SlotsReleased,
    StateChanged,
    StopFollowing,
)
from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.execution.command import WRITE
from pyredis_cluster.execution.pause import PausePurpose
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.slots import key_slot
from pyredis_cluster.server.audience import audience

if TYPE_CHECKING:
    from pyredis_cluster.cluster.core import ClusterCore
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session


def carry_out(state: ServerState, core: ClusterCore, event: Event) -> None:
    """Act on one event of the core."""
    if isinstance(event, SlotsLost):
        delete_keys(state, event.slots)
    elif isinstance(event, SlotsReleased):
        state.pubsub.leave_slots(event.slots)
        redirect_blocked(state, core)
    elif isinstance(event, StateChanged):
        if not event.ok:
            redirect_blocked(state, core)
    elif isinstance(event, DataDropped):
        drop_data(state)
    elif isinstance(event, PauseWrites):
        state.pauses.pause(event.duration_ms, all_commands=False, purpose=PausePurpose.FAILOVER)
    elif isinstance(event, ResumeWrites):
        state.pauses.unpause(PausePurpose.FAILOVER)
    elif state.replication_roles is not None:
        if isinstance(event, FollowPrimary):
            state.replication_roles.follow(event.ip, event.port)
        elif isinstance(event, StopFollowing):
            state.replication_roles.stop_following()


def delete_keys(state: ServerState, slots: tuple[int, ...]) -> None:
    """Delete all keys of `slots`, as DEL would. O(keys)."""
    database = state.keyspace.databases[0]
    for slot in slots:
        for key in database.keys_in_slot(slot, database.count_keys_in_slot(slot)):
            database.discard(key)
            database.changed(key, NOTIFY_GENERIC, b"del")
            state.settle(0, [b"DEL", key])


def drop_data(state: ServerState) -> None:
    """Remove all keys. Replicas and the AOF are not told, as Redis does not tell them."""
    for database in state.keyspace.databases:
        state.watches.touch_database(database)
        database.clear()


def redirect_blocked(state: ServerState, core: ClusterCore) -> None:
    """Send on those who wait for keys that this node does not serve any more."""
    for session in list(state.blocking.sessions):
        refusal = _refusal_of_blocked(core, session)
        if refusal is not None:
            session.unblock(refusal)


def _refusal_of_blocked(core: ClusterCore, session: Session) -> CommandError | None:
    blocked = session.blocked
    if blocked is None or not blocked.places:
        return None
    redirection = core.redirection_of_blocked(
        key_slot(blocked.places[0][1]),
        session_is_readonly=session.is_readonly,
        is_write=WRITE in blocked.entry.command.flags,
        audience=audience(core, session),
    )
    return CommandError(redirection.text) if redirection is not None else None
