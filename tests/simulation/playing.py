"""Playing a scenario of servers in a world of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from pyredis_cluster.testing.simulation.world import SimulatedWorld


def play(seed: int, scenario: Callable[[SimulatedWorld, Random], Coroutine[Any, Any, None]]) -> None:
    """Raises AssertionError, with seed and latest events, where it fails or a log tells of a failure."""
    with SimulatedWorld(seed) as world:
        try:
            world.run(scenario(world, Random(seed)))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{world.story()}") from error
        for host in world.hosts:
            assert b"Traceback" not in b"".join(host.log_lines), f"seed {seed}\n{world.story()}"
