"""Failovers that an administrator asks a replica for (CLUSTER FAILOVER), its primary being well.

The replica asks the primary to stand still (MFSTART). The primary pauses writes and tells, with PAUSED in its
headers, its offset; the replica that has got that far holds an election which voters grant though the
primary is not down. Where it takes too long, the primary goes on. FORCE leaves out the first part, TAKEOVER
the election too.
Source: the manual failover part of cluster.c.
"""

from __future__ import annotations

from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.candidacy import ManualFailover
from pyredis_cluster.cluster.election import consider_failover, replace_primary
from pyredis_cluster.cluster.epochs import bump_without_consensus
from pyredis_cluster.cluster.messages import Header
from pyredis_cluster.cluster.node import ClusterNode, Link
from pyredis_cluster.cluster.ready import PauseWrites
from pyredis_cluster.cluster.roles import end_manual_failover
from pyredis_cluster.cluster.sending import send, send_ping
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MessageType
from pyredis_cluster.protocol.errors import CommandError

_LIMIT_MS: Final = 5000
_PAUSE_MS: Final = 2 * _LIMIT_MS


def fail_over(state: ClusterState, *, force: bool, takeover: bool) -> None:
    """Begin to replace this replica's primary (CLUSTER FAILOVER [FORCE|TAKEOVER]).

    Raises CommandError, and has changed nothing then.
    """
    primary = state.myself.primary
    if state.myself.is_primary:
        raise CommandError("ERR You should send CLUSTER FAILOVER to a replica")
    if primary is None:
        raise CommandError("ERR I'm a replica but my master is unknown to me")
    if not force and not takeover and (primary.is_failed or primary.link is None):
        raise CommandError("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE")
    end_manual_failover(state)
    manual = state.manual_failover = ManualFailover(state.now_ms + _LIMIT_MS)
    if takeover:
        state.out.log("notice", "Taking over the master (user request).")
        bump_without_consensus(state)
        replace_primary(state)
    elif force:
        state.out.log("notice", "Forced failover user request accepted.")
        manual.can_start = True
    else:
        state.out.log("notice", "Manual failover user request accepted.")
        send(state, primary.link, MessageType.MFSTART)


def handle_request(state: ClusterState, sender: ClusterNode, link: Link) -> None:
    """MFSTART: one of our replicas wants to replace us. Writes wait from now on."""
    if sender.primary is not state.myself:
        return
    end_manual_failover(state)
    state.manual_failover = ManualFailover(state.now_ms + _LIMIT_MS, replica=sender)
    state.out.emit(PauseWrites(_PAUSE_MS))
    name = f"{sender.node_id} ({sender.human_nodename})"
    state.out.log("warning", f"Manual failover requested by replica {name}.")
    send_ping(state, link, MessageType.PING)


def note_standstill(state: ClusterState, sender: ClusterNode, header: Header) -> None:
    """Our primary says in a header, if it does, that its stream stands still, and where."""
    manual = state.manual_failover
    if manual is None or manual.primary_offset is not None or not header.message_flags & wire.PAUSED:
        return
    if state.myself.is_replica and sender is state.myself.primary:
        manual.primary_offset = header.offset
        state.out.log(
            "notice", f"Received replication offset for paused master manual failover: {header.offset}"
        )
        go_on_with_manual_failover(state)


def go_on_with_manual_failover(state: ClusterState) -> None:
    """Give up what has taken too long; start the election once this replica has everything."""
    manual = state.manual_failover
    if manual is None:
        return
    if manual.end_ms < state.now_ms:
        state.out.log("warning", "Manual failover timed out.")
        end_manual_failover(state)
    elif manual.primary_offset == state.repl_offset() and not manual.can_start:
        manual.can_start = True
        state.out.log("notice", "All master replication stream processed, manual failover can start.")
        consider_failover(state)
