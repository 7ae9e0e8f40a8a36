"""What a node remembers of attempts to replace a primary: by election, and because someone asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.cluster.node import ClusterNode


@dataclass(slots=True)
class Candidacy:
    """One election: votes are asked for at `start_ms` (0: there never was an attempt), under `epoch`.

    `rank` is the number of replicas of the same primary that have more of its data. `voters` are the ids of
    the primaries that have voted. `refusal` is why it does not go on, as was logged at `refusal_logged_ms`.
    """

    start_ms: int = 0
    rank: int = 0
    epoch: int = 0
    is_asked: bool = False
    voters: set[str] = field(default_factory=set)
    refusal: str = ""
    refusal_logged_ms: int = 0


@dataclass(slots=True)
class ManualFailover:
    """A failover that was asked for; given up after `end_ms`.

    On the primary, `replica` is who is to replace it, and writes are paused. On that replica,
    `primary_offset` is where the primary's stream stands still, None until it has told, and `can_start` says
    that all of it is here, or that nobody cares.
    """

    end_ms: int
    replica: ClusterNode | None = None
    primary_offset: int | None = None
    can_start: bool = False
