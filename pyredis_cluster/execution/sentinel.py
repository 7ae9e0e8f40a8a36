"""What commands ask of a sentinel; `pyredis_cluster.server.sentinel` provides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.protocol.reply import Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState


class Sentinel(Protocol):
    """This server as a sentinel. Names, patterns and options are as the client sent them.

    What changes the sentinel is in sentinel.conf before the method returns; where that cannot be, it raises
    CommandError although the change is in effect.
    """

    @property
    def my_id(self) -> bytes:
        """Id of this sentinel."""

    def hello_received(self, payload: bytes) -> None:
        """Another sentinel greets this one. Nonsense is ignored."""

    def masters(self) -> Reply:
        """All masters, each with its fields."""

    def master(self, name: bytes) -> Reply:
        """The fields of a master. Raises CommandError where there is none of that name, as the others do."""

    def replicas(self, name: bytes) -> Reply:
        """The replicas of a master. Raises CommandError."""

    def sentinels(self, name: bytes) -> Reply:
        """The other sentinels of a master. Raises CommandError."""

    def master_address(self, name: bytes) -> Reply:
        """Host and port of a master, or a null array."""

    def is_master_down(self, ip: bytes, port: bytes, epoch: bytes, run_id: bytes) -> Reply:
        """Whether a master is down, and for whom this sentinel votes. Raises CommandError."""

    def check_quorum(self, name: bytes) -> Reply:
        """Whether a failover could be agreed on. Raises CommandError."""

    def flush_config(self) -> Reply:
        """Write sentinel.conf. Raises CommandError."""

    def fail_over(self, name: bytes) -> Reply:
        """Begin a failover that nobody has to agree to. Raises CommandError."""

    def reset(self, pattern: bytes) -> Reply:
        """Forget replicas and sentinels of the masters that match; how many do."""

    def monitor(self, name: bytes, host: bytes, port: bytes, quorum: bytes) -> Reply:
        """Begin to watch a master. Raises CommandError."""

    def remove(self, name: bytes) -> Reply:
        """Watch a master no more. Raises CommandError."""

    def set(self, name: bytes, options: Sequence[bytes]) -> Reply:
        """Change options of a master. Raises CommandError; those before the bad one are changed then."""

    def config_get(self, patterns: Sequence[bytes]) -> Reply:
        """Options of the sentinel by name."""

    def config_set(self, options: Sequence[bytes]) -> Reply:
        """Change options of the sentinel. Raises CommandError, having changed nothing."""

    def debug(self, options: Sequence[bytes]) -> Reply:
        """The periods, or change some of them. Raises CommandError."""

    def pending_scripts(self) -> Reply:
        """Scripts that run, or are to run."""

    def info_cache(self, names: Sequence[bytes]) -> Reply:
        """What the instances of these masters, or of all, last said to INFO."""

    def simulate_failure(self, options: Sequence[bytes]) -> Reply:
        """Crash at a certain point of a failover. Raises CommandError."""

    def info_fields(self) -> Sequence[tuple[bytes, bytes]]:
        """The fields of INFO sentinel."""

    def role(self) -> Reply:
        """The reply of ROLE."""


def sentinel_of(server: ServerState) -> Sentinel:
    """The sentinel that a server is: commands that ask for it are in a sentinel's table only."""
    assert server.sentinel is not None
    return server.sentinel
