"""The servers that run beside this one, as tests in any language reach them: by the command FAULT."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from pyredis_cluster.protocol.reply import Reply


class Neighbours(Protocol):
    """Servers of one process, this one among them, by their ports.

    Each method raises CommandError for a port where there is none, and where a server is not as it must be.
    """

    def kill(self, port: int) -> None:
        """End a server at once, with nothing saved and nobody told."""

    def start(self, port: int, done: Callable[[Reply], object]) -> None:
        """Start one that has ended, from what is on its disk; `done` gets OK once it serves, or an error."""

    def pause(self, port: int, duration_ms: float) -> None:
        """Have a server do nothing for a while, as a process that got SIGSTOP."""

    def resume(self, port: int) -> None:
        """End a pause."""

    def partition(self, ports: Collection[int], *, one_way: bool) -> None:
        """Let nothing pass between these and all others; `one_way`: from these to the others."""

    def advance(self, duration_ms: float, done: Callable[[Reply], object]) -> None:
        """Have time go by for all, at once; `done` gets OK when what happens within it has happened."""

    def heal(self) -> int:
        """End all faults of all servers, and all pauses; how many faults there were."""
