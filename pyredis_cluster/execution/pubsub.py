"""Channels, patterns and shard channels, and who subscribed to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.reply import Push, encode

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session

Matcher = Callable[[bytes], bool]


class PubSub:
    """Subscriptions of one server. Sessions keep their own side in `Session.subscriptions`."""

    def __init__(self) -> None:
        self.channels: dict[bytes, dict[Session, None]] = {}
        self.patterns: dict[bytes, dict[Session, None]] = {}
        self.shard_channels: dict[bytes, dict[Session, None]] = {}
        self._matchers: dict[bytes, Matcher] = {}

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
        return _add(self.shard_channels, session.shard_channels, session, channel)

    def sunsubscribe(self, session: Session, channel: bytes) -> bool:
        """End a shard subscription; whether there was one."""
        return _remove(self.shard_channels, session.shard_channels, session, channel)

    def leave(self, session: Session) -> None:
        """End all subscriptions of a session that is gone."""
        for channel in list(session.channels):
            self.unsubscribe(session, channel)
        for pattern in list(session.patterns):
            self.punsubscribe(session, pattern)
        for channel in list(session.shard_channels):
            self.sunsubscribe(session, channel)

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
