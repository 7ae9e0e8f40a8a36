from __future__ import annotations

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.stream import Stream
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.dump import dump_payload, restore_payload
from pyredis_cluster.protocol.errors import CommandError

LIMITS = EncodingLimits()


def payload(body: bytes, version: int) -> bytes:
    data = body + version.to_bytes(2, "little")
    return data + crc64(data).to_bytes(8, "little")


def error(data: bytes) -> bytes:
    with pytest.raises(CommandError) as caught:
        restore_payload(data, LIMITS)
    return caught.value.message


def test_layout() -> None:
    assert dump_payload(String(b"v")) == payload(b"\0\x01v", 9)
    # What Redis 7.0 answers to DUMP of the string 10.
    assert payload(b"\0\xc0\x0a", 10) == b"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb"


def test_version_is_the_least_that_has_the_type() -> None:
    stream = Stream()
    stream.entries_added = 1
    timed = Hash.of([(b"field", b"value"), (b"plain", b"value")], LIMITS)
    timed.set_field_times({b"field": 4_000_000_000_000})
    for value, version in ((String(b"v"), 9), (Stream(), 9), (stream, 10), (timed, 80)):
        assert dump_payload(value)[-10:-8] == version.to_bytes(2, "little")
    back = restore_payload(dump_payload(timed), LIMITS)
    assert isinstance(back, Hash)
    assert back.field_times() == {b"field": 4_000_000_000_000}
    assert back.fields == timed.fields


def test_compression_is_a_choice() -> None:
    value = String(b"x" * 1000)
    assert len(dump_payload(value)) < 50
    assert len(dump_payload(value, compress=False)) > 1000
    for compress in (True, False):
        back = restore_payload(dump_payload(value, compress=compress), LIMITS)
        assert isinstance(back, String)
        assert back.data == value.data


@pytest.mark.parametrize("version", [1, 6, 9, 10, 11, 12, 80])
def test_versions_that_are_read(version: int) -> None:
    value = restore_payload(payload(b"\0\x01v", version), LIMITS)
    assert isinstance(value, String)
    assert value.data == b"v"


@pytest.mark.parametrize("version", [13, 79, 81, 65535])
def test_versions_that_are_not_known(version: int) -> None:
    assert error(payload(b"\0\x01v", version)) == b"ERR DUMP payload version or checksum are wrong"


@pytest.mark.parametrize("size", range(11))
def test_too_short(size: int) -> None:
    assert error(dump_payload(String(b"v"))[-size:] if size else b"") == (
        b"ERR DUMP payload version or checksum are wrong"
    )


def test_every_flipped_bit_is_noticed() -> None:
    data = dump_payload(String(b"some value"))
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            assert error(bytes(changed)) == b"ERR DUMP payload version or checksum are wrong"


@pytest.mark.parametrize(
    "body", [b"\x08\x01v", b"\xff", b"\0\xff", b"\x02\0", b"\x04\x01\x3fa", b"\x07abc", b""]
)
def test_content_that_is_no_value(body: bytes) -> None:
    assert error(payload(body, 9)) == b"ERR Bad data format"


def test_what_is_left_over_does_not_matter() -> None:
    value = restore_payload(payload(b"\0\x01vrest", 9), LIMITS)
    assert isinstance(value, String)
    assert value.data == b"v"
