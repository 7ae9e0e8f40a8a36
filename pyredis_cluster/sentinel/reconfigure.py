"""Telling instances whom to follow, and clients where to go."""

from __future__ import annotations

from pyredis_cluster.sentinel import links
from pyredis_cluster.sentinel.instance import Address, DataInstance, Master
from pyredis_cluster.sentinel.scripts import schedule
from pyredis_cluster.sentinel.state import SentinelState


def send_replicaof(state: SentinelState, instance: DataInstance, address: Address | None) -> bool:
    """Have `instance` replicate `address`, or nobody, and keep that; whether there is a connection for it.

    Its clients are disconnected, so that they ask a sentinel where to go. All of it is one transaction, and
    what came of it is seen by INFO: the replies do not matter. Source: sentinelSendSlaveOf.
    """
    if instance.link.command is None:
        return False
    target = (b"NO", b"ONE") if address is None else (state.announced(address), b"%d" % address.port)
    for argv in (
        (b"MULTI",),
        (b"SLAVEOF", *target),
        (b"CONFIG", b"REWRITE"),
        (b"CLIENT", b"KILL", b"TYPE", b"normal"),
        (b"CLIENT", b"KILL", b"TYPE", b"pubsub"),
        (b"EXEC",),
    ):
        links.send(state, instance, "nothing", *argv)
    return True


def call_reconfig_script(
    state: SentinelState, master: Master, role: bytes, old: Address, new: Address
) -> None:
    """Start the script that tells clients of a new master. Source: sentinelCallClientReconfScript."""
    if master.client_reconfig_script is None:
        return
    schedule(
        state,
        master.client_reconfig_script,
        master.name,
        role,
        b"start",
        state.announced(old),
        b"%d" % old.port,
        state.announced(new),
        b"%d" % new.port,
    )
