"""One sentinel as a pure state machine: no I/O, clock or random numbers of its own.

The shell feeds it: `load` and `start` once, `tick` every `tick_interval_ms()`, `link_connected`,
`link_closed` and `replied` as connections come, speak and go, `script_started` and its kin, and the
methods of commands. After each of these (also one that raised), or after a batch of them, it calls `ready`
and carries out what that returns.

All times are Unix milliseconds, handed in as `now_ms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pyredis_cluster.config.config import SentinelLine
from pyredis_cluster.ports import Random
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import OK, Status
from pyredis_cluster.sentinel import (
    admin,
    config_lines,
    cron,
    describe,
    directives,
    global_config,
    hello,
    links,
    monitor,
    scripts,
)
from pyredis_cluster.sentinel.events import emit
from pyredis_cluster.sentinel.instance import S_DOWN
from pyredis_cluster.sentinel.ready import ConfigLine, Ready
from pyredis_cluster.sentinel.settings import SentinelSettings
from pyredis_cluster.sentinel.state import SentinelState

NOT_SAVED: Final = CommandError("ERR Failed to save config file. Check server logs.")
"""The reply of a command that ends with saving sentinel.conf where that could not be done."""


class SentinelCore:
    """A sentinel. `settings` stays shared with the shell.

    `resolve(host, by_name)` is the numeric form of an address, or, with `by_name`, that of a host name; None
    where there is none. `is_executable(path)` tells whether a script could be run. `local_time(unix_s)` is a
    time as ctime writes it, for the log.
    """

    def __init__(
        self,
        settings: SentinelSettings,
        random: Random,
        *,
        now_ms: int,
        resolve: Callable[[str, bool], str | None],
        is_executable: Callable[[bytes], bool] = lambda path: True,
        local_time: Callable[[int], str] = str,
    ) -> None:
        self.state = SentinelState(settings, random, resolve, is_executable, local_time, now_ms)

    # Configuration

    def load(self, lines: Sequence[SentinelLine]) -> None:
        """Take over the `sentinel` lines of the configuration file.

        Raises DirectiveError, which has the line, for the first one that is wrong.
        """
        directives.load(self.state, lines)

    def config_lines(self) -> list[ConfigLine]:
        """The state as lines of sentinel.conf. Old lines of `directives.OPTIONS` that are left over go."""
        return list(config_lines.config_lines(self.state))

    # The shell

    def start(self, now_ms: int) -> None:
        """The server is up: choose an id if there is none, and tell of the masters."""
        state = self.state
        state.now_ms = now_ms
        if not state.my_id:
            state.my_id = b"%0*x" % (directives.ID_BYTES, state.random.randrange(16**directives.ID_BYTES))
            state.save()
        state.log("notice", f"Sentinel ID is {state.my_id.decode('utf-8', 'replace')}")
        for master in state.masters.values():
            emit(state, "warning", b"+monitor", master, b" quorum %d" % master.quorum)

    def tick(self, now_ms: int) -> None:
        """Let time pass: reconnect, ask, suspect, fail over, run scripts."""
        self.state.now_ms = now_ms
        cron.tick(self.state)

    def clock_moved(self, now_ms: int) -> None:
        """The clock was moved on, in one step, which is no reason for TILT; who is up has time to answer."""
        state = self.state
        state.now_ms = state.previous_tick_ms = now_ms
        for master in state.masters.values():
            for instance in (master, *master.replicas.values(), *master.sentinels.values()):
                link = instance.link
                link.pubsub_activity_ms = now_ms
                if link.awaited_ping_ms and not instance.flags & S_DOWN:
                    link.awaited_ping_ms = now_ms

    def tick_interval_ms(self) -> int:
        """How soon `tick` is due after the one before; another each time, lest sentinels act in step."""
        return cron.tick_interval_ms(self.state)

    def link_connected(self, link_id: int, local_ip: str, now_ms: int) -> None:
        """A connection asked for by `Connect` is there; `local_ip` is this end's address."""
        self.state.now_ms = now_ms
        known = self.state.connections.get(link_id)
        if known is not None:
            known[1].local_ip = local_ip.encode()

    def link_closed(self, link_id: int, error: str, now_ms: int) -> None:
        """A link is gone, or could not be made; one that is not known any more does not matter."""
        self.state.now_ms = now_ms
        known = self.state.connections.get(link_id)
        if known is not None:
            links.lost(self.state, *known, error)

    def replied(self, link_id: int, reply: object, now_ms: int) -> None:
        """The next reply or pushed message of a link.

        It is bytes (a status too), int, None, a list of these or an ErrorReply; whatever it is, it is taken.
        """
        self.state.now_ms = now_ms
        known = self.state.connections.get(link_id)
        if known is not None:
            monitor.receive(self.state, *known, reply)

    def script_started(self, script_id: int, pid: int, now_ms: int) -> None:
        """A script runs as process `pid`."""
        self.state.now_ms = now_ms
        scripts.started(self.state, script_id, pid)

    def script_not_started(self, script_id: int, now_ms: int) -> None:
        """There could be no process for a script."""
        self.state.now_ms = now_ms
        scripts.not_started(self.state, script_id)

    def script_ended(self, script_id: int, exit_code: int, signal: int, now_ms: int) -> None:
        """A script is over: by its own `exit_code`, or by a `signal`, which is else 0."""
        self.state.now_ms = now_ms
        scripts.ended(self.state, script_id, exit_code, signal)

    def ready(self) -> Ready:
        """What is to be done since the last call, see `Ready`."""
        ready = self.state.out
        self.state.out = Ready()
        return ready

    # Commands. Those that end with saving sentinel.conf reply OK; the shell replies NOT_SAVED instead where
    # that failed.

    @property
    def my_id(self) -> bytes:
        """SENTINEL MYID."""
        return self.state.my_id

    def hello_received(self, payload: bytes, now_ms: int) -> None:
        """PUBLISH of a hello to this sentinel itself; what is none is ignored."""
        self.state.now_ms = now_ms
        hello.receive_hello(self.state, payload)

    def masters(self, now_ms: int) -> list[dict[bytes, bytes]]:
        """SENTINEL MASTERS."""
        self.state.now_ms = now_ms
        return describe.instances(self.state, self.state.masters.values())

    def master(self, name: bytes, now_ms: int) -> dict[bytes, bytes]:
        """SENTINEL MASTER. Raises CommandError where there is none of that name, as the others do."""
        self.state.now_ms = now_ms
        return describe.describe(self.state, admin.find_master(self.state, name))

    def replicas(self, name: bytes, now_ms: int) -> list[dict[bytes, bytes]]:
        """SENTINEL REPLICAS."""
        self.state.now_ms = now_ms
        return describe.instances(self.state, admin.find_master(self.state, name).replicas.values())

    def sentinels(self, name: bytes, now_ms: int) -> list[dict[bytes, bytes]]:
        """SENTINEL SENTINELS."""
        self.state.now_ms = now_ms
        return describe.instances(self.state, admin.find_master(self.state, name).sentinels.values())

    def master_address(self, name: bytes) -> Any:
        """SENTINEL GET-MASTER-ADDR-BY-NAME: [host, port], or NULL_ARRAY."""
        return describe.master_address(self.state, name)

    def is_master_down(self, ip: bytes, port: bytes, epoch: bytes, run_id: bytes, now_ms: int) -> list[Any]:
        """SENTINEL IS-MASTER-DOWN-BY-ADDR: [whether, vote, its epoch]. Raises CommandError.

        A vote must be on the disk before this reply leaves: `ready` first.
        """
        self.state.now_ms = now_ms
        return describe.is_master_down(self.state, ip, port, epoch, run_id)

    def check_quorum(self, name: bytes) -> Status:
        """SENTINEL CKQUORUM. Raises CommandError, also where too few sentinels are available."""
        return describe.check_quorum(admin.find_master(self.state, name))

    def flush_config(self) -> Status:
        """SENTINEL FLUSHCONFIG: OK, saved."""
        self.state.save()
        return OK

    def fail_over(self, name: bytes, now_ms: int) -> Status:
        """SENTINEL FAILOVER: OK. Raises CommandError."""
        self.state.now_ms = now_ms
        admin.fail_over(self.state, name)
        return OK

    def reset(self, pattern: bytes, now_ms: int) -> int:
        """SENTINEL RESET: how many masters match."""
        self.state.now_ms = now_ms
        return admin.reset(self.state, pattern)

    def monitor(self, name: bytes, host: bytes, port: bytes, quorum: bytes, now_ms: int) -> Status:
        """SENTINEL MONITOR: OK, saved. Raises CommandError."""
        self.state.now_ms = now_ms
        admin.monitor(self.state, name, host, port, quorum)
        return OK

    def remove(self, name: bytes, now_ms: int) -> Status:
        """SENTINEL REMOVE: OK, saved. Raises CommandError."""
        self.state.now_ms = now_ms
        admin.remove(self.state, name)
        return OK

    def set(self, name: bytes, options: Sequence[bytes], now_ms: int) -> Status:
        """SENTINEL SET: OK, saved. Raises CommandError; what came before the error holds and is saved."""
        self.state.now_ms = now_ms
        admin.set_options(self.state, name, options)
        return OK

    def config_get(self, patterns: Sequence[bytes]) -> dict[bytes, bytes]:
        """SENTINEL CONFIG GET."""
        return global_config.get(self.state, patterns)

    def config_set(self, options: Sequence[bytes], now_ms: int) -> Status:
        """SENTINEL CONFIG SET: OK, saved. Raises CommandError, nothing being changed then."""
        self.state.now_ms = now_ms
        global_config.set_options(self.state, options)
        return OK

    def debug(self, options: Sequence[bytes]) -> Any:
        """SENTINEL DEBUG: what the periods are, or OK where options change them. Raises CommandError."""
        return admin.debug(self.state, options)

    def pending_scripts(self, now_ms: int) -> list[dict[bytes, Any]]:
        """SENTINEL PENDING-SCRIPTS."""
        self.state.now_ms = now_ms
        return describe.pending_scripts(self.state)

    def info_cache(self, names: Sequence[bytes], now_ms: int) -> list[Any]:
        """SENTINEL INFO-CACHE: of these masters, or of all."""
        self.state.now_ms = now_ms
        return describe.info_cache(self.state, names)

    def simulate_failure(self, options: Sequence[bytes]) -> Any:
        """SENTINEL SIMULATE-FAILURE: OK, or what there is with HELP. Raises CommandError."""
        return admin.simulate_failure(self.state, options)

    def info_fields(self, now_ms: int) -> list[tuple[bytes, bytes]]:
        """The fields of INFO's section `Sentinel`, in order."""
        self.state.now_ms = now_ms
        return describe.info_fields(self.state)

    def role(self) -> list[Any]:
        """ROLE."""
        return [b"sentinel", list(self.state.masters)]
