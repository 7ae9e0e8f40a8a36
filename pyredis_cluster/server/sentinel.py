"""One server as a sentinel: the core, its file, its connections, scripts and timer, wired to the server.

`SentinelNode` is what `pyredis_cluster.execution.sentinel.Sentinel` describes to commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyredis_cluster.config.loader import ConfigFileError
from pyredis_cluster.protocol.reply import Reply
from pyredis_cluster.sentinel.core import NOT_SAVED
from pyredis_cluster.sentinel.ready import (
    Connect,
    Disconnect,
    Event,
    Exit,
    KillScript,
    Log,
    Send,
    StartScript,
    Step,
)
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.programs import SystemPrograms
from pyredis_cluster.server.resolver import Resolver
from pyredis_cluster.server.sentinel_file import SentinelFile
from pyredis_cluster.server.sentinel_links import SentinelLinks
from pyredis_cluster.server.sentinel_loading import check_file, loaded_core, settings_of, update_settings
from pyredis_cluster.server.sentinel_scripts import SentinelScripts

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.ports import Programs
    from pyredis_cluster.server.server import Server

_FIRST_TICK_MS = 1


class SentinelNode:
    """The sentinel side of one server. Raises StartError where it cannot be one, having logged why."""

    def __init__(self, server: Server, programs: Programs | None = None) -> None:
        config, log = server.config, server.log
        check_file(config, log)
        self._server = server
        self._state = server.state
        self._log = log
        self._timer: Timer | None = None
        self._is_saved = True
        self._has_exited = False
        self._settings = settings_of(config)
        programs = programs or SystemPrograms()
        try:
            self.core = loaded_core(
                config,
                self._settings,
                server.state.random,
                log,
                now_ms=self._now_ms(),
                resolve=Resolver(server.network).resolve,
                programs=programs,
            )
        except ConfigFileError as error:
            log.warning(str(error))
            raise StartError from None
        self._file = SentinelFile(server.state, server.disk)
        self._links = SentinelLinks(server, self.core, self._work)
        self._scripts = SentinelScripts(server, self.core, programs)
        for name in ("port", "requirepass", "loglevel"):
            config.on_change(name, lambda: update_settings(self._settings, config))
        server.state.sentinel = self

    # Life

    def start(self) -> None:
        """Begin to watch, all being ready to answer."""
        self.core.start(self._now_ms())
        self.flush()
        self._timer = self._state.host.call_later(_FIRST_TICK_MS, self._tick)

    def stop(self) -> None:
        """Close all connections. Scripts go on to their ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._links.close()
        self._scripts.close()

    def flush(self) -> None:
        """Carry out what the core has decided: save, then the rest, in order."""
        while True:
            ready = self.core.ready()
            if ready.log_level is not None:
                self._state.config.put("loglevel", ready.log_level)
            if ready.rewrite:
                self._save()
            for step in ready.steps:
                self._carry_out(step)
                if self._has_exited:
                    return
            if not ready.steps:
                return

    def _save(self) -> None:
        try:
            self._file.save(self.core.config_lines())
        except OSError as error:
            self._is_saved = False
            reason = error.strerror or str(error)
            self._log.warning(
                f"WARNING: Sentinel was not able to save the new configuration on disk!!!: {reason}"
            )
        else:
            self._log.debug(f"Rewritten config file ({self._state.config.config_file}) successfully")
            self._log.notice("Sentinel new configuration saved on disk")

    def _carry_out(self, step: Step) -> None:
        match step:
            case Event(level, type, payload, publish):
                text = b"%b %b" % (type, payload)
                getattr(self._log, level)(text.decode("utf-8", "surrogateescape"))
                if self._state.observer is not None and level in ("notice", "warning"):
                    self._state.observer.told(text.decode("utf-8", "replace"))
                if publish:
                    self._state.pubsub.publish(type, payload)
            case Send(link_id, argv):
                self._links.send(link_id, argv)
            case Connect():
                self._links.connect(step)
            case Disconnect(link_id):
                self._links.disconnect(link_id)
            case Log(level, text):
                getattr(self._log, level)(text)
            case StartScript():
                self._scripts.start(step)
            case KillScript(script_id):
                self._scripts.kill(script_id)
            case Exit(code):
                self._has_exited = True
                self._server.stopping.fail(code)

    def _tick(self) -> None:
        now_ms = self._now_ms()
        self._scripts.look(now_ms)
        self.core.tick(now_ms)
        self.flush()
        if not self._has_exited:
            self._timer = self._state.host.call_later(self.core.tick_interval_ms(), self._tick)

    def _work(self, call: Callable[[], None]) -> None:
        """Make a call of the core in a turn of the server."""
        self._server.work(self._do, (call,))

    def _do(self, call: Callable[[], None]) -> None:
        call()
        self.flush()

    def _now_ms(self) -> int:
        return self._state.keyspace.now_ms

    # Commands

    def _run(self, reply: Callable[[], Reply]) -> Reply:
        """The reply of a call of the core, which is carried out before it is sent."""
        try:
            return reply()
        finally:
            self.flush()

    def _run_saved(self, reply: Callable[[], Reply]) -> Reply:
        """The same; raises CommandError where sentinel.conf could not be written."""
        self._is_saved = True
        result = self._run(reply)
        if not self._is_saved:
            raise NOT_SAVED
        return result

    @property
    def my_id(self) -> bytes:
        """See `Sentinel`."""
        return self.core.my_id

    def hello_received(self, payload: bytes) -> None:
        """See `Sentinel`."""
        self._run(lambda: self.core.hello_received(payload, self._now_ms()))

    def masters(self) -> Reply:
        """See `Sentinel`."""
        return self.core.masters(self._now_ms())

    def master(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self.core.master(name, self._now_ms())

    def replicas(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self.core.replicas(name, self._now_ms())

    def sentinels(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self.core.sentinels(name, self._now_ms())

    def master_address(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self.core.master_address(name)

    def is_master_down(self, ip: bytes, port: bytes, epoch: bytes, run_id: bytes) -> Reply:
        """See `Sentinel`. A vote is saved before it is told."""
        return self._run(lambda: self.core.is_master_down(ip, port, epoch, run_id, self._now_ms()))

    def check_quorum(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self.core.check_quorum(name)

    def flush_config(self) -> Reply:
        """See `Sentinel`."""
        return self._run_saved(self.core.flush_config)

    def fail_over(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self._run(lambda: self.core.fail_over(name, self._now_ms()))

    def reset(self, pattern: bytes) -> Reply:
        """See `Sentinel`."""
        return self._run(lambda: self.core.reset(pattern, self._now_ms()))

    def monitor(self, name: bytes, host: bytes, port: bytes, quorum: bytes) -> Reply:
        """See `Sentinel`."""
        return self._run_saved(lambda: self.core.monitor(name, host, port, quorum, self._now_ms()))

    def remove(self, name: bytes) -> Reply:
        """See `Sentinel`."""
        return self._run_saved(lambda: self.core.remove(name, self._now_ms()))

    def set(self, name: bytes, options: Sequence[bytes]) -> Reply:
        """See `Sentinel`."""
        return self._run_saved(lambda: self.core.set(name, options, self._now_ms()))

    def config_get(self, patterns: Sequence[bytes]) -> Reply:
        """See `Sentinel`."""
        return self.core.config_get(patterns)

    def config_set(self, options: Sequence[bytes]) -> Reply:
        """See `Sentinel`."""
        return self._run_saved(lambda: self.core.config_set(options, self._now_ms()))

    def debug(self, options: Sequence[bytes]) -> Reply:
        """See `Sentinel`."""
        return self._run(lambda: self.core.debug(options))

    def pending_scripts(self) -> Reply:
        """See `Sentinel`."""
        return self.core.pending_scripts(self._now_ms())

    def info_cache(self, names: Sequence[bytes]) -> Reply:
        """See `Sentinel`."""
        return self.core.info_cache(names, self._now_ms())

    def simulate_failure(self, options: Sequence[bytes]) -> Reply:
        """See `Sentinel`."""
        return self._run(lambda: self.core.simulate_failure(options))

    def info_fields(self) -> Sequence[tuple[bytes, bytes]]:
        """See `Sentinel`."""
        return self.core.info_fields(self._now_ms())

    def role(self) -> Reply:
        """See `Sentinel`."""
        return self.core.role()
