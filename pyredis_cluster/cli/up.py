"""`pyredis-cluster up`: a whole cluster from one command, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from pyredis_cluster.cli.redis_server import handle_signals, run_loop
from pyredis_cluster.cli.up_options import BUS_PORT_OFFSET, NodePlan, UpOptions, node_config, plan
from pyredis_cluster.cli.up_report import NodeReport, json_line, table
from pyredis_cluster.cli.up_shape import UpError, remember
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log, write_nowhere
from pyredis_cluster.server.ports import SystemClock

MakeFleet = Callable[[asyncio.AbstractEventLoop], "Fleet"]
Launch = Callable[[UpOptions, Sequence[NodePlan]], MakeFleet]


class Fleet(Protocol):
    """All nodes of one `up`."""

    async def start(self) -> None:
        """Start them, and wait until they are ready. Raises StartError, UpError and TimeoutError."""

    def stop(self) -> bool:
        """Have all end in order; False where one goes on, as it cannot save its data."""

    async def wait_until_stopped(self) -> int:
        """Wait for the end of the last; the exit code of all."""

    @property
    def is_stopped(self) -> bool:
        """Whether they were told to end."""

    def reports(self) -> Sequence[NodeReport]:
        """What each is now."""


def bring_up(options: UpOptions, *, as_json: bool, processes: bool) -> int:
    """Run the nodes until a signal; the exit code."""
    # What is imported comes before what would have to be cleaned up after.
    launch = _processes() if processes else _here()
    try:
        with _directory(options.directory) as directory:
            plans = plan(options, directory)
            for node in plans if options.shape.is_cluster else ():
                # What is wrong with them is the same in all processes: it is said once.
                node_config(options, node)
            make_fleet = launch(options, plans)
            return run_loop(lambda loop: _run(make_fleet(loop), options, directory, as_json=as_json))
    except UpError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
    return 1


@contextlib.contextmanager
def _directory(wanted: str | None) -> Iterator[str]:
    if wanted is not None:
        os.makedirs(wanted, exist_ok=True)
        yield os.path.abspath(wanted)
        return
    with tempfile.TemporaryDirectory(prefix="pyredis-cluster-") as directory:
        yield directory


def _here() -> Launch:
    from pyredis_cluster.cli.up_local import LocalFleet

    return lambda options, plans: lambda loop: LocalFleet(loop, options, plans)


def _processes() -> Launch:
    from pyredis_cluster.cli.up_launch import import_all, launch_all
    from pyredis_cluster.cli.up_processes import ProcessFleet

    def launch(options: UpOptions, plans: Sequence[NodePlan]) -> MakeFleet:
        launched = launch_all([f"{options.host}:{node.port}" for node in plans])
        return lambda loop: ProcessFleet(loop, options, plans, launched)

    import_all()
    return launch


async def _run(fleet: Fleet, options: UpOptions, directory: str, *, as_json: bool) -> int:
    loop = asyncio.get_running_loop()
    handle_signals(loop, Log(SystemClock(), write_nowhere), lambda name: fleet.stop())
    failure = await _start(fleet)
    if failure:
        fleet.stop()
        await fleet.wait_until_stopped()
        print(_explained(failure, options, directory), file=sys.stderr)
        return 1
    if not fleet.is_stopped:
        remember(options.directory, options.shape)
        reports = fleet.reports()
        print(json_line(options, reports) if as_json else table(options, reports), flush=True)
    return await fleet.wait_until_stopped()


async def _start(fleet: Fleet) -> str:
    """Wait until all are ready, or were stopped; why they cannot be ready, or nothing."""
    ready = asyncio.ensure_future(fleet.start())
    stopped = asyncio.ensure_future(fleet.wait_until_stopped())
    await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ready.done():
        ready.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ready
        return ""
    error = ready.exception()
    if error is None or fleet.is_stopped:
        return ""
    if isinstance(error, TimeoutError):
        return "The nodes did not become ready in time."
    if isinstance(error, (UpError, StartError)):
        return str(error) or "The nodes cannot be started."
    raise error


def _explained(failure: str, options: UpOptions, directory: str) -> str:
    """Why nothing was started, and what to do about it."""
    # Imported here, as most find their ports free.
    from pyredis_cluster.cli.taken_ports import describe_taken, taken

    shape = options.shape
    ports = list(shape.ports)
    bus_ports: range | tuple[()] = ()
    if shape.is_cluster:
        bus_ports = range(ports[0] + BUS_PORT_OFFSET, ports[-1] + BUS_PORT_OFFSET + 1)
    missing = taken(options.host, [*ports, *bus_ports])
    if missing:
        free = "`--port auto` finds free ports, `--port N` names others."
        return f"{describe_taken(missing, bus_ports)}\nNothing was started. {free}"
    if options.directory is not None:
        failure += f"\nThe logs are in {directory}/<port>/."
    return failure
