"""sentinel.conf of a running sentinel: brought up to date as by CONFIG REWRITE, and replaced as a whole."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pyredis_cluster.config.rewrite import SentinelState, rewritten
from pyredis_cluster.execution.authentication import user_lines

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.ports import Disk


class SentinelFile:
    """The file that a sentinel was started with."""

    def __init__(self, state: ServerState, disk: Disk) -> None:
        self._state = state
        self._disk = disk
        self._path = state.config.config_file

    def save(self, lines: SentinelState) -> None:
        """Have the file say `lines`; the rest of it stays, as it is on the disk now.

        A crash leaves the old file or the new one, and on return the new one is safe. Raises OSError.
        """
        config = self._state.config
        content = rewritten(self._content(), config, user_lines(config), sentinel=lines)
        disk = self._disk
        # Not the same name for two sentinels that were started with one file by mistake.
        temporary = f"{self._path}.{self._state.run_id[:6]}"
        try:
            file = disk.create(temporary)
            try:
                file.write(content)
                file.sync()
            finally:
                file.close()
            disk.replace(temporary, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                disk.remove(temporary)
            raise
        disk.sync_directory(os.path.dirname(self._path) or ".")

    def _content(self) -> bytes:
        try:
            return bytes(self._disk.read(self._path))
        except FileNotFoundError:
            return b""
