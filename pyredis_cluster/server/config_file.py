"""The configuration file of a running server, for CONFIG REWRITE."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config


class ConfigFile:
    """Reads and replaces the file that the server was started with."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def read(self) -> bytes | None:
        """The content, empty where the file is gone; None where the server was started without one.

        Raises OSError.
        """
        path = self._config.config_file
        if not path:
            return None
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def write(self, content: bytes) -> None:
        """Replace the file: a crash leaves the old or the new one whole. Raises OSError."""
        replace_file(self._config.config_file, content)


def replace_file(path: str, content: bytes) -> None:
    """Give `path` new content: a crash leaves the old or the new one whole. Raises OSError."""
    import tempfile  # slow to import, and no server needs it to start

    directory = os.path.dirname(path) or "."
    try:
        mode = os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mode = 0o644
    fd, temporary = tempfile.mkstemp(prefix=os.path.basename(path) + ".", dir=directory)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def _sync_directory(directory: str) -> None:
    # Some platforms and file systems cannot; the file itself is safe then already.
    with contextlib.suppress(OSError):
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
