"""How often a key is used, in 24 bits: the access field of values under an LFU policy.

    bits 8-23   minutes of unix time, modulo 2**16, when the counter was last looked at
    bits 0-7    a counter that grows with the logarithm of the uses and falls with time

Source: "LFU eviction" of the Redis documentation on key eviction; `evict.c`.
"""

from __future__ import annotations

from pyredis_cluster.ports import Random

_INITIAL_COUNT = 5
"""A new key starts with it, so that it is not evicted before it had a chance to be used."""
_MAX_COUNT = 255
_MINUTES_MASK = 0xFFFF


def initial_frequency(now_s: int) -> int:
    """The field of a value that is made now."""
    return (now_s // 60 & _MINUTES_MASK) << 8 | _INITIAL_COUNT


class Frequency:
    """Reading and advancing the field, by `lfu-log-factor` and `lfu-decay-time` (minutes; 0: never)."""

    def __init__(self, random: Random, log_factor: int = 10, decay_time_min: int = 1) -> None:
        self._random = random
        self.log_factor = log_factor
        self.decay_time_min = decay_time_min

    def count(self, field: int, now_s: int) -> int:
        """The counter as it is by now, from 0 to 255."""
        count = field & _MAX_COUNT
        if not self.decay_time_min:
            return count
        elapsed_min = ((now_s // 60) - (field >> 8)) & _MINUTES_MASK
        return max(count - elapsed_min // self.decay_time_min, 0)

    def used(self, field: int, now_s: int) -> int:
        """The field after one more use. The higher the counter, the more rarely a use raises it."""
        count = self.count(field, now_s)
        if count < _MAX_COUNT:
            above = max(count - _INITIAL_COUNT, 0)
            if self._random.random() * (above * self.log_factor + 1) < 1:
                count += 1
        return (now_s // 60 & _MINUTES_MASK) << 8 | count
