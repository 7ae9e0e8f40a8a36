"""redis-server's own form of the program: one server, configured by a file and options."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from pyredis_cluster.cli.configuration import load_config
from pyredis_cluster.cli.texts import HELP, NO_MEMORY_TEST, SYSTEM_IS_FINE, VERSION
from pyredis_cluster.config.command_line import CommandLine, parse_command_line
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.loader import ConfigFileError, ConfigFileUnreadableError
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log, write_to_stdout
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.process import (
    PidFile,
    Supervisor,
    Syslog,
    daemonize,
    monotonic_clock,
    raise_open_files,
)

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


def run_redis_server(arguments: Sequence[str], program: str) -> int:
    """Do what the command line asks for; the exit code."""
    command_line = parse_command_line(arguments, program=program)
    if command_line.show_version:
        print(VERSION)
        return 0
    if command_line.show_help:
        print(HELP, file=sys.stderr)
        return 1
    if command_line.test_memory:
        print(NO_MEMORY_TEST, file=sys.stderr)
        return 1
    if command_line.check_system:
        print(SYSTEM_IS_FINE)
        return 0
    return _serve(command_line, program)


def _serve(command_line: CommandLine, program: str) -> int:
    log = Log(SystemClock(), write_to_stdout, role="X" if command_line.sentinel else "C")
    try:
        config = _load(command_line, log)
        if command_line.sentinel:
            _check_sentinel(config, log)
    except StartError:
        return 1
    except ConfigFileError as error:
        sys.stderr.write(str(error))
        return 1
    except ConfigFileUnreadableError as error:
        log.warning(str(error))
        return 1
    try:
        pid_file, supervisor = _enter(config, log)
    except StartError:
        return 1
    if command_line.overrides is None and command_line.config_file is None and not command_line.from_stdin:
        log.warning(
            "Warning: no config file specified, using the default config. In order to specify a config file "
            f"use {program} /path/to/redis.conf"
        )
    else:
        log.notice("Configuration loaded")
    try:
        return run_loop(lambda loop: _run_server(config, loop, log, pid_file, supervisor))
    except StartError:
        return 1


def _load(command_line: CommandLine, log: Log) -> Config:
    config = load_config(command_line, log_warning=log.warning)
    log.set_level(config.text("loglevel"))
    log.to_file(config.path("logfile"))
    return config


def _check_sentinel(config: Config, log: Log) -> None:
    """What a sentinel cannot do without, told before anything else. Raises ConfigFileError and StartError."""
    from pyredis_cluster.server.sentinel_loading import check_file, check_lines

    check_lines(config, log)
    check_file(config, log)
    path = config.config_file
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        log.warning(f"Sentinel config file {path} is not writable: {error.strerror}. Exiting...")
        raise StartError from None


def _enter(config: Config, log: Log) -> tuple[PidFile | None, Supervisor]:
    """What precedes the first line of the log: warnings, system log, supervisor, background."""
    for warning in config.warnings:
        log.warning(warning)
    if config.flag("syslog-enabled"):
        try:
            log.system_logger = Syslog(config.text("syslog-ident"), config.text("syslog-facility"))
        except ImportError:
            log.warning("syslog-enabled: this platform has no system logger")
            raise StartError from None
    supervisor = Supervisor(config.text("supervised"), log)
    in_background = config.flag("daemonize") and not supervisor.is_present
    if in_background:
        try:
            daemonize()
        except OSError as error:
            log.warning(f"Can't run in the background: {error.strerror}")
            raise StartError from None
    log.notice("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
    bits = 64 if sys.maxsize > 1 << 32 else 32
    log.notice(
        f"Redis version={config.release}, bits={bits}, commit=00000000, modified=0, pid={os.getpid()}, "
        "just started"
    )
    pid_file = PidFile(config.path("pidfile"), log) if in_background or config.text("pidfile") else None
    return pid_file, supervisor


async def _run_server(
    config: Config,
    loop: asyncio.AbstractEventLoop,
    log: Log,
    pid_file: PidFile | None,
    supervisor: Supervisor,
) -> int:
    from pyredis_cluster.server.logo import is_logo_wanted
    from pyredis_cluster.server.server import Server

    log.role = "X" if config.is_sentinel else "M"
    loop.set_exception_handler(lambda loop, context: _log_failure(log, context))
    log.notice(f"monotonic clock: {monotonic_clock()}")
    max_clients = raise_open_files(config.integer("maxclients"), log)
    if max_clients != config.integer("maxclients"):
        config.put("maxclients", max_clients)
    if pid_file is not None:
        pid_file.write()
    server = Server(config, loop, log=log)
    server.shows_logo = is_logo_wanted(config)
    if pid_file is not None:
        server.stopping.on_stop.append(pid_file.remove)
    server.stopping.on_stop.append(lambda: supervisor.tell("STOPPING=1\n"))
    # Before anything says that the server is ready: who waits for that may end it at once.
    handle_signals(loop, log, server.stopping.by_signal)
    handle_continuing(loop, [server])
    await server.start()
    supervisor.tell("STATUS=Ready to accept connections\n")
    supervisor.tell("READY=1\n")
    await server.stopped.wait()
    return server.stopping.exit_code


def _log_failure(log: Log, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        log.failure(context["message"], error)
    else:
        log.warning(context["message"])


def run_loop(work: Callable[[asyncio.AbstractEventLoop], Coroutine[None, None, int]]) -> int:
    """Run a coroutine function on a new event loop to its end."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work(runner.get_loop()))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop there is: asyncio's own where sockets bypass it, else uvloop if installed."""
    if hasattr(select, "epoll"):
        return None
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def handle_signals(loop: asyncio.AbstractEventLoop, log: Log, stop: Callable[[str], bool]) -> None:
    """End in order on SIGTERM and SIGINT, at once on a second SIGINT; SIGHUP is ignored.

    `stop` gets the signal's name and tells whether the program will end.
    """
    asked = False

    def received(name: str) -> None:
        nonlocal asked
        if asked and name == "SIGINT":
            log.from_signal("You insist... exiting now.")
            os._exit(1)
        log.from_signal(f"Received {name} scheduling shutdown...")
        asked = stop(name)

    for number in (signal.SIGINT, signal.SIGTERM):
        name = signal.Signals(number).name
        try:
            loop.add_signal_handler(number, received, name)
        except NotImplementedError:
            signal.signal(number, lambda *_, name=name: loop.call_soon_threadsafe(received, name))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def handle_continuing(loop: asyncio.AbstractEventLoop, servers: Sequence[Server]) -> None:
    """Tell the servers when the process goes on after it was stopped (SIGSTOP, or ^Z at a terminal)."""

    def told(*_: object) -> None:
        if not loop.is_closed():
            for server in servers:
                server.process_continued()

    if hasattr(signal, "SIGCONT"):
        # Not by the loop's own handlers, whose turn comes after the sockets'.
        signal.signal(signal.SIGCONT, told)
