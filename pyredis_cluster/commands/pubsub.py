"""Commands of channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    FAST,
    LOADING,
    MAY_REPLICATE,
    NOSCRIPT,
    PUBSUB,
    STALE,
    Category,
    Group,
)
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.keyspec import NOT_KEY, KeyRange
from pyredis_cluster.execution.pubsub import confirmation, update_gate
from pyredis_cluster.execution.session import Session
from pyredis_cluster.protocol.errors import CommandError, subcommand_syntax
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.reply import Replies, Reply

pubsub = Group("pubsub")

_Change = Callable[[Session, bytes], bool]


@pubsub.command(
    "SUBSCRIBE",
    arity=-2,
    flags=PUBSUB | NOSCRIPT | LOADING | STALE,
    since="2.0.0",
    complexity="O(N) where N is the number of channels to subscribe to.",
    syntax="channel [channel ...]",
    summary="Begins to listen to channels.",
)
def subscribe(call: Call, argv: list[bytes]) -> Reply:
    """SUBSCRIBE channel [channel ...]

    For each channel a push: `subscribe`, the channel, the number of channels and patterns subscribed to.
    """
    return _each(call.session, b"subscribe", call.server.pubsub.subscribe, argv[1:])


@pubsub.command(
    "UNSUBSCRIBE",
    arity=-1,
    flags=PUBSUB | NOSCRIPT | LOADING | STALE,
    since="2.0.0",
    complexity="O(N) where N is the number of channels to unsubscribe.",
    syntax="[channel [channel ...]]",
    summary="Ends to listen to channels, or to all of them.",
)
def unsubscribe(call: Call, argv: list[bytes]) -> Reply:
    """UNSUBSCRIBE [channel [channel ...]]

    For each channel a push: `unsubscribe`, the channel, the number of channels and patterns left. Without
    channels for each that there is, or one with a null.
    """
    session = call.session
    return _each(session, b"unsubscribe", call.server.pubsub.unsubscribe, argv[1:] or session.channels)


@pubsub.command(
    "PSUBSCRIBE",
    arity=-2,
    flags=PUBSUB | NOSCRIPT | LOADING | STALE,
    since="2.0.0",
    complexity="O(N) where N is the number of patterns to subscribe to.",
    syntax="pattern [pattern ...]",
    summary="Begins to listen to all channels that match patterns.",
)
def psubscribe(call: Call, argv: list[bytes]) -> Reply:
    """PSUBSCRIBE pattern [pattern ...]

    For each pattern a push: `psubscribe`, the pattern, the number of channels and patterns subscribed to.
    """
    return _each(call.session, b"psubscribe", call.server.pubsub.psubscribe, argv[1:])


@pubsub.command(
    "PUNSUBSCRIBE",
    arity=-1,
    flags=PUBSUB | NOSCRIPT | LOADING | STALE,
    since="2.0.0",
    complexity="O(N) where N is the number of patterns to unsubscribe.",
    syntax="[pattern [pattern ...]]",
    summary="Ends to listen to channels that match patterns, or to all patterns.",
)
def punsubscribe(call: Call, argv: list[bytes]) -> Reply:
    """PUNSUBSCRIBE [pattern [pattern ...]]

    For each pattern a push: `punsubscribe`, the pattern, the number of channels and patterns left. Without
    patterns for each that there is, or one with a null.
    """
    session = call.session
    return _each(session, b"punsubscribe", call.server.pubsub.punsubscribe, argv[1:] or session.patterns)


@pubsub.command(
    "SSUBSCRIBE",
    arity=-2,
    flags=PUBSUB | NOSCRIPT | LOADING | STALE,
    keys=KeyRange(1, last=-1, flags=NOT_KEY),
    since="7.0.0",
    complexity="O(N) where N is the number of shard channels to subscribe to.",
    syntax="shardchannel [shardchannel ...]",
    summary="Begins to listen to shard channels.",
)
def ssubscribe(call: Call, argv: list[bytes]) -> Reply:
    """SSUBSCRIBE shardchannel [shardchannel ...]

    For each channel a push: `ssubscribe`, the channel, the number of shard channels subscribed to. Raises
    an error inside MULTI.
    """
    session = call.session
    if session.deny_blocking:
        raise CommandError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
    return _each(session, b"ssubscribe", call.server.pubsub.ssubscribe, argv[1:])


@pubsub.command(
    "SUNSUBSCRIBE",
    arity=-1,
    flags=PUBSUB | NOSCRIPT | LOADING | STALE,
    keys=KeyRange(1, last=-1, flags=NOT_KEY),
    since="7.0.0",
    complexity="O(N) where N is the number of shard channels to unsubscribe.",
    syntax="[shardchannel [shardchannel ...]]",
    summary="Ends to listen to shard channels, or to all of them.",
)
def sunsubscribe(call: Call, argv: list[bytes]) -> Reply:
    """SUNSUBSCRIBE [shardchannel [shardchannel ...]]

    For each channel a push: `sunsubscribe`, the channel, the number of shard channels left. Without
    channels for each that there is, or one with a null.
    """
    session = call.session
    return _each(
        session, b"sunsubscribe", call.server.pubsub.sunsubscribe, argv[1:] or session.shard_channels
    )


def _each(session: Session, kind: bytes, change: _Change, names: Iterable[bytes]) -> Reply:
    confirmations = Replies()
    for name in list(names):
        change(session, name)
        confirmations.append(confirmation(kind, session, name))
    if not confirmations:
        confirmations.append(confirmation(kind, session, None))
    update_gate(session)
    return confirmations


@pubsub.command(
    "PUBLISH",
    arity=3,
    flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    since="2.0.0",
    complexity="O(N+M) where N is the number of clients subscribed to the receiving channel and M is the "
    "total number of subscribed patterns (by any client).",
    syntax="channel message",
    summary="Sends a message to all who listen to a channel.",
)
def publish(call: Call, argv: list[bytes]) -> Reply:
    """PUBLISH channel message

    How many clients of this node got the message; one that listens twice counts twice.
    """
    return _publish(call, argv, sharded=False)


@pubsub.command(
    "SPUBLISH",
    arity=3,
    flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    keys=KeyRange(1, flags=NOT_KEY),
    since="7.0.0",
    complexity="O(N) where N is the number of clients subscribed to the receiving shard channel.",
    syntax="shardchannel message",
    summary="Sends a message to all who listen to a shard channel.",
)
def spublish(call: Call, argv: list[bytes]) -> Reply:
    """SPUBLISH shardchannel message

    How many clients of this node got the message.
    """
    return _publish(call, argv, sharded=True)


def _publish(call: Call, argv: list[bytes], *, sharded: bool) -> int:
    receivers = call.server.pubsub.broadcast(argv[1], argv[2], sharded=sharded)
    if call.server.cluster is None:
        call.propagate_to_replicas()
    return receivers


pubsub.container("PUBSUB", since="2.8.0", summary="Shows who listens to what.")
pubsub.before(
    "7.0.0",
    "PUBSUB",
    adds=PUBSUB | LOADING | STALE,
    categories=Category.PUBSUB | Category.SLOW,
    tips=("nondeterministic_output",),
)


@pubsub.command(
    "PUBSUB CHANNELS",
    arity=-2,
    flags=PUBSUB | LOADING | STALE,
    since="2.8.0",
    complexity="O(N) where N is the number of active channels, and assuming constant time pattern matching "
    "(relatively short channels and patterns)",
    syntax="[pattern]",
    summary="Lists the channels that someone listens to.",
)
def pubsub_channels(call: Call, argv: list[bytes]) -> Reply:
    """PUBSUB CHANNELS [pattern]

    Channels with subscribers, those that match the pattern.
    """
    return _matching(call.server.pubsub.channels, argv)


@pubsub.command(
    "PUBSUB SHARDCHANNELS",
    arity=-2,
    flags=PUBSUB | LOADING | STALE,
    since="7.0.0",
    complexity="O(N) where N is the number of active shard channels, and assuming constant time pattern "
    "matching (relatively short shard channels).",
    syntax="[pattern]",
    summary="Lists the shard channels that someone listens to.",
)
def pubsub_shardchannels(call: Call, argv: list[bytes]) -> Reply:
    """PUBSUB SHARDCHANNELS [pattern]

    Shard channels with subscribers, those that match the pattern.
    """
    return _matching(call.server.pubsub.shard_channels, argv)


def _matching(channels: Iterable[bytes], argv: list[bytes]) -> list[bytes]:
    if len(argv) > 3:
        raise subcommand_syntax(argv)
    if len(argv) == 2:
        return list(channels)
    matches = compile_glob(argv[2])
    return [channel for channel in channels if matches(channel)]


@pubsub.command(
    "PUBSUB NUMSUB",
    arity=-2,
    flags=PUBSUB | LOADING | STALE,
    since="2.8.0",
    complexity="O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    syntax="[channel [channel ...]]",
    summary="Counts who listens to channels.",
)
def pubsub_numsub(call: Call, argv: list[bytes]) -> Reply:
    """PUBSUB NUMSUB [channel [channel ...]]

    A flat array of channels and their numbers of subscribers, patterns left out.
    """
    return _counts(call.server.pubsub.channels, argv)


@pubsub.command(
    "PUBSUB SHARDNUMSUB",
    arity=-2,
    flags=PUBSUB | LOADING | STALE,
    since="7.0.0",
    complexity="O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
    syntax="[shardchannel [shardchannel ...]]",
    summary="Counts who listens to shard channels.",
)
def pubsub_shardnumsub(call: Call, argv: list[bytes]) -> Reply:
    """PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]

    A flat array of shard channels and their numbers of subscribers.
    """
    return _counts(call.server.pubsub.shard_channels, argv)


def _counts(channels: dict[bytes, dict[Session, None]], argv: list[bytes]) -> Reply:
    counts: list[Reply] = []
    for channel in argv[2:]:
        counts += (channel, len(channels.get(channel, ())))
    return counts


@pubsub.command(
    "PUBSUB NUMPAT",
    arity=2,
    flags=PUBSUB | LOADING | STALE,
    since="2.8.0",
    summary="Counts the patterns that someone listens to.",
)
def pubsub_numpat(call: Call, argv: list[bytes]) -> Reply:
    """PUBSUB NUMPAT

    The number of different patterns with subscribers.
    """
    return len(call.server.pubsub.patterns)


@pubsub.command(
    "PUBSUB HELP", arity=2, flags=LOADING | STALE, since="6.2.0", summary="Shows the subcommands of PUBSUB."
)
def pubsub_help(call: Call, argv: list[bytes]) -> Reply:
    """PUBSUB HELP

    Lines of text.
    """
    return help_lines(argv[0], _HELP)


_HELP = """
CHANNELS [<pattern>]
    Return the currently active channels matching a <pattern> (default: '*').
NUMPAT
    Return number of subscriptions to patterns.
NUMSUB [<channel> ...]
    Return the number of subscribers for the specified channels, excluding
    pattern subscriptions(default: no channels).
SHARDCHANNELS [<pattern>]
    Return the currently active shard level channels matching a <pattern> (default: '*').
SHARDNUMSUB [<shardchannel> ...]
    Return the number of subscribers for the specified shard level channel(s)
"""
