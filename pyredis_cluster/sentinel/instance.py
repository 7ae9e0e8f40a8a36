"""Masters, their replicas and other sentinels, as one sentinel sees them, and the links to them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

S_DOWN: Final = 1 << 0
"""Not available, as far as this sentinel can tell."""

O_DOWN: Final = 1 << 1
"""A master that as many sentinels as the quorum find down."""

MASTER_DOWN: Final = 1 << 2
"""A sentinel that finds its master down."""

FAILOVER_IN_PROGRESS: Final = 1 << 3
PROMOTED: Final = 1 << 4
"""The replica that is to become the master."""

RECONF_SENT: Final = 1 << 5
"""A replica that was told to follow the new master,"""

RECONF_INPROG: Final = 1 << 6
"""does so,"""

RECONF_DONE: Final = 1 << 7
"""and is synchronised, or given up."""

FORCE_FAILOVER: Final = 1 << 8
"""A failover that an administrator wants: no vote is needed."""

SCRIPT_KILL_SENT: Final = 1 << 9
MASTER_REBOOT: Final = 1 << 10
"""A master that came up anew and has not answered a PING since."""

DOWN: Final = S_DOWN | O_DOWN

Role: TypeAlias = Literal["master", "slave", ""]
"""What an instance reports to be; "" where INFO had no role."""

Expected: TypeAlias = Literal["nothing", "ping", "info", "publish", "opinion"]
"""What a reply is for."""


class FailoverState:
    """The steps of a failover, in order; `NAMES` are those of SENTINEL MASTER."""

    NONE = 0
    WAIT_START = 1
    SELECT_REPLICA = 2
    SEND_REPLICAOF_NO_ONE = 3
    WAIT_PROMOTION = 4
    RECONF_REPLICAS = 5
    UPDATE_CONFIG = 6

    NAMES = (
        b"none",
        b"wait_start",
        b"select_slave",
        b"send_slaveof_noone",
        b"wait_promotion",
        b"reconf_slaves",
        b"update_config",
    )


class Address(NamedTuple):
    """Where an instance is: as it was given, and in numbers (b"" where that could not be found out)."""

    hostname: bytes
    ip: bytes
    port: int


class Awaited(NamedTuple):
    """A reply that is to come on a link: what it is for, and for whom (None: nobody any more)."""

    expected: Expected
    instance: Instance | None


@dataclass(slots=True, eq=False)
class Connection:
    """One of the two connections of a link, made for `instance`. `local_ip` is empty until it is there."""

    link_id: int
    instance: Instance
    opened_ms: int
    awaited: deque[Awaited] = field(default_factory=deque)
    local_ip: bytes = b""


@dataclass(slots=True, eq=False)
class Link:
    """What an instance is watched by: a connection for commands, another one for hellos.

    Instances that are the same sentinel, each known for another master, share one link (`users` > 1): it is
    available or not for all of them.
    """

    now_ms: int
    users: int = 1
    command: Connection | None = None
    pubsub: Connection | None = None
    # Set whenever a connection is lost; cleared when all that the instance needs were asked for.
    is_disconnected: bool = True
    pending_commands: int = 0
    pubsub_activity_ms: int = 0
    # When the oldest PING without valid answer was sent, 0 if there is none. It begins with the link: an
    # instance that cannot be reached at all must become down too.
    awaited_ping_ms: int = field(init=False)
    last_ping_ms: int = 0
    last_valid_pong_ms: int = field(init=False)
    last_pong_ms: int = field(init=False)
    last_reconnect_ms: int = 0

    def __post_init__(self) -> None:
        self.restart(self.now_ms)

    def restart(self, now_ms: int) -> None:
        """Count availability from now on."""
        self.awaited_ping_ms = self.last_valid_pong_ms = self.last_pong_ms = now_ms
        self.last_ping_ms = 0


class Instance:
    """What masters, replicas and sentinels have in common. Times are Unix milliseconds, 0 for never."""

    type: ClassVar[bytes]
    master: Master

    def __init__(self, name: bytes, address: Address, down_after_ms: int, now_ms: int) -> None:
        self.name = name
        self.address = address
        self.down_after_ms = down_after_ms
        self.run_id: bytes | None = None
        self.flags = 0
        self.link = Link(now_ms)
        self.last_publish_ms = now_ms
        self.s_down_since_ms = 0
        self.o_down_since_ms = 0


class DataInstance(Instance):
    """A master or a replica: it answers INFO, and hellos go through it."""

    role: ClassVar[Role]

    def __init__(self, name: bytes, address: Address, down_after_ms: int, now_ms: int) -> None:
        super().__init__(name, address, down_after_ms, now_ms)
        self.info: bytes | None = None
        self.info_ms = 0
        self.role_reported: Role = self.role
        self.role_reported_ms = now_ms
        # As INFO of a replica has it.
        self.master_host: bytes | None = None
        self.master_port = 0
        self.master_changed_ms = now_ms
        self.master_link_up = False
        self.master_link_down_ms = 0
        self.priority = 100
        self.repl_offset = 0
        self.is_announced = True

    def has_not_been_down_for(self, duration_ms: int, now_ms: int) -> bool:
        """Whether it did not become down in the last `duration_ms`."""
        since_ms = max(self.s_down_since_ms, self.o_down_since_ms)
        return since_ms == 0 or now_ms - since_ms > duration_ms


class Master(DataInstance):
    """A master that is monitored, with all that is known of its group."""

    type = b"master"
    role = "master"

    def __init__(
        self,
        name: bytes,
        address: Address,
        quorum: int,
        down_after_ms: int,
        failover_timeout_ms: int,
        now_ms: int,
    ) -> None:
        super().__init__(name, address, down_after_ms, now_ms)
        self.master = self
        self.quorum = quorum
        self.replicas: dict[bytes, Replica] = {}
        self.sentinels: dict[bytes, OtherSentinel] = {}
        self.parallel_syncs = 1
        self.auth_pass: bytes | None = None
        self.auth_user: bytes | None = None
        self.notification_script: bytes | None = None
        self.client_reconfig_script: bytes | None = None
        # By the lower-case name of the command: its name as configured, and its new name.
        self.renamed_commands: dict[bytes, tuple[bytes, bytes]] = {}
        self.reboot_down_after_ms = 0
        self.reboot_since_ms = 0

        self.config_epoch = 0
        self.leader: bytes | None = None  # whom this sentinel voted for, in `leader_epoch`
        self.leader_epoch = 0
        self.failover_state = FailoverState.NONE
        self.failover_epoch = 0
        self.failover_state_change_ms = 0
        self.failover_start_ms = 0
        self.failover_timeout_ms = failover_timeout_ms
        self.failover_delay_logged_ms = 0
        self.promoted: Replica | None = None

    @property
    def current_address(self) -> Address:
        """Where clients are to find it: at the promoted replica as soon as that acts as a master."""
        if (
            self.flags & FAILOVER_IN_PROGRESS
            and self.promoted is not None
            and self.failover_state >= FailoverState.RECONF_REPLICAS
        ):
            return self.promoted.address
        return self.address


class Replica(DataInstance):
    """A replica of a master; its name is its address."""

    type = b"slave"
    role = "slave"

    def __init__(self, name: bytes, address: Address, master: Master, now_ms: int) -> None:
        super().__init__(name, address, master.down_after_ms, now_ms)
        self.master = master
        self.reconf_sent_ms = 0


class OtherSentinel(Instance):
    """A sentinel that monitors the same master; its name is its id."""

    type = b"sentinel"

    def __init__(self, run_id: bytes, address: Address, master: Master, now_ms: int) -> None:
        super().__init__(run_id, address, master.down_after_ms, now_ms)
        self.master = master
        self.run_id = run_id
        self.last_hello_ms = now_ms
        self.last_opinion_ms = now_ms
        self.leader: bytes | None = None  # whom it says to have voted for, in `leader_epoch`
        self.leader_epoch = 0
