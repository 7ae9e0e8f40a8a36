"""From the `sentinel` lines of a configuration to a core."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.config.loader import ConfigFileError, SourceLine
from pyredis_cluster.sentinel.core import SentinelCore
from pyredis_cluster.sentinel.directives import DirectiveError
from pyredis_cluster.sentinel.ready import Log as LogStep
from pyredis_cluster.sentinel.settings import SentinelSettings
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.network import resolved
from pyredis_cluster.server.programs import SystemPrograms

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.ports import Programs, Random
    from pyredis_cluster.server.log import Log


def settings_of(config: Config) -> SentinelSettings:
    """What a sentinel needs to know of its directives."""
    settings = SentinelSettings()
    update_settings(settings, config)
    return settings


def update_settings(settings: SentinelSettings, config: Config) -> None:
    """The same again, after they changed."""
    settings.port = config.integer("port")
    settings.password = config.data("requirepass") or None
    settings.log_level = config.text("loglevel")


def check_file(config: Config, log: Log) -> None:
    """Raises StartError, having logged why, where there is no file to keep the state in."""
    if not config.config_file:
        log.warning("Sentinel needs config file on disk to save state. Exiting...")
        raise StartError


def check_lines(config: Config, log: Log) -> None:
    """Raises ConfigFileError for the first line that is wrong: for a program that is about to start."""
    loaded_core(
        config,
        settings_of(config),
        random.Random(),
        log,
        now_ms=0,
        resolve=resolved,
        programs=SystemPrograms(),
    )


def loaded_core(
    config: Config,
    settings: SentinelSettings,
    random_source: Random,
    log: Log,
    *,
    now_ms: int,
    resolve: Callable[[str, bool], str | None],
    programs: Programs,
) -> SentinelCore:
    """A core that has taken over the lines.

    Raises ConfigFileError for the first one that is wrong, the log saying what Redis logs of it.
    """

    def is_executable(path: bytes) -> bool:
        return programs.is_executable(config.in_directory(path.decode("utf-8", "surrogateescape")))

    core = SentinelCore(
        settings,
        random_source,
        now_ms=now_ms,
        resolve=resolve,
        is_executable=is_executable,
        local_time=time.ctime,
    )
    try:
        core.load(config.sentinel_lines)
    except DirectiveError as error:
        for step in core.ready().steps:
            if isinstance(step, LogStep):
                getattr(log, step.level)(step.text)
        line = SourceLine(error.line.text, error.line.number, error.line.source)
        raise ConfigFileError(str(error), line) from None
    return core
