"""What administrators may do to a sentinel, and what it says to what they may not."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.reply import NULL_ARRAY, OK, Status
from pyredis_cluster.sentinel.ready import Disconnect
from tests.unit.sentinel.bench import MY_ID, OTHER_ID, Bench, closed, logged, told, types

ME = "master mymaster 127.0.0.1 6379"
NOBODY = "ERR No such master with that name"


@pytest.fixture
def bench() -> Bench:
    return Bench("sentinel known-replica mymaster 127.0.0.1 6380")


def test_monitor(bench: Bench) -> None:
    assert bench.core.monitor(b"second", b"127.0.0.2", b"6379", b"1", bench.now_ms) is OK
    assert told(bench.done()) == [("+monitor", "master second 127.0.0.2 6379 quorum 1")]
    assert bench.last.rewrite
    assert bench.core.role() == [b"sentinel", [b"mymaster", b"second"]]
    assert bench.core.master_address(b"second") == [b"127.0.0.2", b"6379"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((b"m", b"127.0.0.1", b"x", b"y"), "ERR Invalid quorum"),
        ((b"m", b"127.0.0.1", b"x", b"1"), "ERR Invalid port"),
        ((b"m", b"nowhere", b"1", b"0"), "ERR Quorum must be 1 or greater."),
        ((b"m", b"nowhere", b"1", b"1"), "ERR Invalid IP address or hostname specified"),
        ((b"m", b"127.0.0.1", b"65536", b"1"), "ERR Invalid port number."),
        ((b"m", b"127.0.0.1", b"-1", b"1"), "ERR Invalid port number."),
        ((b"mymaster", b"127.0.0.1", b"1", b"1"), "ERR Duplicate master name."),
    ],
)
def test_monitor_refuses(bench: Bench, words: tuple[bytes, ...], message: str) -> None:
    assert bench.refused("monitor", *words, bench.now_ms) == message
    assert not bench.last.rewrite


def test_remove(bench: Bench) -> None:
    bench.connect()
    assert bench.core.remove(b"mymaster", bench.now_ms) is OK
    steps = bench.done()
    assert told(steps) == [("-monitor", ME)]
    assert len(closed(steps)) == 4
    assert bench.last.rewrite
    assert bench.lines() == [f"sentinel myid {MY_ID.decode()}", "sentinel current-epoch 0"]
    assert bench.core.master_address(b"mymaster") is NULL_ARRAY
    assert bench.refused("remove", b"mymaster", 0) == NOBODY


@pytest.mark.parametrize("method", ["master", "replicas", "sentinels", "fail_over"])
def test_what_needs_a_master_refuses_others(bench: Bench, method: str) -> None:
    assert bench.refused(method, b"nobody", 0) == NOBODY


def test_reset_forgets_the_group(bench: Bench) -> None:
    bench.hello()
    bench.connect()
    bench.core.is_master_down(b"127.0.0.1", b"6379", b"1", OTHER_ID, bench.now_ms)
    bench.done()
    assert bench.core.reset(b"nobody*", bench.now_ms) == 0
    assert bench.core.reset(b"my*", bench.now_ms) == 1
    steps = bench.done()
    assert told(steps) == [("+reset-master", ME)]
    assert bench.last.rewrite
    assert len([step for step in steps if isinstance(step, Disconnect)]) == 5
    fields = bench.fields()
    assert (fields[b"num-slaves"], fields[b"num-other-sentinels"]) == (b"0", b"0")
    # The vote holds nevertheless.
    assert bench.core.is_master_down(b"127.0.0.1", b"6379", b"1", MY_ID, bench.now_ms) == [0, b"*", 1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("down-after-milliseconds 7", "sentinel down-after-milliseconds mymaster 7"),
        ("failover-timeout 7", "sentinel failover-timeout mymaster 7"),
        ("parallel-syncs 7", "sentinel parallel-syncs mymaster 7"),
        ("auth-user joe", "sentinel auth-user mymaster joe"),
        ("quorum 3", "sentinel monitor mymaster 127.0.0.1 6379 3"),
        ("rename-command a b", "sentinel rename-command mymaster a b"),
        ("Master-Reboot-Down-After-Period 0", "sentinel monitor mymaster 127.0.0.1 6379 2"),
        ("master-reboot-down-after-period 3", "sentinel master-reboot-down-after-period mymaster 3"),
    ],
)
def test_set(bench: Bench, words: str, line: str) -> None:
    assert bench.core.set(b"mymaster", words.encode().split(), bench.now_ms) is OK
    assert told(bench.done()) == [("+set", f"{ME} {words}")]
    assert bench.last.rewrite
    assert line in bench.lines()


def test_set_tells_no_password(bench: Bench) -> None:
    bench.core.set(b"mymaster", [b"auth-pass", b"secret"], bench.now_ms)
    assert told(bench.done()) == [("+set", f"{ME} auth-pass ******")]
    assert "sentinel auth-pass mymaster secret" in bench.lines()


def test_set_concerns_the_whole_group(bench: Bench) -> None:
    bench.hello()
    bench.core.set(b"mymaster", [b"down-after-milliseconds", b"77"], bench.now_ms)
    (replica,) = bench.core.replicas(b"mymaster", bench.now_ms)
    (sentinel,) = bench.core.sentinels(b"mymaster", bench.now_ms)
    assert replica[b"down-after-milliseconds"] == sentinel[b"down-after-milliseconds"] == b"77"


def test_a_command_renamed_to_itself_is_not_renamed(bench: Bench) -> None:
    bench.core.set(b"mymaster", [b"rename-command", b"Config", b"x"], bench.now_ms)
    assert any("rename-command" in line for line in bench.lines())
    bench.core.set(b"mymaster", [b"rename-command", b"CONFIG", b"config"], bench.now_ms)
    assert not any("rename-command" in line for line in bench.lines())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("quorum x", "ERR Invalid argument 'x' for SENTINEL SET 'quorum'"),
        ("Quorum 0", "ERR Invalid argument '0' for SENTINEL SET 'Quorum'"),
        ("quorum", "ERR Unknown option or number of arguments for SENTINEL SET 'quorum'"),
        ("foo 1", "ERR Unknown option or number of arguments for SENTINEL SET 'foo'"),
        ("rename-command a", "ERR Unknown option or number of arguments for SENTINEL SET 'rename-command'"),
        (
            "master-reboot-down-after-period -1",
            "ERR Invalid argument '-1' for SENTINEL SET 'master-reboot-down-after-period'",
        ),
    ],
)
def test_set_refuses_but_keeps_what_came_before(bench: Bench, words: str, message: str) -> None:
    options = [b"parallel-syncs", b"9", *words.encode().split()]
    assert bench.refused("set", b"mymaster", options, bench.now_ms) == message
    assert bench.last.rewrite
    assert told(bench.last.steps) == [("+set", f"{ME} parallel-syncs 9")]


def test_set_refuses_empty_names_of_commands(bench: Bench) -> None:
    words = [b"rename-command", b"a", b""]
    message = "ERR Invalid argument '' for SENTINEL SET 'rename-command'"
    assert bench.refused("set", b"mymaster", words, 0) == message
    assert not bench.last.rewrite


@pytest.mark.parametrize("option", ["notification-script", "client-reconfig-script"])
def test_scripts_are_set_only_where_that_is_allowed(option: str) -> None:
    bench = Bench()
    words = [option.encode(), b"/bin/true"]
    assert bench.refused("set", b"mymaster", words, 0).startswith(
        "ERR Reconfiguration of scripts path is denied"
    )
    bench = Bench("sentinel deny-scripts-reconfig no")
    bench.core.set(b"mymaster", words, bench.now_ms)
    assert bench.fields()[option.encode()] == b"/bin/true"
    what = {"notification-script": "Notification", "client-reconfig-script": "Client reconfiguration"}[option]
    message = f"ERR {what} script seems non existing or non executable"
    assert bench.refused("set", b"mymaster", [option.encode(), b"/none"], 0) == message
    bench.core.set(b"mymaster", [option.encode(), b""], bench.now_ms)
    assert option.encode() not in bench.fields()


def test_debug(bench: Bench) -> None:
    periods = bench.core.debug([])
    assert list(periods) == [
        b"INFO-PERIOD",
        b"PING-PERIOD",
        b"ASK-PERIOD",
        b"PUBLISH-PERIOD",
        b"DEFAULT-DOWN-AFTER",
        b"DEFAULT-FAILOVER-TIMEOUT",
        b"TILT-TRIGGER",
        b"TILT-PERIOD",
        b"SLAVE-RECONF-TIMEOUT",
        b"MIN-LINK-RECONNECT-PERIOD",
        b"ELECTION-TIMEOUT",
        b"SCRIPT-MAX-RUNTIME",
        b"SCRIPT-RETRY-DELAY",
    ]
    assert bench.core.debug([b"Info-Period", b"5", b"ask-period", b"6"]) is OK
    periods = bench.core.debug([])
    assert (periods[b"INFO-PERIOD"], periods[b"ASK-PERIOD"]) == (b"5", b"6")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("info-period 0", "ERR Invalid argument '0' for SENTINEL DEBUG 'info-period'"),
        ("info-period", "ERR Unknown option or number of arguments for SENTINEL DEBUG 'info-period'"),
        ("foo 1", "ERR Unknown option or number of arguments for SENTINEL DEBUG 'foo'"),
    ],
)
def test_debug_refuses(bench: Bench, words: str, message: str) -> None:
    assert bench.refused("debug", words.encode().split()) == message


def test_simulate_failure(bench: Bench) -> None:
    assert bench.core.simulate_failure([b"crash-after-election", b"CRASH-AFTER-PROMOTION"]) is OK
    assert logged(bench.done()) == [
        "Failure simulation: this Sentinel will crash after being successfully elected as failover leader",
        "Failure simulation: this Sentinel will crash after promoting the selected replica to master",
    ]
    assert dict(bench.core.info_fields(0))[b"sentinel_simulate_failure_flags"] == b"3"
    assert bench.core.simulate_failure([b"help"]) == [b"crash-after-election", b"crash-after-promotion"]
    assert bench.refused("simulate_failure", [b"x"]) == "ERR Unknown failure simulation specified"
    assert dict(bench.core.info_fields(0))[b"sentinel_simulate_failure_flags"] == b"0"


def test_flush_config(bench: Bench) -> None:
    assert bench.core.flush_config() is OK
    bench.done()
    assert bench.last.rewrite


def test_check_quorum() -> None:
    bench = Bench("sentinel down-after-milliseconds mymaster 1000")
    few = "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the "
    quorum, majority = f"{few}specified quorum for this master", "majority and authorize a failover"
    assert bench.refused("check_quorum", b"mymaster") == quorum
    bench.hello()
    reply = bench.core.check_quorum(b"mymaster")
    assert reply == Status(b"OK 2 usable Sentinels. Quorum and failover authorization can be reached")
    bench.run(1500)
    assert bench.refused("check_quorum", b"mymaster") == f"{quorum}. {few.split('. ')[1]}{majority}"
    bench.core.set(b"mymaster", [b"quorum", b"1"], bench.now_ms)
    assert bench.refused("check_quorum", b"mymaster") == few + majority
    assert bench.refused("check_quorum", b"nobody") == NOBODY


def test_an_id_is_chosen_once_and_saved() -> None:
    bench = Bench()
    bench.core.state.my_id = b""
    bench.core.start(bench.now_ms)
    steps = bench.done()
    assert bench.last.rewrite
    assert len(bench.core.my_id) == 40
    assert logged(steps) == [f"Sentinel ID is {bench.core.my_id.decode()}"]
    assert told(steps) == [("+monitor", f"{ME} quorum 2")]
    bench.core.start(bench.now_ms)
    bench.done()
    assert not bench.last.rewrite


def test_info_fields(bench: Bench) -> None:
    bench.hello()
    fields = dict(bench.core.info_fields(bench.now_ms))
    assert fields == {
        b"sentinel_masters": b"1",
        b"sentinel_tilt": b"0",
        b"sentinel_tilt_since_seconds": b"-1",
        b"sentinel_running_scripts": b"0",
        b"sentinel_scripts_queue_length": b"0",
        b"sentinel_simulate_failure_flags": b"0",
        b"master0": b"name=mymaster,status=ok,address=127.0.0.1:6379,slaves=1,sentinels=2",
    }


def test_the_status_of_a_master_in_info() -> None:
    bench = Bench("sentinel down-after-milliseconds mymaster 1000")
    bench.run(1500)
    assert b"status=sdown" in dict(bench.core.info_fields(bench.now_ms))[b"master0"]
    bench.core.set(b"mymaster", [b"quorum", b"1"], bench.now_ms)
    assert "+odown" in types(bench.tick())
    assert b"status=odown" in dict(bench.core.info_fields(bench.now_ms))[b"master0"]
    assert bench.core.masters(bench.now_ms)[0][b"o-down-time"] == b"0"
