"""Hashes whose fields expire."""

from __future__ import annotations

import struct

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.errors import EmptyValueError, RdbError
from pyredis_cluster.persistence.rdb.values import load_value
from tests.support.rdb import length, listpack, string, strings

LIMITS = EncodingLimits()
SOON_MS = 2_000_000_000_000
LATE_MS = SOON_MS + 70_000


def time(when_ms: int) -> bytes:
    return struct.pack("<q", when_ms)


FORMS = {
    "valkey": (
        opcodes.TYPE_HASH_2,
        80,
        length(3)
        + (strings(b"a", b"10") + time(SOON_MS))
        + (strings(b"b", b"20") + time(-1))
        + (strings(b"c", b"30") + time(LATE_MS)),
    ),
    "metadata": (
        opcodes.TYPE_HASH_METADATA,
        12,
        time(SOON_MS)
        + length(3)
        + (length(1) + strings(b"a", b"10"))
        + (length(0) + strings(b"b", b"20"))
        + (length(70_001) + strings(b"c", b"30")),
    ),
    "listpack": (
        opcodes.TYPE_HASH_LISTPACK_EX,
        12,
        time(SOON_MS) + string(listpack(b"a", 10, SOON_MS, b"c", 30, LATE_MS, b"b", 20, 0)),
    ),
}
forms = pytest.mark.parametrize(("kind", "version", "value"), FORMS.values(), ids=FORMS)


def read(kind: int, version: int, value: bytes, now_ms: int = 0) -> Hash:
    found, end = load_value(kind, value, 0, LIMITS, version=version, now_ms=now_ms)
    assert end == len(value)
    assert isinstance(found, Hash)
    found._check()
    return found


@forms
def test_times_stay_with_the_hash(kind: int, version: int, value: bytes) -> None:
    found = read(kind, version, value)
    assert found.fields == {b"a": b"10", b"b": b"20", b"c": b"30"}
    assert found.field_times() == {b"a": SOON_MS, b"c": LATE_MS}
    assert found.encoding() == b"hashtable"
    assert found.copy().field_times() == found.field_times()


@forms
def test_expired_fields_are_dropped(kind: int, version: int, value: bytes) -> None:
    found = read(kind, version, value, now_ms=SOON_MS)
    assert found.fields == {b"b": b"20", b"c": b"30"}
    assert found.field_times() == {b"c": LATE_MS}
    assert read(kind, version, value, now_ms=LATE_MS).encoding() == b"listpack"


def test_a_hash_of_expired_fields_is_empty() -> None:
    value = length(1) + strings(b"a", b"1") + time(SOON_MS)
    with pytest.raises(EmptyValueError) as caught:
        load_value(opcodes.TYPE_HASH_2, value, 0, LIMITS, version=80, now_ms=SOON_MS)
    assert caught.value.offset == len(value)


def test_setting_a_field_makes_its_time_forgotten() -> None:
    found = read(*FORMS["valkey"])
    found.set(b"a", bytes(bytearray(b"10")), LIMITS)
    found.delete(b"c")
    found.set(b"c", bytes(bytearray(b"30")), LIMITS)
    assert found.field_times() == {}


def test_hashes_of_this_server_have_no_times() -> None:
    assert Hash.of([(b"a", b"1")], LIMITS).field_times() == {}


@pytest.mark.parametrize(
    ("kind", "version"), [(22, 11), (22, 9), (23, 80), (24, 11), (24, 80), (25, 80), (26, 12)]
)
def test_the_version_decides_what_a_number_means(kind: int, version: int) -> None:
    with pytest.raises(RdbError, match=f"Unknown RDB encoding type {kind} "):
        load_value(kind, b"", 0, LIMITS, version=version)


@pytest.mark.parametrize("kind", [22, 23])
def test_forms_of_release_candidates_are_refused(kind: int) -> None:
    with pytest.raises(RdbError, match="Pre-release format of hashes with fields that expire not supported"):
        load_value(kind, b"", 0, LIMITS, version=12)


@forms
def test_every_end_too_early_is_a_short_read(kind: int, version: int, value: bytes) -> None:
    for size in range(len(value)):
        with pytest.raises(RdbError) as caught:
            load_value(kind, value[:size], 0, LIMITS, version=version)
        assert caught.value.is_short


@pytest.mark.parametrize(
    ("kind", "version", "value", "message"),
    [
        (22, 80, length(2) + 2 * (strings(b"a", b"1") + time(-1)), "Duplicate hash fields detected"),
        (22, 80, b"\x81\x7f" + b"\xff" * 7, "Unexpected EOF reading RDB file"),
        (25, 12, time(0) + string(b"junk"), "Hash listpack integrity check failed."),
        (25, 12, time(0) + string(listpack(b"a", b"1", b"x")), "Hash listpack integrity check failed."),
        (25, 12, time(0) + string(listpack(b"a", b"1")), "Hash listpack integrity check failed."),
    ],
)
def test_faults(kind: int, version: int, value: bytes, message: str) -> None:
    with pytest.raises(RdbError) as caught:
        load_value(kind, value, 0, LIMITS, version=version)
    assert caught.value.message == message
