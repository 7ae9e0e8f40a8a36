"""One node of `pyredis-cluster up --processes`: the process that `up_processes` starts.

It is told on standard input, line by line, what it is to be (JSON), to START, and to GO on, when all are
ready. It tells on standard output, each a line of JSON `[event, details]`, that it has LOADED its program,
has STARTED, is READY, or has FAILED. When its input ends it ends in order.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from pyredis_cluster.cli.up_options import NodePlan, UpOptions, node_config
from pyredis_cluster.cli.up_shape import Shape, UpError

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server

START: Final = "start"
GO: Final = "go"
LOADED: Final = "loaded"
STARTED: Final = "started"
READY: Final = "ready"
FAILED: Final = "failed"

_POLL_S = 0.01
_HASTEN_S = 0.1
_ENCODING = "latin-1"


def to_json(options: UpOptions, node: NodePlan) -> str:
    """What a process needs to know, as a line."""
    words = asdict(options)
    words["directives"] = options.directives.decode(_ENCODING)
    return json.dumps([words, asdict(node)])


def from_json(line: str) -> tuple[UpOptions, NodePlan]:
    """What `to_json` made a line of."""
    words, node = json.loads(line)
    words["shape"] = Shape(**words["shape"])
    words["bind"] = tuple(words["bind"])
    words["directives"] = words["directives"].encode(_ENCODING)
    return UpOptions(**words), NodePlan(**node)


class _Input:
    """Lines of standard input; an empty one once that has ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        # Standard input cannot be watched by the loop everywhere. A thread that reads it by `sys.stdin` would
        # hold a lock that the interpreter wants at its end.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                data = os.read(0, 1 << 16)
            except OSError:
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._put(line.decode())
            if not data:
                self._put("")
                return

    def _put(self, line: str) -> None:
        try:
            self._loop.call_soon_threadsafe(self.lines.put_nowait, line)
        except RuntimeError:
            # The loop is closed: all is over.
            return


def _tell(event: str, details: Any = None) -> None:
    # Nobody listens any more when the other process has been killed.
    try:
        print(json.dumps([event, details]), flush=True)
    except OSError:
        return


async def _run(loop: asyncio.AbstractEventLoop) -> int:
    # Imported here, as the process that starts this one needs the names above alone.
    from pyredis_cluster.cli.redis_server import handle_continuing, handle_signals
    from pyredis_cluster.cli.up_local import Lines, start_log
    from pyredis_cluster.server.process import raise_open_files
    from pyredis_cluster.server.server import Server

    lines = _Input(loop).lines
    first = await lines.get()
    if not first:
        return 0
    options, node = from_json(first)
    output = Lines()
    try:
        if node.is_sentinel:
            from pyredis_cluster.cli.up_group import sentinel_config

            config = sentinel_config(options, node)
        else:
            config = node_config(options, node)
    except UpError as error:
        _tell(FAILED, str(error))
        return 1
    log = start_log(config.text("loglevel"), node, output)
    raise_open_files(config.integer("maxclients"), log)
    server = Server(config, loop, log=log)
    keeps = options.directory is not None

    def stop(*_: object) -> bool:
        if not keeps:
            log.set_level("nothing")
        return server.shutdown(save=None if keeps else False, now=True, force=not keeps)

    handle_signals(loop, log, stop)
    handle_continuing(loop, [server])
    _tell(LOADED)
    life = loop.create_task(_serve(server, lines, options, output))
    ended = loop.create_task(server.stopped.wait())
    await asyncio.wait((life, ended), return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if life.done():
        if life.result():
            return life.result()
        # Where its data cannot be saved there is nobody left to mend that.
        return server.stopping.exit_code if stop() else 1
    life.cancel()
    return server.stopping.exit_code


async def _serve(server: Server, lines: asyncio.Queue[str], options: UpOptions, output: Any) -> int:
    """Go through a node's life as it is told; returns when it is to end, with 1 where it failed."""
    from pyredis_cluster.cli.up_report import report_of
    from pyredis_cluster.server.errors import StartError
    from pyredis_cluster.server.readiness import hasten, is_ready, serve_at_once

    line = await lines.get()
    if not line:
        return 0
    try:
        await server.start()
    except StartError:
        _tell(FAILED, output.text())
        return 1
    if line.endswith("1"):
        serve_at_once(server)
    _tell(STARTED)
    ports = options.shape.ports
    is_told = False
    until_hasten_s = 0.0
    while lines.empty():
        if not is_told and is_ready(server, ports):
            is_told = True
            _tell(READY, asdict(report_of(server)))
        if until_hasten_s <= 0:
            hasten(server)
            until_hasten_s = _HASTEN_S
        await asyncio.sleep(_POLL_S)
        until_hasten_s -= _POLL_S
    if server.sentinel is not None:
        # What it is to watch was said by others.
        output.keep_only(0)
    output.release()
    while await lines.get():
        pass
    return 0


def main() -> int:
    """Be a node."""
    from pyredis_cluster.cli.redis_server import run_loop

    return run_loop(_run)


if __name__ == "__main__":
    sys.exit(main())
