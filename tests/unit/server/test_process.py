"""Pid file, supervisors, limits of the process, and files that are replaced whole."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from pyredis_cluster.server.config_file import ConfigFile
from pyredis_cluster.server.files import replace_file
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.process import PidFile, Supervisor, Syslog, raise_open_files
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from pyredis_cluster.testing.simulation.loop import VirtualLoop
from tests.support.inloop import make_config
from tests.support.inprocess import ManualClock
from tests.support.program import messages


class Lines:
    """A log's messages."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.log = Log(ManualClock(), self.written.append)

    def all(self) -> list[str]:
        return messages(b"".join(self.written).decode())


@pytest.fixture
def lines() -> Lines:
    return Lines()


class TestPidFile:
    def test_written_and_removed(self, tmp_path: Path, lines: Lines) -> None:
        file = PidFile(str(tmp_path / "x.pid"), lines.log)
        file.write()
        assert (tmp_path / "x.pid").read_text() == f"{os.getpid()}\n"
        file.remove()
        assert not (tmp_path / "x.pid").exists()
        assert lines.all() == ["Removing the pid file."]

    def test_failure_is_logged_only(self, tmp_path: Path, lines: Lines) -> None:
        file = PidFile(str(tmp_path / "absent" / "x.pid"), lines.log)
        file.write()
        file.remove()
        assert lines.all() == [
            "Failed to write PID file: No such file or directory",
            "Removing the pid file.",
        ]

    def test_default_place(self, lines: Lines) -> None:
        assert PidFile("", lines.log).path == "/var/run/redis.pid"


@pytest.mark.skipif(os.name != "posix", reason="needs Unix sockets and signals")
class TestSupervisor:
    def test_nobody(self, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        monkeypatch.delenv("UPSTART_JOB", raising=False)
        for mode in ("no", "auto"):
            supervisor = Supervisor(mode, lines.log)
            supervisor.tell("READY=1\n")
            assert not supervisor.is_present
        assert lines.all() == []

    def test_asked_for_but_absent(self, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        monkeypatch.delenv("UPSTART_JOB", raising=False)
        assert not Supervisor("systemd", lines.log).is_present
        assert not Supervisor("upstart", lines.log).is_present
        assert lines.all() == [
            "systemd supervision requested or auto-detected, but NOTIFY_SOCKET not found!",
            "upstart supervision requested, but UPSTART_JOB not found!",
        ]

    def test_systemd(self, lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        path = str(tmp_path / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(path)
            receiver.settimeout(5)
            monkeypatch.setenv("NOTIFY_SOCKET", path)
            supervisor = Supervisor("auto", lines.log)
            supervisor.tell("READY=1\n")
            assert [receiver.recv(100), receiver.recv(100)] == [b"STATUS=Redis is loading...\n", b"READY=1\n"]
        assert supervisor.is_present
        supervisor.tell("STOPPING=1\n")
        assert lines.all()[0].startswith("Supervised by systemd. ")

    def test_upstart(self, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
        monkeypatch.setenv("UPSTART_JOB", "redis")
        assert Supervisor("auto", lines.log).is_present
        assert sent == [(os.getpid(), signal.SIGSTOP)]
        assert "UPSTART_JOB" not in os.environ
        assert lines.all() == ["supervised by upstart, will stop to signal readiness."]


class TestSyslog:
    def test_messages_keep_their_level(self, monkeypatch: pytest.MonkeyPatch) -> None:
        system = pytest.importorskip("syslog")
        opened: list[tuple[str, int]] = []
        told: list[tuple[int, str]] = []
        monkeypatch.setattr(
            system, "openlog", lambda ident, options, facility: opened.append((ident, facility))
        )
        monkeypatch.setattr(system, "syslog", lambda priority, message: told.append((priority, message)))
        logger = Syslog("me", "local3")
        for level in range(4):
            logger.write(level, "text")
        assert opened == [("me", system.LOG_LOCAL3)]
        priorities = (system.LOG_DEBUG, system.LOG_INFO, system.LOG_NOTICE, system.LOG_WARNING)
        assert told == [(priority, "text") for priority in priorities]


class TestOpenFiles:
    @pytest.fixture
    def limits(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
        """The process's limits, held here instead; one may not raise the hard one."""
        resource = pytest.importorskip("resource")
        held = {"now": (1024, 4096)}

        def set_limits(which: int, limits: tuple[int, int]) -> None:
            if limits[1] > held["now"][1]:
                raise ValueError("not allowed to raise maximum limit")
            held["now"] = limits

        monkeypatch.setattr(resource, "getrlimit", lambda which: held["now"])
        monkeypatch.setattr(resource, "setrlimit", set_limits)
        return held

    def test_enough(self, limits: dict[str, tuple[int, int]], lines: Lines) -> None:
        assert raise_open_files(900, lines.log) == 900
        assert limits["now"] == (1024, 4096)
        assert lines.all() == []

    def test_raised(self, limits: dict[str, tuple[int, int]], lines: Lines) -> None:
        assert raise_open_files(4000, lines.log) == 4000
        assert limits["now"] == (4032, 4096)
        assert lines.all() == [
            "Increased maximum number of open files to 4032 (it was originally set to 1024)."
        ]

    def test_not_allowed(self, limits: dict[str, tuple[int, int]], lines: Lines) -> None:
        assert raise_open_files(10_000, lines.log) == 4064
        assert limits["now"] == (4096, 4096)
        assert lines.all() == [
            "You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
            "Server can't set maximum open files to 10032 because of OS error: Operation not permitted.",
            "Current maximum open files is 4096. maxclients has been reduced to 4064 to compensate "
            "for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
        ]


class TestConfigFile:
    def test_replaced_whole_with_its_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "redis.conf"
        path.write_text("old")
        path.chmod(0o600)
        replace_file(str(path), b"new")
        assert path.read_bytes() == b"new"
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_failure_leaves_the_old_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "redis.conf"
        path.write_text("old")

        def refuse(source: str, target: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match="No space"):
            replace_file(str(path), b"new")
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_read(self) -> None:
        """From the disk that it is given, which need not be a real one."""
        config = make_config(7000)
        with contextlib.closing(VirtualLoop()) as loop:
            disk = SimulatedDisk(loop)
            file = ConfigFile(config, disk)
            assert file.read() is None
            config.config_file = "/redis.conf"
            assert file.read() == b""
            file.write(b"port 1\n")
            assert file.read() == b"port 1\n"
            disk.lose_power()
            assert file.read() == b"port 1\n"
            assert disk.names("/") == ["redis.conf"]
