"""Commands of an AOF file, read in slices."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.persistence.aof.stream import AofFormatError, CommandReader, Request
from pyredis_cluster.protocol.command_stream import encode_request, encode_requests

_SET = encode_request(b"SET", b"k", b"v" * 20)
_MULTI = encode_request(b"MULTI")
_EXEC = encode_request(b"exec")


def _read_all(reader: CommandReader, budget_bytes: int = 1) -> list[Request]:
    found = []
    while requests := reader.read(budget_bytes):
        found += requests
    return found


@pytest.mark.parametrize("wrap", [bytes, memoryview])
@pytest.mark.parametrize("budget_bytes", [1, 100_000])
def test_reads_commands_of_any_size(wrap: type, budget_bytes: int) -> None:
    rng = random.Random(5)
    requests = [[b"SET", b"%d" % n, rng.randbytes(rng.choice((0, 1, 30, 5000)))] for n in range(200)]
    requests.append([b"SET", b"large", bytes(1 << 20)])
    data = encode_requests(requests)
    reader = CommandReader(wrap(data))
    assert _read_all(reader, budget_bytes) == requests
    assert not reader.is_cut
    assert reader.valid_up_to == len(data)


def test_begins_behind_a_preamble() -> None:
    reader = CommandReader(b"preamble" + _SET, 8)
    assert len(_read_all(reader)) == 1
    cut = CommandReader(b"preamble" + _SET[:-1], 8)
    assert _read_all(cut) == []
    assert (cut.is_cut, cut.valid_up_to) == (True, 8)


def test_comments_are_skipped() -> None:
    reader = CommandReader(b"#TS:1700000000\r\n" + _SET + b"#\n#TS:1\r\n" + _SET + b"#TS:2\r\n")
    assert len(_read_all(reader)) == 2
    assert not reader.is_cut


def test_a_file_that_ends_anywhere_is_valid_up_to_the_last_whole_unit() -> None:
    data = b"#TS:1\r\n" + _SET + _MULTI + _SET + _SET + _EXEC + _SET
    units = [7 + len(_SET), len(data) - len(_SET), len(data)]
    for size in range(len(data) + 1):
        reader = CommandReader(data[:size])
        _read_all(reader)
        assert reader.is_cut == (size not in (0, 7, *units)), size
        assert reader.valid_up_to == max((unit for unit in units if unit <= size), default=0), size


def test_a_transaction_that_began_in_an_earlier_slice_is_cut_as_a_whole() -> None:
    many = _SET * 1000
    reader = CommandReader(many + _MULTI + many)
    assert len(_read_all(reader)) == 2001
    assert reader.in_transaction
    assert reader.is_cut
    assert reader.valid_up_to == len(many)


def test_numbers_are_read_as_c_reads_them() -> None:
    assert _read_all(CommandReader(b"*2 of\r\n$+3x\nGET__$1\r\nk__")) == [[b"GET", b"k"]]


@pytest.mark.parametrize(
    "broken",
    [
        b"SET k v\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*x\r\n",
        b"*1\r\n*3\r\nSET\r\n",
        b"*1\r\n$-1\r\nSET\r\n",
        b"*1\r\n$999999999999999999999999\r\nSET\r\n",
        b"#" + b"x" * 2000 + b"\r\n",
    ],
)
def test_nonsense_is_told_from_an_end(broken: bytes) -> None:
    reader = CommandReader(_SET + broken + _SET)
    with pytest.raises(AofFormatError) as caught:
        _read_all(reader)
    assert caught.value.offset >= len(_SET)


def test_mutated_files_are_read_or_refused() -> None:
    rng = random.Random(11)
    data = b"#TS:1\r\n" + (_SET + _MULTI + _SET + _EXEC) * 5
    for _ in range(500):
        mutated = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            mutated[rng.randrange(len(mutated))] = rng.choice(
                b"*$#\r\n0123456789aM" + bytes((rng.randrange(256),))
            )
        reader = CommandReader(bytes(mutated))
        try:
            _read_all(reader)
        except AofFormatError:
            continue
        assert reader.valid_up_to <= len(data)
