"""What one sentinel knows, and where its parts leave what is to be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyredis_cluster.ports import Random
from pyredis_cluster.sentinel.instance import Address, Connection, Link, Master
from pyredis_cluster.sentinel.periods import Periods
from pyredis_cluster.sentinel.ready import Log, LogLevel, Ready, Step
from pyredis_cluster.sentinel.scripts import Scripts
from pyredis_cluster.sentinel.settings import SentinelSettings

CRASH_AFTER_ELECTION: Final = 1
CRASH_AFTER_PROMOTION: Final = 2

_HOST_BYTES: Final = frozenset(range(0x21, 0x7F)) - frozenset(b"\"'\\,")
"""What addresses and ids of others may consist of; nothing else could stand in sentinel.conf or a hello."""


class BadInstanceError(Exception):
    """An instance cannot be added: the message is the reference's."""


class SentinelState:
    """Everything that one sentinel knows. See the modules beside for what acts on it."""

    def __init__(
        self,
        settings: SentinelSettings,
        random: Random,
        resolve: Callable[[str, bool], str | None],
        is_executable: Callable[[bytes], bool],
        local_time: Callable[[int], str],
        now_ms: int,
    ) -> None:
        self.settings = settings
        self.random = random
        self.is_executable = is_executable
        self.local_time = local_time
        self.now_ms = now_ms  # set once on every entry into the core, read everywhere in it
        self.periods = Periods()
        self.out = Ready()
        self._resolve = resolve

        self.my_id = b""
        self.current_epoch = 0
        self.masters: dict[bytes, Master] = {}
        self.announce_ip: bytes | None = None
        self.announce_port = 0
        self.deny_scripts_reconfig = True
        self.sentinel_user: bytes | None = None
        self.sentinel_pass: bytes | None = None
        self.resolve_hostnames = False
        self.announce_hostnames = False

        self.is_tilted = False
        self.tilt_start_ms = 0
        self.previous_tick_ms = now_ms
        self.simulated_failures = 0
        self.scripts = Scripts()

        # The connections that the shell knows of, by id.
        self.connections: dict[int, tuple[Link, Connection]] = {}
        self._last_link_id = 0

    # What is to be done

    def do(self, step: Step) -> None:
        """Have the shell do this, after what it is to do already."""
        self.out.steps.append(step)

    def log(self, level: LogLevel, text: str) -> None:
        """Have a line logged."""
        self.out.steps.append(Log(level, text))

    def save(self) -> None:
        """Have sentinel.conf written before anything leaves."""
        self.out.rewrite = True

    def next_link_id(self) -> int:
        """An id that no link has had."""
        self._last_link_id += 1
        return self._last_link_id

    # Addresses

    def resolve(self, host: bytes) -> bytes | None:
        """The numeric address of `host`, or None; names only count with `resolve-hostnames`."""
        if not is_safe(host):
            return None
        ip = self._resolve(host.decode(), self.resolve_hostnames)
        return ip.encode() if ip is not None else None

    def address(self, host: bytes, port: int, *, unresolved: bool = False) -> Address:
        """The address of `host`; with `unresolved`, a host name that has none at the moment will do.

        Raises BadInstanceError. Source: createSentinelAddr.
        """
        if not 0 <= port <= 65535:
            raise BadInstanceError("Invalid port number.")
        ip = self.resolve(host)
        if ip is None:
            self.log("warning", f"Failed to resolve hostname '{host.decode('utf-8', 'replace')}'")
            if not (self.resolve_hostnames and unresolved and is_safe(host)):
                raise BadInstanceError("Can't resolve instance hostname.")
            ip = b""
        return Address(host, ip, port)

    def is_at_host(self, address: Address, host: bytes) -> bool:
        """Whether `host` means the host of `address`. Source: sentinelAddrEqualsHostname."""
        ip = self.resolve(host)
        if ip is None:
            own = address.hostname if self.resolve_hostnames else address.ip
            return own.lower() == host.lower()
        return address.ip.lower() == ip.lower()

    def announced(self, address: Address) -> bytes:
        """The host as others are told of it."""
        return address.hostname if self.announce_hostnames else address.ip

    def announced_with_port(self, address: Address) -> bytes:
        """Host and port as one word, by which replicas are named."""
        host = self.announced(address)
        return b"[%b]:%d" % (host, address.port) if b":" in host else b"%b:%d" % (host, address.port)


def is_same_address(one: Address, other: Address) -> bool:
    """Whether both mean the same place, by number or by name. Source: sentinelAddrOrHostnameEqual."""
    return one.port == other.port and (one.ip == other.ip or one.hostname.lower() == other.hostname.lower())


def is_safe(word: bytes) -> bool:
    """Whether what another instance sent may be kept as an address or id.

    The reference takes anything, and with it lines of sentinel.conf that it cannot read any more.
    """
    return 0 < len(word) <= 255 and _HOST_BYTES.issuperset(word)
