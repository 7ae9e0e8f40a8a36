"""The `sentinel` lines of a configuration file: taking them over. `config_lines` writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pyredis_cluster.config.config import SentinelLine
from pyredis_cluster.sentinel import tables
from pyredis_cluster.sentinel.instance import Master
from pyredis_cluster.sentinel.numbers import atoi, strtoull
from pyredis_cluster.sentinel.state import BadInstanceError, SentinelState

ID_BYTES: Final = 40

OPTIONS: Final = tuple(
    b"sentinel " + option
    for option in (
        b"myid",
        b"deny-scripts-reconfig",
        b"resolve-hostnames",
        b"announce-hostnames",
        b"monitor",
        b"down-after-milliseconds",
        b"failover-timeout",
        b"parallel-syncs",
        b"notification-script",
        b"client-reconfig-script",
        b"auth-pass",
        b"auth-user",
        b"master-reboot-down-after-period",
        b"config-epoch",
        b"leader-epoch",
        b"known-slave",
        b"known-replica",
        b"known-sentinel",
        b"rename-command",
        b"current-epoch",
        b"announce-ip",
        b"announce-port",
        b"sentinel-user",
        b"sentinel-pass",
    )
)
"""The options that rewriting sentinel.conf brings up to date: old lines of them that are left over go."""


class DirectiveError(ValueError):
    """A `sentinel` line that cannot be taken over; the message is the reference's."""

    def __init__(self, message: str, line: SentinelLine) -> None:
        super().__init__(message)
        self.line = line


class _BadLineError(Exception):
    """What is wrong with the line at hand."""


_Words = Sequence[bytes]


class _Directive(NamedTuple):
    """How many words there may be after the name, and what becomes of them."""

    counts: tuple[int, ...]
    apply: Callable[[SentinelState, _Words], None]


def load(state: SentinelState, lines: Sequence[SentinelLine]) -> None:
    """Take over all lines; those that others need come first, wherever they stand.

    Raises DirectiveError for the first one that is wrong. Source: loadSentinelConfigFromQueue.
    """
    for line in sorted(lines, key=_turn):
        name, *words = line.words
        directive = _DIRECTIVES.get(name.lower())
        if directive is None or len(words) not in directive.counts:
            raise DirectiveError("Unrecognized sentinel configuration statement.", line)
        try:
            directive.apply(state, words)
        except (_BadLineError, BadInstanceError) as error:
            raise DirectiveError(str(error), line) from None


def _turn(line: SentinelLine) -> int:
    name = line.words[0].lower()
    if name == b"monitor":
        return 1
    return 0 if name in _BEFORE_MASTERS else 2


def _master(state: SentinelState, name: bytes) -> Master:
    master = state.masters.get(name)
    if master is None:
        raise _BadLineError("No such master with specified name.")
    return master


def _positive(text: bytes) -> int:
    number = atoi(text)
    if number <= 0:
        raise _BadLineError("negative or zero time parameter.")
    return number


def _yes_or_no(text: bytes, message: str) -> bool:
    if text.lower() not in (b"yes", b"no"):
        raise _BadLineError(message)
    return text.lower() == b"yes"


def _myid(state: SentinelState, words: _Words) -> None:
    if len(words[0]) != ID_BYTES:
        raise _BadLineError("Malformed Sentinel id in myid option.")
    state.my_id = words[0]


def _current_epoch(state: SentinelState, words: _Words) -> None:
    state.current_epoch = max(state.current_epoch, strtoull(words[0]))


def _announce_ip(state: SentinelState, words: _Words) -> None:
    state.announce_ip = words[0] or state.announce_ip


def _announce_port(state: SentinelState, words: _Words) -> None:
    state.announce_port = atoi(words[0])


def _sentinel_user(state: SentinelState, words: _Words) -> None:
    state.sentinel_user = words[0] or state.sentinel_user


def _sentinel_pass(state: SentinelState, words: _Words) -> None:
    state.sentinel_pass = words[0] or state.sentinel_pass


def _deny_scripts_reconfig(state: SentinelState, words: _Words) -> None:
    message = "Please specify yes or no for the deny-scripts-reconfig options."
    state.deny_scripts_reconfig = _yes_or_no(words[0], message)


def _resolve_hostnames(state: SentinelState, words: _Words) -> None:
    message = "Please specify yes or no for the resolve-hostnames option."
    state.resolve_hostnames = _yes_or_no(words[0], message)


def _announce_hostnames(state: SentinelState, words: _Words) -> None:
    message = "Please specify yes or no for the announce-hostnames option."
    state.announce_hostnames = _yes_or_no(words[0], message)


def _monitor(state: SentinelState, words: _Words) -> None:
    name, host, port, quorum = words
    if atoi(quorum) <= 0:
        raise _BadLineError("Quorum must be 1 or greater.")
    tables.add_master(state, name, host, atoi(port), atoi(quorum))


def _down_after(state: SentinelState, words: _Words) -> None:
    master = _master(state, words[0])
    master.down_after_ms = _positive(words[1])
    tables.spread_down_after(master)


def _failover_timeout(state: SentinelState, words: _Words) -> None:
    _master(state, words[0]).failover_timeout_ms = _positive(words[1])


def _parallel_syncs(state: SentinelState, words: _Words) -> None:
    _master(state, words[0]).parallel_syncs = atoi(words[1])


def _notification_script(state: SentinelState, words: _Words) -> None:
    master = _master(state, words[0])
    if not state.is_executable(words[1]):
        raise _BadLineError("Notification script seems non existing or non executable.")
    master.notification_script = words[1]


def _client_reconfig_script(state: SentinelState, words: _Words) -> None:
    master = _master(state, words[0])
    if not state.is_executable(words[1]):
        raise _BadLineError("Client reconfiguration script seems non existing or non executable.")
    master.client_reconfig_script = words[1]


def _auth_pass(state: SentinelState, words: _Words) -> None:
    _master(state, words[0]).auth_pass = words[1]


def _auth_user(state: SentinelState, words: _Words) -> None:
    _master(state, words[0]).auth_user = words[1]


def _reboot_down_after(state: SentinelState, words: _Words) -> None:
    master = _master(state, words[0])
    if atoi(words[1]) < 0:
        raise _BadLineError("negative time parameter.")
    master.reboot_down_after_ms = atoi(words[1])


def _config_epoch(state: SentinelState, words: _Words) -> None:
    master = _master(state, words[0])
    master.config_epoch = strtoull(words[1])
    state.current_epoch = max(state.current_epoch, master.config_epoch)


def _leader_epoch(state: SentinelState, words: _Words) -> None:
    _master(state, words[0]).leader_epoch = strtoull(words[1])


def _known_replica(state: SentinelState, words: _Words) -> None:
    name, host, port = words
    tables.add_replica(state, _master(state, name), host, atoi(port))


def _known_sentinel(state: SentinelState, words: _Words) -> None:
    if len(words) == 3:
        return  # of old, without id: it is met again by its hello
    name, host, port, run_id = words
    tables.add_sentinel(state, _master(state, name), run_id, host, atoi(port))


def _rename_command(state: SentinelState, words: _Words) -> None:
    name, old, new = words
    renamed = _master(state, name).renamed_commands
    if old.lower() in renamed:
        raise _BadLineError("Same command renamed multiple times with rename-command.")
    renamed[old.lower()] = (old, new)


_BEFORE_MASTERS: Final = {
    b"announce-ip": _Directive((1,), _announce_ip),
    b"announce-port": _Directive((1,), _announce_port),
    b"deny-scripts-reconfig": _Directive((1,), _deny_scripts_reconfig),
    b"sentinel-user": _Directive((1,), _sentinel_user),
    b"sentinel-pass": _Directive((1,), _sentinel_pass),
    b"current-epoch": _Directive((1,), _current_epoch),
    b"myid": _Directive((1,), _myid),
    b"resolve-hostnames": _Directive((1,), _resolve_hostnames),
    b"announce-hostnames": _Directive((1,), _announce_hostnames),
}

_DIRECTIVES: Final = _BEFORE_MASTERS | {
    b"monitor": _Directive((4,), _monitor),
    b"down-after-milliseconds": _Directive((2,), _down_after),
    b"failover-timeout": _Directive((2,), _failover_timeout),
    b"parallel-syncs": _Directive((2,), _parallel_syncs),
    b"notification-script": _Directive((2,), _notification_script),
    b"client-reconfig-script": _Directive((2,), _client_reconfig_script),
    b"auth-pass": _Directive((2,), _auth_pass),
    b"auth-user": _Directive((2,), _auth_user),
    b"master-reboot-down-after-period": _Directive((2,), _reboot_down_after),
    b"config-epoch": _Directive((2,), _config_epoch),
    b"leader-epoch": _Directive((2,), _leader_epoch),
    b"known-slave": _Directive((3,), _known_replica),
    b"known-replica": _Directive((3,), _known_replica),
    b"known-sentinel": _Directive((3, 4), _known_sentinel),
    b"rename-command": _Directive((3,), _rename_command),
}
