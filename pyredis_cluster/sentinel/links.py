"""Connections to instances: making, using, sharing and dropping them."""

from __future__ import annotations

from contextlib import suppress

from pyredis_cluster.sentinel.events import emit
from pyredis_cluster.sentinel.instance import (
    Awaited,
    Connection,
    DataInstance,
    Expected,
    Instance,
    Link,
    Master,
    OtherSentinel,
)
from pyredis_cluster.sentinel.ready import Connect, Disconnect, Send
from pyredis_cluster.sentinel.state import BadInstanceError, SentinelState

HELLO_CHANNEL = b"__sentinel__:hello"


def send(state: SentinelState, instance: Instance, expected: Expected, *argv: bytes) -> bool:
    """Send a command, by the name that it has there; whether there is a connection for it."""
    connection = instance.link.command
    if connection is None:
        return False
    _send(state, instance, connection, expected, argv)
    return True


def ping(state: SentinelState, instance: Instance) -> None:
    """Send a PING. One that is awaited already still counts from when it was sent."""
    if send(state, instance, "ping", b"PING"):
        link = instance.link
        link.last_ping_ms = state.now_ms
        if not link.awaited_ping_ms:
            link.awaited_ping_ms = state.now_ms


def reconnect(state: SentinelState, instance: Instance) -> None:
    """Make the connections that `instance` lacks, at most once per ping period.

    What is to be sent at once is sent along with it. Source: sentinelReconnectInstance.
    """
    link, now_ms = instance.link, state.now_ms
    # Port 0 stands for an address that is not known.
    if not link.is_disconnected or instance.address.port == 0:
        return
    if now_ms - link.last_reconnect_ms < state.periods.ping_period_ms:
        return
    link.last_reconnect_ms = now_ms
    if link.command is None:
        if state.resolve_hostnames:
            _resolve_again(state, instance)
        link.command = _connect(state, instance, is_pubsub=False)
        if link.command is not None:
            link.pending_commands = 0
            _introduce(state, instance, link.command, b"cmd")
            ping(state, instance)
    if isinstance(instance, DataInstance) and link.pubsub is None:
        link.pubsub = _connect(state, instance, is_pubsub=True)
        if link.pubsub is not None:
            _introduce(state, instance, link.pubsub, b"pubsub")
            state.do(Send(link.pubsub.link_id, (_name(instance, b"SUBSCRIBE"), HELLO_CHANNEL)))
    if link.command is not None and (link.pubsub is not None or isinstance(instance, OtherSentinel)):
        link.is_disconnected = False


def close_command(state: SentinelState, link: Link) -> None:
    """Drop the connection for commands, if there is one; the next tick makes another."""
    if link.command is not None:
        _close(state, link, link.command)
        link.command = None
        link.pending_commands = 0


def close_pubsub(state: SentinelState, link: Link) -> None:
    """Drop the connection for hellos."""
    if link.pubsub is not None:
        _close(state, link, link.pubsub)
        link.pubsub = None


def close_both(state: SentinelState, link: Link) -> None:
    """Drop both connections."""
    close_command(state, link)
    close_pubsub(state, link)


def lost(state: SentinelState, link: Link, connection: Connection, error: str) -> None:
    """A connection is gone by itself, or could not be made. Source: instanceLinkConnectionError."""
    del state.connections[connection.link_id]
    is_pubsub = link.pubsub is connection
    if not connection.local_ip:
        _tell_failed(state, connection.instance, is_pubsub, error)
    if is_pubsub:
        link.pubsub = None
    else:
        link.command = None
    link.is_disconnected = True


def release(state: SentinelState, instance: Instance) -> None:
    """`instance` is forgotten: its link is closed, unless others use it. Source: releaseInstanceLink."""
    link = instance.link
    link.users -= 1
    if link.users == 0:
        close_both(state, link)
    elif link.command is not None:
        awaited = link.command.awaited
        for index, each in enumerate(awaited):
            if each.instance is instance:
                awaited[index] = Awaited("nothing", None)


def share(state: SentinelState, sentinel: OtherSentinel) -> None:
    """Use the link by which the same sentinel is watched for another master, if there is one.

    Source: sentinelTryConnectionSharing.
    """
    if sentinel.link.users > 1:
        return
    for master in state.masters.values():
        if master is sentinel.master:
            continue
        same = master.sentinels.get(sentinel.name)
        if same is not None:
            release(state, sentinel)
            sentinel.link = same.link
            same.link.users += 1
            return


def drop_group(state: SentinelState, master: Master) -> None:
    """Have a master and its replicas connected to anew: how to authenticate has changed."""
    close_both(state, master.link)
    for replica in master.replicas.values():
        close_both(state, replica.link)


def drop_sentinels(state: SentinelState) -> None:
    """Have all other sentinels connected to anew."""
    for master in state.masters.values():
        for sentinel in master.sentinels.values():
            close_both(state, sentinel.link)


def _connect(state: SentinelState, instance: Instance, *, is_pubsub: bool) -> Connection | None:
    address = instance.address
    if not address.ip:
        _tell_failed(state, instance, is_pubsub, "Can't resolve its name")
        return None
    connection = Connection(state.next_link_id(), instance, state.now_ms)
    state.connections[connection.link_id] = (instance.link, connection)
    state.do(Connect(connection.link_id, address.ip.decode(), address.port, is_pubsub))
    return connection


def _tell_failed(state: SentinelState, instance: Instance, is_pubsub: bool, error: str) -> None:
    type = b"-pubsub-link-reconnection" if is_pubsub else b"-cmd-link-reconnection"
    emit(state, "debug", type, instance, b" #" + error.encode("utf-8", "replace"))


def _resolve_again(state: SentinelState, instance: Instance) -> None:
    """A name may mean another address by now, or an address at last."""
    with suppress(BadInstanceError):
        instance.address = state.address(instance.address.hostname, instance.address.port)


def _introduce(state: SentinelState, instance: Instance, connection: Connection, purpose: bytes) -> None:
    """Authenticate, if that is configured, and give the connection a name. Replies do not matter."""
    user, password = _credentials(state, instance)
    if password is not None:
        words = (password,) if user is None else (user, password)
        _send(state, instance, connection, "nothing", (b"AUTH", *words))
    name = b"sentinel-%b-%b" % (state.my_id[:8], purpose)
    _send(state, instance, connection, "nothing", (b"CLIENT", b"SETNAME", name))


def _credentials(state: SentinelState, instance: Instance) -> tuple[bytes | None, bytes | None]:
    """User and password, None where there is none. Replicas have those of their master.

    Sentinels without a password of their own use the one that their clients need.
    """
    if isinstance(instance, DataInstance):
        return instance.master.auth_user, instance.master.auth_pass
    if state.sentinel_pass is not None:
        return state.sentinel_user, state.sentinel_pass
    return None, state.settings.password


def _send(
    state: SentinelState,
    instance: Instance,
    connection: Connection,
    expected: Expected,
    argv: tuple[bytes, ...],
) -> None:
    connection.awaited.append(Awaited(expected, instance))
    instance.link.pending_commands += 1
    state.do(Send(connection.link_id, (_name(instance, argv[0]), *argv[1:])))


def _name(instance: Instance, command: bytes) -> bytes:
    renamed = instance.master.renamed_commands.get(command.lower())
    return command if renamed is None else renamed[1]


def _close(state: SentinelState, link: Link, connection: Connection) -> None:
    del state.connections[connection.link_id]
    link.is_disconnected = True
    state.do(Disconnect(connection.link_id))
