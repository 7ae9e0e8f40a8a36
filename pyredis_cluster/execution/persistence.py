"""What commands ask of a server's snapshot file; `pyredis_cluster.server.persistence` provides it."""

from __future__ import annotations

from typing import Protocol


class Persistence(Protocol):
    """Saving all data to `dbfilename`, and loading it again."""

    @property
    def last_save_s(self) -> int:
        """When all data was on disk last, as unix time; at first when the server started."""

    @property
    def is_saving(self) -> bool:
        """Whether RDB data is being made in the background, for the file or for replicas."""

    @property
    def is_busy(self) -> bool:
        """Whether any background job is running, so that no other can start."""

    def save(self) -> bool:
        """Save before this returns; whether that went well. The log says why not."""

    def save_in_background(self) -> None:
        """Begin to save; nothing may be running in the background. How it went, `INFO` and the log tell."""

    def schedule_save(self) -> None:
        """Save in the background as soon as nothing else is running there."""

    def all_flushed(self) -> None:
        """All data was removed on purpose: no file is to bring it back, where saving was asked for."""

    def reload(self, *, save: bool, flush: bool, replaces: bool) -> None:
        """Save, remove all data, and load the file, as far as wanted. Raises CommandError.

        `replaces` has keys that are there take the value of the file.
        """
