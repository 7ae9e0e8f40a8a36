"""Servers with a configuration file, which they may rewrite: those that sentinels watch, and sentinels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyredis_cluster.config.command_line import CommandLine
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.loader import load
from pyredis_cluster.sentinel.state import SentinelState
from pyredis_cluster.testing.node import Node, Surroundings
from pyredis_cluster.testing.settings import DirectiveValue, directive_text, set_directives
from pyredis_cluster.testing.simulation.disk import SimulatedDisk

_FILE = "/redis.conf"


class ConfiguredNode(Node):
    """A server that is started from a file on its disk, so that it comes back in the role that it was given.

    Raises ValueError for directives that are none.
    """

    _is_sentinel = False

    def __init__(
        self, surroundings: Surroundings, port: int, directives: Mapping[str, DirectiveValue]
    ) -> None:
        super().__init__(surroundings, port, directives)
        set_directives(Config(), self.directives)
        self._lines: list[str] = []
        self._write_file()

    def _write_file(self) -> None:
        assert isinstance(self._disk, SimulatedDisk)
        lines = [_line(name, value) for name, value in self.directives.items()]
        file = self._disk.create(_FILE)
        file.write("\n".join([*lines, *self._lines, ""]).encode())
        file.close()

    def _configured(self) -> Config:
        assert isinstance(self._disk, SimulatedDisk)
        return load(CommandLine(config_file=_FILE, sentinel=self._is_sentinel), self._disk.read)

    def forget(self) -> None:
        """See `Node`: the file is as it was first."""
        super().forget()
        self._write_file()


class SentinelNode(ConfiguredNode):
    """A sentinel; see `Node`."""

    _is_sentinel = True

    def __init__(
        self,
        surroundings: Surroundings,
        port: int,
        directives: Mapping[str, DirectiveValue],
        lines: Iterable[str],
        *,
        pace_ms: int,
    ) -> None:
        """`lines` are those that begin with `sentinel`; what takes real ones a second takes it `pace_ms`."""
        super().__init__(surroundings, port, directives)
        self._lines = list(lines)
        self._pace_ms = pace_ms
        self._write_file()

    async def start(self) -> None:
        """See `Node`."""
        await super().start()
        # Real ones wait this long lest a slow network seems a dead one; here none is slow by itself.
        state, pace_ms = self.view, self._pace_ms
        state.periods.ping_period_ms = state.periods.ask_period_ms = state.periods.publish_period_ms = pace_ms
        state.periods.info_period_ms = 2 * pace_ms
        state.settings.busy_info_period_ms = state.settings.max_desync_ms = pace_ms

    @property
    def view(self) -> SentinelState:
        """What the running sentinel knows. Raises RuntimeError."""
        sentinel = self.server.sentinel
        assert sentinel is not None
        return sentinel.core.state


def _line(name: str, value: DirectiveValue) -> str:
    text = directive_text(value)
    return name.replace("_", "-") + " " + (text or '""')
