"""Scripts that administrators have configured: queued, some at a time, run again where they ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyredis_cluster.sentinel.ready import Event, KillScript, LogLevel, StartScript

if TYPE_CHECKING:
    from pyredis_cluster.sentinel.state import SentinelState

_MAX_QUEUE: Final = 256
_MAX_RUNNING: Final = 16
_MAX_RUNS: Final = 10
_TRY_AGAIN: Final = 1  # the exit code by which a script asks for another run
_NO_PROCESS: Final = 99  # what the reference reports in place of a signal


@dataclass(slots=True, eq=False)
class Script:
    """A run that is to be, or one that is. `start_ms`: when it began, or not before when it may begin."""

    script_id: int
    argv: tuple[bytes, ...]
    is_running: bool = False
    start_ms: int = 0
    runs: int = 0
    pid: int = 0


class Scripts:
    """The queue, oldest first."""

    def __init__(self) -> None:
        self.queue: list[Script] = []
        self._last_id = 0

    @property
    def running(self) -> int:
        """How many are running."""
        return sum(script.is_running for script in self.queue)

    def find(self, script_id: int) -> Script | None:
        """The running script of that id."""
        for script in self.queue:
            if script.script_id == script_id and script.is_running:
                return script
        return None

    def add(self, argv: tuple[bytes, ...]) -> None:
        """Append one; the oldest that does not run makes place for it."""
        self._last_id += 1
        self.queue.append(Script(self._last_id, argv))
        if len(self.queue) > _MAX_QUEUE:
            self.queue.remove(next(script for script in self.queue if not script.is_running))


def schedule(state: SentinelState, path: bytes, *arguments: bytes) -> None:
    """Have a script run as soon as there is room. Source: sentinelScheduleScriptExecution."""
    state.scripts.add((path, *arguments))


def tick(state: SentinelState) -> None:
    """Start what may start, oldest first, and kill what runs for too long."""
    now_ms = state.now_ms
    room = _MAX_RUNNING - state.scripts.running
    for script in state.scripts.queue:
        if script.is_running:
            if now_ms - script.start_ms > state.periods.script_max_runtime_ms:
                _tell(state, "warning", b"-script-timeout", b"%b %d" % (script.argv[0], script.pid))
                state.do(KillScript(script.script_id))
        elif room > 0 and script.start_ms <= now_ms:
            room -= 1
            script.is_running = True
            script.start_ms = now_ms
            script.runs += 1
            state.do(StartScript(script.script_id, script.argv))


def started(state: SentinelState, script_id: int, pid: int) -> None:
    """A script runs as process `pid`."""
    script = state.scripts.find(script_id)
    if script is not None:
        script.pid = pid
        _tell(state, "debug", b"+script-child", b"%d" % pid)


def not_started(state: SentinelState, script_id: int) -> None:
    """There could be no process: the next tick tries again."""
    script = state.scripts.find(script_id)
    if script is not None:
        _stop(script)
        _tell(state, "warning", b"-script-error", b"%b %d %d" % (script.argv[0], _NO_PROCESS, 0))


def ended(state: SentinelState, script_id: int, exit_code: int, signal: int) -> None:
    """A script is over. It runs again if a signal ended it, or if it asks for that by exit code 1.

    Source: sentinelCollectTerminatedScripts.
    """
    script = state.scripts.find(script_id)
    if script is None:
        return
    _tell(state, "debug", b"-script-child", b"%d %d %d" % (script.pid, exit_code, signal))
    if (signal or exit_code == _TRY_AGAIN) and script.runs != _MAX_RUNS:
        _stop(script)
        script.start_ms = state.now_ms + (state.periods.script_retry_delay_ms << (script.runs - 1))
        return
    if signal or exit_code:
        _tell(state, "warning", b"-script-error", b"%b %d %d" % (script.argv[0], signal, exit_code))
    state.scripts.queue.remove(script)


def _stop(script: Script) -> None:
    script.is_running = False
    script.pid = 0


def _tell(state: SentinelState, level: LogLevel, type: bytes, payload: bytes) -> None:
    # Not by `events`, which schedules scripts itself.
    state.do(Event(level, type, payload, level != "debug"))
