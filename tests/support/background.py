"""What goes on in a thread while a test does something else."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Background(ABC):
    """A context manager: `_work` runs in a thread until it sees `_ending`, which `stop` sets."""

    def __init__(self, *, limit_s: float = 60.0) -> None:
        self._limit_s = limit_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None

    @abstractmethod
    def _work(self) -> None:
        """Go on until `_ending` is set."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, where `stop` is not to wait at the end of a block that failed."""
        self._thread.start()

    def stop(self) -> None:
        """End it. Raises what went wrong in the thread, and AssertionError where it does not end in time."""
        self._ending.set()
        self._thread.join(self._limit_s)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error
