"""INFO: what a sentinel learns by it of masters and replicas."""

from __future__ import annotations

import pytest

from tests.unit.sentinel.bench import Bench, sent, told, types

ME = "master mymaster 127.0.0.1 6379"
REPLICA = "slave 127.0.0.1:6380 127.0.0.1 6380 @ mymaster 127.0.0.1 6379"


@pytest.fixture
def bench() -> Bench:
    bench = Bench("sentinel known-replica mymaster 127.0.0.1 6380")
    bench.core.debug([b"min-link-reconnect-period", b"1000000"])
    bench.connect()
    return bench


def again(bench: Bench, port: int, *lines: str) -> list[tuple[str, str]]:
    """The next INFO of an instance; what is told."""
    for _ in range(120):
        awaited = bench.core.state.connections[bench.link(port)][1].awaited
        if any(each.expected == "info" for each in awaited):
            return told(bench.info(port, *lines))
        bench.tick()
        for other in (6379, 6380):
            queue = bench.core.state.connections[bench.link(other)][1].awaited
            while queue and queue[0].expected != "info":
                bench.core.replied(bench.link(other), b"PONG", bench.now_ms)
    raise AssertionError("INFO was not asked for")


def replica(bench: Bench) -> dict[bytes, bytes]:
    return bench.core.replicas(b"mymaster", bench.now_ms)[0]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("slave0:ip=127.0.0.1,port=7000,state=online,offset=1,lag=0", b"127.0.0.1:7000"),
        ("slave12:ip=127.0.0.1,port=7000", b"127.0.0.1:7000"),
        ("slave0:port=7000,ip=127.0.0.1", b"127.0.0.1:7000"),
        ("slave0:127.0.0.1,7000,online", b"127.0.0.1:7000"),
        ("slave0:127.0.0.1,7000", None),
        ("slave0:127.0.0.1", None),
        ("slave0:", None),
        ("slave0", None),
        ("slave0,127.0.0.1,7000,online", None),
        ("slave0:ip=127.0.0.1", None),
        ("slave0:ip=127.0.0.1,port=70000", None),
        ("slave0:ip=nowhere,port=7000", None),
        ("slave0:ip=127.0.0.1 ,port=7000", None),
        ("slave_priority:100", None),
        ("slavex:ip=127.0.0.1,port=7000", None),
    ],
)
def test_replicas_are_found(bench: Bench, line: str, found: bytes | None) -> None:
    steps = bench.info(6379, "role:master", line)
    names = [fields[b"name"] for fields in bench.core.replicas(b"mymaster", bench.now_ms)]
    assert names == [b"127.0.0.1:6380", *([found] if found else [])]
    assert types(steps) == ["+slave"] * bool(found)
    assert bench.last.rewrite == bool(found)


def test_a_replica_does_not_find_others(bench: Bench) -> None:
    assert not told(bench.info(6380, "role:slave", "slave0:ip=127.0.0.1,port=7000"))


def test_the_fields_of_a_replica(bench: Bench) -> None:
    bench.info(
        6380,
        "# Server",
        f"run_id:{'1' * 40}",
        "role:slave",
        "master_host:127.0.0.1",
        "master_port:6379",
        "master_link_status:up",
        "master_link_down_since_seconds:12",
        "slave_repl_offset:77",
        "slave_priority:5",
        "replica_announced:1",
        "no colon",
    )
    assert replica(bench) == {
        b"name": b"127.0.0.1:6380",
        b"ip": b"127.0.0.1",
        b"port": b"6380",
        b"runid": b"1" * 40,
        b"flags": b"slave",
        b"link-pending-commands": b"1",
        b"link-refcount": b"1",
        b"last-ping-sent": b"0",
        b"last-ok-ping-reply": b"0",
        b"last-ping-reply": b"0",
        b"down-after-milliseconds": b"30000",
        b"info-refresh": b"0",
        b"role-reported": b"slave",
        b"role-reported-time": b"1000",
        b"master-link-down-time": b"12000",
        b"master-link-status": b"ok",
        b"master-host": b"127.0.0.1",
        b"master-port": b"6379",
        b"slave-priority": b"5",
        b"slave-repl-offset": b"77",
        b"replica-announced": b"1",
    }


def test_a_replica_that_lost_its_master_is_asked_each_second(bench: Bench) -> None:
    bench.info(6380, "role:slave", "master_link_down_since_seconds:1")
    bench.info(6379, "role:master")
    bench.tick(100)
    assert not sent(bench.run(800)).count((b"INFO",))
    assert sent(bench.run(300)).count((b"INFO",)) == 2
    for _ in range(2):
        bench.info(6380, "role:slave")
    assert (b"INFO",) not in sent(bench.run(5000))


def test_one_that_does_not_want_to_be_told_of_is_not_shown(bench: Bench) -> None:
    bench.info(6380, "role:slave", "replica_announced:0")
    assert bench.core.replicas(b"mymaster", bench.now_ms) == []
    assert bench.fields()[b"num-slaves"] == b"1"


def test_a_new_run_id_is_a_reboot(bench: Bench) -> None:
    assert not told(bench.info(6379, "role:master", f"run_id:{'1' * 40}"))
    assert not again(bench, 6379, "role:master", f"run_id:{'1' * 40}")
    assert not again(bench, 6379, "role:master", "run_id:2")
    assert again(bench, 6379, "role:master", f"run_id:{'2' * 40}") == [("+reboot", ME)]
    assert bench.fields()[b"flags"] == b"master"
    bench.core.set(b"mymaster", [b"master-reboot-down-after-period", b"10"], bench.now_ms)
    bench.done()
    again(bench, 6379, "role:master", f"run_id:{'3' * 40}")
    assert bench.fields()[b"flags"] == b"master,master_reboot"
    bench.tick(1100)
    bench.reply(bench.link(6379), b"PONG")
    assert bench.fields()[b"flags"] == b"s_down,master"
    assert "+sdown" in types(bench.steps)


def test_roles_that_change_are_told(bench: Bench) -> None:
    assert told(bench.info(6379, "role:slave")) == [("-role-change", f"{ME} new reported role is slave")]
    assert again(bench, 6379, "role:master") == [("+role-change", f"{ME} new reported role is master")]
    assert again(bench, 6379, "") == [("-role-change", f"{ME} new reported role is slave")]


def test_a_stray_master_becomes_a_replica_again_after_a_while(bench: Bench) -> None:
    bench.info(6379, "role:master")
    assert told(bench.info(6380, "role:master")) == [
        ("-role-change", f"{REPLICA} new reported role is master")
    ]
    again(bench, 6379, "role:master")
    assert again(bench, 6380, "role:master") == [("+convert-to-slave", REPLICA)]
    assert (b"SLAVEOF", b"127.0.0.1", b"6379") in sent(bench.steps)


def test_a_stray_master_is_left_alone_while_the_master_is_not_well(bench: Bench) -> None:
    bench.info(6379, "role:slave")
    bench.info(6380, "role:master")
    for _ in range(3):
        assert not [type for type, _ in again(bench, 6380, "role:master") if type == "+convert-to-slave"]


def test_a_replica_of_another_master_is_put_right_after_the_failover_time(bench: Bench) -> None:
    bench.core.set(b"mymaster", [b"failover-timeout", b"15000"], bench.now_ms)
    other = ("role:slave", "master_host:127.0.0.1", "master_port:7777")
    bench.info(6379, "role:master")
    assert not told(bench.info(6380, *other))
    told_of = []
    for _ in range(2):
        again(bench, 6379, "role:master")
        told_of += again(bench, 6380, *other)
    assert told_of == [("+fix-slave-config", REPLICA)]


def test_nothing_is_acted_on_while_tilted(bench: Bench) -> None:
    bench.info(6379, "role:master")
    bench.info(6380, "role:master")
    bench.tick(9000)
    again(bench, 6379, "role:master")
    assert again(bench, 6380, "role:master") == []


def test_what_is_no_info_is_ignored(bench: Bench) -> None:
    bench.reply(bench.link(6379), *[[1, None, b"x"]] * 5)
    assert bench.core.info_cache([], bench.now_ms) == [b"mymaster", [[0, None], [0, None]]]


def test_the_cache_has_what_came(bench: Bench) -> None:
    bench.info(6379, "role:master")
    bench.info(6380, "role:slave")
    bench.tick(500)
    assert bench.core.info_cache([b"mymaster", b"nobody"], bench.now_ms) == [
        b"mymaster",
        [[500, b"role:master"], [500, b"role:slave"]],
    ]
