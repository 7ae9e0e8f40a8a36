"""Virtual time: a test whose clients and servers share an event loop in which waiting takes no time.

    @virtual_time
    async def test_survives_a_failover():
        async with Cluster(node_timeout_ms=15_000) as cluster, cluster.client() as client:
            cluster.node_for("key").kill()
            await cluster.wait_ready()          # 15 s of virtual time, milliseconds of real time
            await client.set("key", "value")

Servers that start in it use its clock and a network in memory, and so do clients made for asyncio.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, ParamSpec, Protocol, TypeVar, overload

from pyredis_cluster.testing.simulation.program_loop import ProgramLoop

_P = ParamSpec("_P")
_T = TypeVar("_T")

Program = Callable[_P, Coroutine[Any, Any, _T]]


class Decorator(Protocol):
    """Makes plain functions of coroutine functions."""

    def __call__(self, program: Program[_P, _T], /) -> Callable[_P, _T]:
        """The function that runs `program` to its end."""


_LIMIT_S: Final = 600.0
_LIMIT_OF_END_S: Final = 60.0


class VirtualTime:
    """Runs coroutines in virtual time: `run` one, or, as a decorator, all of a coroutine function.

    All that chance decides comes from `seed`: delays, elections, and the module `random` meanwhile. The same
    seed gives the same run. `limit_s` is how long a run may last, in virtual time; one that is not over then
    raises `DeadlockError`, which says who waits. `unix_time_s` is what the servers' clocks say at first,
    the real time unless given.
    """

    @overload
    def __call__(self, program: Program[_P, _T], /) -> Callable[_P, _T]: ...

    @overload
    def __call__(self, *, seed: int = ..., limit_s: float = ..., unix_time_s: int = ...) -> Decorator: ...

    def __call__(self, program: Any = None, **options: Any) -> Any:
        """Make a plain function of a coroutine function, for pytest as for all who call it."""
        if program is None:
            return functools.partial(self._plain, options)
        return self._plain(options, program)

    def _plain(self, options: Mapping[str, Any], program: Program[_P, _T]) -> Callable[_P, _T]:
        if not inspect.iscoroutinefunction(program):
            raise TypeError(f"virtual time is for coroutine functions (async def), not for {program!r}")

        @functools.wraps(program)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            return self.run(program(*args, **kwargs), **options)

        return run

    def run(
        self,
        program: Coroutine[Any, Any, _T],
        *,
        seed: int = 1,
        limit_s: float = _LIMIT_S,
        unix_time_s: int | None = None,
    ) -> _T:
        """Run a coroutine to its end; its result, or what it raises.

        Raises DeadlockError where it waits in vain, and RuntimeError inside a running event loop.
        """
        if asyncio._get_running_loop() is not None:
            program.close()
            raise RuntimeError(
                "virtual time has an event loop of its own: it cannot begin inside another one"
            )
        if unix_time_s is None:
            # Whole seconds: what happens between them is up to the seed alone.
            unix_time_s = int(time.time())
        loop = ProgramLoop(seed=seed, limit_s=limit_s, unix_time_s=unix_time_s)
        state_of_random = random.getstate()
        random.seed(seed)
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                try:
                    return runner.run(program)
                except BaseException as error:
                    error.add_note(f"in virtual time, after {loop.time():.3f} s, seed={seed}")
                    raise
                finally:
                    loop.limit_s = loop.time() + _LIMIT_OF_END_S
        finally:
            random.setstate(state_of_random)


virtual_time: Final = VirtualTime()
