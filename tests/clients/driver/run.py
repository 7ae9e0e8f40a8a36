"""Languages are built and their libraries run, side by side."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pyredis_cluster.testing.ports import PORTS, PortReservation
from tests.clients.driver import faults, following
from tests.clients.driver.libraries import Language, Library
from tests.clients.driver.program import Program, running
from tests.clients.driver.stage import HOST, Stage, our_cluster, real_cluster, standalone, up

_AT_ONCE = 4
"""How many clusters there may be at a time: more would wait for each other, and clients would time out."""
_BUILD_LIMIT_S = 400.0
_PROGRAM_LIMIT_S = 60.0


class Run:
    """One run, and how many of its parts passed, failed and were skipped.

    `work` has the programs; with `real_server` only those are run that follow a cluster, a real one.
    """

    def __init__(self, work: Path, *, real_server: str | None) -> None:
        self.passed = self.failed = self.skipped = 0
        self._work = work
        self._real_server = real_server
        self._lock = threading.Lock()
        self._clusters = threading.Semaphore(_AT_ONCE)
        self._python = sys.executable
        self._loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
        if self._loop == "asyncio":
            print("no uvloop here: asyncio's own loop is used instead")

    def all(self, languages: list[Language]) -> None:
        """Run all libraries of these languages."""
        with ThreadPoolExecutor(len(languages)) as pool:
            for future in [pool.submit(self._language, each) for each in languages]:
                future.result()

    def _language(self, language: Language) -> None:
        names = ", ".join(library.name for library in language.libraries)
        missing = [tool for tool in language.tools if not shutil.which(tool)]
        if missing:
            with self._lock:
                print(f"skipped: {names} (no {missing[0]} here)", flush=True)
                self.skipped += len(language.libraries)
            return
        home = self._work / language.directory
        if language.build and not self._part(f"built for {names}", lambda: self._build(language, home)):
            return
        with ThreadPoolExecutor(len(language.libraries)) as pool:
            parts: list[Future[bool]] = []
            for library in language.libraries:
                if library.remote:
                    parts.append(pool.submit(self._part, library.name, partial(self._follow, library, home)))
            if self._real_server is None:
                self._plain_ones(language, home)
            for part in parts:
                part.result()

    def _plain_ones(self, language: Language, home: Path) -> None:
        for library in language.libraries:
            if library.plain:
                self._part(f"{library.name}, plainly", partial(self._plain, library, home))

    def _part(self, name: str, run: Callable[[], str]) -> bool:
        """Whether one part of the run passed, which is said."""
        start_s = time.monotonic()
        try:
            said = run()
        except Exception as error:
            text = getattr(error, "output", None) or traceback.format_exc()
            with self._lock:
                print(f"FAILED {name}: {error}\n{text}", flush=True)
                self.failed += 1
            return False
        with self._lock:
            print(f"ok {name} ({time.monotonic() - start_s:.0f} s): {said}", flush=True)
            self.passed += 1
        return True

    def _build(self, language: Language, home: Path) -> str:
        for command in language.build:
            # What runs meanwhile has clocks of its own.
            _run(["nice", "-n", "5", *self._words(command, home)], home, _BUILD_LIMIT_S)
        return ", ".join(language.build)

    def _plain(self, library: Library, home: Path) -> str:
        """The library used as usual, against a cluster and a standalone server."""
        with self._clusters, _place(4) as (port, directory), contextlib.ExitStack() as servers:
            options = ["--primaries", "3", "--replicas", "0", "--port", str(port)]
            servers.enter_context(up([*options, "--redis-version", library.redis_version], directory))
            servers.enter_context(standalone(port + 3, directory))
            addresses = [f"{HOST}:{each}" for each in (port, port + 3)]
            return _run([*self._words(library.plain, home), *addresses], home, _PROGRAM_LIMIT_S).strip()

    def _follow(self, library: Library, home: Path) -> str:
        """The library in a cluster in which much happens."""
        with self._clusters, self._stage() as (stage, directory):
            steps: list[Callable[[Stage, Program], str]] = [
                following.redirects,
                following.reshard,
                partial(faults.replies, sees=library.sees),
                faults.wires,
                following.failover_by_hand,
                following.failover_of_stopped,
                following.failover_of_ended,
            ]
            if stage.is_real:
                steps.remove(faults.wires)
            elif library.faulty:
                _run([*self._words(library.faulty, home), *stage.addresses], home, _PROGRAM_LIMIT_S)
            with running(
                self._words(library.remote, home), home, stage.addresses, directory / "errors"
            ) as program:
                said = [program.library, *(_timed(step, stage, program) for step in steps)]
            return "\n    ".join(said)

    @contextlib.contextmanager
    def _stage(self) -> Iterator[tuple[Stage, Path]]:
        with _place(6) as (port, directory), contextlib.ExitStack() as stack:
            if self._real_server is None:
                yield stack.enter_context(our_cluster(port, directory)), directory
            else:
                yield stack.enter_context(real_cluster(self._real_server, port, directory)), directory

    def _words(self, command: str, home: Path) -> list[str]:
        classpath = home / "classpath"
        return shlex.split(
            command.format(
                python=self._python,
                loop=self._loop,
                classpath=classpath.read_text().strip() if classpath.exists() else "",
            )
        )


def _timed(step: Callable[[Stage, Program], str], stage: Stage, program: Program) -> str:
    start_s = time.monotonic()
    said = step(stage, program)
    return f"{time.monotonic() - start_s:4.1f} s  {said}"


def _run(command: list[str], directory: Path, limit_s: float) -> str:
    """What a command prints. Raises CalledProcessError, and TimeoutExpired once all it started was ended."""
    with subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise subprocess.TimeoutExpired(command, limit_s, output) from None
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return output


@contextlib.contextmanager
def _place(count: int) -> Iterator[tuple[int, Path]]:
    """The first of free ports in a row, and a directory."""
    while True:
        first = random.choice(PORTS)
        with contextlib.suppress(RuntimeError):
            reservation = PortReservation(count, with_bus=True, among=range(first, first + count))
            break
    with contextlib.closing(reservation), tempfile.TemporaryDirectory(prefix="cluster-") as directory:
        yield first, Path(directory)
