"""RDB files exchanged between ours and real servers, in both directions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.checkers import check_rdb
from tests.support.dataset import fill
from tests.support.digests import assert_same_data, key_digests
from tests.support.nodes import Node, program, reading, started
from tests.support.servers import OURS, REDIS_6_2, REDIS_7_0, REDIS_7_2, VALKEY_9_1
from tests.support.wire import RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

KEYS = int(os.environ.get("PYREDIS_TEST_KEYS", "2000"))
REAL = [REDIS_6_2, REDIS_7_0, REDIS_7_2, VALKEY_9_1]
PAIRS = [(OURS, real) for real in REAL] + [(real, OURS) for real in REAL]

pairs = pytest.mark.parametrize(("writer", "reader"), PAIRS)


def save(node: Node) -> Path:
    """SAVE, and the file it made."""
    assert node.client.call("SAVE") == b"+OK\r\n", node.server.log()
    return node.server.directory / "dump.rdb"


def streams_of(client: RawClient) -> list[bytes]:
    """The streams of the first database."""
    keys = [key for (database, key) in key_digests(client) if database == 0]
    replies = client.pipeline([["TYPE", key] for key in keys])
    return [key for key, reply in zip(keys, replies, strict=True) if reply == b"+stream\r\n"]


@pairs
def test_rdb_file(writer: str, reader: str) -> None:
    with started(writer) as (source,):
        fill(source.client, keys=KEYS, seed=11, odd_scores=True, streams=writer != OURS)
        path = save(source)
        if writer == OURS:
            check_rdb(program(reader), path)
        with reading(reader, path.parent) as copy:
            assert_same_data(source.client, copy.client, odd_scores=True)


@pytest.mark.parametrize("real", REAL)
def test_streams_survive_a_load_and_a_save_by_ours(real: str) -> None:
    with started(real) as (source,):
        fill(source.client, keys=100, seed=12, odd_scores=True, streams=True)
        with reading(OURS, save(source).parent) as ours:
            path = save(ours)
            check_rdb(program(real), path)
            with reading(real, path.parent) as copy:
                assert_same_data(source.client, copy.client, odd_scores=True)
                streams = streams_of(source.client)
                assert len(streams) > 5
                for key in streams:
                    words = ("XINFO", "STREAM", key, "FULL", "COUNT", 0)
                    assert copy.client.call(*words) == source.client.call(*words), key


@pytest.mark.parametrize(
    "options",
    [
        ("--rdbcompression", "no"),
        ("--rdbchecksum", "no"),
        ("--list-compress-depth", "1", "--list-max-listpack-size", "16"),
        ("--maxmemory-policy", "allkeys-lfu", "--maxmemory", "1gb"),
        (
            "--hash-max-listpack-entries",
            "4",
            "--zset-max-listpack-entries",
            "4",
            "--set-max-intset-entries",
            "4",
        ),
    ],
    ids=lambda options: options[0].lstrip("-"),
)
@pytest.mark.parametrize(("writer", "reader"), [(OURS, REDIS_7_0), (REDIS_7_0, OURS)])
def test_rdb_file_of_other_settings(writer: str, reader: str, options: Sequence[str]) -> None:
    with started(writer, options=options) as (source,):
        fill(source.client, keys=400, seed=13, streams=writer != OURS)
        with reading(reader, save(source).parent) as copy:
            assert_same_data(source.client, copy.client)


@pairs
def test_saved_at_shutdown_and_loaded_at_start(writer: str, reader: str) -> None:
    with started(writer) as (source,), started(writer) as (twin,):
        for node in (source, twin):
            fill(node.client, keys=100, seed=18)
        source.client.send("SHUTDOWN", "SAVE")
        assert source.server.process.wait(15) == 0
        with reading(reader, source.server.directory) as copy:
            assert_same_data(twin.client, copy.client)
