"""Key → hash slot: CRC16 of the key, or of its hash tag, modulo 16384.

Source: the hash-tag and key-distribution sections of the Redis Cluster specification.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import Any

SLOT_COUNT = 16384
_SLOT_MASK = SLOT_COUNT - 1
# An int: `bytes in bytes` first tries the left side as an index, and is seven times slower.
_OPENING_BRACE = ord("{")


def key_slot(key: bytes) -> int:
    """Return the slot (0–16383) that `key` hashes to.

    Where the key holds a `{`, and a `}` after it with at least one byte between, only those bytes are
    hashed. `binascii.crc_hqx` with initial value 0 is CRC16/XMODEM, the variant Redis uses (0x31C3 for
    `123456789`), computed in C.
    """
    if _OPENING_BRACE in key:
        start = key.index(b"{") + 1
        end = key.find(b"}", start)
        if end > start:
            return crc_hqx(key[start:end], 0) & _SLOT_MASK
    return crc_hqx(key, 0) & _SLOT_MASK


_MOST_KNOWN_KEYS = 32768


class ServedSlots(bytearray):
    """16384 bytes: 1 for each slot that this node serves with no further question.

    `known_keys` remembers keys of such slots, with their slots, which spares their CRC; it forgets them
    whenever a slot changes.
    """

    known_keys: dict[bytes, int]

    def __init__(self, source: bytes = bytes(SLOT_COUNT)) -> None:
        super().__init__(source)
        self.known_keys = {}

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        self.known_keys.clear()

    def remember(self, key: bytes) -> None:
        """`key` is of a served slot."""
        if len(self.known_keys) >= _MOST_KNOWN_KEYS:
            self.known_keys.clear()
        self.known_keys[key] = key_slot(key)

    def serves_all(self, keys: list[bytes]) -> bool:
        """Whether all keys are of one slot, and that slot is served; no keys are anywhere."""
        if not keys:
            return True
        known = self.known_keys
        slot = known.get(keys[0])
        if slot is not None:
            for key in keys:
                if known.get(key) != slot:
                    break
            else:
                return True
        if _OPENING_BRACE in b"".join(keys):
            slots = set(map(key_slot, keys))
        else:
            slots = {crc_hqx(key, 0) & _SLOT_MASK for key in keys}
        slot = slots.pop()
        if slots or not self[slot]:
            return False
        if len(known) + len(keys) <= _MOST_KNOWN_KEYS:
            known.update(dict.fromkeys(keys, slot))
        return True
