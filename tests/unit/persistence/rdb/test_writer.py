from __future__ import annotations

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.writer import RdbWriter, file_version

AUX = [(b"redis-ver", b"7.2.4"), (b"redis-bits", b"64")]


def writer(*, compress: bool = False, checksum: bool = True, version: int = 9) -> RdbWriter:
    return RdbWriter(compress=compress, checksum=checksum, version=version)


def test_header_has_magic_version_and_fields() -> None:
    assert writer().header(AUX) == b"REDIS0009\xfa\x09redis-ver\x057.2.4\xfa\x0aredis-bits\xc0\x40"
    assert writer(version=11).header([]) == b"REDIS0011"
    assert writer(version=80).header([]) == b"VALKEY080"


def test_select_and_function() -> None:
    assert writer().select(3, 100, 2) == b"\xfe\x03\xfb\x40\x64\x02"
    assert writer().function(b"#!lua") == b"\xf5\x05#!lua"


@pytest.mark.parametrize("key", [b"k", b"12", b"", b"key:000000000000000001", b":"])
@pytest.mark.parametrize("data", [b"v", b"-5", b"", b"12345678901234", b"x" * 30, bytearray(b"12")])
@pytest.mark.parametrize("compress", [False, True])
def test_strings_are_the_same_by_either_way(key: bytes, data: bytes, compress: bool) -> None:
    made = writer(compress=compress)
    for expire_ms in (None, 1_700_000_000_000):
        pieces = made.entry_pieces(key, String(data), expire_ms)
        assert made.entry(key, String(data), expire_ms) == b"".join(pieces)


def test_an_entry_says_when_it_expires_and_how_it_was_used() -> None:
    made = writer()
    assert made.entry(b"k", String(b"v")) == b"\x00\x01k\x01v"
    assert made.entry(b"k", String(b"v"), 1) == b"\xfc\x01\0\0\0\0\0\0\0\x00\x01k\x01v"
    assert made.entry(b"k", String(b"v"), -1) == b"\xfc" + b"\xff" * 8 + b"\x00\x01k\x01v"
    assert made.entry(b"k", String(b"v"), idle_s=100) == b"\xf8\x40\x64\x00\x01k\x01v"
    assert made.entry(b"k", String(b"v"), 2, frequency=255) == b"\xfc\x02\0\0\0\0\0\0\0\xf9\xff\x00\x01k\x01v"
    assert made.entry(b"h", Hash.of([(b"f", b"v")], EncodingLimits())) == b"\x04\x01h\x01\x01f\x01v"


def test_footer_has_the_checksum_of_all_that_went_through() -> None:
    made = writer()
    head, body = made.header(AUX), made.select(0, 1, 0) + made.entry(b"k", String(b"v"))
    assert made.checksummed(head) is head
    made.checksummed(body)
    assert made.footer() == b"\xff" + crc64(head + body + b"\xff").to_bytes(8, "little")


def test_without_checksum_the_footer_says_so() -> None:
    made = writer(checksum=False)
    made.checksummed(made.header(AUX))
    assert made.footer() == b"\xff" + bytes(8)


def test_functions_need_a_newer_reader() -> None:
    assert file_version([String(b"v")]) == 9
    assert file_version([String(b"v")], has_functions=True) == 10
