"""Other programs as processes: how they are started and how their ends are told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pyredis_cluster.server.programs import SystemProcess, SystemPrograms
from tests.support.program import wait_until

pytestmark = pytest.mark.slow


def started(directory: Path, code: str, *arguments: str) -> SystemProcess:
    """A Python program."""
    words = [sys.executable, "-c", code, *arguments]
    return SystemPrograms().start(sys.executable, words, str(directory))


def ended(process: SystemProcess) -> int | None:
    """How it ended."""
    wait_until(lambda: process.poll() is not None)
    return process.poll()


def test_it_runs_in_its_directory_with_its_words_and_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYREDIS_TEST_WORD", "seen")
    code = "import os, sys; open('out', 'w').write(os.environ['PYREDIS_TEST_WORD'] + sys.argv[1])"
    process = started(tmp_path, code, " and heard")
    assert process.pid > 0
    assert ended(process) == 0
    assert (tmp_path / "out").read_text() == "seen and heard"


def test_its_exit_code(tmp_path: Path) -> None:
    assert ended(started(tmp_path, "raise SystemExit(3)")) == 3


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
def test_a_signal_that_ends_it(tmp_path: Path) -> None:
    process = started(tmp_path, "import time; time.sleep(60)")
    assert process.poll() is None
    process.kill()
    assert ended(process) == -9


def test_one_that_is_left_alone_goes_on(tmp_path: Path) -> None:
    process = started(tmp_path, "import sys; sys.stdin.read(0); open('out', 'w').close()")
    process.abandon()
    wait_until((tmp_path / "out").exists)


def test_what_cannot_be_run(tmp_path: Path) -> None:
    programs = SystemPrograms()
    path = tmp_path / "script"
    assert not programs.is_executable(str(path))
    with pytest.raises(FileNotFoundError):
        programs.start(str(path), ["script"], str(tmp_path))
    path.write_text("no program")
    assert not programs.is_executable(str(path))
    path.chmod(0o755)
    assert programs.is_executable(str(path))
    with pytest.raises(OSError, match="Exec format"):
        programs.start(str(path), ["script"], str(tmp_path))
