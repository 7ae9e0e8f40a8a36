"""`redis-version`: what older versions of Redis have not, and have otherwise."""

from __future__ import annotations

from typing import Any, cast

import hiredis
import pytest

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.execution.cluster import Cluster
from pyredis_cluster.version import RELEASES
from tests.support.inprocess import Harness

OLDER = ["6.2", "7.0"]


@pytest.fixture
def six() -> Harness:
    """A server that is Redis 6.2."""
    return Harness(redis_version="6.2")


def error(reply: object) -> str:
    """The text of a reply that has to be an error."""
    assert isinstance(reply, hiredis.ReplyError)
    return str(reply)


class _Slots:
    """A cluster that knows its slots, and no more."""

    def slots_reply(self, session: object) -> list[Any]:
        node = [b"127.0.0.1", 7000, b"a" * 40, {b"hostname": b"h"}]
        return [[0, 5460, node, node], [5461, 16383, node]]


@pytest.mark.parametrize(("version", "release"), [(f"{a}.{b}", text) for (a, b), text in RELEASES.items()])
def test_a_client_is_told_the_release(version: str, release: str) -> None:
    harness = Harness(redis_version=version)
    assert f"redis_version:{release}\r\n".encode() in harness.run("INFO server")
    assert release.encode() in harness.run("HELLO")
    assert harness.run("CONFIG GET redis-version") == [b"redis-version", version.encode()]
    assert b"redis-version" not in harness.run("CONFIG GET *")


def test_it_cannot_be_changed() -> None:
    assert "can't set immutable config" in error(Harness().run("CONFIG SET redis-version 6.2"))


def test_the_newest_has_the_commands_as_declared() -> None:
    entries = Harness().state.table.entries
    assert all(entries[name].command is command for name, command in COMMANDS.items())


@pytest.mark.parametrize("version", OLDER)
def test_what_did_not_change_costs_an_older_one_nothing_either(version: str) -> None:
    entries = Harness(redis_version=version).state.table.entries
    for name in (b"get", b"incr", b"lpush", b"rpush", b"hset", b"sadd", b"mget", b"ping"):
        assert entries[name].handler is COMMANDS[name].handler


@pytest.mark.parametrize(
    "command", ["LMPOP 1 k LEFT", "EXPIRETIME k", "SPUBLISH c m", "WAITAOF 0 0 0", "LCS a b"]
)
def test_later_commands_are_unknown(six: Harness, command: str) -> None:
    assert error(six.run(command)).startswith(
        f"ERR unknown command `{command.split()[0]}`, with args beginning"
    )


def test_unknown_commands_are_quoted_as_in_6_2(six: Harness) -> None:
    assert error(six.run("FOO a b")) == "ERR unknown command `FOO`, with args beginning with: `a`, `b`, "
    newest = Harness()
    assert error(newest.run("FOO a b")) == "ERR unknown command 'FOO', with args beginning with: 'a' 'b' "


@pytest.mark.parametrize(
    "command", ["CONFIG NOSUCH", "CONFIG RESETSTAT x", "OBJECT ENCODING", "COMMAND DOCS"]
)
def test_a_subcommand_is_an_argument_before_7_0(six: Harness, command: str) -> None:
    name, subcommand = command.split()[:2]
    text = f"ERR Unknown subcommand or wrong number of arguments for '{subcommand}'. Try {name} HELP."
    assert error(six.run(command)) == text
    # It is refused when it runs: not when it is queued, nor does it doom the transaction.
    six.run("MULTI")
    assert six.run(command) == b"QUEUED"
    six.run("PING")
    refused, pong = six.run("EXEC")
    assert (error(refused), pong) == (text, b"PONG")


def test_calls_of_subcommands_count_as_their_containers(six: Harness) -> None:
    six.run("CONFIG GET hz")
    six.run("CONFIG NOSUCH")
    counts = six.run("INFO commandstats").decode()
    assert counts.count("cmdstat_config") == 1
    assert "cmdstat_config:calls=2," in counts
    assert " cmd=client " in six.run("CLIENT LIST").decode()


def test_options_that_came_later(six: Harness) -> None:
    assert error(six.run("EXPIRE k 10 NX")) == "ERR wrong number of arguments for 'expire' command"
    assert error(six.run("SET k v NX GET")) == "ERR syntax error"
    assert error(six.run("SHUTDOWN ABORT")) == "ERR syntax error"
    assert error(six.run("INFO server clients")) == "ERR syntax error"
    seven = Harness(redis_version="7.0")
    assert seven.run("EXPIRE k 10 NX") == 0
    assert error(seven.run("ZRANK z a WITHSCORE")) == "ERR wrong number of arguments for 'zrank' command"


def test_cluster_slots_without_metadata(six: Harness) -> None:
    six.state.cluster = cast("Cluster", _Slots())
    node = [b"127.0.0.1", 7000, b"a" * 40]
    assert six.run("CLUSTER SLOTS") == [[0, 5460, node, node], [5461, 16383, node]]
    seven = Harness(redis_version="7.0")
    seven.state.cluster = cast("Cluster", _Slots())
    assert seven.run("CLUSTER SLOTS")[1][2] == [*node, [b"hostname", b"h"]]


def test_command_has_seven_fields_before_7_0(six: Harness) -> None:
    (described, nothing) = six.run("COMMAND INFO GET CONFIG|GET")
    assert described == [b"get", 2, [b"readonly", b"fast"], 1, 1, 1, [b"@read", b"@string", b"@fast"]]
    assert nothing is None
    assert len(six.run("COMMAND")) == six.run("COMMAND COUNT")


@pytest.mark.parametrize(
    ("version", "encodings"),
    [
        ("6.2", [b"quicklist", b"ziplist", b"ziplist", b"hashtable", b"intset"]),
        ("7.0", [b"quicklist", b"listpack", b"listpack", b"hashtable", b"intset"]),
        ("7.2", [b"listpack", b"listpack", b"listpack", b"listpack", b"intset"]),
    ],
)
def test_encodings(version: str, encodings: list[bytes]) -> None:
    harness = Harness(redis_version=version)
    for command in ("RPUSH l a", "HSET h f v", "ZADD z 1 a", "SADD s a", "SADD i 1"):
        harness.run(command)
    assert [harness.run(f"OBJECT ENCODING {key}") for key in "lhzsi"] == encodings


@pytest.mark.parametrize("version", OLDER)
def test_scores_have_17_digits(version: str) -> None:
    harness = Harness(redis_version=version)
    harness.run("ZADD z 1.1 a 2 b 1e17 c")
    assert harness.run("ZSCORE z a") == b"1.1000000000000001"
    shown = [b"a", b"1.1000000000000001", b"b", b"2", b"c", b"1e+17"]
    assert harness.run("ZRANGE z 0 -1 WITHSCORES") == shown
    waiting = harness.connect()
    waiting.send("BZPOPMIN y 0")
    harness.run("ZADD y 1.1 a")
    assert waiting.read_all() == [[b"y", b"a", b"1.1000000000000001"]]


def test_directives_of_6_2(six: Harness) -> None:
    assert six.run("CONFIG GET hash-max-*") == [
        b"hash-max-ziplist-entries",
        b"512",
        b"hash-max-ziplist-value",
        b"64",
    ]
    assert six.run("CONFIG GET enable-debug-command") == []
    assert (
        error(six.run("CONFIG SET shutdown-timeout 1"))
        == "ERR Unsupported CONFIG parameter: shutdown-timeout"
    )
    assert error(six.run("CONFIG SET databases 1")) == "ERR Unsupported CONFIG parameter: databases"
    assert error(six.run("CONFIG SET hz x")) == (
        "ERR Invalid argument 'x' for CONFIG SET 'hz' - argument couldn't be parsed into an integer"
    )
    assert error(six.run("CONFIG SET notify-keyspace-events KEn")) == (
        "ERR Invalid argument 'KEn' for CONFIG SET 'notify-keyspace-events'"
    )


def test_debug_is_for_everyone_in_6_2(six: Harness) -> None:
    six.client.session.address = "192.0.2.1:1"
    assert six.run("DEBUG SET-ACTIVE-EXPIRE 1") == b"OK"
    newest = Harness()
    newest.client.session.address = "192.0.2.1:1"
    assert error(newest.run("DEBUG SET-ACTIVE-EXPIRE 1")).startswith("ERR DEBUG command not allowed")


def test_help_lists_what_there_is(six: Harness) -> None:
    lines = six.run("PUBSUB HELP")
    assert b"CHANNELS [<pattern>]" in lines
    assert not any(line.startswith(b"SHARD") for line in lines)
    assert lines[-2:] == [b"HELP", b"    Prints this help."]


def test_info_and_client_list_without_later_fields(six: Harness) -> None:
    assert b"mem_cluster_links" not in six.run("INFO everything")
    assert b"Latencystats" not in six.run("INFO everything")
    line = six.run("CLIENT LIST")
    assert b" resp=" not in line
    assert b" lib-name=" not in line
    seven = Harness(redis_version="7.0")
    assert b"mem_cluster_links" in seven.run("INFO memory")
    assert b"eventloop_cycles" not in seven.run("INFO stats")
    assert b" resp=2" in seven.run("CLIENT LIST")
