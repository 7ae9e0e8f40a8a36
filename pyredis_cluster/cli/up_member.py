"""One node of `pyredis-cluster up` in this process, which clients may have ended and started again."""

from __future__ import annotations

import math
from collections.abc import Callable

from pyredis_cluster.server.server import Server


class LocalNode:
    """See `Member`. `make` makes a server from what is on the disk; `replaced` is told of each but the first.

    Raises what `make` does.
    """

    def __init__(
        self, host: str, port: int, make: Callable[[], Server], replaced: Callable[[Server, Server], None]
    ) -> None:
        self.host = host
        self.port = port
        self.server = make()
        self._make = make
        self._replaced = replaced

    @property
    def is_up(self) -> bool:
        """See `Member`."""
        return not self.server.stopped.is_set()

    def kill(self) -> None:
        """See `Member`."""
        self.server.stopping.fail()

    async def start(self) -> None:
        """See `Member`."""
        ended, self.server = self.server, self._make()
        self._replaced(ended, self.server)
        await self.server.start()

    def pause(self, seconds: float = math.inf) -> None:
        """See `Member`."""
        self.server.freeze(seconds * 1000)

    def resume(self) -> None:
        """See `Member`."""
        self.server.freezer.thaw()
