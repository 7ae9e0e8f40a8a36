from __future__ import annotations

import struct

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import HASHTABLE, LISTPACK, Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.string import PlainText, String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb.encode import encode_value
from pyredis_cluster.persistence.rdb.encode_strings import encode_length, encode_string, encode_strings

LIMITS = EncodingLimits()


def encoded(value: Value, *, compress: bool = False) -> bytes:
    kind, pieces = encode_value(value, compress)
    return bytes((kind,)) + b"".join(pieces)


@pytest.mark.parametrize(
    ("number", "wire"),
    [
        (0, b"\x00"),
        (63, b"\x3f"),
        (64, b"\x40\x40"),
        (511, b"\x41\xff"),
        (512, b"\x42\x00"),
        (16383, b"\x7f\xff"),
        (16384, b"\x80\x00\x00\x40\x00"),
        (2**32 - 1, b"\x80\xff\xff\xff\xff"),
        (2**32, b"\x81\x00\x00\x00\x01\x00\x00\x00\x00"),
        (2**64 - 1, b"\x81" + b"\xff" * 8),
    ],
)
def test_lengths(number: int, wire: bytes) -> None:
    assert encode_length(number) == wire


@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (b"", b"\x00"),
        (b"a", b"\x01a"),
        (b"0", b"\xc0\x00"),
        (b"-1", b"\xc0\xff"),
        (b"127", b"\xc0\x7f"),
        (b"-128", b"\xc0\x80"),
        (b"128", b"\xc1\x80\x00"),
        (b"-32768", b"\xc1\x00\x80"),
        (b"32768", b"\xc2\x00\x80\x00\x00"),
        (b"2147483647", b"\xc2\xff\xff\xff\x7f"),
        (b"-2147483648", b"\xc2\x00\x00\x00\x80"),
        (b"2147483648", b"\x0a2147483648"),
        (b"99999999999", b"\x0b99999999999"),
        (b"007", b"\x03007"),
        (b"-0", b"\x02-0"),
        (b"+1", b"\x02+1"),
        (b" 1", b"\x02 1"),
        (b"1.5", b"\x031.5"),
        (b"x" * 64, b"\x40\x40" + b"x" * 64),
    ],
)
def test_strings(data: bytes, wire: bytes) -> None:
    assert encode_string(data, False) == wire
    assert encode_strings([data, data], False) == [wire, wire]
    assert encoded(String(data)) == b"\x00" + wire
    assert encoded(String(bytearray(data))) == b"\x00" + wire
    assert encoded(String(PlainText(data))) == b"\x00" + wire


def test_strings_beyond_20_bytes_are_compressed_where_wanted() -> None:
    assert encode_string(b"x" * 100, True) == b"\xc3\x05\x40\x64" + b"\x00x\xe0\x5a\x00"
    assert encode_string(b"x" * 20, True) == b"\x14" + b"x" * 20
    assert encode_string(bytes(range(100)), True) == b"\x40\x64" + bytes(range(100))


def test_list_is_its_elements_from_the_head() -> None:
    assert encoded(List.build([b"a", b"12", b""], -2)) == b"\x01\x03\x01a\xc0\x0c\x00"


def test_hash_is_its_fields_in_order() -> None:
    assert encoded(Hash.of([(b"f", b"v"), (b"a", b"1")], LIMITS)) == b"\x04\x02\x01f\x01v\x01a\xc0\x01"


@pytest.mark.parametrize("kind", [LISTPACK, HASHTABLE])
def test_set_is_its_members(kind: object) -> None:
    made = Set(LISTPACK if kind is LISTPACK else HASHTABLE)
    for member in (b"b", b"7"):
        made.add(member, LIMITS)
    assert encoded(made) == b"\x02\x02\x01b\xc0\x07"


@pytest.mark.parametrize(
    ("members", "width", "code"),
    [
        ([b"-32768", b"1", b"32767"], 2, "h"),
        ([b"1", b"32768"], 4, "i"),
        ([b"-32769"], 4, "i"),
        ([b"2147483648"], 8, "q"),
        ([b"-9223372036854775808", b"9223372036854775807"], 8, "q"),
    ],
)
def test_intset_is_as_wide_as_its_widest_and_ordered(members: list[bytes], width: int, code: str) -> None:
    made = Set()
    for member in reversed(members):
        made.add(member, LIMITS)
    blob = struct.pack(f"<II{len(members)}{code}", width, len(members), *map(int, members))
    assert encoded(made) == b"\x0b" + bytes((len(blob),)) + blob


def test_sorted_set_begins_with_the_highest_score() -> None:
    made = SortedSet.of({b"a": 1.5, b"b": float("inf"), b"c": -0.0}, LIMITS, is_listpack=False)
    pack = struct.Struct("<d").pack
    assert encoded(made) == b"\x05\x03\x01b" + pack(float("inf")) + b"\x01a" + pack(1.5) + b"\x01c" + pack(
        -0.0
    )


def test_large_containers_come_in_pieces() -> None:
    names = [b"%d" % number for number in range(5000)]
    values: list[Value] = [
        List.build(names, -2),
        Set.of(names, LIMITS),
        Hash.of(((name, name) for name in names), LIMITS),
        SortedSet.of(dict.fromkeys(names, 1.0), LIMITS),
    ]
    for value in values:
        _, pieces = encode_value(value, True)
        sizes = list(map(len, pieces))
        assert len(sizes) >= 10
        assert max(sizes) < 10_000


def test_a_value_of_no_known_type_is_refused() -> None:
    class Strange(Value):
        type_name = b"strange"

    with pytest.raises(TypeError, match="strange"):
        encode_value(Strange(), True)
