"""What holds for all tests."""

from __future__ import annotations

import os
import signal
import threading
from itertools import groupby

import pytest


@pytest.hookimpl(trylast=True)  # of what is selected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each worker begin with its share of the slow tests: none is left with a long one in the end.

    Workers are given equal parts of the list, in order, and take from each other when they are done. Slow
    tests of a file stay together, as they may share what they need.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    slow: list[list[pytest.Item]] = [[] for _ in range(workers)]
    marked = [item for item in items if item.get_closest_marker("slow")]
    for _, of_file in groupby(marked, key=lambda item: item.path):
        min(slow, key=len).extend(of_file)
    quick = [item for item in items if not item.get_closest_marker("slow")]
    share = len(items) // workers
    ordered: list[pytest.Item] = []
    for each in slow:
        rest = max(share - len(each), 0)
        ordered += [*each, *quick[:rest]]
        del quick[:rest]
    items[:] = [*ordered, *quick]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Have tests and their programs hear of Ctrl-C: a shell has what it runs in the background ignore it."""
    if threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):
        signal.signal(signal.SIGINT, signal.default_int_handler)
