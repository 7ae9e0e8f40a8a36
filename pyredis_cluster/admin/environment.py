"""What commands reach the world through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.console import Console
from pyredis_cluster.admin.link import NOBODY, Credentials, Link


@dataclass(frozen=True, slots=True)
class Environment:
    """A console, connections, time and chance. `dial` raises UnreachableError and ReplyError."""

    console: Console
    dial: Callable[[Address, Credentials], Link]
    sleep: Callable[[float], None]
    random: Random
    credentials: Credentials = NOBODY

    def connect(self, address: Address) -> Link:
        """A connection with the credentials for the cluster. Raises UnreachableError and ReplyError."""
        return self.dial(address, self.credentials)
