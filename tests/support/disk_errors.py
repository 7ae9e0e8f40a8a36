"""What disks fail with."""

from __future__ import annotations

import errno

FULL = OSError(errno.ENOSPC, "No space left on device")
READ_ONLY = OSError(errno.EROFS, "Read-only file system")
BROKEN = OSError(errno.EIO, "Input/output error")
