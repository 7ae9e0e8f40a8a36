"""DEBUG: what concerns host, log and replication, and who may run it."""

import hiredis
import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness(enable_debug_command="yes")


def test_sleep_freezes_the_server_and_counts_the_time(harness: Harness) -> None:
    harness.run("CONFIG SET latency-monitor-threshold 100")
    assert harness.run("DEBUG SLEEP 0.25") == b"OK"
    assert harness.host.asked == [("freeze", 250.0)]
    assert harness.state.table.entries[b"debug"].elapsed_ns == 250_000_000
    ((event, _, latest_ms, worst_ms),) = harness.run("LATENCY LATEST")
    assert (event, latest_ms, worst_ms) == (b"command", 250, 250)
    assert harness.run("SLOWLOG LEN") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "abc", ""])
def test_sleep_for_no_time_does_not_freeze(harness: Harness, seconds: str) -> None:
    assert harness.run("DEBUG", "SLEEP", seconds) == b"OK"
    assert harness.host.asked == []


def test_log_and_change_of_replication_id(harness: Harness) -> None:
    harness.run("DEBUG", "LOG", "hear this")
    before = harness.state.replication.replid
    harness.run("DEBUG CHANGE-REPL-ID")
    assert harness.host.log.messages == [
        "DEBUG LOG: hear this",
        "Changing replication IDs after receiving DEBUG change-repl-id",
    ]
    after = harness.state.replication.replid
    assert len(after) == 40
    assert after != before


def test_set_active_expire_stops_the_expiry_cycle(harness: Harness) -> None:
    harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
    harness.run("SET k v PX 10")
    harness.advance(20)
    harness.state.run_expiry_cycle(harness.state.keyspace.now_ms)
    assert harness.run("DBSIZE") == 1
    harness.run("DEBUG SET-ACTIVE-EXPIRE 1")
    harness.state.run_expiry_cycle(harness.state.keyspace.now_ms)
    assert harness.run("DBSIZE") == 0


def test_populate_is_not_propagated_but_fails_exec(harness: Harness) -> None:
    assert harness.propagated("DEBUG POPULATE 3") == []
    other = harness.connect()
    other.run("WATCH name:0")
    harness.run("DEBUG POPULATE 1 name")
    other.run("MULTI")
    other.run("PING")
    assert other.run("EXEC") is None


def test_object_describes_the_value(harness: Harness) -> None:
    harness.run("SET k v")
    harness.advance(3000)
    described = dict(part.split(b":", 1) for part in harness.run("DEBUG OBJECT k").split()[1:])
    assert described[b"encoding"] == b"embstr"
    assert described[b"serializedlength"] == b"2"
    assert described[b"lru_seconds_idle"] == b"3"


def test_object_describes_the_nodes_of_a_long_list(harness: Harness) -> None:
    harness.run("RPUSH", "l", *[b"%0100d" % n for n in range(200)])
    described = dict(part.split(b":", 1) for part in harness.run("DEBUG OBJECT l").split()[1:])
    assert int(described[b"ql_nodes"]) > 1
    assert described[b"ql_listpack_max"] == b"-2"
    assert int(described[b"ql_uncompressed_size"]) > 20_000


@pytest.mark.parametrize("subcommand", ["SEGFAULT", "panic", "OOM", "RESTART", "HTSTATS 0", "LISTPACK k"])
def test_what_is_not_supported_says_so_and_does_nothing(harness: Harness, subcommand: str) -> None:
    harness.run("SET k v")
    reply = harness.run(f"DEBUG {subcommand}")
    assert isinstance(reply, hiredis.ReplyError)
    assert str(reply) == f"ERR DEBUG {subcommand.split()[0].upper()} is not supported by this server"
    assert harness.run("GET k") == b"v"


_TAKES_ANYTHING = (b"DIGEST-VALUE", b"LOADAOF", b"RELOAD", b"REPLICATE")


def test_help_lists_no_more_than_there_is(harness: Harness) -> None:
    lines = [line for line in harness.run("DEBUG HELP")[1:] if not line.startswith(b" ")]
    names = [line.split()[0] for line in lines]
    assert names[-1] == b"HELP"
    for name in names[:-1]:
        # Little takes so many arguments.
        reply = str(harness.run("DEBUG", name, *[b"0"] * 9))
        assert "wrong number of arguments" in reply or name in _TAKES_ANYTHING


@pytest.mark.parametrize(
    ("setting", "address", "allowed"),
    [
        ("no", "127.0.0.1:1", False),
        ("local", "127.0.0.1:1", True),
        ("local", "[::1]:1", True),
        ("local", "192.0.2.1:1", False),
        ("yes", "192.0.2.1:1", True),
    ],
)
def test_who_may_debug(setting: str, address: str, allowed: bool) -> None:
    harness = Harness(enable_debug_command=setting)
    harness.client.session.address = address
    reply = harness.run("DEBUG SLEEP 0")
    if allowed:
        assert reply == b"OK"
    else:
        assert str(reply).startswith("ERR DEBUG command not allowed. If the enable-debug-command option is")
    harness.run("MULTI")
    queued = harness.run("DEBUG SLEEP 0")
    assert (queued == b"QUEUED") is allowed
