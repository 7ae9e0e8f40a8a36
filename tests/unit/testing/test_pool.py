"""Servers that are lent to one test after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyredis_cluster.testing.pool import Pool


class Servers:
    """Notes what is done to it."""

    def __init__(self, name: str = "", *, resets: bool = True) -> None:
        self.name = name
        self.resets = resets
        self.done: list[str] = []

    async def start(self) -> None:
        self.done.append("start")

    async def reset(self) -> None:
        self.done.append("reset")
        if not self.resets:
            raise TimeoutError

    async def stop(self) -> None:
        self.done.append("stop")


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


def test_same_options_get_the_same_again(pool: Pool) -> None:
    with pool.lend(Servers, {"name": "one"}) as first:
        pass
    with pool.lend(Servers, {"name": "other"}) as other:
        assert other is not first
    with pool.lend(Servers, {"name": "one"}) as again:
        assert again is first
    assert first.done == ["start", "reset"]


def test_two_at_once_are_two(pool: Pool) -> None:
    with pool.lend(Servers, {}) as first, pool.lend(Servers, {}) as second:
        assert first is not second
    pool.close()
    assert first.done == second.done == ["start", "stop"]


def test_one_that_cannot_be_reset_is_replaced(pool: Pool) -> None:
    with pool.lend(Servers, {"resets": False}) as first:
        pass
    with pool.lend(Servers, {"resets": False}) as second:
        assert second is not first
    assert first.done == ["start", "reset", "stop"]


def test_those_wanted_longest_ago_make_room(pool: Pool) -> None:
    lent = []
    for name in "abcd":
        with pool.lend(Servers, {"name": name}) as servers:
            lent.append(servers)
    with pool.lend(Servers, {"name": "a"}) as again:
        assert again is lent[0]
    with pool.lend(Servers, {"name": "e"}):
        pass
    assert [servers.done[-1] for servers in lent] == ["reset", "stop", "start", "start"]
