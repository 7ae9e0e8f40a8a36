"""What happened on the servers of a test, for the report of its failure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from pyredis_cluster.testing.hosted import Hosted
from pyredis_cluster.testing.loop_thread import LoopThread
from pyredis_cluster.testing.remote import RemoteHosted


def sections(
    lent: Iterable[tuple[Hosted[Any], LoopThread]], fixtures: Iterable[object]
) -> Iterator[tuple[str, str]]:
    """Titles and texts: of servers that were lent to a test, and of those that its own fixtures gave it."""
    told: dict[Hosted[Any], LoopThread | None] = dict(lent)
    for value in fixtures:
        if isinstance(value, RemoteHosted):
            told.setdefault(*value.behind)
        elif isinstance(value, Hosted):
            told.setdefault(value, None)
    for servers, thread in told.items():
        # Those that have ended have nothing to tell any more.
        with contextlib.suppress(RuntimeError):
            story, log = _texts(servers) if thread is None else thread.call(_texts, servers)
            name = type(servers).__name__
            yield from (
                (f"{name} {title}", text) for title, text in (("events", story), ("log", log)) if text
            )


def _texts(servers: Hosted[Any]) -> tuple[str, str]:
    return servers.story, servers.log
