"""A value in every form that RDB files know, old ones too, with the encoding that Redis 7.2 gives it.

The values are small, but some are just beyond a limit of the default configuration.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.persistence.rdb import opcodes
from tests.support.rdb import entry, file, intset, length, listpack, string, strings, ziplist, zipmap


class Form(NamedTuple):
    """The type byte, what follows the key, and what OBJECT ENCODING has to say."""

    kind: int
    value: bytes
    encoding: str


LONG = b"x" * 65
"""Too long for packed encodings."""
COMPRESSED = b"\xc3\x09\x40\x64\x01aa\xe0\x57\x01\x01aa"
"""LZF: 100 times `a`."""


def _floats(*scores: float) -> list[bytes]:
    return [struct.pack("<d", score) for score in scores]


def _stream_id(ms: int, seq: int) -> bytes:
    return struct.pack(">QQ", ms, seq)


def _flat(*parts: int) -> bytes:
    return b"".join(map(length, parts))


ENTRIES: tuple[bytes | int, ...] = (
    *(3, 1, 2, b"f", b"g", 0),
    *(2, 0, 0, b"v", 7, 5),
    *(0, 5, 1, 1, b"other", b"w", 6),
    *(3, 6, 0, b"gone", b"gone", 5),
    *(2, 9, -1, b"", -5000, 5),
)
"""A listpack of a stream: entries 100-5, 105-6 with a field of its own, 106-5 deleted, 109-4."""
NODES = length(1) + string(_stream_id(100, 5)) + string(listpack(*ENTRIES))


def stream(form: int, *, groups: bytes = length(0)) -> bytes:
    """Three entries in form 1, 2 or 3; 120-0 was added and deleted too."""
    later = _flat(100, 5, 120, 0, 5) if form > 1 else b""
    return NODES + length(3) + _flat(120, 0) + later + groups


def group(form: int, name: bytes, last: tuple[int, int], entries_read: int) -> bytes:
    """A group with two consumers, one of which has not acknowledged 100-5 and 105-6."""
    times = struct.pack("<q", 1_700_000_000_000)
    ids = [_stream_id(100, 5), _stream_id(105, 6)]
    pending = b"".join(each + times + length(3) for each in ids)
    active = struct.pack("<q", 1_700_000_000_001) if form > 2 else b""
    never = struct.pack("<q", -1) if form > 2 else b""
    read = length(entries_read) if form > 1 else b""
    anna = string(b"anna") + times + active + length(2) + b"".join(ids)
    bert = string(b"bert") + times + never + length(0)
    return string(name) + _flat(*last) + read + length(2) + pending + length(2) + anna + bert


def _groups(form: int) -> bytes:
    return (
        length(2)
        + group(form, b"all", (120, 0), 5)
        + group(form, b"some", (105, 6), (1 << 64) - 1 if form > 1 else 0)
    )


_NUMBERS = range(200)
_WORDS = [b"w%d" % n for n in _NUMBERS]
_PAIRS = [part for n in _NUMBERS for part in (b"w%d" % n, n)]
_MANY_PAIRS = [part for n in range(513) for part in (b"w%d" % n, n)]
LIMITS = EncodingLimits(hash_max_listpack_entries=512)
"""The defaults of the directives."""

FORMS: dict[str, Form] = {
    "string": Form(opcodes.TYPE_STRING, string(b"hello"), "embstr"),
    "string empty": Form(opcodes.TYPE_STRING, string(b""), "embstr"),
    "string of 14 bits": Form(opcodes.TYPE_STRING, string(b"y" * 300), "raw"),
    "string of 32 bits": Form(opcodes.TYPE_STRING, string(b"y" * 20_000), "raw"),
    "string of 64 bits": Form(opcodes.TYPE_STRING, b"\x81" + struct.pack(">Q", 3) + b"abc", "embstr"),
    "string int8": Form(opcodes.TYPE_STRING, b"\xc0\x85", "int"),
    "string int16": Form(opcodes.TYPE_STRING, b"\xc1" + struct.pack("<h", -300), "int"),
    "string int32": Form(opcodes.TYPE_STRING, b"\xc2" + struct.pack("<i", 1 << 30), "int"),
    "string lzf": Form(opcodes.TYPE_STRING, COMPRESSED, "raw"),
    "list": Form(opcodes.TYPE_LIST, length(3) + strings(b"a", b"", b"12"), "listpack"),
    "list long": Form(opcodes.TYPE_LIST, length(200) + strings(*[LONG] * 200), "quicklist"),
    "list ziplist": Form(
        opcodes.TYPE_LIST_ZIPLIST,
        string(ziplist(b"a", 0, 12, 13, -1, 300, -70_000, 1 << 30, -(1 << 62), b"b" * 70, b"c" * 17_000)),
        "quicklist",
    ),
    "list ziplist short": Form(opcodes.TYPE_LIST_ZIPLIST, string(ziplist(b"a", b"b")), "quicklist"),
    "quicklist": Form(
        opcodes.TYPE_LIST_QUICKLIST,
        length(3) + strings(ziplist(b"a", 1), ziplist(), ziplist(b"z" * 300, b"b")),
        "quicklist",
    ),
    "quicklist of one": Form(opcodes.TYPE_LIST_QUICKLIST, length(1) + string(ziplist(b"a", 1)), "listpack"),
    "quicklist 2": Form(
        opcodes.TYPE_LIST_QUICKLIST_2,
        length(3) + b"\2" + string(listpack(b"a", 1)) + b"\1" + string(LONG) + b"\2" + string(listpack(2)),
        "quicklist",
    ),
    "quicklist 2 of one": Form(
        opcodes.TYPE_LIST_QUICKLIST_2,
        length(1)
        + b"\2"
        + string(
            listpack(
                b"a", 1, -1, 127, 128, -4096, 4095, 4096, 1 << 20, 1 << 30, -(1 << 60), b"d" * 63, b"e" * 4095
            )
        ),
        "listpack",
    ),
    "quicklist 2 plain": Form(
        opcodes.TYPE_LIST_QUICKLIST_2, length(1) + b"\1" + string(b"p" * 9000), "quicklist"
    ),
    "set of integers": Form(opcodes.TYPE_SET, length(3) + strings(b"3", b"1", b"-2"), "intset"),
    "set": Form(opcodes.TYPE_SET, length(3) + strings(b"3", b"a", b"-2"), "listpack"),
    "set long": Form(opcodes.TYPE_SET, length(2) + strings(b"3", LONG), "hashtable"),
    "set large": Form(opcodes.TYPE_SET, length(200) + strings(*_WORDS), "hashtable"),
    "set of many integers": Form(
        opcodes.TYPE_SET, length(513) + strings(*(b"%d" % n for n in range(513))), "hashtable"
    ),
    "set of integers, then not": Form(
        opcodes.TYPE_SET, length(150) + strings(*(b"%d" % n for n in range(149)), b"x"), "hashtable"
    ),
    "intset of 16 bits": Form(opcodes.TYPE_SET_INTSET, string(intset([-5, 0, 7], 2)), "intset"),
    "intset of 32 bits": Form(opcodes.TYPE_SET_INTSET, string(intset([-70_000, 5], 4)), "intset"),
    "intset of 64 bits": Form(opcodes.TYPE_SET_INTSET, string(intset([-(1 << 63), 5], 8)), "intset"),
    "intset large": Form(opcodes.TYPE_SET_INTSET, string(intset(range(600), 2)), "hashtable"),
    "set listpack": Form(opcodes.TYPE_SET_LISTPACK, string(listpack(b"b", 5, LONG)), "listpack"),
    "set listpack large": Form(opcodes.TYPE_SET_LISTPACK, string(listpack(*_WORDS)), "hashtable"),
    "zset": Form(
        opcodes.TYPE_ZSET,
        length(5)
        + b"".join(
            string(name) + score
            for name, score in zip(
                [b"a", b"b", b"c", b"d", b"7"],
                [b"\x011", b"\x03-.5", b"\xfe", b"\xff", b"\x032e1"],
                strict=True,
            )
        ),
        "listpack",
    ),
    "zset 2": Form(
        opcodes.TYPE_ZSET_2,
        length(4)
        + b"".join(
            string(name) + score
            for name, score in zip(
                [b"a", b"b", b"c", b"1"], _floats(1, -2.5, float("inf"), 1 << 53), strict=True
            )
        ),
        "listpack",
    ),
    "zset 2 long": Form(
        opcodes.TYPE_ZSET_2,
        length(2) + string(b"a") + _floats(0)[0] + string(LONG) + _floats(-1)[0],
        "skiplist",
    ),
    "zset ziplist": Form(
        opcodes.TYPE_ZSET_ZIPLIST,
        string(ziplist(b"a", b"-inf", b"b", -1, b"c", b"0.25", b"d", 300)),
        "listpack",
    ),
    "zset ziplist large": Form(opcodes.TYPE_ZSET_ZIPLIST, string(ziplist(*_PAIRS)), "skiplist"),
    "zset listpack": Form(
        opcodes.TYPE_ZSET_LISTPACK, string(listpack(b"a", b"-1.5", LONG, 2, b"c", b"inf")), "listpack"
    ),
    "zset listpack large": Form(opcodes.TYPE_ZSET_LISTPACK, string(listpack(*_PAIRS)), "skiplist"),
    "hash": Form(opcodes.TYPE_HASH, length(2) + strings(b"f", b"1", b"g", b""), "listpack"),
    "hash long": Form(opcodes.TYPE_HASH, length(2) + strings(b"f", b"1", b"g", LONG), "hashtable"),
    "hash zipmap": Form(
        opcodes.TYPE_HASH_ZIPMAP, string(zipmap([(b"f", b"v"), (b"g", b"12")], unused=3)), "listpack"
    ),
    "hash zipmap long": Form(
        opcodes.TYPE_HASH_ZIPMAP, string(zipmap([(b"f", b"v" * 300), (b"", b"")])), "hashtable"
    ),
    "hash ziplist": Form(opcodes.TYPE_HASH_ZIPLIST, string(ziplist(b"f", b"v", b"g", 5)), "listpack"),
    "hash ziplist large": Form(opcodes.TYPE_HASH_ZIPLIST, string(ziplist(*_MANY_PAIRS)), "hashtable"),
    "hash listpack": Form(opcodes.TYPE_HASH_LISTPACK, string(listpack(b"f", LONG, 6, 5)), "listpack"),
    "hash listpack large": Form(opcodes.TYPE_HASH_LISTPACK, string(listpack(*_MANY_PAIRS)), "hashtable"),
    "stream": Form(opcodes.TYPE_STREAM_LISTPACKS, stream(1, groups=_groups(1)), "stream"),
    "stream 2": Form(opcodes.TYPE_STREAM_LISTPACKS_2, stream(2, groups=_groups(2)), "stream"),
    "stream 3": Form(opcodes.TYPE_STREAM_LISTPACKS_3, stream(3, groups=_groups(3)), "stream"),
    "stream empty": Form(opcodes.TYPE_STREAM_LISTPACKS_3, _flat(0, 0, 7, 0, 0, 0, 7, 0, 1, 0), "stream"),
}

NEWER_THAN_7_0 = {opcodes.TYPE_SET_LISTPACK, opcodes.TYPE_STREAM_LISTPACKS_3}


def all_forms(*, without: frozenset[int] | set[int] = frozenset(), version: int = 11) -> bytes:
    """A file with every form, but those of the types `without`; the keys are their names."""
    entries = [
        entry(form.kind, name.encode(), form.value)
        for name, form in FORMS.items()
        if form.kind not in without
    ]
    return file(*entries, version=version)
