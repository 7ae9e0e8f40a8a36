"""The configuration of servers from the files and words of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from pyredis_cluster.config.command_line import CommandLine
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.loader import load


def load_config(
    command_line: CommandLine,
    *,
    defaults: bytes = b"",
    log_warning: Callable[[str], None] | None = None,
) -> Config:
    """The configuration asked for; `defaults` are lines that all others override.

    Raises ConfigFileError and ConfigFileUnreadableError.
    """
    return load(
        command_line,
        _read_file,
        sys.stdin.buffer.read if command_line.from_stdin else bytes,
        defaults=defaults,
        directory=os.getcwd(),
        change_directory=enter_directory,
        join_path=os.path.join,
        list_files=_list_files,
        check_log_file=_check_log_file,
        log_warning=log_warning,
    )


def enter_directory(current: str, wanted: str) -> str:
    """`wanted` seen from `current`, links resolved; raises OSError where it is none or may not be entered."""
    path = os.path.realpath(os.path.join(current, wanted))
    with os.scandir(path):
        return path


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _list_files(pattern: str) -> list[str]:
    import glob

    return sorted(glob.glob(pattern))


def _check_log_file(path: str) -> None:
    with open(path, "ab"):
        pass
