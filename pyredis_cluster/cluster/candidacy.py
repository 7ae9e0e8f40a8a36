"""What a replica remembers of its attempt to replace its primary."""

from __future__ import annotations

from dataclasses import dataclass, field


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
