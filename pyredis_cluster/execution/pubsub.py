"""Channels, patterns and shard channels, and who subscribed to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pyredis_cluster.execution.gate import GATE_SUBSCRIBED
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.reply import Push, encode
from pyredis_cluster.protocol.slots import key_slot

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session

Matcher = Callable[[bytes], bool]

Forward = Callable[[bytes, bytes, bool], None]
"""Takes a channel, a message, and whether the channel is a shard channel."""


class PubSub:
    """Subscriptions of one server. A session's own are in its `channels`, `patterns` and `shard_channels`."""

    def __init__(self) -> None:
        self.channels: dict[bytes, dict[Session, None]] = {}
        self.patterns: dict[bytes, dict[Session, None]] = {}
        self.shard_channels: dict[bytes, dict[Session, None]] = {}
        self._matchers: dict[bytes, Matcher] = {}
        self._slot_channels: dict[int, dict[bytes, None]] = {}
        self.forwards: list[Forward] = []
        """Told of every PUBLISH and SPUBLISH of a client, to carry it to other nodes."""

    def subscribe(self, session: Session, channel: bytes) -> bool:
        """Subscribe to a channel; whether it is new to the session."""
        return _add(self.channels, session.channels, session, channel)

    def unsubscribe(self, session: Session, channel: bytes) -> bool:
        """End a subscription; whether there was one."""
        return _remove(self.channels, session.channels, session, channel)

    def psubscribe(self, session: Session, pattern: bytes) -> bool:
        """Subscribe to all channels that match a glob pattern; whether it is new to the session."""
        self._matchers.setdefault(pattern, compile_glob(pattern))
        return _add(self.patterns, session.patterns, session, pattern)

    def punsubscribe(self, session: Session, pattern: bytes) -> bool:
        """End a pattern subscription; whether there was one."""
        removed = _remove(self.patterns, session.patterns, session, pattern)
        if pattern not in self.patterns:
            self._matchers.pop(pattern, None)
        return removed

    def ssubscribe(self, session: Session, channel: bytes) -> bool:
        """Subscribe to a shard channel; whether it is new to the session."""
        self._slot_channels.setdefault(key_slot(channel), {})[channel] = None
        return _add(self.shard_channels, session.shard_channels, session, channel)

    def sunsubscribe(self, session: Session, channel: bytes) -> bool:
        """End a shard subscription; whether there was one."""
        removed = _remove(self.shard_channels, session.shard_channels, session, channel)
        if removed and channel not in self.shard_channels:
            slot = key_slot(channel)
            del self._slot_channels[slot][channel]
            if not self._slot_channels[slot]:
                del self._slot_channels[slot]
        return removed

    def leave(self, session: Session) -> None:
        """End all subscriptions of a session, without a word."""
        for channel in list(session.channels):
            self.unsubscribe(session, channel)
        for pattern in list(session.patterns):
            self.punsubscribe(session, pattern)
        for channel in list(session.shard_channels):
            self.sunsubscribe(session, channel)
        session.set_gate(GATE_SUBSCRIBED, False)

    def leave_slots(self, slots: Iterable[int]) -> None:
        """Another shard serves these now: their channels lose their subscribers, who are told so."""
        if self._slot_channels:
            for slot in slots:
                self._leave_slot(slot)

    def _leave_slot(self, slot: int) -> None:
        for channel in list(self._slot_channels.get(slot, ())):
            for session in list(self.shard_channels[channel]):
                self.sunsubscribe(session, channel)
                session.send_push(encode(confirmation(b"sunsubscribe", session, channel), session.resp))
                update_gate(session)

    def broadcast(self, channel: bytes, message: bytes, *, sharded: bool) -> int:
        """Deliver what a client of this server publishes, and forward it; returns how many got it here."""
        receivers = self.publish_to_shard(channel, message) if sharded else self.publish(channel, message)
        for forward in self.forwards:
            forward(channel, message, sharded)
        return receivers

    def publish(self, channel: bytes, message: bytes) -> int:
        """Deliver to subscribers of the channel and of matching patterns; returns how many deliveries."""
        receivers = 0
        sessions = self.channels.get(channel)
        if sessions:
            receivers += _deliver(sessions, Push([b"message", channel, message]))
        if self.patterns:
            for pattern, subscribers in list(self.patterns.items()):
                if self._matchers[pattern](channel):
                    receivers += _deliver(subscribers, Push([b"pmessage", pattern, channel, message]))
        return receivers

    def publish_to_shard(self, channel: bytes, message: bytes) -> int:
        """Deliver to subscribers of the shard channel; returns how many."""
        sessions = self.shard_channels.get(channel)
        return _deliver(sessions, Push([b"smessage", channel, message])) if sessions else 0


def update_gate(session: Session) -> None:
    """Have a subscriber's requests go through the gate, and nobody else's for that reason."""
    session.set_gate(GATE_SUBSCRIBED, is_subscribed(session))


def is_subscribed(session: Session) -> bool:
    """Whether the session is subscribed to anything."""
    return bool(session.channels or session.patterns or session.shard_channels)


def confirmation(kind: bytes, session: Session, name: bytes | None) -> Push:
    """What a client is told of a subscription begun or ended: kind, name, and how many it has now.

    `kind` is the name of the command; `name` is None where there was nothing to end.
    """
    return Push([kind, name, _count(kind, session)])


def _count(kind: bytes, session: Session) -> int:
    """Shard channels are counted by themselves, channels and patterns together."""
    if kind in (b"ssubscribe", b"sunsubscribe"):
        return len(session.shard_channels)
    return len(session.channels) + len(session.patterns)


def _add(
    index: dict[bytes, dict[Session, None]], mine: dict[bytes, None], session: Session, name: bytes
) -> bool:
    if name in mine:
        return False
    mine[name] = None
    index.setdefault(name, {})[session] = None
    return True


def _remove(
    index: dict[bytes, dict[Session, None]], mine: dict[bytes, None], session: Session, name: bytes
) -> bool:
    if name not in mine:
        return False
    del mine[name]
    sessions = index[name]
    del sessions[session]
    if not sessions:
        del index[name]
    return True


def _deliver(sessions: dict[Session, None], message: Push) -> int:
    wire: dict[int, bytes] = {}
    for session in sessions:
        encoded = wire.get(session.resp)
        if encoded is None:
            encoded = wire[session.resp] = encode(message, session.resp)
        session.send_push(encoded)
    return len(sessions)
