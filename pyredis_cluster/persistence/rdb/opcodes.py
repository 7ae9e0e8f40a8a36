"""Numbers of the RDB format: what a file is made of, by the first byte of each part.

    9 bytes     magic and version: `REDIS0011`, or `VALKEY080`
    parts       an opcode with its operands, or a type byte with key and value
    0xff        EOF; from version 5 on followed by the CRC64 of all before, little endian (0: not computed)

Sources: rdb.h of Redis 7.2 and of Valkey 9; the numbers of Redis 7.4 as the documentation of librdb has them.
"""

from __future__ import annotations

from typing import Final

RDB_VERSION: Final = 11
"""What Redis 7.2 writes, and so do we."""
NEWEST_REDIS_VERSION: Final = 12
"""Redis 7.4: read, never written."""
VALKEY_VERSION: Final = 80
"""Valkey 9: read always, written only where a hash has fields that expire."""

MAGIC_REDIS: Final = b"REDIS"
MAGIC_VALKEY: Final = b"VALKEY"
HEADER_BYTES: Final = 9
CHECKSUM_BYTES: Final = 8
FIRST_VERSION_WITH_CHECKSUM: Final = 5
CHECKSUM_POLYNOMIAL: Final = 0x1AD93D23594C935A9
"""CRC64 "Jones": reflected, starts at 0, no final exclusive or."""

TYPE_STRING: Final = 0
TYPE_LIST: Final = 1
TYPE_SET: Final = 2
TYPE_ZSET: Final = 3
TYPE_HASH: Final = 4
TYPE_ZSET_2: Final = 5
"""Scores as doubles of 8 bytes, where TYPE_ZSET has text."""
TYPE_MODULE_PRE_GA: Final = 6
TYPE_MODULE_2: Final = 7
TYPE_HASH_ZIPMAP: Final = 9
TYPE_LIST_ZIPLIST: Final = 10
TYPE_SET_INTSET: Final = 11
TYPE_ZSET_ZIPLIST: Final = 12
TYPE_HASH_ZIPLIST: Final = 13
TYPE_LIST_QUICKLIST: Final = 14
TYPE_STREAM_LISTPACKS: Final = 15
TYPE_HASH_LISTPACK: Final = 16
TYPE_ZSET_LISTPACK: Final = 17
TYPE_LIST_QUICKLIST_2: Final = 18
TYPE_STREAM_LISTPACKS_2: Final = 19
TYPE_SET_LISTPACK: Final = 20
TYPE_STREAM_LISTPACKS_3: Final = 21

TYPE_HASH_2: Final = 22
"""Valkey 9: fields with the time each expires at. The number means something else under Redis's magic."""
TYPE_HASH_METADATA_PRE_GA: Final = 22
TYPE_HASH_LISTPACK_EX_PRE_GA: Final = 23
TYPE_HASH_METADATA: Final = 24
TYPE_HASH_LISTPACK_EX: Final = 25
"""Redis 7.4: fields that expire, in a table and in a listpack, and both as release candidates had them."""

OPCODE_SLOT_IMPORT: Final = 243
"""Valkey 9: a slot whose import was under way."""
OPCODE_SLOT_INFO: Final = 244
"""How many keys of a slot follow; a hint."""
OPCODE_FUNCTION2: Final = 245
OPCODE_FUNCTION_PRE_GA: Final = 246
OPCODE_MODULE_AUX: Final = 247
OPCODE_IDLE: Final = 248
OPCODE_FREQ: Final = 249
OPCODE_AUX: Final = 250
OPCODE_RESIZEDB: Final = 251
OPCODE_EXPIRETIME_MS: Final = 252
OPCODE_EXPIRETIME: Final = 253
OPCODE_SELECTDB: Final = 254
OPCODE_EOF: Final = 255

LENGTH_6_BITS: Final = 0x00
LENGTH_14_BITS: Final = 0x40
"""First byte of a length: the upper two bits say the form, the lower six belong to the number."""
LENGTH_32_BITS: Final = 0x80
LENGTH_64_BITS: Final = 0x81
"""Whole first bytes: the number follows, big endian."""

ENCODED_INT8: Final = 0xC0
ENCODED_INT16: Final = 0xC1
ENCODED_INT32: Final = 0xC2
ENCODED_LZF: Final = 0xC3
"""First bytes of strings that have no length: integers, little endian, and compressed data."""

MODULE_EOF: Final = 0
MODULE_SINT: Final = 1
MODULE_UINT: Final = 2
MODULE_FLOAT: Final = 3
MODULE_DOUBLE: Final = 4
MODULE_STRING: Final = 5
"""What a module's data is made of."""

MODULE_AUX_BEFORE_RDB: Final = 1
MODULE_AUX_AFTER_RDB: Final = 2

QUICKLIST_NODE_PLAIN: Final = 1
QUICKLIST_NODE_PACKED: Final = 2
"""Containers of a node of TYPE_LIST_QUICKLIST_2: one large element as it is, or a listpack."""
