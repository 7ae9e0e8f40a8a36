"""Whole servers in a simulated world."""

from __future__ import annotations

import asyncio

import pytest

from pyredis_cluster.testing.simulation.world import SimulatedWorld


def test_keys_expire_in_virtual_time() -> None:
    with SimulatedWorld(1) as world:
        host = world.host()

        async def scenario() -> None:
            await host.start()
            client = await world.connect(host)
            assert await client.call("SET", "k", "v", "EX", 3600) == b"OK"
            await asyncio.sleep(3599)
            assert await client.call("GET", "k") == b"v"
            await asyncio.sleep(2)
            assert await client.call("DBSIZE") == 0

        world.run(scenario())


@pytest.mark.parametrize(
    ("how", "policy", "survives"),
    [
        ("kill", "no", True),
        ("lose_power", "no", False),
        ("kill", "always", True),
        ("lose_power", "always", True),
    ],
)
def test_what_a_server_keeps(how: str, policy: str, survives: bool) -> None:
    with SimulatedWorld(1) as world:
        host = world.host(appendonly=True, appendfsync=policy)

        async def scenario() -> None:
            await host.start()
            client = await world.connect(host)
            assert await client.call("SET", "k", "v") == b"OK"
            getattr(host, how)()
            if how == "kill":
                with pytest.raises(ConnectionError):
                    await client.call("PING")
            else:
                with pytest.raises(TimeoutError):
                    await client.call("PING")
            await host.start()
            client = await world.connect(host)
            assert await client.call("GET", "k") == (b"v" if survives else None)

        world.run(scenario())


def _story(seed: int) -> str:
    with SimulatedWorld(seed) as world:
        world.network.quality.jitter_s = 0.01
        nodes = [world.host(port=7000, cluster_enabled=True, cluster_node_timeout=500) for _ in range(3)]

        async def scenario() -> None:
            for node in nodes:
                await node.start()
            client = await world.connect(nodes[0])
            for node in nodes[1:]:
                assert await client.call("CLUSTER", "MEET", node.address, node.port) == b"OK"
            await asyncio.sleep(2)
            nodes[1].kill()
            await asyncio.sleep(2)
            assert b"fail" in await client.call("CLUSTER", "NODES")

        world.run(scenario())
        return world.story(1000)


def test_the_same_seed_tells_the_same_story() -> None:
    assert _story(5) == _story(5)
    assert _story(5) != _story(6)


def test_a_paused_server_answers_when_it_is_resumed() -> None:
    with SimulatedWorld(1) as world:
        host = world.host()

        async def scenario() -> None:
            await host.start()
            client = await world.connect(host)
            host.pause(10)
            with pytest.raises(TimeoutError):
                await client.call("PING", timeout_s=1)
            host.resume()
            assert await client.call("ECHO", "again") == b"again"
            assert world.now_s < 2

        world.run(scenario())


def test_observers_hear_of_events_as_they_happen() -> None:
    with SimulatedWorld(1) as world:
        host = world.host()
        heard: list[tuple[float, str, str]] = []
        world.observers.append(lambda time_s, address, what: heard.append((time_s, address, what)))
        world.run(host.start())
        assert heard == list(world.events)
        assert heard[0] == (0.0, host.address, "-- started")
