"""Lines as Redis prints them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from pyredis_cluster.server.log import Log
from tests.support.inprocess import START_US, ManualClock

PID = os.getpid()


class Memory:
    """A log and what it wrote."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.written: list[bytes] = []
        self.log = Log(self.clock, self.written.append, role="M")

    def text(self) -> str:
        return b"".join(self.written).decode()


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_line(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        memory.clock.now_us = START_US + 45_678
        memory.log.notice("hello")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert memory.text() == f"{PID}:M 14 Nov 2023 22:13:20.045 * hello\n"


def test_marks_and_levels(memory: Memory) -> None:
    def log_all() -> str:
        memory.written.clear()
        log = memory.log
        log.debug("d")
        log.verbose("v")
        log.notice("n")
        log.warning("w")
        return "".join(re.findall(r" ([.*#-]) [dvnw]\n", memory.text()))

    assert log_all() == "*#"
    for name, marks in (
        ("debug", ".-*#"),
        ("verbose", "-*#"),
        ("notice", "*#"),
        ("warning", "#"),
        ("nothing", ""),
    ):
        memory.log.set_level(name)
        assert log_all() == marks
        assert memory.log.is_verbose == (name in ("debug", "verbose"))


def test_message_stays_one_line(memory: Memory) -> None:
    memory.log.notice("a\r\nb\nc\x85d\u2028e\x00f\x1b[31mg é")
    assert memory.text().endswith(" * a  b c d e f [31mg é\n")


def test_role_is_that_of_the_moment(memory: Memory) -> None:
    memory.log.role = "S"
    memory.log.notice("x")
    assert memory.text().startswith(f"{PID}:S ")


def test_signal_line(memory: Memory) -> None:
    memory.log.from_signal("Received SIGTERM scheduling shutdown...")
    assert memory.text() == f"{PID}:signal-handler (1700000000) Received SIGTERM scheduling shutdown...\n"


def test_failure_has_its_traceback(memory: Memory) -> None:
    try:
        raise KeyError("k")
    except KeyError as error:
        memory.log.failure("It failed", error)
    first, *rest = memory.text().splitlines()
    assert first.endswith(" # It failed")
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "KeyError: 'k'"


def test_raw_text_is_at_level_notice(memory: Memory) -> None:
    memory.log.raw("logo\n")
    memory.log.set_level("warning")
    memory.log.raw("logo\n")
    assert memory.text() == "logo\n"


def test_file_is_appended_to_and_found_again(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    memory.log.to_file(str(path))
    memory.log.notice("one")
    path.rename(tmp_path / "y.log")
    memory.log.notice("two")
    memory.log.to_file("")
    memory.log.notice("three")
    assert (tmp_path / "y.log").read_text().endswith(" * one\n")
    assert path.read_text().endswith(" * two\n")
    assert memory.text().endswith(" * three\n")


def test_what_cannot_be_written_is_lost(memory: Memory, tmp_path: Path) -> None:
    memory.log.to_file(str(tmp_path / "absent" / "x.log"))
    memory.log.notice("one")
    memory.log.to_file("")
    memory.log.notice("two")
    assert memory.text().count("\n") == 1


def test_system_logger_gets_message_alone(memory: Memory) -> None:
    told: list[tuple[int, str]] = []

    class Recorder:
        def write(self, level: int, message: str) -> None:
            told.append((level, message))

    memory.log.system_logger = Recorder()
    memory.log.warning("w")
    memory.log.verbose("v")
    assert told == [(3, "w")]
