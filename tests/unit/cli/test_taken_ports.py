"""Who listens on a port that was wanted."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from pyredis_cluster.cli import taken_ports
from pyredis_cluster.cli.taken_ports import Owner, describe_taken, owner_of, taken
from tests.support.ports import free_port, release_port


def test_a_port_of_this_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        owner = owner_of(port)
        assert taken("127.0.0.1", [port]) == [port]
        # The system may tell nothing of it, but no other process.
        assert owner is None or owner.pid == os.getpid()
        if sys.platform == "linux":
            assert owner is not None
            assert owner.name.startswith("python")


def test_a_port_of_nobody() -> None:
    port = free_port()
    try:
        assert taken("127.0.0.1", [port]) == []
        assert owner_of(port) is None
    finally:
        release_port(port)


def test_the_mac_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {7000: Owner(77, "ControlCenter")}
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(taken_ports, "owner_of", owners.get)
    assert describe_taken([7000, 17001], range(17000, 17006)) == (
        "Port 7000 is taken by ControlCenter (pid 77).\n"
        f"{taken_ports.AIRPLAY}\n"
        "Port 17001 (the bus of node 7001) is taken."
    )
