"""Files that survive a crash whole."""

from __future__ import annotations

import contextlib
import os


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
    # Some platforms and file systems cannot; the file itself is safe then already.
    with contextlib.suppress(OSError):
        sync_directory(directory)


def sync_directory(path: str) -> None:
    """Have the names in a directory on the disk on return. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
