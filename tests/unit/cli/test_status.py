"""`pyredis-cluster status` as a program: output, exit codes, and the terminal's keys."""

from __future__ import annotations

import json
import os
import socket
import sys

import pytest

from pyredis_cluster import Cluster
from pyredis_cluster.cli import keys
from pyredis_cluster.cli.commands import run_subcommand
from tests.support.ports import free_port, release_port


def test_a_cluster(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with Cluster(primaries=2, replicas_per_primary=0) as cluster:
        host, port = cluster.addresses[0]
        assert run_subcommand(["status", f"{host}:{port}"]) == 0
        text = capsys.readouterr().out
        assert text.startswith(
            "cluster ok · 2 primaries, 0 replicas · all slots · 0 keys · epoch 2 · seen from"
        )
        assert "\x1b" not in text
        assert run_subcommand(["status", f"{host}:{port}", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["problems"] == []
        # A slot that leaves is something to look at.
        cluster.half_migrate(0)
        assert run_subcommand(["status", host, str(port)]) == 1
        assert "has slots 0 open, migrating to" in capsys.readouterr().out


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    try:
        assert run_subcommand(["status", f"127.0.0.1:{port}", "--json"]) == 1
    finally:
        release_port(port)
    captured = capsys.readouterr()
    assert captured.err == f"Could not connect to Redis at 127.0.0.1:{port}: Connection refused\n"
    assert json.loads(captured.out) == {"ok": False, "error": captured.err.strip()}


def test_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_subcommand(["status", "nonsense"]) == 2
    assert "you need to pass either a valid address" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_keys_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    outer, inner = os.openpty()
    before = termios.tcgetattr(inner)
    with os.fdopen(inner, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with keys.pressed_keys() as wait:
            assert not termios.tcgetattr(inner)[3] & termios.ICANON
            assert wait(0) == ""
            os.write(outer, b"q")
            assert wait(5) == "q"
        assert termios.tcgetattr(inner) == before
    os.close(outer)


def test_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = socket.socketpair()
    with near, far, near.makefile() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with keys.pressed_keys() as wait:
            assert wait(0) == ""
