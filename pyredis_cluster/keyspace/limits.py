"""Thresholds at which small values change to their large encoding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class EncodingLimits:
    """The `*-max-listpack-*` and `*-max-intset-entries` directives of one server.

    Lists: a positive size counts elements, -1 to -5 bound the bytes of a node to 4, 8, 16, 32 or 64 KiB.
    """

    hash_max_listpack_entries: int = 128
    hash_max_listpack_value: int = 64
    list_max_listpack_size: int = -2
    set_max_intset_entries: int = 512
    set_max_listpack_entries: int = 128
    set_max_listpack_value: int = 64
    zset_max_listpack_entries: int = 128
    zset_max_listpack_value: int = 64
