"""Starting the processes of `pyredis-cluster up --processes`.

On Linux they are forks of this one, which has imported all that a node needs: six come sooner, and share the
memory of the program. Elsewhere each is a program of its own. What they do then is `up_node`.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple, NoReturn

CAN_FORK = sys.platform == "linux"
"""Elsewhere parts of the system do not work in a fork, or there is none."""


class Launched(NamedTuple):
    """A process that runs: `requests` is its standard input, `answers` its standard output.

    `wait` waits for its end, and returns the exit code, negative for a signal.
    """

    pid: int
    requests: IO[bytes]
    answers: IO[bytes]
    wait: Callable[[], int]
    kill: Callable[[], None]


def import_all() -> None:
    """Import what forks of this process need."""
    if CAN_FORK:
        import pyredis_cluster.cli.up_local
        import pyredis_cluster.cli.up_node
        import pyredis_cluster.server.cluster  # noqa: F401


def launch_all(names: Sequence[str]) -> list[Launched]:
    """A process for each of `names`; to be called while there are no threads and no loop. Raises OSError."""
    if not CAN_FORK:
        return [_spawn(name) for name in names]
    # What is there now is not looked at again, so that its memory stays common.
    gc.collect()
    gc.freeze()
    sys.stdout.flush()
    launched: list[Launched] = []
    for name in names:
        launched.append(_fork(name, launched))
    return launched


def _spawn(name: str) -> Launched:
    # Ctrl-C at the terminal is for this process, which ends the others in order.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    process = subprocess.Popen(
        [sys.executable, "-m", "pyredis_cluster.cli.up_node", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        **apart,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return Launched(process.pid, process.stdin, process.stdout, process.wait, process.kill)


def _fork(name: str, others: Sequence[Launched]) -> Launched:
    requests, answers = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        for other in others:
            # While any process has the other end of a pipe, it does not end.
            other.requests.close()
            other.answers.close()
        _be_node(name, requests, answers)
    os.close(requests[0])
    os.close(answers[1])
    return Launched(
        pid,
        os.fdopen(requests[1], "wb", 0),
        os.fdopen(answers[0], "rb", 0),
        lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]),
        lambda: os.kill(pid, signal.SIGKILL),
    )


def _be_node(name: str, requests: tuple[int, int], answers: tuple[int, int]) -> NoReturn:
    code = 1
    try:
        os.setsid()
        os.dup2(requests[0], 0)
        os.dup2(answers[1], 1)
        for fd in (*requests, *answers):
            os.close(fd)
        _call_process(name)
        from pyredis_cluster.cli.up_node import main

        code = main()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # What the first process has to do at its end is not for this one.
        sys.stderr.flush()
        os._exit(code)


def _call_process(name: str) -> None:
    """Have lists of processes show the node, as far as there is room."""
    try:
        with open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write(f"node:{name.rpartition(':')[2]}")
    except OSError:
        return
