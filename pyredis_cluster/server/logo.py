"""What the log shows instead of one line about mode and port, where somebody watches it on a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pyredis_cluster.version import __version__

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config

_LOGO = r"""
     /\_____/\
    /  o   o  \      pyredis-cluster {version}, speaking Redis {redis}
   ( ==  ^  == )     Running in {mode} mode
    )         (      Port: {port}
   (           )     PID: {pid}
  (__(__)___(__)__)

"""


def is_logo_wanted(config: Config) -> bool:
    """Whether the configuration asks for the logo, or the log goes to a terminal and nowhere else."""
    if config.flag("always-show-logo"):
        return True
    return not config.flag("syslog-enabled") and not config.text("logfile") and sys.stdout.isatty()


def logo(release: str, mode: str, port: int) -> str:
    """The logo with the version of Redis, mode, port and process."""
    return _LOGO.format(version=__version__, redis=release, mode=mode, port=port, pid=os.getpid())
