"""What is asked of instances again and again, and what becomes of the replies."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.sentinel import links
from pyredis_cluster.sentinel.down import take_opinion
from pyredis_cluster.sentinel.hello import receive_message, send_hello
from pyredis_cluster.sentinel.info import take_info
from pyredis_cluster.sentinel.instance import (
    FAILOVER_IN_PROGRESS,
    MASTER_REBOOT,
    O_DOWN,
    S_DOWN,
    SCRIPT_KILL_SENT,
    Connection,
    DataInstance,
    Instance,
    Link,
    OtherSentinel,
    Replica,
)
from pyredis_cluster.sentinel.ready import Disconnect, ErrorReply
from pyredis_cluster.sentinel.state import SentinelState

_MAX_PENDING: Final = 100
_AVAILABLE: Final = (b"PONG", b"LOADING", b"MASTERDOWN")
"""What replies to PING of an instance that is there may begin with."""


def ask(state: SentinelState, instance: Instance) -> None:
    """Send the PING, INFO and hello that are due. Source: sentinelSendPeriodicCommands."""
    link, now_ms = instance.link, state.now_ms
    # A link that is stuck is not to fill the memory; it is made anew before long.
    if link.is_disconnected or link.pending_commands >= _MAX_PENDING * link.users:
        return
    if isinstance(instance, DataInstance):
        age_ms = now_ms - instance.info_ms
        if not instance.info_ms or age_ms > _info_period_ms(state, instance):
            links.send(state, instance, "info", b"INFO")
    ping_ms = min(instance.down_after_ms, state.periods.ping_period_ms)
    if now_ms - link.last_pong_ms > ping_ms and now_ms - link.last_ping_ms > ping_ms // 2:
        links.ping(state, instance)
    if now_ms - instance.last_publish_ms > state.periods.publish_period_ms:
        send_hello(state, instance)


def _info_period_ms(state: SentinelState, instance: DataInstance) -> int:
    """Replicas are asked each second while their master is down, or their link to it."""
    if isinstance(instance, Replica) and (
        instance.master.flags & (O_DOWN | FAILOVER_IN_PROGRESS) or instance.master_link_down_ms
    ):
        return state.settings.busy_info_period_ms
    return state.periods.info_period_ms


def receive(state: SentinelState, link: Link, connection: Connection, reply: object) -> None:
    """Act on a reply: those of one connection come in the order of their requests."""
    if connection.awaited:
        expected, instance = connection.awaited.popleft()
        link.pending_commands -= 1
        if instance is None:
            return
        if expected == "ping":
            _take_pong(state, instance, reply)
        elif expected == "publish":
            # One that was refused is sent again with the next tick.
            if not isinstance(reply, ErrorReply):
                instance.last_publish_ms = state.now_ms
        elif isinstance(instance, DataInstance):
            if expected == "info" and isinstance(reply, bytes):
                take_info(state, instance, reply)
        elif isinstance(instance, OtherSentinel) and expected == "opinion":
            take_opinion(state, instance, reply)
    elif connection is link.pubsub and not isinstance(reply, ErrorReply):
        link.pubsub_activity_ms = state.now_ms
        receive_message(state, reply)
    else:
        # Nobody asked. A refused SUBSCRIBE is one of these.
        state.do(Disconnect(connection.link_id))
        links.lost(state, link, connection, "unexpected reply")


def _take_pong(state: SentinelState, instance: Instance, reply: object) -> None:
    """Any status or error tells that it is there; only some, that it is available.

    Source: sentinelPingReplyCallback.
    """
    link = instance.link
    link.last_pong_ms = state.now_ms
    text = reply.text if isinstance(reply, ErrorReply) else reply
    if not isinstance(text, bytes):
        return
    if text.startswith(_AVAILABLE):
        link.last_valid_pong_ms = state.now_ms
        link.awaited_ping_ms = 0
        if text.startswith(b"PONG"):
            instance.flags &= ~MASTER_REBOOT
    elif text.startswith(b"BUSY") and instance.flags & S_DOWN and not instance.flags & SCRIPT_KILL_SENT:
        links.send(state, instance, "nothing", b"SCRIPT", b"KILL")
        instance.flags |= SCRIPT_KILL_SENT
