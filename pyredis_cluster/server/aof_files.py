"""The files of a running AOF: which one is written, and what takes the place of what.

Whatever fails on the way, and wherever a crash comes: what the manifest names is the whole dataset.

Source: aofOpenIfNeededOnServerStart, openNewIncrAofForAppend, backgroundRewriteDoneHandler of Redis 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.server.aof_directory import AofDirectory, reason
from pyredis_cluster.server.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyredis_cluster.ports import Disk
    from pyredis_cluster.server.aof_rewrite import BaseFile
    from pyredis_cluster.server.aof_writer import AofWriter
    from pyredis_cluster.server.log import Log


class AofFiles:
    """Files of one server's AOF, and their sizes. What fails is logged."""

    def __init__(self, directory: AofDirectory, writer: AofWriter, disk: Disk, log: Log) -> None:
        self._directory = directory
        self._writer = writer
        self._disk = disk
        self._log = log
        self._other_size = 0
        """Bytes of all files but the one that is written."""
        self.base_size = 0
        """Of all files after the last rewrite: growth is measured from there."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self._other_size + self._writer.size

    def loaded(self) -> None:
        """The dataset has been loaded."""
        base = self._directory.manifest.base
        self.base_size = self._directory.size(base.name) if base is not None else 0

    def open(self, *, is_rdb: bool, write_base: Callable[[str], bool]) -> None:
        """Write to the last increment, or to a first one beside a first base, which `write_base` makes.

        Raises StartError.
        """
        directory, log = self._directory, self._log
        if not directory.make():
            raise StartError
        manifest = directory.manifest.copy()
        if manifest.is_empty:
            base = manifest.new_base(directory.file_name, is_rdb=is_rdb)
            if not write_base(directory.path(base.name)):
                raise StartError
            log.notice(f"Creating AOF base file {base.name} on server start")
        is_new = not manifest.increments
        increment = manifest.new_increment(directory.file_name) if is_new else manifest.increments[-1]
        try:
            file = self._disk.append_to(directory.path(increment.name))
        except OSError as error:
            log.warning(f"Can't open the append-only file {increment.name}: {reason(error)}")
            raise StartError from None
        if not (directory.persist(manifest) if is_new else self._make_safe()):
            file.close()
            raise StartError
        size = directory.size(increment.name)
        self._other_size = directory.size_to_load() - size
        self._writer.open(file, size)
        log.notice(f"{'Creating' if is_new else 'Opening'} AOF incr file {increment.name} on server start")

    def _make_safe(self) -> bool:
        """Force to disk what the process before this one may not have come to: what was loaded is shown to
        clients now, and what is written next must not depend on names that a power failure takes back.
        """
        directory = self._directory
        try:
            for increment in directory.manifest.increments:
                file = self._disk.append_to(directory.path(increment.name))
                try:
                    file.sync()
                finally:
                    file.close()
            directory.sync()
        except OSError as error:
            self._log.warning(f"Fail to fsync the AOF file or its directory: {reason(error)}")
            return False
        return True

    def begin_increment(self, *, is_temporary: bool) -> bool:
        """Write to a new increment, which the manifest names unless it is temporary; whether that worked."""
        directory, log = self._directory, self._log
        manifest = directory.manifest.copy()
        if is_temporary:
            name = directory.temporary_increment
        else:
            name = manifest.new_increment(directory.file_name).name
        try:
            file = self._disk.create(directory.path(name))
        except OSError as error:
            log.warning(f"Can't open the append-only file {name}: {reason(error)}")
            return False
        if not is_temporary and not directory.persist(manifest):
            file.close()
            return False
        log.notice(f"Creating AOF incr file {name} on background rewrite")
        self._other_size += self._writer.size
        self._writer.open(file)
        return True

    def take_base(self, base: BaseFile, *, is_written: bool, is_temporary: bool) -> bool:
        """Have a finished base count, what it replaces being history; whether that worked.

        `is_written` tells whether there is an increment now, `is_temporary` whether it is named only now.
        """
        directory, log = self._directory, self._log
        manifest = directory.manifest.copy()
        name = manifest.new_base(directory.file_name, is_rdb=base.is_rdb).name
        try:
            self._disk.replace(base.path, directory.path(name))
        except OSError as error:
            log.warning(
                f"Error trying to rename the temporary AOF base file {base.name} into "
                f"{directory.path(name)}: {reason(error)}"
            )
            return False
        log.notice(f"Successfully renamed the temporary AOF base file {base.name} into {name}")
        added = [name]
        if is_temporary:
            increment = manifest.new_increment(directory.file_name).name
            if not self._name_increment(increment):
                directory.remove(name)
                return False
            added.append(increment)
        manifest.retire_increments(keep_last=is_written)
        if not directory.persist(manifest):
            if directory.manifest is not manifest:
                for each in added:
                    directory.remove(each)
            return False
        if is_written:
            self._other_size = directory.size(name)
            self.base_size = self.size
        directory.remove_history()
        return True

    def _name_increment(self, name: str) -> bool:
        """Give the temporary increment its name."""
        directory, log = self._directory, self._log
        temporary = directory.temporary_increment
        try:
            self._disk.replace(directory.path(temporary), directory.path(name))
        except OSError as error:
            log.warning(
                f"Error trying to rename the temporary AOF incr file {directory.path(temporary)} into "
                f"{directory.path(name)}: {reason(error)}"
            )
            return False
        log.notice(f"Successfully renamed the temporary AOF incr file {temporary} into {name}")
        return True

    def close(self) -> None:
        """Write no more."""
        self._writer.close()
        self._other_size = 0

    def drop_temporary(self) -> None:
        """Write no more, and leave nothing of the temporary increment: without a base it is worth nothing."""
        self._writer.close()
        name = self._directory.temporary_increment
        self._log.notice(f"Removing the temp incr aof file {name} in the background")
        self._directory.remove(name)
