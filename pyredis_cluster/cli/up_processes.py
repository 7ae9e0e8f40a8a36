"""All nodes of `pyredis-cluster up`, each in a process of its own.

A node reads what it is to be, and when to go on, from its standard input, and tells how far it is on its
standard output (see `up_node`). It ends when its input ends, as that does with this process, whatever ends
this.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pyredis_cluster.cli.up_node import FAILED, GO, LOADED, READY, START, STARTED, to_json
from pyredis_cluster.cli.up_options import (
    READY_S,
    NodePlan,
    UpError,
    UpOptions,
    node_config,
    starts_as_replica,
)
from pyredis_cluster.cli.up_report import PRIMARY, NodeReport, report_from

_PATIENCE_S = 5.0
"""How long nodes that keep nothing may take to end."""


class NodeProcess:
    """One node."""

    def __init__(self, node: NodePlan, process: asyncio.subprocess.Process) -> None:
        self.node = node
        self._process = process
        self._told: dict[str, asyncio.Future[Any]] = {}
        loop = asyncio.get_running_loop()
        for event in (LOADED, STARTED, READY):
            self._told[event] = loop.create_future()
        self._reader = asyncio.ensure_future(self._read())

    @classmethod
    async def launch(cls, options: UpOptions, node: NodePlan) -> NodeProcess:
        """Start a process. Raises OSError."""
        # Ctrl-C at the terminal is for this process, which ends the others in order.
        apart: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "pyredis_cluster.cli.up_node", f"{options.host}:{node.port}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **apart,
        )
        made = cls(node, process)
        made.tell(to_json(options, node))
        return made

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs. Negative for a signal."""
        return self._process.returncode

    def tell(self, line: str) -> None:
        """Send a line; one that has ended does not get it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def end(self) -> None:
        """Have it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def told(self, event: str) -> Any:
        """Wait until it tells of an event; what it tells. Raises UpError if it ends or fails instead."""
        return await asyncio.shield(self._told[event])

    async def wait(self) -> int:
        """Wait for its end; the exit code."""
        await asyncio.shield(self._reader)
        return await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        failure = ""
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                event, details = json.loads(line)
                if event == FAILED:
                    failure = str(details)
                elif event in self._told and not self._told[event].done():
                    self._told[event].set_result(details)
        await self._process.wait()
        for waiter in self._told.values():
            if not waiter.done():
                waiter.set_exception(UpError(failure or f"Node {self.node.port} ended: {self.end_text()}."))
                # Nobody may wait for it any more.
                waiter.exception()

    def end_text(self) -> str:
        """How it ended."""
        code = self.exit_code
        if code is None:
            return "running"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class ProcessFleet:
    """See `Fleet`."""

    def __init__(self, options: UpOptions, plans: Sequence[NodePlan]) -> None:
        """Raises UpError."""
        self._options = options
        self._plans = plans
        self._is_new = False
        self._is_ended = False
        self._ending: asyncio.Future[None] | None = None
        self._processes: list[NodeProcess] = []
        self._all_launched = asyncio.Event()
        self._reports: list[NodeReport] = []

    async def start(self) -> None:
        """See `Fleet`."""
        if self._options.shape.is_cluster:
            self._found()
        else:
            # As few need it as have sentinels.
            from pyredis_cluster.cli.up_group import found_group

            found_group(self._options, self._plans)
        try:
            for node in self._plans:
                if not self._is_ended:
                    self._processes.append(await NodeProcess.launch(self._options, node))
        finally:
            self._all_launched.set()
        async with asyncio.timeout(READY_S + len(self._plans)):
            await self._all(LOADED, self._processes)
            # Who finds nobody to connect to does not try again for a second, and sentinels that find replicas
            # without a link do not look again for longer.
            servers = [each for each in self._processes if not each.node.is_sentinel]
            replicas = [each for each in servers if starts_as_replica(each.node)]
            await self._begin([each for each in servers if each not in replicas])
            await self._begin(replicas)
            await self._all(READY, servers)
            await self._begin([each for each in self._processes if each.node.is_sentinel])
            await self._all(READY, self._processes)
        for process in self._processes:
            process.tell(GO)
        self._reports = [report_from(await each.told(READY)) for each in self._processes]

    def _found(self) -> None:
        """Make new nodes a cluster."""
        from pyredis_cluster.server.disk import SystemDisk
        from pyredis_cluster.server.founding import founding_texts, write_nodes_conf

        configs = [node_config(self._options, node) for node in self._plans]
        texts = founding_texts(configs, self._options.shape.primaries, random.Random())
        disk = SystemDisk(asyncio.get_running_loop())
        # In use, or not to be read or written: the start of that node will say so.
        with contextlib.suppress(OSError):
            places = [(disk, config.path("cluster-config-file")) for config in configs]
            self._is_new = write_nodes_conf(places, texts, where_empty=True)

    async def _begin(self, processes: Iterable[NodeProcess]) -> None:
        for process in processes:
            process.tell(f"{START} {int(self._is_new)}")
        await self._all(STARTED, processes)

    async def _all(self, event: str, processes: Iterable[NodeProcess]) -> None:
        await asyncio.gather(*[each.told(event) for each in processes])

    def stop(self) -> bool:
        """See `Fleet`."""
        self._is_ended = True
        self._ending = asyncio.ensure_future(self._end_all())
        return True

    async def _end_all(self) -> None:
        # Those first that would complain that others have gone.
        primaries = {report.port for report in self._reports if report.role == PRIMARY}
        last = [each for each in self._processes if each.node.port in primaries]
        for group in ([each for each in self._processes if each not in last], last):
            for process in group:
                process.end()
            limit_s = _PATIENCE_S if self._options.directory is None else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await asyncio.gather(*[process.wait() for process in group])
            if limit_s is not None:
                for process in group:
                    process.kill()

    @property
    def is_stopped(self) -> bool:
        """See `Fleet`."""
        return self._is_ended

    async def wait_until_stopped(self) -> int:
        """See `Fleet`."""
        await self._all_launched.wait()
        watching = [asyncio.ensure_future(self._watch(process)) for process in self._processes]
        try:
            codes = await asyncio.gather(*watching)
        finally:
            for watch in watching:
                watch.cancel()
        return 1 if any(codes) and not self._is_ended else 0

    async def _watch(self, process: NodeProcess) -> int:
        code = await process.wait()
        if self._reports and not self._is_ended:
            where = f"{self._options.host}:{process.node.port}"
            print(f"Node {where} (pid {process.pid}) has ended: {process.end_text()}.", file=sys.stderr)
        return code

    def reports(self) -> list[NodeReport]:
        """See `Fleet`."""
        return self._reports
