"""The state of a sentinel as lines of sentinel.conf, in the reference's order."""

from __future__ import annotations

from collections.abc import Iterator

from pyredis_cluster.protocol.words import quote_word
from pyredis_cluster.sentinel.instance import Address, Master
from pyredis_cluster.sentinel.periods import Periods
from pyredis_cluster.sentinel.ready import ConfigLine
from pyredis_cluster.sentinel.state import SentinelState, is_same_address

_DEFAULT_PARALLEL_SYNCS = 1
_SPECIAL = frozenset(b" \t\r\n\v\f\0\"'")


def config_lines(state: SentinelState) -> Iterator[ConfigLine]:
    """All of them. Source: rewriteConfigSentinelOption."""
    yield _line(b"myid", state.my_id)
    yield _switch(b"deny-scripts-reconfig", state.deny_scripts_reconfig, default=True)
    yield _switch(b"resolve-hostnames", state.resolve_hostnames, default=False)
    yield _switch(b"announce-hostnames", state.announce_hostnames, default=False)
    for master in state.masters.values():
        yield from _of_master(state, master)
    yield _line(b"current-epoch", b"%d" % state.current_epoch)
    if state.announce_ip:
        yield ConfigLine(b"sentinel announce-ip", b"sentinel announce-ip " + quote_word(state.announce_ip))
    if state.announce_port:
        yield _line(b"announce-port", b"%d" % state.announce_port)
    if state.sentinel_user is not None:
        yield _line(b"sentinel-user", state.sentinel_user)
    if state.sentinel_pass is not None:
        yield _line(b"sentinel-pass", state.sentinel_pass)


def _of_master(state: SentinelState, master: Master) -> Iterator[ConfigLine]:
    name, address = master.name, master.current_address
    yield _line(b"monitor", name, _host(state, address), b"%d" % address.port, b"%d" % master.quorum)
    yield from _settings_of(state.periods, master)
    yield _line(b"config-epoch", name, b"%d" % master.config_epoch)
    yield _line(b"leader-epoch", name, b"%d" % master.leader_epoch)
    for replica in master.replicas.values():
        # While a failover ends, the promoted replica stands as the master, and the old master for it.
        at = master.address if is_same_address(replica.address, address) else replica.address
        yield _line(b"known-replica", name, _host(state, at), b"%d" % at.port)
    for sentinel in master.sentinels.values():
        at = sentinel.address
        yield _line(b"known-sentinel", name, _host(state, at), b"%d" % at.port, sentinel.name)
    for old, new in master.renamed_commands.values():
        yield _line(b"rename-command", name, old, new)


def _settings_of(periods: Periods, master: Master) -> Iterator[ConfigLine]:
    """What is not as a new master has it."""
    name = master.name
    if master.down_after_ms != periods.default_down_after_ms:
        yield _line(b"down-after-milliseconds", name, b"%d" % master.down_after_ms)
    if master.failover_timeout_ms != periods.default_failover_timeout_ms:
        yield _line(b"failover-timeout", name, b"%d" % master.failover_timeout_ms)
    if master.parallel_syncs != _DEFAULT_PARALLEL_SYNCS:
        yield _line(b"parallel-syncs", name, b"%d" % master.parallel_syncs)
    if master.notification_script is not None:
        yield _line(b"notification-script", name, master.notification_script)
    if master.client_reconfig_script is not None:
        yield _line(b"client-reconfig-script", name, master.client_reconfig_script)
    if master.auth_pass is not None:
        yield _line(b"auth-pass", name, master.auth_pass)
    if master.auth_user is not None:
        yield _line(b"auth-user", name, master.auth_user)
    if master.reboot_down_after_ms:
        yield _line(b"master-reboot-down-after-period", name, b"%d" % master.reboot_down_after_ms)


def _host(state: SentinelState, address: Address) -> bytes:
    """What others are told, but the name where it means no address at the moment."""
    return state.announced(address) or address.hostname


def _switch(option: bytes, value: bool, *, default: bool) -> ConfigLine:
    line = _line(option, b"yes" if value else b"no")
    return line._replace(always=value != default)


def _line(option: bytes, *words: bytes) -> ConfigLine:
    """A line; unlike the reference's, one with blanks or quotes in its words can be read again."""
    texts = [quote_word(word) if not word or not _SPECIAL.isdisjoint(word) else word for word in words]
    return ConfigLine(b"sentinel " + option, b" ".join([b"sentinel", option, *texts]))
