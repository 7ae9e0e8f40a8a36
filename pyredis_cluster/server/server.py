"""One server: its state wired to sockets, timers and files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.execution import gate
from pyredis_cluster.execution.metrics import SAMPLE_INTERVAL_MS
from pyredis_cluster.execution.server_state import ServerState
from pyredis_cluster.server.append_only import AppendOnlyFile
from pyredis_cluster.server.background import BackgroundJobs
from pyredis_cluster.server.client import ClientConnection
from pyredis_cluster.server.client_eviction import ClientEviction
from pyredis_cluster.server.clients import Clients, describe
from pyredis_cluster.server.config_file import ConfigFile
from pyredis_cluster.server.cron import Cron
from pyredis_cluster.server.disk import SystemDisk
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.freeze import Freezer, LoopTimer
from pyredis_cluster.server.information import information
from pyredis_cluster.server.limits import IdleTimeout
from pyredis_cluster.server.listeners import Listeners
from pyredis_cluster.server.load_at_start import check_databases, load_snapshot
from pyredis_cluster.server.loading import Loading
from pyredis_cluster.server.log import Log, write_nowhere
from pyredis_cluster.server.logo import logo
from pyredis_cluster.server.network import BUS, CLIENT, Network
from pyredis_cluster.server.persistence import RdbPersistence
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.reconfigure import watch_config
from pyredis_cluster.server.replicas import Replicas
from pyredis_cluster.server.replication_roles import ReplicationRoles
from pyredis_cluster.server.stopping import Stopping
from pyredis_cluster.server.unsupported import check_supported

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.command import Command
    from pyredis_cluster.execution.faults import Faults
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.migration import Migration, Outcome
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.ports import Clock, Disk, Programs, Random
    from pyredis_cluster.server.cluster import ClusterNode
    from pyredis_cluster.server.faulty_network import FaultyNetwork
    from pyredis_cluster.server.migrate import Migrations
    from pyredis_cluster.server.sentinel import SentinelNode


class Server:
    """A running server, and the `Host` of its state.

    Servers of one event loop share a `Network`; a server that is given none makes its own, and closes it.
    Faults are possible where the configuration, or `may_fail`, allows them.
    """

    def __init__(
        self,
        config: Config,
        loop: asyncio.AbstractEventLoop,
        *,
        network: Network | None = None,
        log: Log | None = None,
        clock: Clock | None = None,
        random_source: Random | None = None,
        disk: Disk | None = None,
        programs: Programs | None = None,
        may_fail: bool = False,
    ) -> None:
        self.loop = loop
        self.config = config
        clock = clock or SystemClock()
        self.log = log or Log(clock, write_nowhere)
        random_source = random_source or random.Random()
        self.network = self._shared_network = network or Network(loop)
        self._owns_network = network is None
        self._faulty_network: FaultyNetwork | None = None
        may_fail = may_fail or config.text("enable-fault-command") != "no"
        if may_fail:
            self.network = self._faulty_network = _faulty(self._shared_network, random_source)
        self._own_disk: SystemDisk | None = None
        if disk is None:
            disk = self._own_disk = SystemDisk(loop)
        self.disk: Disk = disk
        self.freezer = Freezer(loop)
        self.cron = Cron(self.call_later, lambda: self.state.keyspace.now_ms)
        self.stopping = Stopping(self)
        self.state = ServerState(_commands_of(config), config, self, clock, random_source)
        if self._faulty_network is not None:
            self.state.faults = _faults(self.state, self._faulty_network)
        self.clients = Clients(self)
        self.listeners = Listeners(config, self.log, self.network.on(CLIENT), lambda: ClientConnection(self))
        self.background = BackgroundJobs(
            self.call_later,
            clock.monotonic_ns,
            lambda: self.state.keyspace.now_ms,
            lambda text, error: self.log.failure(text, error),
            lambda: config.integer("rdb-key-save-delay"),
            lambda: self.state.statistics.reads_processed,
        )
        self.loading = Loading(self)
        self.persistence = RdbPersistence(self)
        self.append_only = AppendOnlyFile(self)
        self.cluster: ClusterNode | None = None
        self.sentinel: SentinelNode | None = None
        self._programs = programs
        self.migrations: Migrations | None = None
        self.shows_logo = False
        self._config_file = ConfigFile(config, self.disk)
        watch_config(self)
        self.freezer.on_freeze.append(self._freeze)
        self.freezer.on_thaw.append(self._thaw)
        self.cron.every(SAMPLE_INTERVAL_MS, self.state.metrics.sample)
        self.cron.every(0, self.state.run_expiry_cycle)
        self.cron.every(1000, IdleTimeout(self.state, self.log).check_all)
        self.cron.every(1000, self.clients.output_limits.check_all)
        self.cron.every(0, ClientEviction(self.state, self.log, describe).check_all)
        self.replicas = Replicas(self)
        self.replication_roles = ReplicationRoles(self)

    @property
    def stopped(self) -> asyncio.Event:
        """Set once the server has ended."""
        return self.stopping.stopped

    @property
    def is_frozen(self) -> bool:
        """Whether the server does nothing now."""
        return self.freezer.is_frozen

    def drop_connections(self, wire: str) -> int:
        """Close all connections of a kind (see `Network.on`), where faults are possible; how many."""
        return self._faulty_network.drop(wire) if self._faulty_network is not None else 0

    async def start(self) -> None:
        """Listen and serve. Raises `StartError`, the reason being logged and nothing left open."""
        if self.config.is_sentinel:
            self._start_as_sentinel()
            return
        self.log.role = "M"
        self.replication_roles.start()
        self._announce_mode()
        try:
            check_supported(self.config, self.log)
            if self.config.flag("cluster-enabled"):
                self._join_cluster()
            self.listeners.open()
            if self.cluster is not None:
                self.cluster.start()
        except StartError:
            self.release()
            self.stopping.stopped.set()
            raise
        self.log.notice("Server initialized")
        try:
            await self._load_data()
        except StartError:
            self.release()
            self.stopping.stopped.set()
            raise
        if self.stopped.is_set():
            return
        self.cron.start()
        for kind in self.listeners.kinds:
            self.log.notice(f"Ready to accept connections {kind}")

    def _start_as_sentinel(self) -> None:
        """Listen, serve and watch: there is no data. Raises StartError."""
        # Imported here, as a plain server starts sooner without it.
        from pyredis_cluster.server.sentinel import SentinelNode

        self.log.role = "X"
        self._announce_mode()
        try:
            check_supported(self.config, self.log)
            self.sentinel = SentinelNode(self, self._programs)
            self.listeners.open()
        except StartError:
            self.release()
            self.stopping.stopped.set()
            raise
        self.cron.start()
        self.sentinel.start()

    async def _load_data(self) -> None:
        """Load what is on disk, while clients are told to wait. Raises StartError."""
        self.append_only.look()
        if self.append_only.is_enabled:
            await self.append_only.load()
        else:
            await load_snapshot(self, is_replica=self.starts_as_replica)
        self.append_only.loaded()
        if self.cluster is not None and not self.stopped.is_set():
            check_databases(self)
            self.cluster.data_loaded()

    @property
    def starts_as_replica(self) -> bool:
        """Whether files or the configuration say that this is a replica."""
        return self.cluster.is_replica if self.cluster is not None else self.config.replica_of is not None

    def _announce_mode(self) -> None:
        mode = self.config.mode
        port = self.config.integer("port")
        if self.shows_logo:
            self.log.raw(logo(self.config.release, mode, port))
        else:
            self.log.notice(f"Running mode={mode}, port={port}.")

    def _join_cluster(self) -> None:
        # Imported here, as servers that are no cluster nodes start sooner without it.
        from pyredis_cluster.server.cluster import ClusterNode

        self.cluster = ClusterNode(
            self.state,
            self.log,
            self.network.on(BUS),
            self.disk,
            lambda: self.shutdown(save=False, now=True, force=True),
        )
        self.freezer.on_freeze.append(self.cluster.bus.freeze)
        # Who has slept may be no primary any more: it learns so before it serves those who have waited.
        self.freezer.on_waking.append(self.cluster.wake)
        self.freezer.may_thaw = self.cluster.is_up_to_date
        self.freezer.on_thaw.append(self.cluster.bus.thaw)
        self.stopping.on_stop.append(self.cluster.save_rest)

    def call_later(self, delay_ms: float, callback: Callable[..., object], *args: Any) -> Timer:
        """See `Host`."""
        return LoopTimer(self.loop, self.freezer, self.work, delay_ms, callback, args)

    def work(self, callback: Callable[..., object], args: tuple[Any, ...] = ()) -> None:
        """Make one call at a fresh time, then send what it left; a failure is logged, nothing more."""
        if self.stopped.is_set():
            return
        self.state.update_time()
        try:
            callback(*args)
            self.state.flush_outboxes()
        except Exception as error:
            self.log.failure(f"Failure in {getattr(callback, '__qualname__', callback)}", error)

    def deliver_effects_soon(self) -> None:
        """Have replicas and the AOF told of changes before the replies of this round are sent."""
        self.network.before_send(self._deliver_effects)

    def _deliver_effects(self) -> None:
        try:
            self.state.deliver_effects()
        except Exception as error:
            self.log.failure("Failure while passing on changes", error)

    def freeze(self, duration_ms: float) -> None:
        """See `Host`."""
        self.freezer.freeze(duration_ms)

    def process_continued(self) -> None:
        """The process was stopped for a while: go on as after a sleep.

        May be called by a signal handler, between any two steps of anything.
        """
        if self.cluster is not None and not self.stopped.is_set():
            # At once: sockets that have been found ready are served before the loop makes its calls.
            self.state.set_gate(gate.GATE_FROZEN, True)
            self.loop.call_soon_threadsafe(self.freezer.freeze, 0)

    def clock_moved(self) -> None:
        """The clock was moved on, in one step: that is no silence of those who are connected."""
        if self.is_frozen or self.stopped.is_set():
            return
        self.state.update_time()
        now_ms = self.state.keyspace.now_ms
        self.replicas.clock_moved(now_ms)
        self.replication_roles.clock_moved(now_ms)
        if self.cluster is not None:
            self.cluster.core.clock_moved(now_ms)
        if self.sentinel is not None:
            self.sentinel.core.clock_moved(now_ms)

    def migrate(self, request: Migration, done: Callable[[Outcome], None]) -> None:
        """See `Host`."""
        if self.migrations is None:
            # Imported here, as few servers ever move a key.
            from pyredis_cluster.server.migrate import Migrations

            self.migrations = Migrations(self)
        self.migrations.begin(request, done)

    def _freeze(self) -> None:
        self.state.set_gate(gate.GATE_FROZEN, True)
        self.listeners.pause()
        for connection in self.clients.connections:
            connection.freeze()

    def _thaw(self) -> None:
        self.state.set_gate(gate.GATE_FROZEN, False)
        self.state.update_time()
        self.listeners.resume()
        for connection in list(self.clients.connections):
            connection.thaw()
            if self.is_frozen:  # by what that client has sent behind a MIGRATE
                return
        self.state.flush_outboxes()

    def shutdown(self, *, save: bool | None, now: bool, force: bool) -> bool:
        """See `Host`."""
        return self.stopping.shutdown(save=save, now=now, force=force)

    def abort_shutdown(self) -> bool:
        """See `Host`."""
        return self.stopping.abort()

    def read_config_file(self) -> bytes | None:
        """See `Host`."""
        return self._config_file.read()

    def write_config_file(self, content: bytes) -> None:
        """See `Host`."""
        self._config_file.write(content)

    def information(self) -> dict[str, str]:
        """See `Host`."""
        return information(self)

    def handler_failed(self, session: Session, error: Exception) -> None:
        """See `Host`."""
        self.clients.failed(session, error)

    def release(self) -> None:
        """Let go of everything outside; part of ending, in order or not."""
        self.cron.stop()
        self.replication_roles.release()
        if self.migrations is not None:
            self.migrations.release()
        self.loading.abort()
        self.background.abandon()
        self.append_only.release()
        self.freezer.abandon()
        self.listeners.close()
        if self.cluster is not None:
            self.cluster.stop()
        if self.sentinel is not None:
            self.sentinel.stop()
        self.clients.close_all()
        if self._own_disk is not None:
            self._own_disk.close()
        if self._faulty_network is not None:
            self._faulty_network.release()
        if self._owns_network:
            self.loop.call_soon(self._shared_network.close)


def _faulty(network: Network, random_source: Random) -> FaultyNetwork:
    # Imported here, as few servers are to do wrong.
    from pyredis_cluster.server.faulty_network import FaultyNetwork

    return FaultyNetwork(network, random_source)


def _faults(state: ServerState, network: FaultyNetwork) -> Faults:
    from pyredis_cluster.execution.faults import Faults
    from pyredis_cluster.server.faulty_network import WireFault

    return Faults(state, lambda settings: WireFault(network, settings))


def _commands_of(config: Config) -> Mapping[bytes, Command]:
    """The commands of a server; what few have is imported for those only."""
    if config.is_sentinel:
        from pyredis_cluster.commands.sentinel_table import SENTINEL_COMMANDS

        return SENTINEL_COMMANDS
    if config.text("enable-fault-command") != "no":
        import pyredis_cluster.commands.fault_nodes  # noqa: F401
        from pyredis_cluster.commands.fault import fault

        return {**COMMANDS, **fault.commands}
    return COMMANDS
