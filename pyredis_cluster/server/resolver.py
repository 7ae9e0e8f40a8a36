"""Names of hosts, for one who asks again and again and must not be held up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.server.network import Network

_FRESH_S = 1.0
_MAX_NAMES = 1000
"""Names that are remembered: who makes up names in hellos shall not fill the memory."""


class Resolver:
    """Addresses by name, as last found: only the first question about a name waits for its answer.

    When it is a second old, the next question has it looked up again beside whatever else goes on.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._found: dict[str, str | None] = {}
        self._fresh_until_s: dict[str, float] = {}

    def resolve(self, host: str, by_name: bool) -> str | None:
        """The numeric form of an address, or, with `by_name`, of a host's; None where there is none."""
        address = self._network.resolve(host, by_name=False)
        if address is not None or not by_name:
            return address
        if host not in self._found:
            self._take(host, self._network.resolve(host, by_name=True))
        elif self._network.loop.time() >= self._fresh_until_s[host]:
            self._fresh_until_s[host] = math.inf
            self._network.resolve_soon(host, self._take)
        return self._found[host]

    def _take(self, host: str, address: str | None) -> None:
        if host not in self._found and len(self._found) >= _MAX_NAMES:
            self._found.clear()
            self._fresh_until_s.clear()
        self._found[host] = address
        self._fresh_until_s[host] = self._network.loop.time() + _FRESH_S
