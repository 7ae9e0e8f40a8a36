"""Sentinels of several kinds over servers of several kinds: whoever leads, all agree and follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.replicating import wait_until
from tests.support.sentinels import NAME, Watched
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, VALKEY_8_1, VALKEY_9_1

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

# Servers, sentinels, and the sentinel that is to lead.
TOGETHER = [
    pytest.param([REDIS_7_0] * 3, [OURS] * 3, 0, id="ours over Redis"),
    pytest.param([OURS] * 3, [REDIS_7_0] * 3, 0, id="Redis over ours"),
    pytest.param([OURS] * 3, [REDIS_7_0, REDIS_7_0, OURS], 2, id="ours leads two of Redis"),
    pytest.param([REDIS_7_0] * 3, [REDIS_7_0, REDIS_7_0, OURS], 0, id="Redis leads one of Redis and ours"),
    pytest.param([REDIS_7_0] * 3, [OURS, OURS, REDIS_7_0], 2, id="Redis leads two of ours"),
    pytest.param([OURS] * 3, [OURS, OURS, REDIS_7_0], 0, id="ours leads one of ours and Redis"),
    pytest.param([REDIS_7_0, OURS, OURS], [OURS, VALKEY_9_1, REDIS_7_0], 1, id="Valkey 9.1 leads both"),
    pytest.param(
        [OURS, VALKEY_9_1, VALKEY_9_1], [OURS, VALKEY_9_1, VALKEY_9_1], 0, id="ours leads Valkey 9.1"
    ),
    pytest.param([VALKEY_8_1, OURS, OURS], [OURS, VALKEY_8_1, OURS], 1, id="Valkey 8.1 leads ours"),
    pytest.param([REDIS_7_2, OURS, OURS], [OURS, REDIS_7_2, OURS], 1, id="Redis 7.2 leads ours"),
    pytest.param([OURS, REDIS_7_2, REDIS_7_2], [REDIS_7_2, OURS, REDIS_7_2], 1, id="ours leads Redis 7.2"),
]


@pytest.mark.parametrize(("servers", "sentinels", "leader"), TOGETHER)
def test_a_leader_of_either_kind_fails_over(
    tmp_path: Path, servers: list[str], sentinels: list[str], leader: int
) -> None:
    with Watched(tmp_path, servers=servers, sentinels=sentinels, leader=leader) as watched:
        first = watched.servers[0]
        first.kill()
        port = watched.wait_for_switch(first.port)
        assert port in {server.port for server in watched.servers[1:]}

        vote = f"+vote-for-leader {watched.sentinels[leader].ask('SENTINEL', 'MYID')} 1"
        for number, sentinel in enumerate(watched.sentinels):
            heard = [str(event) for event in sentinel.events]
            assert vote in heard, watched.story()
            elected = f"+elected-leader master {NAME} 127.0.0.1 {first.port}"
            assert (elected in heard) == (number == leader), watched.story()
            assert f"+switch-master {NAME} 127.0.0.1 {first.port} 127.0.0.1 {port}" in heard
            assert sentinel.primary["config-epoch"] == "1"
            assert f"sentinel monitor {NAME} 127.0.0.1 {port} " in sentinel.text()
            assert f"sentinel config-epoch {NAME} 1\n" in sentinel.text()

        watched.hurry()
        _come_back(watched, first.port, port)


def _come_back(watched: Watched, old: int, new: int) -> None:
    """The old primary comes back, as one, and is made a replica."""
    for server in watched.servers:
        if server.port not in (old, new):
            watched.wait_for_role(server.port, new)
    watched.wait_for_role(new, None)
    watched.server(old).restart()
    watched.wait_for_role(old, new)
    watched.wait_until_known()
    assert {sentinel.primary_port for sentinel in watched.sentinels} == {new}


@pytest.mark.parametrize(
    ("servers", "sentinels"),
    [
        pytest.param([OURS] * 3, [OURS] * 3, id="ours over ours"),
        pytest.param([OURS, REDIS_7_0, OURS], [REDIS_7_0, OURS, REDIS_7_0], id="two of Redis and ours"),
        pytest.param([REDIS_7_0, OURS, REDIS_7_0], [OURS, REDIS_7_0, OURS], id="two of ours and Redis"),
        pytest.param([OURS, VALKEY_9_1, OURS], [OURS, VALKEY_9_1, OURS], id="two of ours and Valkey 9.1"),
        pytest.param([OURS, REDIS_7_2, OURS], [OURS, REDIS_7_2, REDIS_7_2], id="ours and two of Redis 7.2"),
    ],
)
def test_whoever_leads_all_agree_again_and_again(
    tmp_path: Path, servers: list[str], sentinels: list[str]
) -> None:
    with Watched(tmp_path, servers=servers, sentinels=sentinels, failover_timeout_ms=3000) as watched:
        watched.hurry()
        old = watched.servers[0].port
        for _ in range(2):
            watched.server(old).kill()
            new = watched.wait_for_switch(old)
            _come_back(watched, old, new)
            old = new
        _assert_same_history(watched)


def _assert_same_history(watched: Watched) -> None:
    """All sentinels have switched alike, and have no two leaders of one epoch."""
    leaders: dict[str, set[str]] = {}
    switches = []
    for sentinel in watched.sentinels:
        my_id = sentinel.ask("SENTINEL", "MYID")
        switches.append([event.payload for event in sentinel.events if event.kind == "+switch-master"])
        epoch = "0"
        for kind, payload in sentinel.events:
            if kind == "+new-epoch":
                epoch = payload
            if kind == "+elected-leader":
                leaders.setdefault(epoch, set()).add(my_id)
    assert len({tuple(each) for each in switches}) == 1, watched.story()
    assert all(len(each) == 1 for each in leaders.values()), leaders
    assert len({sentinel.primary["config-epoch"] for sentinel in watched.sentinels}) == 1


@pytest.mark.parametrize("asked", [OURS, REDIS_7_0])
def test_a_failover_that_somebody_asks_for(tmp_path: Path, asked: str) -> None:
    """The old primary lives, and is made a replica like the others."""
    with Watched(tmp_path, servers=[OURS, REDIS_7_0], sentinels=[asked, OURS, REDIS_7_0]) as watched:
        watched.hurry()
        old, new = (server.port for server in watched.servers)

        def is_begun() -> bool:
            # A replica counts once its INFO is young enough by the period that `hurry` has set.
            reply = watched.sentinels[0].call("SENTINEL", "FAILOVER", NAME)
            assert reply.startswith((b"+OK", b"-NOGOODSLAVE")), reply
            return reply == b"+OK\r\n"

        wait_until(is_begun)
        assert watched.wait_for_switch(old) == new
        watched.wait_for_role(old, new)
        watched.wait_until_known()
        wait_until(is_begun)
        assert watched.wait_for_switch(new) == old
        watched.wait_for_role(new, old)
        wait_until(lambda: {each.primary["config-epoch"] for each in watched.sentinels} == {"2"})


@pytest.mark.parametrize("kinds", [(OURS, REDIS_7_0), (REDIS_7_0, OURS)])
def test_a_minority_fails_nothing_over(tmp_path: Path, kinds: tuple[str, str]) -> None:
    """Two of three sentinels stand still: the third finds the primary down, and can do nothing about it."""
    here, there = kinds
    programs = [here, there, there]
    with Watched(
        tmp_path, servers=[OURS, REDIS_7_0], sentinels=programs, quorum=1, failover_timeout_ms=2000
    ) as watched:
        lonely, *others = watched.sentinels
        for sentinel in others:
            sentinel.pause()
        watched.servers[0].kill()
        wanted = f"-failover-abort-not-elected master {NAME} 127.0.0.1 {watched.servers[0].port}"
        wait_until(lambda: wanted in map(str, lonely.events), watched.story)
        assert lonely.primary_port == watched.servers[0].port
        assert "+elected-leader" not in {event.kind for event in lonely.events}
        for sentinel in others:
            sentinel.resume()
        watched.wait_for_switch(watched.servers[0].port)
