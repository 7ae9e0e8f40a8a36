"""The checksum of RDB files and DUMP payloads: CRC64 "Jones".

Polynomial 0xad93d23594c935a9 with the bits of each byte reversed, starting at 0, nothing inverted at the end;
of `123456789` it is 0xe9c6d914c4b8d9ca. Source: crc64.c of Redis 7.2.
"""

from __future__ import annotations

from typing import Final, Protocol

import crcmod

from pyredis_cluster.persistence.rdb.opcodes import CHECKSUM_POLYNOMIAL


class _Checksum(Protocol):
    def __call__(self, data: bytes | bytearray | memoryview, crc: int = 0) -> int: ...


crc64: Final[_Checksum] = crcmod.mkCrcFun(CHECKSUM_POLYNOMIAL, initCrc=0, rev=True, xorOut=0)
"""The checksum of `data`, or with `crc`, that of what came before, of both together.

Some 2 ns a byte and 0.2 microseconds a call: call it with large pieces.
"""
