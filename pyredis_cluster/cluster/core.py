"""One cluster node as a pure state machine: no I/O, clock or random numbers of its own.

The shell feeds it: `tick` every `tick_interval_ms`, `receive` for each message, `accept_link`,
`link_connected` and `link_closed` as connections come and go, and the methods of commands. After each of
these, or after a batch of them, it calls `ready` and carries out what that returns.

All times are Unix milliseconds, handed in as `now_ms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from pyredis_cluster.cluster import admin, cron, describe, redirect, slot_migration, topology, waking, wire
from pyredis_cluster.cluster.audience import ANYONE, Audience
from pyredis_cluster.cluster.epochs import bump_without_consensus
from pyredis_cluster.cluster.failure import count_reports
from pyredis_cluster.cluster.health import update_health
from pyredis_cluster.cluster.manual_failover import fail_over
from pyredis_cluster.cluster.messages import Message
from pyredis_cluster.cluster.nodes_conf import load_nodes_conf
from pyredis_cluster.cluster.ownership import claim_loaded_keys
from pyredis_cluster.cluster.ready import Ready, SlotsReleased
from pyredis_cluster.cluster.receive import receive
from pyredis_cluster.cluster.redirect import Query, Redirection
from pyredis_cluster.cluster.sending import broadcast_pong, publish, send_ping
from pyredis_cluster.cluster.settings import ClusterSettings
from pyredis_cluster.cluster.state import ClusterState, RandomSource
from pyredis_cluster.cluster.topology import LinkInfo, Value
from pyredis_cluster.cluster.wire import MessageType
from pyredis_cluster.protocol.errors import CommandError

_MIN_HEARSAY_INTERVAL_MS: Final = 100
_HEARSAY_INTERVAL_MS_PER_NODE: Final = 20
"""How often at most nodes.conf is saved because of what others say. In a crowd that would be all the time;
there word takes longer to spread, too.
"""


class ClusterCore:
    """A node of a cluster. `settings` stays shared with the shell: see `settings_changed`.

    `config` is the content of nodes.conf, "" where there is none; raises NodesConfError where it is
    corrupted. `keys_in_slot` counts this node's keys. `repl_offset` tells how much of its history this node
    has: as a primary what it made, as a replica what it has taken over, 0 before it has a copy.
    `repl_silence_ms` tells how long a replica has heard nothing from its primary, None where it lacks data.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        random: RandomSource,
        *,
        now_ms: int,
        config: str = "",
        keys_in_slot: Callable[[int], int] = lambda slot: 0,
        repl_offset: Callable[[], int] = lambda: 0,
        repl_silence_ms: Callable[[], int | None] = lambda: 0,
    ) -> None:
        self.state = state = ClusterState(
            settings, random, keys_in_slot, repl_offset, repl_silence_ms, now_ms
        )
        self.shown = state
        """The nodes and slots that clients are told of: another one only while they are to be misled."""
        # One byte per slot, the same object for ever: 1 where this node may serve its keys unasked.
        self.served = state.served
        if config:
            load_nodes_conf(state, config)
        else:
            state.add_node(state.myself)
            state.join_shard(state.myself, state.myself.shard_id)
            state.out.log("notice", f"No cluster configuration found, I'm {state.myself.node_id}")
            state.out.save_config(fsync=True)
        self.settings_changed(now_ms)

    # The shell

    @property
    def tick_interval_ms(self) -> int:
        """How soon `tick` is due after the last one, to be asked when that is done."""
        return cron.next_tick_ms(self.state)

    def tick(self, now_ms: int) -> None:
        """Let time pass: reconnect, ping, suspect, evaluate the state."""
        self.state.now_ms = self.state.ticked_ms = now_ms
        cron.tick(self.state)

    def clock_moved(self, now_ms: int) -> None:
        """The clock was moved on, in one step: who owes an answer, and is not suspected, has time for it."""
        self.state.now_ms = now_ms
        for node in self.state.nodes.values():
            if node.ping_sent_ms and not node.flags & (wire.PFAIL | wire.FAIL):
                node.ping_sent_ms = now_ms

    def wake(self, now_ms: int) -> None:
        """The node has slept since the last tick: ask the others what has changed, see `is_up_to_date`."""
        waking.wake(self.state, now_ms)

    def is_up_to_date(self, now_ms: int) -> bool:
        """Whether who slept has heard what there is to hear, and may serve clients again."""
        return waking.is_up_to_date(self.state, now_ms)

    def receive(self, link_id: int, message: Message, now_ms: int) -> None:
        """Act on a message; one of a link that is gone by now is dropped."""
        self.state.now_ms = now_ms
        link = self.state.links.get(link_id)
        if link is not None:
            receive(self.state, link, message)

    def accept_link(self, peer_ip: str, local_ip: str, now_ms: int) -> int:
        """Note a connection that was made to this node; returns the id of its link."""
        self.state.now_ms = now_ms
        return self.state.accept_link(peer_ip, local_ip).link_id

    def link_connected(self, link_id: int, peer_ip: str, now_ms: int) -> None:
        """A connection asked for by `Ready.connects` is there: it begins with a PING or MEET."""
        self.state.now_ms = now_ms
        link = self.state.links.get(link_id)
        if link is None or link.node is None:
            return
        link.connected = True
        link.peer_ip = peer_ip
        node = link.node
        # A PONG awaited from before still counts from when it was asked for.
        awaited_since_ms = node.ping_sent_ms
        send_ping(self.state, link, MessageType.MEET if node.flags & wire.MEET else MessageType.PING)
        if awaited_since_ms:
            node.ping_sent_ms = awaited_since_ms
        # Once is enough: afterwards ordinary PINGs do.
        node.flags &= ~wire.MEET

    def link_closed(self, link_id: int, now_ms: int) -> None:
        """A link is gone, or could not be made; the next tick tries again."""
        self.state.now_ms = now_ms
        link = self.state.links.get(link_id)
        if link is None:
            return
        node = link.node
        self.state.forget_link(link)
        # A node that refuses connections gets no PING, yet must become suspected: count from here.
        if node is not None and not link.inbound and not link.connected and not node.ping_sent_ms:
            node.ping_sent_ms = now_ms

    def link_over_limit(self, link_id: int, used_bytes: int, now_ms: int) -> None:
        """The send buffer of a link exceeds cluster-link-sendbuf-limit: it is dropped."""
        self.state.now_ms = now_ms
        link = self.state.links.get(link_id)
        if link is None:
            return
        name = link.node.node_id if link.node is not None else ""
        self.state.out.log(
            "warning",
            f"Freeing cluster link({'from' if link.inbound else 'to'} node {name}, used memory: {used_bytes})"
            " due to exceeding send buffer memory limit.",
        )
        self.state.drop_link(link)
        self.state.links_over_limit += 1

    def knows(self, node_id: str) -> bool:
        """Whether a node of that id is known: for `Framer`."""
        return node_id in self.state.nodes

    def settings_changed(self, now_ms: int) -> None:
        """Take over `settings` after a change: what this node announces of itself."""
        state = self.state
        state.now_ms = now_ms
        settings, me = state.settings, state.myself
        if settings.announce_ip != state.announced_ip:
            # Without an announced ip it is found out anew, from the next PING or MEET.
            me.ip = state.announced_ip = settings.announce_ip
        me.tcp_port = settings.announced_tcp_port
        me.tls_port = settings.announced_tls_port
        me.bus_port = settings.announced_bus_port
        flags = me.flags & ~wire.NOFAILOVER | (wire.NOFAILOVER if settings.replica_no_failover else 0)
        if flags != me.flags:
            me.flags = flags
            state.out.update_state = True
            state.out.save_config()
        names = (settings.announce_hostname, settings.announce_human_nodename)
        if names != (me.hostname, me.human_nodename):
            me.hostname, me.human_nodename = names
            state.out.save_config()

    def ready(self, now_ms: int) -> Ready:
        """What is to be done since the last call, see `Ready`. Source: clusterBeforeSleep."""
        state = self.state
        state.now_ms = now_ms
        out = state.out
        if out.update_state:
            update_health(state)
        ready = out.ready
        if out.released_slots:
            ready.events.append(SlotsReleased(tuple(sorted(out.released_slots))))
            out.released_slots.clear()
        config = self._hearsay_to_save() if out.hearsay and not out.fsync else None
        if config is not None:
            out.save_config(fsync=True)
        if out.save:
            config = config or describe.describe_config(state)
            ready.config = config.whole
            ready.fsync = out.fsync
            if out.fsync:
                out.hearsay = False
                state.synced_ms = state.now_ms
                state.synced_config = config.lasting
        out.save = out.fsync = False
        out.ready = Ready()
        return ready

    def _hearsay_to_save(self) -> describe.ConfigText | None:
        """nodes.conf, if what others say of each other is to be saved now, and changes what of it lasts."""
        state = self.state
        interval_ms = _HEARSAY_INTERVAL_MS_PER_NODE * len(state.nodes)
        if 0 <= state.now_ms - state.synced_ms < max(interval_ms, _MIN_HEARSAY_INTERVAL_MS):
            return None
        config = describe.describe_config(state)
        if state.synced_config == config.lasting:
            state.out.hearsay = False
            return None
        return config

    @property
    def has_unsaved(self) -> bool:
        """Whether nodes.conf lacks something that may be saved later: see `Outbox.save_hearsay`."""
        return self.state.out.hearsay

    def config_text(self) -> str:
        """The content of nodes.conf as of now (CLUSTER SAVECONFIG)."""
        return describe.describe_config(self.state).whole

    # Commands

    def publish(self, channel: bytes, message: bytes, now_ms: int, *, sharded: bool = False) -> None:
        """Pass a message published here on to the other nodes, or to those of this shard."""
        self.state.now_ms = now_ms
        publish(self.state, channel, message, sharded=sharded)

    def redirection(self, slot: int, query: Query, *, tls: bool = False) -> Redirection | None:
        """Why a command about keys of `slot` is not served here; None where it is."""
        return redirect.redirect(self.state, slot, query, tls=tls)

    def redirection_of_blocked(
        self,
        slot: int,
        *,
        session_is_readonly: bool,
        is_write: bool,
        tls: bool = False,
        audience: Audience = ANYONE,
    ) -> Redirection | None:
        """Why a client may no longer wait for keys of `slot` here; None where it may."""
        return redirect.redirect_blocked(
            self.state,
            slot,
            session_is_readonly=session_is_readonly,
            is_write=is_write,
            tls=tls,
            audience=audience,
        )

    @property
    def my_id(self) -> str:
        """Id of this node."""
        return self.state.myself.node_id

    @property
    def my_shard_id(self) -> str:
        """Id of this node's shard."""
        return self.state.myself.shard_id

    @property
    def is_replica(self) -> bool:
        """Whether this node is a replica."""
        return self.state.myself.is_replica

    @property
    def ok(self) -> bool:
        """Whether the cluster's state is ok."""
        return self.state.ok

    def meet(self, ip: str, port: int, bus_port: int, now_ms: int) -> bool:
        """CLUSTER MEET; False where that is no address."""
        self.state.now_ms = now_ms
        return admin.meet(self.state, ip, port, bus_port)

    def forget(self, node_id: str, now_ms: int) -> None:
        """CLUSTER FORGET. Raises CommandError."""
        self.state.now_ms = now_ms
        admin.forget(self.state, node_id)

    def announce(self, now_ms: int) -> None:
        """Tell every node at once what this one claims, instead of when it is next pinged."""
        self.state.now_ms = now_ms
        broadcast_pong(self.state)

    def replicate(self, node_id: str, now_ms: int, *, has_keys: bool) -> None:
        """CLUSTER REPLICATE. Raises CommandError, and has changed nothing then."""
        self.state.now_ms = now_ms
        admin.replicate(self.state, node_id, has_keys=has_keys)

    def fail_over(self, now_ms: int, *, force: bool, takeover: bool) -> None:
        """CLUSTER FAILOVER. Raises CommandError, and has changed nothing then."""
        self.state.now_ms = now_ms
        fail_over(self.state, force=force, takeover=takeover)

    def mark_migrating(self, slot: int, node_id: str, now_ms: int) -> None:
        """CLUSTER SETSLOT MIGRATING. Raises CommandError."""
        self.state.now_ms = now_ms
        slot_migration.mark_migrating(self.state, slot, node_id)

    def mark_importing(self, slot: int, node_id: str, now_ms: int) -> None:
        """CLUSTER SETSLOT IMPORTING. Raises CommandError."""
        self.state.now_ms = now_ms
        slot_migration.mark_importing(self.state, slot, node_id)

    def mark_stable(self, slot: int, now_ms: int) -> None:
        """CLUSTER SETSLOT STABLE."""
        self.state.now_ms = now_ms
        slot_migration.mark_stable(self.state, slot)

    def assign_slot(self, slot: int, node_id: str, now_ms: int) -> None:
        """CLUSTER SETSLOT NODE. Raises CommandError, and has changed nothing then."""
        self.state.now_ms = now_ms
        slot_migration.assign(self.state, slot, node_id)

    def claim_loaded_keys(self, slots: Iterable[int], now_ms: int) -> None:
        """What is on disk is loaded and has keys of these slots; to be called before the first `tick`."""
        self.state.now_ms = now_ms
        claim_loaded_keys(self.state, slots)

    def add_slots(self, ranges: Iterable[tuple[int, int]], now_ms: int) -> None:
        """CLUSTER ADDSLOTS and ADDSLOTSRANGE. Raises CommandError, and has changed nothing then."""
        self.state.now_ms = now_ms
        admin.add_slots(self.state, ranges)

    def delete_slots(self, ranges: Iterable[tuple[int, int]], now_ms: int) -> None:
        """CLUSTER DELSLOTS and DELSLOTSRANGE. Raises CommandError, and has changed nothing then."""
        self.state.now_ms = now_ms
        admin.delete_slots(self.state, ranges)

    def flush_slots(self, now_ms: int) -> None:
        """CLUSTER FLUSHSLOTS; that there are no keys is for the caller to check."""
        self.state.now_ms = now_ms
        admin.flush_slots(self.state)

    def bump_epoch(self, now_ms: int) -> tuple[bool, int]:
        """CLUSTER BUMPEPOCH: whether the config epoch was advanced, and what it is."""
        self.state.now_ms = now_ms
        bumped = bump_without_consensus(self.state)
        return bumped, self.state.myself.config_epoch

    def set_config_epoch(self, epoch: int, now_ms: int) -> None:
        """CLUSTER SET-CONFIG-EPOCH. Raises CommandError."""
        self.state.now_ms = now_ms
        admin.set_config_epoch(self.state, epoch)

    def reset(self, now_ms: int, *, hard: bool) -> None:
        """CLUSTER RESET; that a primary has no keys is for the caller to check."""
        self.state.now_ms = now_ms
        admin.reset(self.state, hard=hard)

    def failure_reports(self, node_id: str, now_ms: int) -> int:
        """CLUSTER COUNT-FAILURE-REPORTS. Raises CommandError."""
        self.state.now_ms = now_ms
        return count_reports(self.state, admin.known_node(self.state, node_id))

    def nodes_text(self, *, tls: bool = False, audience: Audience = ANYONE) -> str:
        """CLUSTER NODES."""
        return describe.describe_nodes(self.shown, tls=tls, audience=audience)

    def info_text(self) -> str:
        """CLUSTER INFO."""
        return describe.describe_info(self.state)

    def slots_reply(self, *, tls: bool = False, audience: Audience = ANYONE) -> list[Value]:
        """CLUSTER SLOTS."""
        return topology.slots_reply(self.shown, tls=tls, audience=audience)

    def shards_reply(self, audience: Audience = ANYONE) -> list[Value]:
        """CLUSTER SHARDS."""
        return topology.shards_reply(self.shown, audience)

    def replicas_reply(self, node_id: str, *, tls: bool = False, audience: Audience = ANYONE) -> list[Value]:
        """CLUSTER REPLICAS. Raises CommandError."""
        node = admin.known_node(self.shown, node_id)
        if node.is_replica:
            raise CommandError("ERR The specified node is not a master")
        return topology.replicas_reply(self.shown, node, tls=tls, audience=audience)

    def links(self) -> list[LinkInfo]:
        """CLUSTER LINKS, without what only the shell knows."""
        return topology.links(self.state)
