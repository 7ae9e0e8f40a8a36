"""After a long sleep: who was replaced meanwhile learns it before it serves those who have waited for it.

What came while it slept may be older than the failover. So it asks all nodes, and what they answer is what
they claim now; who knows better than it does whose its slots are says so with the answer.
"""

from __future__ import annotations

from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.node import Link
from pyredis_cluster.cluster.sending import send_ping
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MessageType

_LONGEST_MS: Final = 500
"""Nobody is waited for longer: who cannot be reached says nothing, and clients have waited enough."""


def wake(state: ClusterState, now_ms: int) -> None:
    """Ask the others what they claim, if this node has slept, not ticked, for long enough to be replaced."""
    slept_ms = now_ms - state.ticked_ms
    state.now_ms = now_ms
    state.roll_call.clear()
    me = state.myself
    if slept_ms < state.settings.node_timeout_ms or not me.slot_count:
        return
    state.roll_call_until_ms = now_ms + min(_LONGEST_MS, state.settings.node_timeout_ms)
    for node in state.nodes.values():
        link = node.link
        if link is not None and link.connected and not node.flags & (wire.MYSELF | wire.HANDSHAKE):
            # The answer to a PING from before may be under way still: it is an old one.
            state.roll_call[link.link_id] = 2 if node.ping_sent_ms else 1
            send_ping(state, link, MessageType.PING)


def note_answer(state: ClusterState, link: Link) -> None:
    """A PONG came on a link of this node."""
    awaited = state.roll_call.get(link.link_id, 0)
    if awaited > 1:
        state.roll_call[link.link_id] = awaited - 1
    elif awaited:
        del state.roll_call[link.link_id]


def is_up_to_date(state: ClusterState, now_ms: int) -> bool:
    """Whether all have answered that can be reached, or have had the time for it."""
    if not state.roll_call:
        return True
    # Clocks may be set back, too.
    if not 0 < state.roll_call_until_ms - now_ms <= _LONGEST_MS:
        state.roll_call.clear()
        return True
    return not any(link_id in state.links for link_id in state.roll_call)
