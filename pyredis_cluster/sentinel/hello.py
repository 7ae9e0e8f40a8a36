"""Hellos: by which sentinels find each other, and learn of newer configurations.

    ip,port,id,current epoch,master's name,master's ip,master's port,master's configuration epoch

They are published on every master and replica, and sent to every other sentinel.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pyredis_cluster.sentinel import links, tables
from pyredis_cluster.sentinel.events import emit, tell
from pyredis_cluster.sentinel.instance import Address, Instance, Master, OtherSentinel
from pyredis_cluster.sentinel.numbers import MAX_EPOCH, atoi, strtoull
from pyredis_cluster.sentinel.reconfigure import call_reconfig_script
from pyredis_cluster.sentinel.state import BadInstanceError, SentinelState, is_safe, is_same_address
from pyredis_cluster.sentinel.voting import raise_epoch

_FIELDS: Final = 8


class _Hello(NamedTuple):
    """A hello about a master that is known, of a sentinel that can be somewhere."""

    sentinel_host: bytes
    sentinel: Address
    run_id: bytes
    epoch: int
    master: Master
    master_host: bytes
    master_port: int
    config_epoch: int


def send_hello(state: SentinelState, instance: Instance) -> None:
    """Tell of this sentinel and of its configuration, through or to `instance`. Source: sentinelSendHello."""
    connection = instance.link.command
    ip = state.announce_ip
    if ip is None and connection is not None:
        ip = connection.local_ip  # empty until the connection is there
    if not ip:
        return
    master = instance.master
    address = master.current_address
    hello = b"%b,%d,%b,%d,%b,%b,%d,%d" % (
        ip,
        state.announce_port or state.settings.port,
        state.my_id,
        state.current_epoch,
        master.name,
        state.announced(address),
        address.port,
        master.config_epoch,
    )
    links.send(state, instance, "publish", b"PUBLISH", links.HELLO_CHANNEL, hello)


def hurry_hellos(state: SentinelState, master: Master) -> None:
    """Have hellos of `master` sent with the next tick: there is something new in them."""
    age_ms = state.periods.publish_period_ms + 1
    for instance in (master, *master.sentinels.values(), *master.replicas.values()):
        instance.last_publish_ms -= age_ms


def receive_message(state: SentinelState, message: object) -> None:
    """What came by the channel of hellos; those of this sentinel itself, and anything else, say nothing."""
    match message:
        case [b"message", bytes(), bytes(hello)] if state.my_id not in hello:
            receive_hello(state, hello)
        case _:
            pass


def receive_hello(state: SentinelState, payload: bytes) -> None:
    """Learn from a hello. Source: sentinelProcessHelloMessage."""
    hello = _parse(state, payload)
    if hello is None:
        return
    master = hello.master
    sentinel = _known(hello)
    if sentinel is None:
        sentinel = _meet(state, hello)
    raise_epoch(state, hello.epoch, master)
    if sentinel is None:
        return
    if master.config_epoch < hello.config_epoch:
        _adopt(state, hello, sentinel)
    sentinel.last_hello_ms = state.now_ms


def _parse(state: SentinelState, payload: bytes) -> _Hello | None:
    """The hello that `payload` is, None for anything else and for those of masters that are not known.

    The reference forgets a sentinel for a hello in its name whose address means nothing.
    """
    words = payload.split(b",")
    if len(words) != _FIELDS:
        return None
    host, port, run_id, epoch, name, master_host, master_port, config_epoch = words
    master = state.masters.get(name)
    epochs = strtoull(epoch), strtoull(config_epoch)
    if master is None or not is_safe(run_id) or max(epochs) > MAX_EPOCH:
        return None
    try:
        sentinel = state.address(host, atoi(port), unresolved=True)
    except BadInstanceError:
        return None
    return _Hello(host, sentinel, run_id, epochs[0], master, master_host, atoi(master_port), epochs[1])


def _known(hello: _Hello) -> OtherSentinel | None:
    sentinel = hello.master.sentinels.get(hello.run_id)
    if sentinel is not None and is_same_address(sentinel.address, hello.sentinel):
        return sentinel
    return None


def _meet(state: SentinelState, hello: _Hello) -> OtherSentinel | None:
    """Add a sentinel that is new, or has a new address; of two at one address the old one goes."""
    master, run_id = hello.master, hello.run_id
    has_moved = tables.remove_sentinel(state, master, run_id)
    if has_moved:
        suffix = b" ip %b port %d for %b" % (hello.sentinel_host, hello.sentinel.port, run_id)
        emit(state, "notice", b"+sentinel-address-switch", master, suffix)
    else:
        for other in master.sentinels.values():
            if is_same_address(other.address, hello.sentinel):
                emit(state, "notice", b"+sentinel-invalid-addr", other)
                for each in state.masters.values():
                    tables.remove_sentinel(state, each, other.name)
                break
    try:
        sentinel = tables.add_sentinel(state, master, run_id, hello.sentinel_host, hello.sentinel.port)
    except BadInstanceError:
        return None
    if has_moved:
        tables.move_sentinel(state, sentinel)
    else:
        emit(state, "notice", b"+sentinel", sentinel)
    state.save()
    return sentinel


def _adopt(state: SentinelState, hello: _Hello, sentinel: OtherSentinel) -> None:
    """Take over a newer configuration; the master may be somewhere else.

    The reference would take over one whose address means nothing, and then know of no newer one. It would
    also go on with a failover of its own where the newer configuration has the old master. In the end it
    would tell of another master than all others, under the same epoch, and nobody would ever settle it.
    """
    master = hello.master
    known = (master.address, master.current_address)
    old = next((address for address in known if not _is_at(state, address, hello)), None)
    if old is not None:
        try:
            new = state.address(hello.master_host, hello.master_port)
        except BadInstanceError:
            return
        if new.port == 0:
            return
        emit(state, "warning", b"+config-update-from", sentinel)
        words = master.name, state.announced(old), old.port, hello.master_host, new.port
        tell(state, "warning", b"+switch-master", master, b"%b %b %d %b %d" % words)
        tables.switch_master(state, master, new)
        call_reconfig_script(state, master, b"observer", old, new)
    master.config_epoch = hello.config_epoch
    state.save()


def _is_at(state: SentinelState, address: Address, hello: _Hello) -> bool:
    return hello.master_port == address.port and state.is_at_host(address, hello.master_host)
