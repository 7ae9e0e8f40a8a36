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
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from pyredis_cluster.cli.up_launch import Launched
from pyredis_cluster.cli.up_node import FAILED, GO, LOADED, READY, START, STARTED, to_json
from pyredis_cluster.cli.up_options import READY_S, NodePlan, UpOptions, node_config, starts_as_replica
from pyredis_cluster.cli.up_report import PRIMARY, NodeReport, report_from
from pyredis_cluster.cli.up_shape import UpError

_PATIENCE_S = 5.0
"""How long nodes that keep nothing may take to end."""


class NodeProcess:
    """One node; a thread listens to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, node: NodePlan, launched: Launched) -> None:
        self.node = node
        self.pid = launched.pid
        self._launched = launched
        self._loop = loop
        self._failure = ""
        self._told: dict[str, asyncio.Future[Any]] = {
            event: loop.create_future() for event in (LOADED, STARTED, READY)
        }
        self.ended: asyncio.Future[int] = loop.create_future()
        """How the process ended, once it has: negative for a signal."""
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, line: str) -> None:
        """Send a line; one that has ended does not get it."""
        with contextlib.suppress(OSError, ValueError):
            self._launched.requests.write(line.encode() + b"\n")

    def end(self) -> None:
        """Have it end."""
        with contextlib.suppress(OSError):
            self._launched.requests.close()

    def kill(self) -> None:
        """End it at once."""
        if not self.ended.done():
            self._launched.kill()

    async def told(self, event: str) -> Any:
        """Wait until it tells of an event; what it tells. Raises UpError if it ends or fails instead."""
        return await asyncio.shield(self._told[event])

    def _listen(self) -> None:
        with self._launched.answers as answers:
            for line in answers:
                self._loop.call_soon_threadsafe(self._heard, line)
        code = self._launched.wait()
        # Nobody waits any more where the loop is closed.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._has_ended, code)

    def _heard(self, line: bytes) -> None:
        event, details = json.loads(line)
        if event == FAILED:
            self._failure = str(details)
        elif not self._told[event].done():
            self._told[event].set_result(details)

    def _has_ended(self, code: int) -> None:
        self.ended.set_result(code)
        for waiter in self._told.values():
            if not waiter.done():
                text = self._failure or f"Node {self.node.port} ended: {self.end_text}."
                waiter.set_exception(UpError(text))
                # Perhaps nobody waits for it.
                waiter.exception()

    @property
    def end_text(self) -> str:
        """How it ended."""
        code = self.ended.result()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class ProcessFleet:
    """See `Fleet`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: UpOptions,
        plans: Sequence[NodePlan],
        launched: Sequence[Launched],
    ) -> None:
        self._options = options
        self._plans = plans
        self._is_new = False
        self._is_stopped = False
        self._ending: asyncio.Future[None] | None = None
        self._reports: list[NodeReport] = []
        self._processes = [
            NodeProcess(loop, node, process) for node, process in zip(plans, launched, strict=True)
        ]
        self._watches = [loop.create_task(self._watch(process)) for process in self._processes]

    async def start(self) -> None:
        """See `Fleet`."""
        if self._options.shape.is_cluster:
            self._found()
        else:
            # As few need it as have sentinels.
            from pyredis_cluster.cli.up_group import found_group

            found_group(self._options, self._plans)
        for process in self._processes:
            process.tell(to_json(self._options, process.node))
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
        self._is_stopped = True
        self._ending = asyncio.ensure_future(self._end_all())
        return True

    async def _end_all(self) -> None:
        # Those first that would complain that others have gone.
        primaries = {report.port for report in self._reports if report.role == PRIMARY}
        last = [each for each in self._processes if each.node.port in primaries]
        for group in ([each for each in self._processes if each not in last], last):
            for process in group:
                process.end()
            if not group:
                continue
            keeps = self._options.directory is not None
            await asyncio.wait([each.ended for each in group], timeout=None if keeps else _PATIENCE_S)
            for process in group:
                process.kill()

    @property
    def is_stopped(self) -> bool:
        """See `Fleet`."""
        return self._is_stopped

    async def wait_until_stopped(self) -> int:
        """See `Fleet`."""
        codes = await asyncio.shield(asyncio.gather(*self._watches))
        return 1 if any(codes) and not self._is_stopped else 0

    async def _watch(self, process: NodeProcess) -> int:
        code = await process.ended
        if self._reports and not self._is_stopped:
            where = f"{self._options.host}:{process.node.port}"
            print(f"Node {where} (pid {process.pid}) has ended: {process.end_text}.", file=sys.stderr)
        return code

    def reports(self) -> list[NodeReport]:
        """See `Fleet`."""
        return self._reports
