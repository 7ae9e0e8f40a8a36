"""Who waits in an event loop, and where: for the report of a program that gets no further."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from types import CodeType, CoroutineType
from typing import Any, Final

import pyredis_cluster

_OURS: Final = tuple(
    os.path.join(os.path.dirname(pyredis_cluster.__file__), *package)
    for package in (("server",), ("testing", "simulation"))
)
_MOST_TASKS: Final = 20


def who_waits(loop: asyncio.AbstractEventLoop) -> str:
    """A line for each task that is not over, but those of servers: its name, and from where it waits."""
    waiting = []
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        places = list(_places(task.get_coro()))
        if places and not places[0][0].co_filename.startswith(_OURS):
            way = " > ".join(f"{code.co_name} ({_short(code.co_filename)}:{line})" for code, line in places)
            waiting.append(f"  {task.get_name()}: {way}")
    more = len(waiting) - _MOST_TASKS
    return "\n".join(waiting[:_MOST_TASKS] + ([f"  and {more} more"] if more > 0 else []))


def _places(coroutine: Any) -> Iterator[tuple[CodeType, int]]:
    """Code and line of a coroutine, and of those that it awaits, down to the last."""
    while isinstance(coroutine, CoroutineType) and coroutine.cr_frame is not None:
        yield coroutine.cr_code, coroutine.cr_frame.f_lineno
        coroutine = coroutine.cr_await


def _short(path: str) -> str:
    return "/".join(path.replace(os.sep, "/").split("/")[-2:])
