"""Other programs, as processes: `ports.Programs` of the real system."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence


class SystemPrograms:
    """See `Programs`."""

    def is_executable(self, path: str) -> bool:
        """See `Programs`."""
        return os.access(path, os.X_OK)

    def start(self, path: str, arguments: Sequence[str], directory: str) -> SystemProcess:
        """See `Programs`."""
        return SystemProcess(path, arguments, directory)


class SystemProcess:
    """See `Process`. Raises OSError where it cannot be started."""

    def __init__(self, path: str, arguments: Sequence[str], directory: str) -> None:
        self._process = subprocess.Popen(list(arguments), executable=path, cwd=directory)
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """See `Process`."""
        return self._process.poll()

    def kill(self) -> None:
        """See `Process`."""
        self._process.kill()

    def abandon(self) -> None:
        """See `Process`. Somebody has to ask how it ended, or the system keeps its entry."""
        threading.Thread(target=self._process.wait, daemon=True).start()
