"""One sentinel as a pure state machine: no I/O, clock or random numbers of its own.

The shell feeds it: `load` and `start` once, `tick` every `tick_interval_ms()`, `link_connected`,
`link_closed` and `replied` as connections come, speak and go, `script_started`, `script_ended`, and the
methods of commands. After each of these, or after a batch of them, it calls `ready` and carries out what
that returns.

All times are Unix milliseconds, handed in as `now_ms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pyredis_cluster.config.config import SentinelLine
from pyredis_cluster.sentinel.ready import ConfigLine, Ready
from pyredis_cluster.sentinel.settings import SentinelSettings


class RandomSource(Protocol):
    """What the core needs of a random number generator; `random.Random` has it."""

    def randrange(self, stop: int, /) -> int:
        """A number in [0, stop)."""


class SentinelCore:
    """A sentinel. `settings` stays shared with the shell.

    `resolve(host, by_name)` is the numeric form of an address, or, with `by_name`, that of a host name; None
    where there is none. `is_executable(path)` tells whether a script could be run. `local_time(unix_s)` is a
    time as ctime writes it, for the log.
    """

    def __init__(
        self,
        settings: SentinelSettings,
        random: RandomSource,
        *,
        now_ms: int,
        resolve: Callable[[str, bool], str | None],
        is_executable: Callable[[bytes], bool] = lambda path: True,
        local_time: Callable[[int], str] = str,
    ) -> None:
        raise NotImplementedError

    # Configuration

    def load(self, lines: Sequence[SentinelLine]) -> None:
        """Take over the `sentinel` lines of the configuration file.

        Raises DirectiveError, which has the line, for the first one that is wrong. Source:
        loadSentinelConfigFromQueue.
        """
        raise NotImplementedError

    def config_lines(self) -> list[ConfigLine]:
        """The state as lines of sentinel.conf; lines of `directives.OPTIONS` that are left over go."""
        raise NotImplementedError

    # The shell

    def start(self, now_ms: int) -> None:
        """The server is up: choose an id if there is none, and tell of the masters."""
        raise NotImplementedError

    def tick(self, now_ms: int) -> None:
        """Let time pass: reconnect, ask, suspect, fail over, run scripts."""
        raise NotImplementedError

    def tick_interval_ms(self) -> int:
        """How soon `tick` is due after the one before; another each time, lest sentinels act in step."""
        raise NotImplementedError

    def link_connected(self, link_id: int, local_ip: str, now_ms: int) -> None:
        """A connection asked for by `Connect` is there; `local_ip` is this end's address."""
        raise NotImplementedError

    def link_closed(self, link_id: int, error: str, now_ms: int) -> None:
        """A link is gone, or could not be made; one that is not known any more is none of our business."""
        raise NotImplementedError

    def replied(self, link_id: int, reply: object, now_ms: int) -> None:
        """The next reply or pushed message of a link: bytes (also of a status), int, None, list or ErrorReply."""
        raise NotImplementedError

    def script_started(self, script_id: int, pid: int, now_ms: int) -> None:
        """A script runs in process `pid`."""
        raise NotImplementedError

    def script_not_started(self, script_id: int, now_ms: int) -> None:
        """There could be no process for a script."""
        raise NotImplementedError

    def script_ended(self, script_id: int, exit_code: int, signal: int, now_ms: int) -> None:
        """A script is over: by its own `exit_code`, or by a `signal`, which is else 0."""
        raise NotImplementedError

    def ready(self) -> Ready:
        """What is to be done since the last call, see `Ready`."""
        raise NotImplementedError

    # Commands. Those that end with saving sentinel.conf reply OK; where the shell could not save it, the
    # reply is to be `replies.NOT_SAVED` instead.

    @property
    def my_id(self) -> bytes:
        """SENTINEL MYID."""
        raise NotImplementedError

    def hello_received(self, payload: bytes, now_ms: int) -> None:
        """PUBLISH of a hello to this sentinel itself."""
        raise NotImplementedError

    def masters(self, now_ms: int) -> list[dict[bytes, bytes]]:
        """SENTINEL MASTERS."""
        raise NotImplementedError

    def master(self, name: bytes, now_ms: int) -> dict[bytes, bytes]:
        """SENTINEL MASTER. Raises CommandError where there is none of that name, as the others do."""
        raise NotImplementedError

    def replicas(self, name: bytes, now_ms: int) -> list[dict[bytes, bytes]]:
        """SENTINEL REPLICAS."""
        raise NotImplementedError

    def sentinels(self, name: bytes, now_ms: int) -> list[dict[bytes, bytes]]:
        """SENTINEL SENTINELS."""
        raise NotImplementedError

    def master_address(self, name: bytes) -> Any:
        """SENTINEL GET-MASTER-ADDR-BY-NAME: [host, port], or NULL_ARRAY."""
        raise NotImplementedError

    def is_master_down(self, ip: bytes, port: bytes, epoch: bytes, run_id: bytes, now_ms: int) -> list[Any]:
        """SENTINEL IS-MASTER-DOWN-BY-ADDR: [whether, vote, its epoch]. Raises CommandError."""
        raise NotImplementedError

    def check_quorum(self, name: bytes) -> Any:
        """SENTINEL CKQUORUM: a status. Raises CommandError, also where the quorum cannot be reached."""
        raise NotImplementedError

    def flush_config(self) -> Any:
        """SENTINEL FLUSHCONFIG: OK (saved)."""
        raise NotImplementedError

    def fail_over(self, name: bytes, now_ms: int) -> Any:
        """SENTINEL FAILOVER: OK. Raises CommandError."""
        raise NotImplementedError

    def reset(self, pattern: bytes, now_ms: int) -> int:
        """SENTINEL RESET: how many masters match."""
        raise NotImplementedError

    def monitor(self, name: bytes, host: bytes, port: bytes, quorum: bytes, now_ms: int) -> Any:
        """SENTINEL MONITOR: OK (saved). Raises CommandError."""
        raise NotImplementedError

    def remove(self, name: bytes, now_ms: int) -> Any:
        """SENTINEL REMOVE: OK (saved). Raises CommandError."""
        raise NotImplementedError

    def set(self, name: bytes, options: Sequence[bytes], now_ms: int) -> Any:
        """SENTINEL SET: OK (saved). Raises CommandError; what came before the error counts and is saved."""
        raise NotImplementedError

    def config_get(self, patterns: Sequence[bytes]) -> dict[bytes, bytes]:
        """SENTINEL CONFIG GET."""
        raise NotImplementedError

    def config_set(self, options: Sequence[bytes], now_ms: int) -> Any:
        """SENTINEL CONFIG SET: OK (saved). Raises CommandError, nothing being changed."""
        raise NotImplementedError

    def debug(self, options: Sequence[bytes]) -> Any:
        """SENTINEL DEBUG: what the periods are, or OK where options change them. Raises CommandError."""
        raise NotImplementedError

    def pending_scripts(self, now_ms: int) -> list[dict[bytes, Any]]:
        """SENTINEL PENDING-SCRIPTS."""
        raise NotImplementedError

    def info_cache(self, names: Sequence[bytes], now_ms: int) -> list[Any]:
        """SENTINEL INFO-CACHE: of these masters, or of all."""
        raise NotImplementedError

    def simulate_failure(self, options: Sequence[bytes]) -> Any:
        """SENTINEL SIMULATE-FAILURE: OK, or what there is with HELP. Raises CommandError."""
        raise NotImplementedError

    def info_fields(self, now_ms: int) -> list[tuple[bytes, bytes]]:
        """The fields of INFO's section `Sentinel`, in order."""
        raise NotImplementedError

    def role(self) -> list[Any]:
        """ROLE."""
        raise NotImplementedError
