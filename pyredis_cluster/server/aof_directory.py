"""The directory that holds an AOF: its files and their manifest.

The manifest is replaced as a whole, so that after a crash either all of a change to it holds or nothing does.
Files are there before a manifest names them, and are history to it before they are removed.

Source: aofLoadManifestFromDisk, persistAofManifest, aofUpgradePrepare, aofDelHistoryFiles of Redis 7.2.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from pyredis_cluster.persistence.aof.manifest import Manifest, ManifestError, parse_manifest
from pyredis_cluster.server.errors import StartError

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.ports import Disk
    from pyredis_cluster.server.log import Log


def reason(error: OSError) -> str:
    """What C's strerror says."""
    return error.strerror or str(error)


class AofDirectory:
    """The files of one server's AOF, under the names that the configuration gives them."""

    def __init__(self, config: Config, disk: Disk, log: Log) -> None:
        self._config = config
        self._disk = disk
        self._log = log
        self.manifest = Manifest()

    @property
    def name(self) -> str:
        """The directory, as the configuration names it."""
        return self._config.text("appenddirname")

    @property
    def file_name(self) -> str:
        """What the names of all files begin with."""
        return self._config.text("appendfilename")

    @property
    def temporary_increment(self) -> str:
        """The increment that is written while the first base is."""
        return f"temp-{self.file_name}.incr"

    def path(self, file_name: str) -> str:
        """Where a file of the AOF is."""
        return os.path.join(self._config.in_directory(self.name), file_name)

    def exists(self, file_name: str) -> bool:
        """Whether there is such a file in the directory."""
        return self._disk.exists(self.path(file_name))

    def make(self) -> bool:
        """Make the directory if it is not there; False where that cannot be done, which is logged."""
        try:
            self._disk.make_directory(self._config.in_directory(self.name))
        except OSError as error:
            self._log.warning(f"Can't open or create append-only dir {self.name}: {reason(error)}")
            return False
        return True

    def load_manifest(self) -> None:
        """Read which files there are. Raises StartError for a manifest that cannot be read."""
        self.manifest = Manifest()
        name = f"{self.file_name}.manifest"
        path = self.path(name)
        if not self._disk.exists(path):
            self._log.debug(f"The AOF manifest file {name} doesn't exist")
            return
        try:
            content = bytes(self._disk.read(path))
        except OSError as error:
            self._log.warning(
                f"Fatal error: can't open the AOF manifest file {path} for reading: {reason(error)}"
            )
            raise StartError from None
        try:
            self.manifest = parse_manifest(content)
        except ManifestError as error:
            self._log.warning("")
            self._log.raw("*** FATAL AOF MANIFEST FILE ERROR ***\n\n")
            if error.line is not None:
                self._log.warning(f"Reading the manifest file, at line {error.number}")
                self._log.warning(f">>> '{error.line.decode('utf-8', 'surrogateescape')}'")
            self._log.warning(error.reason)
            raise StartError from None

    def persist(self, manifest: Manifest) -> bool:
        """Have `manifest` on disk, and make it the one that holds; False where that failed, which is logged.

        The old one holds then, unless all that failed is to make sure that the new one survives a power
        failure: either may be found after that, so the files of both have to stay.
        """
        log, disk = self._log, self._disk
        name = f"{self.file_name}.manifest"
        temporary = f"temp-{name}"
        step = f"Can't open the AOF manifest file {temporary}"
        try:
            file = disk.create(self.path(temporary))
            try:
                step = f"Error trying to write the temporary AOF manifest file {temporary}"
                file.write(manifest.encode())
                step = f"Fail to fsync the temp AOF file {temporary}"
                file.sync()
            finally:
                file.close()
            step = f"Error trying to rename the temporary AOF manifest file {temporary} into {name}"
            disk.replace(self.path(temporary), self.path(name))
            self.manifest = manifest
            # It names files that are new in the directory, too.
            step = f"Fail to fsync AOF directory {self.path(name)}"
            self.sync()
        except OSError as error:
            log.warning(f"{step}: {reason(error)}")
            return False
        return True

    def sync(self) -> None:
        """Have the names in the directory survive a power failure. Raises OSError."""
        self._disk.sync_directory(self._config.in_directory(self.name))

    def upgrade(self) -> None:
        """Take in the single file that servers before Redis 7 wrote, if there is one and no other AOF.

        Should it fail half-way, the next start does the rest. Raises StartError.
        """
        old_path = self._config.in_directory(self.file_name)
        if not self._disk.exists(old_path):
            return
        base, increments = self.manifest.base, self.manifest.increments
        began_before = base is not None and not increments and base.name == self.file_name
        if not (self.manifest.is_empty or (began_before and not self.exists(self.file_name))):
            return
        if not self.make():
            raise StartError
        manifest = self.manifest.copy()
        manifest.set_old_style_base(self.file_name)
        if not self.persist(manifest):
            raise StartError
        try:
            self._disk.replace(old_path, self.path(self.file_name))
            self.sync()
        except OSError as error:
            self._log.warning(
                f"Error trying to move the old AOF file {self.file_name} into dir {self.name}: "
                f"{reason(error)}"
            )
            raise StartError from None
        self._log.notice(
            f"Successfully migrated an old-style AOF file ({self.file_name}) into the AOF directory "
            f"({self.name})."
        )

    def size_to_load(self) -> int:
        """The bytes of all files that make up the dataset. Raises StartError where one is missing."""
        total = 0
        for each in self.manifest.to_load():
            try:
                total += self._disk.size(self.path(each.name))
            except OSError as error:
                self._log.warning(f"Unable to obtain the AOF file {each.name} length. stat: {reason(error)}")
                raise StartError from None
        return total

    def size(self, file_name: str) -> int:
        """The length of one file, 0 if that cannot be told, which is logged."""
        try:
            return self._disk.size(self.path(file_name))
        except OSError as error:
            self._log.warning(f"Unable to obtain the AOF file {file_name} length. stat: {reason(error)}")
            return 0

    def remove_history(self) -> None:
        """Remove what a rewrite has replaced, unless `aof-disable-auto-gc`. What fails is left there."""
        if self._config.flag("aof-disable-auto-gc") or not self.manifest.history:
            return
        manifest = self.manifest.copy()
        for each in manifest.history:
            self._log.notice(f"Removing the history file {each.name} in the background")
            self.remove(each.name)
        manifest.history = []
        self.persist(manifest)

    def remove(self, file_name: str) -> None:
        """Remove a file that no manifest names. What fails is logged."""
        try:
            self._disk.remove(self.path(file_name))
        except OSError as error:
            if error.errno != errno.ENOENT:
                self._log.warning(f"Can't remove the AOF file {file_name}: {reason(error)}")
