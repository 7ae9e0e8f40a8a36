"""Redis's checkers of files, redis-check-rdb and redis-check-aof: each server is both, by another name."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.servers import Program

_LIMIT_S = 60


def _check(program: Program, kind: str, path: Path) -> tuple[bool, str]:
    name = f"{'valkey' if program.is_valkey else 'redis'}-check-{kind}"
    done = subprocess.run(
        [name, str(path)],
        executable=program.argv[0],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_LIMIT_S,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def check_rdb(program: Program, path: Path) -> None:
    """The checker finds an RDB file good. Raises AssertionError with what it says."""
    good, text = _check(program, "rdb", path)
    assert good, text
    assert "\\o/ RDB looks OK! \\o/" in text, text


def check_aof(program: Program, path: Path) -> None:
    """The checker finds an AOF good: a file, or a manifest. Raises AssertionError with what it says."""
    good, text = _check(program, "aof", path)
    assert good, text
    assert "valid" in text, text
