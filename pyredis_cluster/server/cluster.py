"""One server as a node of a cluster: the core, its file, its bus and its timer, wired to the server's state.

`ClusterNode` is what `pyredis_cluster.execution.cluster.Cluster` describes to commands and the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from pyredis_cluster.cluster.core import ClusterCore
from pyredis_cluster.cluster.false_view import Memory, false_view, memory_of
from pyredis_cluster.cluster.nodes_conf import NodesConfError
from pyredis_cluster.cluster.redirect import UNBOUND, Query
from pyredis_cluster.protocol.errors import CROSS_SLOT, CommandError
from pyredis_cluster.protocol.reply import Reply
from pyredis_cluster.protocol.slots import ServedSlots
from pyredis_cluster.server.audience import audience
from pyredis_cluster.server.bus import Bus
from pyredis_cluster.server.cluster_effects import carry_out
from pyredis_cluster.server.cluster_settings import cluster_settings, watch_cluster_settings
from pyredis_cluster.server.listeners import ListenError
from pyredis_cluster.server.nodes_file import NodesFile, NodesFileError

if TYPE_CHECKING:
    from pyredis_cluster.execution.faults import FalseTopology
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.ports import Disk
    from pyredis_cluster.server.log import Log
    from pyredis_cluster.server.network import Network

_MAX_PORT: Final = 65535
_SHARD_PUBSUB: Final = frozenset((b"ssubscribe", b"sunsubscribe", b"spublish"))


class ClusterStartError(ListenError):
    """The server cannot be a node of a cluster; the log says why. Ends a start as a taken port does."""


class ClusterNode:
    """The cluster side of one server.

    Loads and locks nodes.conf at once; raises ClusterStartError where that cannot be done. `fail` is called
    when the file can be saved no more: a node that might forget its votes must not go on.
    """

    def __init__(
        self, state: ServerState, log: Log, network: Network, disk: Disk, fail: Callable[[], object]
    ) -> None:
        config = state.config
        self._state = state
        self._log = log
        self._fail = fail
        self._timer: Timer | None = None
        self._is_flush_due = False
        self._loop = network.loop
        self.settings = cluster_settings(config)
        if self.settings.listen_port > _MAX_PORT:
            log.warning(
                "Redis port number too high. Cluster communication port is 10,000 port numbers higher than"
                " your Redis port. Your Redis port number must be 55535 or less."
            )
            raise ClusterStartError
        database = state.keyspace.databases[0]
        try:
            self._file = NodesFile(
                disk, config.path("cluster-config-file"), config.text("cluster-config-file")
            )
        except NodesFileError as error:
            log.warning(str(error))
            raise ClusterStartError from None
        try:
            self.core = ClusterCore(
                self.settings,
                state.random,
                now_ms=self._now_ms(),
                config=self._file.read(),
                keys_in_slot=database.count_keys_in_slot,
                repl_offset=self._repl_offset,
                repl_silence_ms=self._repl_silence_ms,
            )
        except (NodesFileError, NodesConfError) as error:
            self._file.close()
            log.warning(str(error))
            raise ClusterStartError from None
        self.bus = Bus(self.core, config, log, network, now_ms=self._update_time, work_done=self._work_done)
        watch_cluster_settings(config, self.settings, self._settings_changed)
        state.cluster = self
        state.served_slots = self.core.served
        state.pubsub.forwards.append(self._forward)
        self._is_started = False
        self.flush()
        if self.bus.is_closed:
            self._file.close()
            raise ClusterStartError

    @property
    def server_state(self) -> ServerState:
        """The state of the server that this is a node with."""
        return self._state

    # Life

    def start(self) -> None:
        """Listen on the bus, whose links wait for `data_loaded`. Raises ListenError, having logged why."""
        self.bus.listen(self.settings.listen_port)
        self._is_started = True

    def data_loaded(self) -> None:
        """All data is there: have the table fit it, and begin to tick."""
        slots = self._state.keyspace.databases[0].occupied_slots()
        self.core.claim_loaded_keys(slots, self._now_ms())
        self.bus.serve()
        self.flush()
        self.tick()

    def wake(self) -> None:
        """The server has slept, and serves no client yet: hear the bus, and ask what has changed."""
        self.core.wake(self._update_time())
        self.bus.thaw()
        self.flush()

    def is_up_to_date(self) -> bool:
        """Whether clients may be served again, after `wake`."""
        return self.bus.is_closed or self.core.is_up_to_date(self._update_time())

    def save_rest(self) -> None:
        """Save what could wait: the server ends in order."""
        if self.core.has_unsaved and not self.bus.is_closed:
            self.save_config()

    def stop(self) -> None:
        """Close the bus and let others use nodes.conf."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.bus.close()
        self._file.close()

    def information(self) -> dict[str, str]:
        """What INFO shows of the bus, by field name."""
        return {
            # An estimate, as in Redis: a link to and one from each other node.
            "cluster_connections": str(2 * (len(self.core.state.nodes) - 1)),
            "mem_cluster_links": str(self.bus.memory_bytes()),
        }

    def flush(self) -> None:
        """Carry out what the core has decided: save, then send, then the rest."""
        self._is_flush_due = False
        if self.bus.is_closed:
            return
        ready = self.core.ready(self._now_ms())
        for line in ready.logs:
            getattr(self._log, line.level)(line.text)
        if ready.config is not None:
            try:
                self._file.write(ready.config, fsync=ready.fsync)
            except OSError as error:
                self._log.warning(f"Could not save the cluster config file: {error.strerror}")
                self._log.warning("Fatal: can't update cluster config file.")
                self.bus.close()
                if self._is_started:
                    self._fail()
                return
        bus = self.bus
        for link_id, data in ready.sends:
            bus.send(link_id, data)
        for link_id in ready.disconnects:
            bus.disconnect(link_id)
        for request in ready.connects:
            bus.connect(request)
        pubsub = self._state.pubsub
        for delivery in ready.deliveries:
            deliver = pubsub.publish_to_shard if delivery.sharded else pubsub.publish
            deliver(delivery.channel, delivery.message)
        for event in ready.events:
            carry_out(self._state, self.core, event)
        if self._state.observer is not None:
            self._state.observer.cluster_changed()

    def _forward(self, channel: bytes, message: bytes, sharded: bool) -> None:
        # Sent once the batch of requests that it is part of is done.
        self.core.publish(channel, message, self._now_ms(), sharded=sharded)
        self._flush_soon()

    def tick(self) -> None:
        """What time does: once now, and from now on as often as the core wants it."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            if not self.bus.is_closed:
                self.bus.drop_overfull(self._state.config.integer("cluster-link-sendbuf-limit"))
                self.core.tick(self._now_ms())
                self.flush()
        finally:  # a tick that fails costs that tick, and not all that follow
            if not self.bus.is_closed:
                self._timer = self._state.host.call_later(self.core.tick_interval_ms, self.tick)

    def _flush_soon(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._work_done)

    def _work_done(self) -> None:
        if self.bus.is_frozen:  # what is due leaves with the first tick after it
            return
        self.flush()
        self._state.flush_outboxes()

    def _settings_changed(self) -> None:
        self.core.settings_changed(self._now_ms())
        # Not before all directives of a CONFIG SET are in effect.
        self._flush_soon()

    def _repl_offset(self) -> int:
        state = self._state
        if not self.core.is_replica:
            # A replica that is told where a standstill is must not miss what was written just before.
            state.deliver_effects()
            return state.replication.offset
        return state.replication_roles.processed_offset if state.replication_roles is not None else 0

    def _repl_silence_ms(self) -> int | None:
        roles = self._state.replication_roles
        return roles.silence_ms if roles is not None else None

    def _now_ms(self) -> int:
        return self._state.keyspace.now_ms

    def _update_time(self) -> int:
        self._state.update_time()
        return self._state.keyspace.now_ms

    # The gate

    @property
    def served(self) -> ServedSlots:
        """See `Cluster`."""
        return self.core.served

    def redirection(
        self, session: Session, slot: int, keys: list[bytes], writes: bool
    ) -> CommandError | None:
        """See `Cluster`."""
        peek = self._state.keyspace.databases[0].peek

        def count_missing() -> tuple[int, int]:
            missing = sum(peek(key) is None for key in keys)
            return len(keys) - missing, missing

        name = session.running_argv[0].lower()
        query = Query(
            is_write=writes,
            is_shard_pubsub=name in _SHARD_PUBSUB,
            is_migrate=name == b"migrate",
            session_is_readonly=session.is_readonly,
            session_is_asking=session.is_asking or name == b"restore-asking",
            has_several_keys=len(set(keys)) > 1,
            count_missing=count_missing,
            audience=audience(self.core, session),
        )
        redirection = self.core.redirection(slot, query)
        return CommandError(redirection.text) if redirection is not None else None

    def refusal_of_crossing(self, slot: int) -> CommandError:
        """See `Cluster`. Redis finds a slot without owner before it looks at the second key."""
        is_unbound = self.core.state.slots[slot] is None
        return CommandError(UNBOUND.text) if is_unbound else CROSS_SLOT

    # Commands

    @property
    def my_id(self) -> str:
        """See `Cluster`."""
        return self.core.my_id

    @property
    def my_shard_id(self) -> str:
        """See `Cluster`."""
        return self.core.my_shard_id

    @property
    def is_replica(self) -> bool:
        """See `Cluster`."""
        return self.core.is_replica

    def meet(self, ip: str, port: int, bus_port: int) -> bool:
        """See `Cluster`."""
        return self.core.meet(ip, port, bus_port, self._now_ms())

    def forget(self, node_id: str) -> None:
        """See `Cluster`."""
        self.core.forget(node_id, self._now_ms())
        self.flush()

    def replicate(self, node_id: str) -> None:
        """See `Cluster`."""
        has_keys = bool(self._state.keyspace.databases[0].values)
        self.core.replicate(node_id, self._now_ms(), has_keys=has_keys)
        self.flush()

    def mark_migrating(self, slot: int, node_id: str) -> None:
        """See `Cluster`."""
        self.core.mark_migrating(slot, node_id, self._now_ms())
        self.flush()

    def mark_importing(self, slot: int, node_id: str) -> None:
        """See `Cluster`."""
        self.core.mark_importing(slot, node_id, self._now_ms())
        self.flush()

    def mark_stable(self, slot: int) -> None:
        """See `Cluster`."""
        self.core.mark_stable(slot, self._now_ms())
        self.flush()

    def assign_slot(self, slot: int, node_id: str) -> None:
        """See `Cluster`."""
        self.core.assign_slot(slot, node_id, self._now_ms())
        self.flush()

    def fail_over(self, *, force: bool, takeover: bool) -> None:
        """See `Cluster`."""
        self.core.fail_over(self._now_ms(), force=force, takeover=takeover)
        self.flush()

    def announce(self) -> None:
        """Tell every node at once what this one claims."""
        self.core.announce(self._now_ms())
        self.flush()

    def add_slots(self, ranges: Iterable[tuple[int, int]]) -> None:
        """See `Cluster`."""
        self.core.add_slots(ranges, self._now_ms())
        self.flush()

    def delete_slots(self, ranges: Iterable[tuple[int, int]]) -> None:
        """See `Cluster`."""
        self.core.delete_slots(ranges, self._now_ms())
        self.flush()

    def flush_slots(self) -> None:
        """See `Cluster`."""
        self.core.flush_slots(self._now_ms())
        self.flush()

    def bump_epoch(self) -> tuple[bool, int]:
        """See `Cluster`."""
        bumped = self.core.bump_epoch(self._now_ms())
        self.flush()
        return bumped

    def set_config_epoch(self, epoch: int) -> None:
        """See `Cluster`."""
        self.core.set_config_epoch(epoch, self._now_ms())
        self.flush()

    def reset(self, *, hard: bool) -> None:
        """See `Cluster`."""
        self.core.reset(self._now_ms(), hard=hard)
        self.flush()

    def failure_reports(self, node_id: str) -> int:
        """See `Cluster`."""
        return self.core.failure_reports(node_id, self._now_ms())

    def save_config(self) -> None:
        """See `Cluster`."""
        self._file.write(self.core.config_text(), fsync=True)

    def nodes_text(self, session: Session) -> str:
        """See `Cluster`."""
        return self.core.nodes_text(audience=audience(self.core, session))

    def info_text(self) -> str:
        """See `Cluster`."""
        return self.core.info_text()

    def slots_reply(self, session: Session) -> Reply:
        """See `Cluster`."""
        return self.core.slots_reply(audience=audience(self.core, session))

    def shards_reply(self, session: Session) -> Reply:
        """See `Cluster`."""
        return self.core.shards_reply(audience(self.core, session))

    def replicas_reply(self, session: Session, node_id: str) -> Reply:
        """See `Cluster`."""
        return self.core.replicas_reply(node_id, audience=audience(self.core, session))

    def memory(self) -> Memory:
        """See `Cluster`."""
        return memory_of(self.core.state)

    def tell_truth(self) -> None:
        """See `Cluster`."""
        self.core.shown = self.core.state

    def mislead(self, topology: FalseTopology, memory: object) -> None:
        """See `Cluster`."""
        state = self.core.state
        known = memory if isinstance(memory, Memory) else memory_of(state)
        self.core.shown = false_view(state, known, topology)

    def links_reply(self) -> Reply:
        """See `Cluster`."""
        reply = []
        for link in self.core.links():
            events, buffer_bytes = self.bus.buffer_of(link.link_id)
            reply.append(
                {
                    b"direction": b"from" if link.inbound else b"to",
                    b"node": link.node_id.encode(),
                    b"create-time": link.created_ms,
                    b"events": events.encode(),
                    b"send-buffer-allocated": buffer_bytes,
                    b"send-buffer-used": buffer_bytes,
                }
            )
        return reply
