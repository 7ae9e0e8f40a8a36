"""Keys that are pressed while a program does something else."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator

_POLL_S = 0.1

WaitForKey = Callable[[float], str]
"""Seconds → the key that was pressed meanwhile, or an empty text."""


@contextlib.contextmanager
def pressed_keys() -> Iterator[WaitForKey]:
    """Keys at once and not shown, for the length of a with-block; Ctrl-C stays what it is."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield _nobody
        return
    try:
        import termios
        import tty
    except ImportError:
        yield _wait_on_windows
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield lambda limit_s: _wait_on_posix(fd, limit_s)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _nobody(limit_s: float) -> str:
    time.sleep(limit_s)
    return ""


def _wait_on_posix(fd: int, limit_s: float) -> str:
    readable, _, _ = select.select([fd], [], [], limit_s)
    if not readable:
        return ""
    data = os.read(fd, 64)
    if not data:
        # The terminal is gone, and would be readable for ever.
        raise KeyboardInterrupt
    return data.decode(errors="replace")[:1]


def _wait_on_windows(limit_s: float) -> str:
    import msvcrt

    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
            return str(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]
        time.sleep(_POLL_S)
    return ""
