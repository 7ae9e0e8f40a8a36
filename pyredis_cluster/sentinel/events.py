"""What administrators and clients hear of: log, channels and notification scripts."""

from __future__ import annotations

from pyredis_cluster.sentinel.instance import Instance, Master
from pyredis_cluster.sentinel.ready import LOGGED_BYTES, Event, LogLevel
from pyredis_cluster.sentinel.scripts import schedule
from pyredis_cluster.sentinel.state import SentinelState


def emit(state: SentinelState, level: LogLevel, type: bytes, instance: Instance, suffix: bytes = b"") -> None:
    """Tell of something that happened to `instance`: its description, then `suffix`."""
    tell(state, level, type, instance, description(state, instance) + suffix)


def tell(
    state: SentinelState, level: LogLevel, type: bytes, instance: Instance | None, payload: bytes
) -> None:
    """Tell of an event with this payload.

    All but those at level debug are published; those at level warning also start the notification script of
    the instance's master. Source: sentinelEvent.
    """
    payload = payload[:LOGGED_BYTES]
    state.do(Event(level, type, payload, level != "debug"))
    if level == "warning" and instance is not None:
        script = instance.master.notification_script
        if script is not None:
            schedule(state, script, type, payload)


def description(state: SentinelState, instance: Instance) -> bytes:
    """`<type> <name> <ip> <port>`, and `@ <master> <ip> <port>` for what is no master."""
    text = _words(state, instance, instance.type)
    if isinstance(instance, Master):
        return text
    return text + b" " + _words(state, instance.master, b"@")


def _words(state: SentinelState, instance: Instance, first: bytes) -> bytes:
    address = instance.address
    return b"%b %b %b %d" % (first, instance.name, state.announced(address), address.port)
