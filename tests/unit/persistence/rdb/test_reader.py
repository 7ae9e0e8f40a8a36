"""Files as a whole: parts, versions, checksums, slices."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.reader import RdbReader
from tests.support.rdb import Loaded, entry, file, length, listpack, load, module_number, string, strings
from tests.support.rdb_forms import FORMS, all_forms

SELECTDB = b"\xfe"
RESIZEDB = b"\xfb"
AUX = b"\xfa"
FUNCTION2 = b"\xf5"


def fault(data: bytes) -> RdbError:
    with pytest.raises(RdbError) as caught:
        load(data)
    return caught.value


def expire_ms(when_ms: int) -> bytes:
    return b"\xfc" + struct.pack("<q", when_ms)


def test_parts_in_their_order() -> None:
    heard: list[object] = []

    class Sink(Loaded):
        def select(self, db: int) -> None:
            heard.append(("select", db))

        def resize(self, keys: int, expires: int) -> None:
            heard.append(("resize", keys, expires))

        def entry(self, key: bytes, *rest: object) -> None:
            heard.append((key, *rest[1:]))

        def aux(self, name: bytes, value: bytes) -> None:
            heard.append((name, value))

        def function(self, code: bytes) -> None:
            heard.append(code)

    data = file(
        AUX + strings(b"redis-ver", b"7.2.4"),
        AUX + string(b"redis-bits") + b"\xc0\x40",
        FUNCTION2 + string(b"#!lua name=x"),
        SELECTDB + length(3) + RESIZEDB + length(300) + length(2),
        b"\xf4" + length(5) + length(1) + length(0),
        expire_ms(1234) + entry(0, b"one", string(b"1")),
        b"\xf8" + length(70) + entry(0, b"two", string(b"2")),
        b"\xf9\x07" + entry(4, b"three", length(1) + strings(b"f", b"v")),
        b"\xfd" + struct.pack("<i", -5) + entry(0, b"four", b"\xc0\x04"),
        expire_ms(-1) + entry(0, b"five", string(b"5")),
        expire_ms(77) + b"\xf9\x05" + entry(0, b"six", string(b"6")),
        SELECTDB + length(15),
        AUX + strings(b"last", b""),
    )
    assert RdbReader(data, Sink(), EncodingLimits()).advance(1 << 20)
    assert heard == [
        (b"redis-ver", b"7.2.4"),
        (b"redis-bits", b"64"),
        b"#!lua name=x",
        ("select", 3),
        ("resize", 300, 2),
        (b"one", 1234, None, None),
        (b"two", None, 70, None),
        (b"three", None, None, 7),
        (b"four", -5000, None, None),
        (b"five", None, None, None),
        (b"six", 77, None, 5),
        ("select", 15),
        (b"last", b""),
    ]


@pytest.mark.parametrize("window_bytes", [1, 7, 100, 1 << 20])
def test_data_that_is_not_bytes_is_read_by_windows(window_bytes: int) -> None:
    whole = load(all_forms())
    assert len(whole.keyspace.databases[0].values) == len(FORMS)
    again = load(memoryview(all_forms()), window_bytes=window_bytes)
    assert again.key_digests() == whole.key_digests()


@pytest.mark.parametrize("window_bytes", [1, 100])
def test_attributes_of_keys_survive_the_edges_of_windows(window_bytes: int) -> None:
    keys = [b"key:%d" % n for n in range(40)]
    parts = [expire_ms(n) + b"\xf9" + bytes([n]) + entry(0, key, string(key)) for n, key in enumerate(keys)]
    loaded = load(memoryview(file(*parts)), window_bytes=window_bytes)
    assert loaded.expires() == {key: n for n, key in enumerate(keys)}
    assert loaded.frequency == {key: n for n, key in enumerate(keys)}


def test_slices_are_about_as_large_as_wanted() -> None:
    data = file(*(entry(0, b"key:%03d" % n, string(b"x" * 20)) for n in range(500)))
    sink = Loaded()
    reader = RdbReader(data, sink, EncodingLimits())
    positions = []
    while not reader.advance(100):
        positions.append(reader.position)
    assert positions[0] < 160
    assert all(later - earlier < 160 for earlier, later in pairwise(positions))
    assert len(sink.keyspace.databases[0].values) == 500
    assert reader.advance(100)


def test_position_is_where_an_aof_goes_on() -> None:
    data = file(entry(0, b"k", string(b"v")))
    for tail in (b"", b"*1\r\n$4\r\nPING\r\n"):
        reader = RdbReader(data + tail, Loaded(), EncodingLimits())
        assert reader.advance(1000)
        assert (data + tail)[reader.position :] == tail


@pytest.mark.parametrize("version", [*range(1, 13), 80])
def test_versions(version: int) -> None:
    data = file(entry(0, b"k", string(b"v")), version=version)
    reader = RdbReader(data, Loaded(), EncodingLimits())
    assert reader.advance(1000)
    assert (reader.version, reader.position) == (version, len(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"REDIS0000", "Can't handle RDB format version 0"),
        (b"REDIS0013", "Can't handle RDB format version 13"),
        (b"REDIS0080", "Can't handle RDB format version 80"),
        (b"VALKEY011", "Can't handle RDB format version 11"),
        (b"VALKEY081", "Can't handle RDB format version 81"),
        (b"REDIS00x1", "Can't handle RDB format version 0"),
        (b"RODIS0011", "Wrong signature trying to load DB from file"),
        (b"REDIS001", "Unexpected EOF reading RDB file"),
        (b"", "Unexpected EOF reading RDB file"),
    ],
)
def test_headers_that_are_refused(data: bytes, message: str) -> None:
    assert fault(data).message == message


def test_checksum() -> None:
    good = file(entry(0, b"k", string(b"v")))
    bad = good.replace(b"v", b"w")
    assert fault(bad).message == "RDB CRC error"
    assert fault(bad).line == (
        f"Wrong RDB checksum expected: ({crc64(bad[:-8]):x}) but got ({crc64(good[:-8]):x}). Aborting now."
    )
    assert RdbReader(bad, Loaded(), EncodingLimits(), check_crc=False).advance(1000)


def test_a_file_saved_without_a_checksum() -> None:
    reader = RdbReader(file(entry(0, b"k", string(b"v")), checksum=0), Loaded(), EncodingLimits())
    assert reader.advance(1000)
    assert reader.checksum_disabled


def test_large_files_take_several_turns_for_their_checksum() -> None:
    data = file(entry(0, b"k", string(bytes(20_000_000))))
    reader = RdbReader(data, Loaded(), EncodingLimits())
    turns = 1
    while not reader.advance(1 << 30):
        turns += 1
    assert turns == 5


def test_every_end_too_early_is_a_short_read() -> None:
    data = file(
        SELECTDB + length(1), expire_ms(5) + entry(0, b"key", string(b"value")), AUX + strings(b"a", b"b")
    )
    for size in range(len(data)):
        failure = fault(data[:size])
        assert failure.is_short
        assert failure.message == "Unexpected EOF reading RDB file"
        assert failure.line == "Short read or OOM loading DB. Unrecoverable error, aborting now."


def test_keys_of_empty_containers_are_passed_over() -> None:
    data = file(
        expire_ms(9) + entry(16, b"empty", string(listpack())),
        entry(1, b"none", length(0)),
        entry(0, b"k", string(b"v")),
    )
    sink = Loaded()
    reader = RdbReader(data, sink, EncodingLimits())
    assert reader.advance(1000)
    assert reader.empty_keys == [b"empty", b"none"]
    assert list(sink.keyspace.databases[0].values) == [b"k"]
    assert sink.expires() == {}


MODULE = b"\x81" + module_number(b"ReJSON-RL").to_bytes(8, "big")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b"\xf6", "Pre-release function format not supported."),
        (b"\xf3", "Slot imports that were under way cannot be continued"),
        (b"\xf2\x00", "Unknown RDB encoding type 242"),
        (
            b"\xf7" + MODULE + b"\x02\x01\x00",
            "The RDB file contains AUX module data I can't load: no matching module 'ReJSON-RL'",
        ),
        (b"\xf7" + MODULE + b"\x01\x01\x00", "bad when_opcode"),
        (
            entry(7, b"key", MODULE),
            "The RDB file contains module data I can't load: no matching module type 'ReJSON-RL'",
        ),
        (entry(0, b"key", b"\x82"), "Unknown length encoding 2 in rdbLoadLen()"),
    ],
)
def test_parts_that_are_refused(part: bytes, message: str) -> None:
    assert fault(file(part)).message == message
    with pytest.raises(RdbError) as caught:
        load(memoryview(file(part)), window_bytes=1)
    assert (caught.value.message, caught.value.offset) == (message, fault(file(part)).offset)


def test_a_failed_reader_stays_failed() -> None:
    reader = RdbReader(b"nonsense!", Loaded(), EncodingLimits())
    for _ in range(3):
        with pytest.raises(RdbError):
            reader.advance(100)


def test_what_the_sink_raises_is_not_taken_for_the_end_of_the_data() -> None:
    class Sink(Loaded):
        def entry(self, *arguments: object) -> None:
            raise IndexError("a fault of the sink")

    reader = RdbReader(file(entry(0, b"k", string(b"v"))), Sink(), EncodingLimits())
    with pytest.raises(IndexError, match="a fault of the sink"):
        reader.advance(100)
    with pytest.raises(IndexError, match="a fault of the sink"):
        reader.advance(100)
