"""Names of hosts: who waits for an answer, and how long one counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from pyredis_cluster.server.network import Network, resolved
from pyredis_cluster.server.resolver import Resolver
from pyredis_cluster.testing.simulation.loop import VirtualLoop


class Names(Network):
    """A network whose names the test decides on; what is asked for without waiting is answered by it, too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, use_epoll=False)
        self.names: dict[str, str] = {"a.example": "10.0.0.1"}
        self.waited = 0
        self.asked: list[tuple[str, Callable[[str, str | None], None]]] = []

    def resolve(self, host: str, *, by_name: bool) -> str | None:
        """See `Network`."""
        if not by_name:
            return host if host[0].isdigit() else None
        self.waited += 1
        return self.names.get(host)

    def resolve_soon(self, host: str, done: Callable[[str, str | None], None]) -> None:
        """See `Network`."""
        self.asked.append((host, done))

    def answer(self) -> None:
        """Answer all that was asked."""
        asked, self.asked = self.asked, []
        for host, done in asked:
            done(host, self.names.get(host))


@pytest.fixture
def names() -> Iterator[Names]:
    """A network on a loop in virtual time."""
    loop = VirtualLoop()
    yield Names(loop)
    loop.close()


def later(names: Names, seconds: float) -> None:
    """Let time go by."""
    loop = names.loop
    assert isinstance(loop, VirtualLoop)
    loop.run(asyncio.sleep(seconds))


def test_addresses_need_no_name(names: Names) -> None:
    resolve = Resolver(names).resolve
    assert resolve("10.0.0.7", True) == "10.0.0.7"
    assert resolve("a.example", False) is None
    assert names.waited == 0


def test_only_the_first_question_waits(names: Names) -> None:
    resolve = Resolver(names).resolve
    assert resolve("a.example", True) == "10.0.0.1"
    names.names["a.example"] = "10.0.0.2"
    assert resolve("a.example", True) == "10.0.0.1"
    assert not names.asked
    later(names, 1.5)
    assert [resolve("a.example", True) for _ in range(3)] == ["10.0.0.1"] * 3
    assert len(names.asked) == 1
    names.answer()
    assert resolve("a.example", True) == "10.0.0.2"
    assert names.waited == 1


def test_a_name_may_come_and_go(names: Names) -> None:
    resolve = Resolver(names).resolve
    assert resolve("b.example", True) is None
    names.names["b.example"] = "10.0.0.3"
    later(names, 1.5)
    assert resolve("b.example", True) is None
    names.answer()
    assert resolve("b.example", True) == "10.0.0.3"


@pytest.mark.parametrize(
    ("host", "by_name", "address"),
    [
        ("127.0.0.1", False, "127.0.0.1"),
        ("::1", False, "::1"),
        ("localhost", False, None),
        ("nowhere.invalid", False, None),
        ("", False, None),
        ("x" * 300, False, None),
        ("a\0b", False, None),
    ],
)
def test_what_the_system_says(host: str, by_name: bool, address: str | None) -> None:
    assert resolved(host, by_name) == address


def test_a_host_by_its_name() -> None:
    assert resolved("localhost", True) in ("127.0.0.1", "::1")


async def test_the_system_is_asked_beside_other_work() -> None:
    loop = asyncio.get_running_loop()
    network = Network(loop, use_epoll=False)
    answered: asyncio.Future[str | None] = loop.create_future()
    network.resolve_soon("localhost", lambda host, address: answered.set_result(address))
    assert await asyncio.wait_for(answered, 10) in ("127.0.0.1", "::1")
    network.close()


def test_names_that_are_made_up_do_not_pile_up(names: Names) -> None:
    resolver = Resolver(names)
    for number in range(2500):
        assert resolver.resolve(f"x{number}.example", True) is None
    assert len(resolver._found) <= 1000
    assert resolver.resolve("a.example", True) == "10.0.0.1"
