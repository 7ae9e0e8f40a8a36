"""What holds for all tests."""

from __future__ import annotations

import signal
import threading

import pytest


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Have tests and their programs hear of Ctrl-C: a shell has what it runs in the background ignore it."""
    if threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):
        signal.signal(signal.SIGINT, signal.default_int_handler)
