"""One primary and two replicas from three configuration files, beside real Redis from the same files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_ports, release_port
from tests.support.program import connect, started
from tests.support.replicating import info, wait_for_link, wait_for_replicas
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, Program, find_real_servers, our_program
from tests.support.wire import RawClient

pytestmark = pytest.mark.slow

PRIMARY = "port {port}\nprotected-mode no\n"
REPLICA = "port {port}\nprotected-mode no\nslaveof 127.0.0.1 {primary} \n"


@contextmanager
def trio(program: Program, directory: Path) -> Iterator[list[RawClient]]:
    """The three servers, in sync, each with a connection."""
    ports = free_ports(3)
    with ExitStack() as stack:
        for port in ports:
            stack.callback(release_port, port)
        clients = []
        for port in ports:
            home = directory / f"{program.name}-{port}"
            home.mkdir()
            text = (PRIMARY if port == ports[0] else REPLICA).format(port=port, primary=ports[0])
            (home / "redis.conf").write_text(text)
            # What the files do not say, but a test that runs beside others needs.
            options = ("--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
            stack.enter_context(started(program, str(home / "redis.conf"), *options, directory=home))
            clients.append(stack.enter_context(connect(port)))
            if port != ports[0]:
                wait_for_link(clients[-1])
        yield clients


def shape(client: RawClient) -> list[tuple[str, str]]:
    """INFO replication, with a letter for each value that no two runs have alike."""
    fields = []
    for name, value in info(client).items():
        if name.endswith(("_offset", "_histlen")) and int(value) > 0:
            value = "N"
        elif name in ("master_replid", "master_port"):
            value = "X"
        elif name in ("master_last_io_seconds_ago",):
            value = "S"
        elif name.startswith("slave") and name[5:].isdigit():
            value = re.sub(r"(port|offset)=\d+", r"\1=N", value)
            value = re.sub(r"lag=[01]", "lag=S", value)
        fields.append((name, value))
    return fields


def test_a_write_to_the_primary_is_read_on_both_replicas(tmp_path: Path) -> None:
    with trio(our_program(), tmp_path) as (primary, *replicas):
        assert primary.call("SET", "name", "redis") == b"+OK\r\n"
        assert primary.call("WAIT", 2, 10_000) == b":2\r\n"
        for replica in replicas:
            assert replica.call("GET", "name") == b"$5\r\nredis\r\n"
            refusal = b"-READONLY You can't write against a read only replica.\r\n"
            assert replica.call("SET", "name", "other") == refusal
            assert replica.call("GET", "name") == b"$5\r\nredis\r\n"
        port = primary.remote_address.partition(":")[2]
        assert (
            replicas[0]
            .call("ROLE")
            .startswith(f"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:{port}\r\n".encode())
        )


@pytest.mark.real_server
def test_info_replication_is_that_of_redis(tmp_path: Path) -> None:
    real = find_real_servers().get(REDIS_7_2) or find_real_servers().get(REDIS_7_0)
    if real is None:
        pytest.skip("neither Redis 7.2 nor 7.0 on this machine")
    shapes: dict[str, list[list[tuple[str, str]]]] = {}
    for program in (real, our_program()):
        with trio(program, tmp_path) as (primary, *replicas):
            primary.call("SET", "name", "redis")
            wait_for_replicas(primary, *replicas)
            shapes[program.name] = [shape(client) for client in (primary, *replicas)]
    assert shapes[OURS] == shapes[real.name]
    assert [name for name, _ in shapes[OURS][0]][:4] == ["role", "connected_slaves", "slave0", "slave1"]
