"""What an AOF gets of the changes: the commands, SELECT wherever the database is another one, and timestamps.

Source: feedAppendOnlyFile and genAofTimestampAnnotationIfNeeded of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis_cluster.persistence.aof.commands_format import timestamp

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.propagation import Batch
    from pyredis_cluster.server.aof_writer import AofWriter

_NONE_SELECTED: Final = -1


class AofStream:
    """The commands that go to the writer of one server's AOF."""

    def __init__(self, config: Config, writer: AofWriter, now_ms: Callable[[], int]) -> None:
        """`now_ms` is unix time."""
        self._config = config
        self._writer = writer
        self._now_ms = now_ms
        self._selected = _NONE_SELECTED
        """The database that the file has selected."""
        self._timestamp_s = 0
        self._has_timestamps = False
        self._apply_timestamps()
        config.on_change("aof-timestamp-enabled", self._apply_timestamps)

    def _apply_timestamps(self) -> None:
        self._has_timestamps = self._config.flag("aof-timestamp-enabled")

    def forget_selected(self) -> None:
        """Begin with a SELECT again: each file is read by itself."""
        self._selected = _NONE_SELECTED

    def write(self, batch: Batch) -> None:
        """Hand on what clients have changed; nothing while no file is open."""
        if not self._writer.is_open:  # no base is being made, or the server has ended
            return
        wire = batch.file_wire()
        if not wire:
            return
        if self._has_timestamps:
            wire = self._annotation() + wire
        wire = batch.introduction(self._selected) + wire
        self._selected = batch.last_database
        self._writer.append(wire)

    def _annotation(self) -> bytes:
        """The time, at most once a second; nothing where it was noted already."""
        now_s = self._now_ms() // 1000
        if now_s <= self._timestamp_s:
            return b""
        self._timestamp_s = now_s
        return timestamp(now_s)
