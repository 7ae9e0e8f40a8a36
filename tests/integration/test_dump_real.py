"""DUMP, RESTORE and MIGRATE between ours and real servers, both ways, for every type and encoding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dataset import fill, run_all
from tests.support.digests import assert_same_data, bulk, different_keys, key_digests
from tests.support.servers import (
    OURS,
    REDIS_6_2,
    REDIS_7_0,
    REDIS_7_2,
    VALKEY_8_1,
    VALKEY_9_1,
    RunningServer,
    find_real_servers,
    our_program,
    own_all_slots,
    start_server,
)
from tests.support.wire import RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

KEYS = 400
NAMES = [REDIS_6_2, REDIS_7_0, REDIS_7_2, VALKEY_8_1, VALKEY_9_1]


def start(name: str, *, cluster: bool = False) -> RunningServer:
    program = our_program() if name == OURS else find_real_servers().get(name)
    if program is None:
        pytest.skip(f"no {name} here")
    return start_server(program, cluster=cluster)


@pytest.fixture(scope="module")
def ours() -> Iterator[RunningServer]:
    with start(OURS) as server:
        yield server


@pytest.fixture(scope="module", params=NAMES)
def real(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with start(request.param) as server:
        # Have it look into everything that it is given.
        with server.connect() as client:
            client.call("CONFIG", "SET", "sanitize-dump-payload", "yes")
        yield server


@pytest.fixture
def mine(ours: RunningServer) -> Iterator[RawClient]:
    with ours.connect(timeout_s=60) as client:
        client.call("FLUSHALL")
        yield client


@pytest.fixture
def theirs(real: RunningServer) -> Iterator[RawClient]:
    with real.connect(timeout_s=60) as client:
        client.call("FLUSHALL")
        fill(client, keys=KEYS, seed=7, streams=True, odd_scores=True, databases=(0,))
        yield client


def keys_of(client: RawClient) -> list[bytes]:
    return [key for _, key in key_digests(client)]


def dumps(client: RawClient, keys: list[bytes]) -> list[bytes]:
    return list(map(bulk, client.pipeline([[b"DUMP", key] for key in keys])))


def restore(client: RawClient, keys: list[bytes], payloads: list[bytes]) -> None:
    commands = [[b"RESTORE", key, b"0", data] for key, data in zip(keys, payloads, strict=True)]
    assert set(run_all(client, commands)) == {b"+OK\r\n"}


def encodings(client: RawClient, keys: list[bytes]) -> dict[bytes, bytes]:
    replies = client.pipeline([[b"OBJECT", b"ENCODING", key] for key in keys])
    return dict(zip(keys, replies, strict=True))


def without_expiry(client: RawClient) -> None:
    client.pipeline([[b"PERSIST", key] for key in keys_of(client)])


def test_dump_and_restore_both_ways(mine: RawClient, theirs: RawClient) -> None:
    without_expiry(theirs)
    keys = keys_of(theirs)
    their_payloads = dumps(theirs, keys)
    restore(mine, keys, their_payloads)
    assert_same_data(mine, theirs, odd_scores=True)
    our_payloads = dumps(mine, keys)
    theirs.call("FLUSHALL")
    restore(theirs, keys, our_payloads)
    assert_same_data(mine, theirs, odd_scores=True)
    # They make the same of ours as of their own.
    after_ours = encodings(theirs, keys)
    theirs.call("FLUSHALL")
    restore(theirs, keys, their_payloads)
    assert after_ours == encodings(theirs, keys)


def test_streams_come_back_as_they_were(mine: RawClient, theirs: RawClient) -> None:
    """Down to what DEBUG DIGEST does not show: groups, consumers, what is pending."""
    keys = [key for key in keys_of(theirs) if theirs.call("TYPE", key) == b"+stream\r\n"]
    assert len(keys) > 5

    def facts() -> list[bytes]:
        return theirs.pipeline(
            [command for key in keys for command in ([b"XINFO", b"STREAM", key, b"FULL"], [b"XLEN", key])]
        )

    before = facts()
    restore(mine, keys, dumps(theirs, keys))
    payloads = dumps(mine, keys)
    theirs.call("FLUSHALL")
    restore(theirs, keys, payloads)
    after = facts()
    # The index of nodes is not part of a stream, and consumers' idle times go on.
    assert [len(reply) for reply in after] == pytest.approx([len(reply) for reply in before], abs=40)
    assert theirs.call("DBSIZE") == b":%d\r\n" % len(keys)


def test_keys_migrate_there_and_back(
    ours: RunningServer, real: RunningServer, mine: RawClient, theirs: RawClient
) -> None:
    keys = keys_of(theirs)
    before = key_digests(theirs)
    for source, target_port in ((theirs, ours.port), (mine, real.port)):
        for start_at in range(0, len(keys), 100):
            some = keys[start_at : start_at + 100]
            reply = source.call("MIGRATE", "127.0.0.1", target_port, "", 0, 20_000, "REPLACE", "KEYS", *some)
            assert reply == b"+OK\r\n"
        assert source.call("DBSIZE") == b":0\r\n"
        target = mine if source is theirs else theirs
        assert target.call("DBSIZE") == b":%d\r\n" % len(keys)
    after = key_digests(theirs)
    odd = {where for where in before if before[where] != after[where]}
    # Servers differ in how they write odd scores for the digest, and in whether zero has a sign.
    assert len(odd) <= 2


def test_copies_stay(ours: RunningServer, real: RunningServer, mine: RawClient, theirs: RawClient) -> None:
    keys = keys_of(theirs)
    for key in keys:
        assert theirs.call("MIGRATE", "127.0.0.1", ours.port, key, 0, 20_000, "COPY") == b"+OK\r\n"
    assert len(different_keys(mine, theirs)) <= 2
    refused = theirs.call("MIGRATE", "127.0.0.1", ours.port, keys[0], 0, 20_000, "COPY")
    assert refused == b"-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n"


@pytest.mark.parametrize(
    "pair", [(OURS, REDIS_7_0), (REDIS_7_0, OURS), (OURS, VALKEY_9_1), (VALKEY_9_1, OURS)]
)
def test_cluster_nodes_understand_each_other(pair: tuple[str, str]) -> None:
    """Two clusters of one node, so that the slot is served at both ends."""
    with (
        start(pair[0], cluster=True) as source,
        start(pair[1], cluster=True) as target,
        source.connect() as here,
        target.connect() as there,
    ):
        own_all_slots(source)
        own_all_slots(target)
        run_all(here, [[b"SET", b"{foo}1", b"v"], [b"RPUSH", b"{foo}2", b"a", b"b"]])
        reply = here.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", "{foo}1", "{foo}2")
        assert reply == b"+OK\r\n"
        assert here.call("DBSIZE") == b":0\r\n"
        assert there.call("GET", "{foo}1") == b"$1\r\nv\r\n"
        assert b"cmdstat_restore-asking:calls=2," in bulk(there.call("INFO", "commandstats"))
