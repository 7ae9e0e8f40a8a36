"""Nodes of ours that are Redis 6.2 and real ones of 6.2 in one cluster."""

from __future__ import annotations

import pytest

from tests.support.replicating import wait_for_link, wait_until
from tests.support.servers import REDIS_6_2, Program, find_real_servers, our_program, start_server
from tests.support.wire import RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]


@pytest.fixture
def real() -> Program:
    """Any release of 6.2."""
    program = find_real_servers().get(REDIS_6_2)
    if program is None:
        pytest.skip("no Redis 6.2 on this machine")
    return program


def slots_of(client: RawClient) -> set[bytes]:
    """The runs of CLUSTER SLOTS without their replicas."""
    return {b" ".join(map(repr_of, run.items[:3])) for run in client.ask("CLUSTER", "SLOTS").items}


def repr_of(node: object) -> bytes:
    """Something that is equal for equal replies."""
    return repr(node).encode()


@pytest.mark.parametrize("who_meets", ["ours", "real"])
def test_they_meet_share_slots_and_replicate(real: Program, who_meets: str) -> None:
    ours = our_program("6.2")
    with (
        start_server(real, cluster=True) as theirs,
        start_server(ours, cluster=True) as mine,
        start_server(ours, cluster=True) as spare,
        theirs.connect() as their_client,
        mine.connect() as my_client,
        spare.connect() as replica,
    ):
        clients = (their_client, my_client, replica)
        for number, client in enumerate(clients, 1):
            assert client.call("CLUSTER", "SET-CONFIG-EPOCH", number) == b"+OK\r\n"
        assert their_client.call("CLUSTER", "ADDSLOTS", *range(8000)) == b"+OK\r\n"
        assert my_client.call("CLUSTER", "ADDSLOTS", *range(8000, 16384)) == b"+OK\r\n"
        if who_meets == "ours":
            my_client.call("CLUSTER", "MEET", "127.0.0.1", theirs.port)
            replica.call("CLUSTER", "MEET", "127.0.0.1", theirs.port)
        else:
            their_client.call("CLUSTER", "MEET", "127.0.0.1", mine.port)
            their_client.call("CLUSTER", "MEET", "127.0.0.1", spare.port)
        wait_until(
            lambda: all(
                b"cluster_state:ok" in client.call("CLUSTER", "INFO")
                and client.call("CLUSTER", "NODES").count(b" connected") == 3
                for client in clients
            ),
            lambda: b"\n".join(client.call("CLUSTER", "NODES") for client in clients).decode(),
            limit_s=20.0,
        )
        assert slots_of(their_client) == slots_of(my_client) != set()
        primary = their_client.ask("CLUSTER", "MYID").value
        assert isinstance(primary, bytes)
        assert replica.call("CLUSTER", "REPLICATE", primary) == b"+OK\r\n"
        wait_for_link(replica)
        assert their_client.call("SET", "k", "v") == b"+OK\r\n"
        assert their_client.call("WAIT", 1, 10_000) == b":1\r\n"
        assert replica.call("READONLY") == b"+OK\r\n"
        assert replica.call("GET", "k") == b"$1\r\nv\r\n"
