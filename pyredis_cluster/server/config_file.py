"""The configuration file of a running server, for CONFIG REWRITE."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.ports import Disk


class ConfigFile:
    """Reads and replaces the file that the server was started with."""

    def __init__(self, config: Config, disk: Disk) -> None:
        self._config = config
        self._disk = disk

    def read(self) -> bytes | None:
        """The content, empty where the file is gone; None where the server was started without one.

        Raises OSError.
        """
        path = self._config.config_file
        if not path:
            return None
        try:
            return bytes(self._disk.read(path))
        except FileNotFoundError:
            return b""

    def write(self, content: bytes) -> None:
        """Replace the file: a crash leaves the old or the new one whole. Raises OSError."""
        self._disk.replace_content(self._config.config_file, content)
