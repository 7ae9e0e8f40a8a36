"""Values of every form; that real servers agree is in tests/integration/test_rdb_reading.py."""

from __future__ import annotations

import struct
from math import inf

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.stream import Stream
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.errors import EmptyValueError, RdbError
from pyredis_cluster.persistence.rdb.values import load_value, module_name
from tests.support.rdb import intset, length, listpack, module_number, string, strings, ziplist, zipmap
from tests.support.rdb_forms import FORMS, LIMITS, LONG, Form


def loaded(kind: int, value: bytes, limits: EncodingLimits = LIMITS) -> Value:
    """The value, which must be all there is, wherever it stands."""
    found, end = load_value(kind, b"...." + value + b"....", 4, limits)
    assert end == 4 + len(value)
    if isinstance(found, List | Set | SortedSet | Hash | Stream):
        found._check()
    return found


def content(value: Value) -> object:
    if isinstance(value, String):
        return value.data
    if isinstance(value, List):
        return list(value)
    if isinstance(value, Set):
        return list(value.ordered())
    if isinstance(value, Hash):
        return value.fields
    assert isinstance(value, SortedSet)
    return value.scores


def fault(kind: int, value: bytes) -> str:
    with pytest.raises(RdbError) as caught:
        load_value(kind, value, 0, LIMITS)
    return caught.value.message


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_encoding(form: Form) -> None:
    assert loaded(form.kind, form.value).encoding().decode() == form.encoding


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("string", b"hello"),
        ("string empty", b""),
        ("string of 64 bits", b"abc"),
        ("string int8", b"-123"),
        ("string int16", b"-300"),
        ("string int32", b"1073741824"),
        ("string lzf", b"a" * 100),
        ("list", [b"a", b"", b"12"]),
        (
            "list ziplist",
            [
                *(b"a", b"0", b"12", b"13", b"-1", b"300", b"-70000", b"1073741824", b"-4611686018427387904"),
                *(b"b" * 70, b"c" * 17_000),
            ],
        ),
        ("quicklist", [b"a", b"1", b"z" * 300, b"b"]),
        ("quicklist 2", [b"a", b"1", LONG, b"2"]),
        (
            "quicklist 2 of one",
            [
                *(b"a", b"1", b"-1", b"127", b"128", b"-4096", b"4095", b"4096", b"1048576", b"1073741824"),
                *(b"-1152921504606846976", b"d" * 63, b"e" * 4095),
            ],
        ),
        ("set of integers", [b"-2", b"1", b"3"]),
        ("set", [b"3", b"a", b"-2"]),
        ("intset of 16 bits", [b"-5", b"0", b"7"]),
        ("intset of 32 bits", [b"-70000", b"5"]),
        ("intset of 64 bits", [b"-9223372036854775808", b"5"]),
        ("set listpack", [b"b", b"5", LONG]),
        ("zset", {b"a": 1.0, b"b": -0.5, b"c": inf, b"d": -inf, b"7": 20.0}),
        ("zset 2", {b"a": 1.0, b"b": -2.5, b"c": inf, b"1": 2.0**53}),
        ("zset ziplist", {b"a": -inf, b"b": -1.0, b"c": 0.25, b"d": 300.0}),
        ("zset listpack", {b"a": -1.5, LONG: 2.0, b"c": inf}),
        ("hash", {b"f": b"1", b"g": b""}),
        ("hash zipmap", {b"f": b"v", b"g": b"12"}),
        ("hash zipmap long", {b"f": b"v" * 300, b"": b""}),
        ("hash ziplist", {b"f": b"v", b"g": b"5"}),
        ("hash listpack", {b"f": LONG, b"6": b"5"}),
    ],
)
def test_content(name: str, expected: object) -> None:
    form = FORMS[name]
    assert content(loaded(form.kind, form.value)) == expected


def test_nodes_of_a_quicklist_stay_as_they_were() -> None:
    form = FORMS["quicklist 2"]
    value = loaded(form.kind, form.value)
    assert isinstance(value, List)
    assert value.quicklist is not None
    assert [count for count, _ in value.quicklist.nodes] == [2, 1, 1]


def test_limits_are_those_given() -> None:
    limits = EncodingLimits(hash_max_listpack_entries=1, set_max_intset_entries=1, zset_max_listpack_value=0)
    for name, encoding in (
        ("hash listpack", b"hashtable"),
        ("intset of 16 bits", b"hashtable"),
        ("zset 2", b"skiplist"),
        ("zset listpack", b"listpack"),
    ):
        form = FORMS[name]
        assert loaded(form.kind, form.value, limits).encoding() == encoding


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, length(0)) for kind in (1, 2, 3, 4, 5, 14, 18)),
        (opcodes.TYPE_LIST_QUICKLIST, length(1) + string(ziplist())),
        (opcodes.TYPE_LIST_QUICKLIST_2, length(1) + b"\2" + string(listpack())),
        (opcodes.TYPE_LIST_ZIPLIST, string(ziplist())),
        (opcodes.TYPE_HASH_ZIPLIST, string(ziplist())),
        (opcodes.TYPE_ZSET_ZIPLIST, string(ziplist())),
        (opcodes.TYPE_HASH_LISTPACK, string(listpack())),
        (opcodes.TYPE_ZSET_LISTPACK, string(listpack())),
        (opcodes.TYPE_SET_LISTPACK, string(listpack())),
    ],
)
def test_empty_containers_are_told_apart(kind: int, value: bytes) -> None:
    with pytest.raises(EmptyValueError) as caught:
        load_value(kind, value + b"next", 0, LIMITS)
    assert caught.value.offset == len(value)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (opcodes.TYPE_STRING, b"\xc3\x02\x05\x00a", "Invalid LZF compressed string"),
        (opcodes.TYPE_STRING, b"\xc4", "Unknown RDB string encoding type 4"),
        (opcodes.TYPE_STRING, b"\x82", "Unknown length encoding 2 in rdbLoadLen()"),
        (opcodes.TYPE_LIST, b"\xc0\x01", "Unknown length encoding 3 in rdbLoadLen()"),
        (opcodes.TYPE_SET, length(2) + strings(b"a", b"a"), "Duplicate set members detected"),
        (opcodes.TYPE_HASH, length(2) + strings(b"a", b"1", b"a", b"2"), "Duplicate hash fields detected"),
        (
            opcodes.TYPE_ZSET,
            length(2) + 2 * (string(b"a") + b"\x011"),
            "Duplicate zset fields detected",
        ),
        (opcodes.TYPE_ZSET, length(1) + string(b"a") + b"\xfd", "Zset with NAN score detected"),
        (opcodes.TYPE_ZSET, length(1) + string(b"a") + b"\x01x", "Zset with a score that is no number"),
        (
            opcodes.TYPE_ZSET_2,
            length(1) + string(b"a") + struct.pack("<d", float("nan")),
            "Zset with NAN score detected",
        ),
        (opcodes.TYPE_LIST_QUICKLIST, length(1) + string(b"junk"), "Ziplist integrity check failed."),
        (opcodes.TYPE_LIST_QUICKLIST_2, length(1) + b"\2\4junk", "Listpack integrity check failed."),
        (opcodes.TYPE_LIST_QUICKLIST_2, length(1) + b"\3\4junk", "Quicklist integrity check failed."),
        (opcodes.TYPE_LIST_ZIPLIST, string(b"junk"), "List ziplist integrity check failed."),
        (opcodes.TYPE_SET_INTSET, string(intset([2, 1])), "Intset integrity check failed."),
        (opcodes.TYPE_SET_INTSET, string(intset([])), "Intset integrity check failed."),
        (opcodes.TYPE_SET_LISTPACK, string(listpack(b"a", b"a")), "Set listpack integrity check failed."),
        (opcodes.TYPE_HASH_LISTPACK, string(listpack(b"a")), "Hash listpack integrity check failed."),
        (opcodes.TYPE_HASH_LISTPACK, string(listpack(1, 1, 1, 2)), "Hash listpack integrity check failed."),
        (opcodes.TYPE_HASH_ZIPLIST, string(ziplist(b"a")), "Hash ziplist integrity check failed."),
        (opcodes.TYPE_ZSET_LISTPACK, string(listpack(b"a")), "Zset listpack integrity check failed."),
        (opcodes.TYPE_ZSET_LISTPACK, string(listpack(b"a", b"nan")), "Zset listpack integrity check failed."),
        (opcodes.TYPE_ZSET_ZIPLIST, string(ziplist(b"a", b"x")), "Zset ziplist integrity check failed."),
        (opcodes.TYPE_HASH_ZIPMAP, string(zipmap([])), "Zipmap integrity check failed."),
        (
            opcodes.TYPE_HASH_ZIPMAP,
            string(zipmap([(b"f", b"1"), (b"f", b"2")])),
            "Hash zipmap with dup elements, or big length (1)",
        ),
        (opcodes.TYPE_MODULE_PRE_GA, b"", "Pre-release module format not supported"),
        (
            opcodes.TYPE_MODULE_2,
            b"\x81" + module_number(b"ReJSON-RL").to_bytes(8, "big"),
            "The RDB file contains module data I can't load: no matching module type 'ReJSON-RL'",
        ),
        (8, b"", "Unknown RDB encoding type 8"),
        (22, b"", "Unknown RDB encoding type 22"),
        (99, b"", "Unknown RDB encoding type 99"),
    ],
)
def test_faults(kind: int, value: bytes, message: str) -> None:
    assert fault(kind, value) == message


def test_names_of_modules() -> None:
    for name in (b"ReJSON-RL", b"AAAAAAAAA", b"_________"):
        assert module_name(module_number(name) | 3).encode() == name


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_end_too_early_is_a_short_read(form: Form) -> None:
    step = max(len(form.value) // 200, 1)
    for size in range(0, len(form.value), step):
        with pytest.raises(RdbError) as caught:
            load_value(form.kind, form.value[:size], 0, LIMITS)
        assert caught.value.is_short
        assert caught.value.message == "Unexpected EOF reading RDB file"


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 14, 15, 18, 19, 21])
def test_counts_beyond_the_data_allocate_nothing(kind: int) -> None:
    assert fault(kind, b"\x81\x7f" + b"\xff" * 7) == "Unexpected EOF reading RDB file"


def test_lengths_beyond_the_data_allocate_nothing() -> None:
    huge = b"\x81\x7f" + b"\xff" * 7
    assert fault(0, huge + b"abc") == "Unexpected EOF reading RDB file"
    assert fault(0, b"\xc3" + huge + huge + b"abc") == "Unexpected EOF reading RDB file"
    assert fault(0, b"\xc3\x02" + huge + b"\x00a") == "Invalid LZF compressed string"
