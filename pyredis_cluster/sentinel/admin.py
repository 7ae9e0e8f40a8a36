"""What administrators do: MONITOR, REMOVE, RESET, FAILOVER, SET, CONFIG, DEBUG and SIMULATE-FAILURE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Final

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.numbers import integer, integer_or_none
from pyredis_cluster.protocol.reply import OK
from pyredis_cluster.sentinel import failover, links, tables
from pyredis_cluster.sentinel.events import emit
from pyredis_cluster.sentinel.instance import FAILOVER_IN_PROGRESS, FORCE_FAILOVER, Master
from pyredis_cluster.sentinel.periods import Periods
from pyredis_cluster.sentinel.state import (
    CRASH_AFTER_ELECTION,
    CRASH_AFTER_PROMOTION,
    BadInstanceError,
    SentinelState,
)

_INVALID_QUORUM: Final = CommandError("ERR Invalid quorum")
_INVALID_PORT: Final = CommandError("ERR Invalid port")
_NO_SUCH_MASTER: Final = CommandError("ERR No such master with that name")
_NO_SCRIPTS: Final = CommandError(
    "ERR Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig "
    "configuration directive in your Sentinel configuration"
)


def find_master(state: SentinelState, name: bytes) -> Master:
    """The master of that name. Raises CommandError where there is none."""
    master = state.masters.get(name)
    if master is None:
        raise _NO_SUCH_MASTER
    return master


def monitor(state: SentinelState, name: bytes, host: bytes, port: bytes, quorum: bytes) -> None:
    """Monitor another master. Raises CommandError."""
    votes = integer(quorum, _INVALID_QUORUM)
    port_number = integer(port, _INVALID_PORT)
    if votes <= 0:
        raise CommandError("ERR Quorum must be 1 or greater.")
    if state.resolve(host) is None:
        raise CommandError("ERR Invalid IP address or hostname specified")
    try:
        master = tables.add_master(state, name, host, port_number, votes)
    except BadInstanceError as error:
        raise CommandError(f"ERR {error}") from None
    state.save()
    emit(state, "warning", b"+monitor", master, b" quorum %d" % master.quorum)


def remove(state: SentinelState, name: bytes) -> None:
    """Monitor a master no longer. Raises CommandError."""
    master = find_master(state, name)
    emit(state, "warning", b"-monitor", master)
    tables.remove_master(state, master)
    state.save()


def reset(state: SentinelState, pattern: bytes) -> int:
    """Forget what is known of the masters whose names match; how many they are."""
    matches = compile_glob(pattern)
    masters = [master for master in state.masters.values() if matches(master.name)]
    for master in masters:
        tables.reset_master(state, master)
        emit(state, "warning", b"+reset-master", master)
        state.save()
    return len(masters)


def fail_over(state: SentinelState, name: bytes) -> None:
    """Fail a master over without asking the other sentinels. Raises CommandError."""
    master = find_master(state, name)
    if master.flags & FAILOVER_IN_PROGRESS:
        raise CommandError("INPROG Failover already in progress")
    if failover.select_replica(state, master) is None:
        raise CommandError("NOGOODSLAVE No suitable replica to promote")
    text = master.name.decode("utf-8", "replace")
    state.log("notice", f"Executing user requested FAILOVER of '{text}'")
    failover.start(state, master)
    master.flags |= FORCE_FAILOVER


def set_options(state: SentinelState, name: bytes, words: Sequence[bytes]) -> None:
    """SENTINEL SET: change options of a master, one after the other.

    Raises CommandError for the first that is wrong; those before it hold, and are saved.
    """
    master = find_master(state, name)
    rest = list(words)
    while rest:
        option = rest.pop(0)
        count, change = _OPTIONS.get(option.lower(), (0, None))
        if change is None or len(rest) < count:
            message = b"ERR Unknown option or number of arguments for SENTINEL SET '%b'"
            raise CommandError(message % option)
        values, rest = rest[:count], rest[count:]
        try:
            change(state, master, values)
        except _BadValueError as error:
            message = b"ERR Invalid argument '%b' for SENTINEL SET '%b'"
            raise CommandError(message % (error.value, option)) from None
        state.save()
        told = [b"******"] if option.lower() == b"auth-pass" else values
        emit(state, "warning", b"+set", master, b" " + b" ".join([option, *told]))


class _BadValueError(Exception):
    def __init__(self, value: bytes) -> None:
        self.value = value


_Change = Callable[[SentinelState, Master, Sequence[bytes]], None]


def _number(value: bytes, low: int = 1) -> int:
    number = integer_or_none(value)
    if number is None or number < low:
        raise _BadValueError(value)
    return number


def _down_after(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.down_after_ms = _number(values[0])
    tables.spread_down_after(master)


def _failover_timeout(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.failover_timeout_ms = _number(values[0])


def _parallel_syncs(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.parallel_syncs = _number(values[0])


def _quorum(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.quorum = _number(values[0])


def _reboot_down_after(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.reboot_down_after_ms = _number(values[0], 0)


def _notification_script(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.notification_script = _script(state, values[0], "Notification script")


def _client_reconfig_script(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.client_reconfig_script = _script(state, values[0], "Client reconfiguration script")


def _script(state: SentinelState, path: bytes, what: str) -> bytes | None:
    if state.deny_scripts_reconfig:
        raise _NO_SCRIPTS
    if path and not state.is_executable(path):
        raise CommandError(f"ERR {what} seems non existing or non executable")
    return path or None


def _auth_pass(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.auth_pass = values[0] or None
    links.drop_group(state, master)


def _auth_user(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    master.auth_user = values[0] or None
    links.drop_group(state, master)


def _rename_command(state: SentinelState, master: Master, values: Sequence[bytes]) -> None:
    old, new = values
    if not old or not new:
        raise _BadValueError(b"")
    master.renamed_commands.pop(old.lower(), None)
    if old.lower() != new.lower():
        master.renamed_commands[old.lower()] = (old, new)


_OPTIONS: Final[dict[bytes, tuple[int, _Change]]] = {
    b"down-after-milliseconds": (1, _down_after),
    b"failover-timeout": (1, _failover_timeout),
    b"parallel-syncs": (1, _parallel_syncs),
    b"notification-script": (1, _notification_script),
    b"client-reconfig-script": (1, _client_reconfig_script),
    b"auth-pass": (1, _auth_pass),
    b"auth-user": (1, _auth_user),
    b"quorum": (1, _quorum),
    b"rename-command": (2, _rename_command),
    b"master-reboot-down-after-period": (1, _reboot_down_after),
}
"""How many values each option of SENTINEL SET has, and what it does."""


def debug(state: SentinelState, words: Sequence[bytes]) -> Any:
    """SENTINEL DEBUG: all periods, or OK where `words` change some. Raises CommandError."""
    names = {
        field.name.removesuffix("_ms").replace("_", "-").encode(): field.name for field in fields(Periods)
    }
    if not words:
        return {option.upper(): b"%d" % getattr(state.periods, name) for option, name in names.items()}
    for index in range(0, len(words), 2):
        option, *values = words[index : index + 2]
        name = names.get(option.lower())
        if name is None or not values:
            message = b"ERR Unknown option or number of arguments for SENTINEL DEBUG '%b'"
            raise CommandError(message % option)
        try:
            setattr(state.periods, name, _number(values[0]))
        except _BadValueError:
            message = b"ERR Invalid argument '%b' for SENTINEL DEBUG '%b'"
            raise CommandError(message % (values[0], option)) from None
    return OK


def simulate_failure(state: SentinelState, words: Sequence[bytes]) -> Any:
    """SENTINEL SIMULATE-FAILURE: OK, or all there are with HELP. Raises CommandError."""
    state.simulated_failures = 0
    for word in words:
        match word.lower():
            case b"crash-after-election":
                state.simulated_failures |= CRASH_AFTER_ELECTION
                when = "being successfully elected as failover leader"
            case b"crash-after-promotion":
                state.simulated_failures |= CRASH_AFTER_PROMOTION
                when = "promoting the selected replica to master"
            case b"help":
                return [b"crash-after-election", b"crash-after-promotion"]
            case _:
                raise CommandError("ERR Unknown failure simulation specified")
        state.log("warning", f"Failure simulation: this Sentinel will crash after {when}")
    return OK
