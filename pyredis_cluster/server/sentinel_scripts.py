"""Scripts of a sentinel, as processes: the core says which, when, and for how long."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.ports import Process, Programs
    from pyredis_cluster.sentinel.core import SentinelCore
    from pyredis_cluster.sentinel.ready import StartScript
    from pyredis_cluster.server.server import Server

_NO_ROOM = frozenset((errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE))
_CANNOT_BE_EXECUTED = 2
"""The exit code that Redis's child has then."""


class SentinelScripts:
    """The scripts that run. Their ends are looked for with each tick, as Redis does."""

    def __init__(self, server: Server, core: SentinelCore, programs: Programs) -> None:
        self._server = server
        self._core = core
        self._programs = programs
        self._running: dict[int, Process] = {}

    def start(self, request: StartScript) -> None:
        """Run a script, seen from `dir`, and tell the core of it."""
        arguments = [os.fsdecode(word) for word in request.argv]
        config = self._server.config
        now_ms = self._server.state.keyspace.now_ms
        try:
            process = self._programs.start(config.in_directory(arguments[0]), arguments, config.text("dir"))
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                self._core.script_not_started(request.script_id, now_ms)
            else:
                self._core.script_ended(request.script_id, _CANNOT_BE_EXECUTED, 0, now_ms)
            return
        self._running[request.script_id] = process
        self._core.script_started(request.script_id, process.pid, now_ms)

    def kill(self, script_id: int) -> None:
        """End a script."""
        process = self._running.get(script_id)
        if process is not None:
            process.kill()

    def look(self, now_ms: int) -> None:
        """Tell the core which scripts have ended."""
        for script_id, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[script_id]
                self._core.script_ended(script_id, max(code, 0), max(-code, 0), now_ms)

    def close(self) -> None:
        """The sentinel ends; its scripts do not."""
        for process in self._running.values():
            process.abandon()
        self._running.clear()
