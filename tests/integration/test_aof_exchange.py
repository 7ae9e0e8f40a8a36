"""Append-only files exchanged between ours and real servers, in both directions."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.checkers import check_aof
from tests.support.dataset import fill
from tests.support.digests import assert_same_data
from tests.support.nodes import Node, program, reading, started
from tests.support.replicating import info, wait_until
from tests.support.servers import OURS, REDIS_6_2, REDIS_7_0, VALKEY_9_1
from tests.support.wire import RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

KEYS = int(os.environ.get("PYREDIS_TEST_KEYS", "3000"))
PAIRS = [(OURS, REDIS_7_0), (OURS, VALKEY_9_1), (REDIS_7_0, OURS), (VALKEY_9_1, OURS)]
# Otherwise a file may lack for seconds what was acknowledged.
AOF = ("--appendonly", "yes", "--appendfsync", "always")


def rewrite(node: Node) -> None:
    """BGREWRITEAOF, to its end."""
    assert node.client.call("BGREWRITEAOF").startswith(b"+"), node.server.log()
    wait_until(lambda: not _is_rewriting(node), lambda: info(node.client, "persistence"))
    assert info(node.client, "persistence")["aof_last_bgrewrite_status"] == "ok", node.server.log()


def _is_rewriting(node: Node) -> bool:
    facts = info(node.client, "persistence")
    return facts["aof_rewrite_in_progress"] == "1" or facts["aof_rewrite_scheduled"] == "1"


def write_on(client: RawClient, rounds: int = 100) -> None:
    """Writes of every type after the dataset, some of which are logged otherwise than they were sent."""
    for n in range(rounds):
        commands: list[list[object]] = [
            ["SET", f"after:{n}", n, "EX", 1_000_000 + n],
            ["INCRBYFLOAT", "after:float", "0.5"],
            ["RPUSH", "after:list", n, "x" * n],
            ["LMOVE", "after:list", "after:other", "LEFT", "RIGHT"],
            ["SADD", "after:set", n, f"member {n}"],
            ["SPOP", "after:set"],
            ["HSET", "after:hash", f"f{n}", n],
            ["ZADD", "after:zset", n / 4, f"m{n}"],
            ["GETEX", f"after:{n}", "PERSIST"] if n % 3 == 0 else ["EXPIRE", f"after:{n}", 2_000_000],
            ["DEL", f"after:{n - 5}"],
        ]
        for reply in client.pipeline([[str(word) for word in words] for words in commands]):
            assert not reply.startswith(b"-"), reply


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_aof_directory(writer: str, reader: str, preamble: str) -> None:
    options = (*AOF, "--aof-use-rdb-preamble", preamble)
    with started(writer, options=options) as (source,):
        streams = writer != OURS and preamble == "yes"
        fill(source.client, keys=KEYS // 2, seed=14, odd_scores=True, streams=streams)
        rewrite(source)
        write_on(source.client)
        directory = source.server.directory
        if writer == OURS:
            check_aof(program(reader), directory / "appendonlydir" / "appendonly.aof.manifest")
        with reading(reader, directory, *options) as copy:
            assert_same_data(source.client, copy.client, odd_scores=True)
            # What it found is where it goes on.
            write_on(copy.client, 5)
            copy.client.call("SET", "last", "1")
            copy.server.kill()
            copy.restart()
            assert copy.client.call("GET", "last") == b"$1\r\n1\r\n"


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_single_aof_of_6_2_is_taken_over(preamble: str) -> None:
    options = (*AOF, "--aof-use-rdb-preamble", preamble)
    with started(REDIS_6_2, options=options) as (source,):
        fill(source.client, keys=KEYS // 5, seed=15, odd_scores=True, streams=preamble == "yes")
        rewrite(source)
        write_on(source.client)
        with reading(OURS, source.server.directory, *options) as copy:
            assert_same_data(source.client, copy.client, odd_scores=True)
            files = {path.name for path in (copy.server.directory / "appendonlydir").iterdir()}
            assert files == {"appendonly.aof", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"}
            assert not (copy.server.directory / "appendonly.aof").exists()


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_parts_of_our_aof_in_a_row_are_one_for_6_2(preamble: str, tmp_path: Path) -> None:
    options = (*AOF, "--aof-use-rdb-preamble", preamble)
    with started(OURS, options=options) as (source,):
        fill(source.client, keys=KEYS // 5, seed=16, odd_scores=True)
        rewrite(source)
        write_on(source.client)
        parts = source.server.directory / "appendonlydir"
        kind = "rdb" if preamble == "yes" else "aof"
        [base] = parts.glob(f"*.base.{kind}")
        [rest] = parts.glob("*.incr.aof")
        (tmp_path / "appendonly.aof").write_bytes(base.read_bytes() + rest.read_bytes())
        check_aof(program(REDIS_6_2), tmp_path / "appendonly.aof")
        with reading(REDIS_6_2, tmp_path, *options) as copy:
            assert_same_data(source.client, copy.client, odd_scores=True)


@pytest.mark.parametrize(("writer", "reader"), [(OURS, REDIS_7_0), (REDIS_7_0, OURS)])
def test_aof_that_begins_while_running(writer: str, reader: str) -> None:
    with started(writer) as (source,):
        fill(source.client, keys=500, seed=17)
        assert source.client.call("CONFIG", "SET", "appendonly", "yes") == b"+OK\r\n"
        wait_until(lambda: not _is_rewriting(source))
        write_on(source.client)
        with reading(reader, source.server.directory, "--appendonly", "yes") as copy:
            assert_same_data(source.client, copy.client)


@pytest.mark.parametrize(("writer", "reader"), [(OURS, REDIS_7_0), (REDIS_7_0, OURS)])
def test_timestamps_in_an_aof(writer: str, reader: str) -> None:
    options = (*AOF, "--aof-timestamp-enabled", "yes")
    with started(writer, options=options) as (source,):
        write_on(source.client)
        [rest] = (source.server.directory / "appendonlydir").glob("*.incr.aof")
        assert b"#TS:" in rest.read_bytes()
        if writer == OURS:
            check_aof(program(reader), rest)
        with reading(reader, source.server.directory, *options) as copy:
            assert_same_data(source.client, copy.client)


@pytest.mark.parametrize("reader", [OURS, REDIS_7_0])
def test_truncated_aof(reader: str, tmp_path: Path) -> None:
    options = AOF
    with started(OURS, options=options) as (source,):
        source.client.pipeline([["SET", f"k:{n}", str(n)] for n in range(100)])
        shutil.copytree(source.server.directory / "appendonlydir", tmp_path / "appendonlydir")
    [rest] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    rest.write_bytes(rest.read_bytes()[:-7])
    with reading(reader, tmp_path, *options) as copy:
        assert copy.client.call("DBSIZE") == b":99\r\n"
        assert copy.client.call("GET", "k:98") == b"$2\r\n98\r\n"
