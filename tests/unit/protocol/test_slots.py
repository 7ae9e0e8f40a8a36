"""Keys and their hash slots."""

from __future__ import annotations

from binascii import crc_hqx

import crcmod.predefined
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot

crc16 = crcmod.predefined.mkCrcFun("xmodem")


@given(st.binary())
def test_crc16(data: bytes) -> None:
    assert crc_hqx(data, 0) == crc16(data)


def test_check_value() -> None:
    assert crc_hqx(b"123456789", 0) == 0x31C3


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"key", b"key"), (b"", b""), (b"{user}.a", b"user"), (b"a{user}b{c}", b"user"), (b"{}a", b"{}a"),
        (b"a{}{b}", b"a{}{b}"), (b"{a", b"{a"), (b"a}b{c}", b"c"), (b"{{a}}", b"{a"), (b"}{", b"}{"),
    ],
)  # fmt: skip
def test_hash_tags(key: bytes, hashed: bytes) -> None:
    assert key_slot(key) == crc16(hashed) % SLOT_COUNT
