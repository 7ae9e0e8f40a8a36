"""The clock of one host in virtual time."""

from __future__ import annotations

import asyncio
from typing import Final

EPOCH_NS: Final = 1_700_000_000 * 10**9


class SimulatedClock:
    """The time of a loop as a server reads it. `skew_s` is how far its wall clock is off."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, epoch_ns: int = EPOCH_NS) -> None:
        """`epoch_ns` is what the wall clock says when the loop's time is 0."""
        self._loop = loop
        self._epoch_ns = epoch_ns
        self.skew_s = 0.0

    def unix_ns(self) -> int:
        """See `Clock`."""
        return self._epoch_ns + int((self._loop.time() + self.skew_s) * 1e9)

    def monotonic_ns(self) -> int:
        """See `Clock`."""
        return int(self._loop.time() * 1e9)
