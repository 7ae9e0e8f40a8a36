"""Error replies of SENTINEL that more than one place uses."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.protocol.errors import CommandError

NO_SUCH_MASTER: Final = CommandError("ERR No such master with that name")
NOT_SAVED: Final = CommandError("ERR Failed to save config file. Check server logs.")
