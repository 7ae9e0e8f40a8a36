from __future__ import annotations

from pyredis_cluster.persistence.rdb.crc64 import crc64


def test_check_value_of_the_polynomial() -> None:
    assert crc64(b"123456789") == 0xE9C6D914C4B8D9CA


def test_nothing_has_the_checksum_that_files_without_one_have() -> None:
    assert crc64(b"") == 0


def test_goes_on_where_it_ended() -> None:
    data = bytes(range(256)) * 3
    for cut in (0, 1, 7, 500, len(data)):
        assert crc64(data[cut:], crc64(data[:cut])) == crc64(data)
