"""What goes wrong with a cluster and when, all from a seed, so that different servers have it alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random

_EVERY_S = 7.0
"""From one fault to the next, by average: time for a failover and for the way back."""
_SHARE_OF_TWO = 0.15
_SHARE_OF_LONG = 0.7


class Fault(Enum):
    """One thing that happens to a primary."""

    KILL = "killed"
    """kill -9, and started again later."""
    PAUSE = "paused"
    """SIGSTOP, and SIGCONT later."""
    RESTART = "restarted"
    """SIGTERM, and started again once it ended."""
    HAND_OVER = "handed over"
    """CLUSTER FAILOVER, sent to a replica of it."""


_CHOICES = (*[Fault.KILL] * 4, *[Fault.PAUSE] * 3, *[Fault.RESTART] * 2, Fault.HAND_OVER)


@dataclass(frozen=True, slots=True)
class Step:
    """A fault, whom it befalls, and for how long."""

    at_s: float
    """After the start; later where the cluster has not recovered by then."""
    fault: Fault
    victims: tuple[int, ...]
    """Numbers among the primaries of that moment, counted round where there are fewer."""
    hold_s: float
    """How long they are away."""


def schedule(seed: int, seconds: float, node_timeout_ms: int) -> Iterator[Step]:
    """The faults of a run of so many seconds.

    Some are over before anyone could take notice, others last until a replica has taken over. Where two
    primaries of three are away, nobody can be elected before one is back.
    """
    random = Random(seed)
    timeout_s = node_timeout_ms / 1000
    at_s = 1.0
    while at_s < seconds:
        fault = random.choice(_CHOICES)
        first, second = random.sample(range(6), 2)
        victims = (first, second) if random.random() < _SHARE_OF_TWO else (first,)
        if random.random() < _SHARE_OF_LONG:
            hold_s = random.uniform(2.5, 5.0) * timeout_s
        else:
            hold_s = random.uniform(0.05, 0.6) * timeout_s
        yield Step(at_s, fault, victims, hold_s)
        at_s += random.uniform(0.6, 1.4) * _EVERY_S
