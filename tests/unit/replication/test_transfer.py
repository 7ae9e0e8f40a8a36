"""A data set as it comes over the link."""

from __future__ import annotations

import pytest

from pyredis_cluster.replication.transfer import Transfer, TransferError

MARK = b"0123456789abcdefghijklmnopqrstuvwxyzABCD"
DATA = b"REDIS0011" + bytes(range(256)) * 3 + MARK[:39] + b"!" + MARK[:20]


def fed(transfer: Transfer, data: bytes, size: int) -> bytes:
    """What comes out when `data` goes in by pieces of `size`, until the end of the data set."""
    out = b""
    for place in range(0, len(data), size):
        assert not transfer.is_complete
        out += transfer.feed(data[place : place + size])
    return out


@pytest.mark.parametrize("size", [1, 3, 39, 40, 41, 100, 10_000])
def test_data_of_known_length(size: int) -> None:
    transfer = Transfer()
    assert fed(transfer, b"\n\n$%d\r\n" % len(DATA) + DATA, size) == DATA
    assert transfer.is_complete
    assert (transfer.size, transfer.read_bytes, transfer.has_mark) == (len(DATA), len(DATA), False)
    assert transfer.rest == b""


@pytest.mark.parametrize("size", [1, 3, 39, 40, 41, 100, 10_000])
def test_data_that_ends_with_a_mark(size: int) -> None:
    transfer = Transfer()
    assert fed(transfer, b"\n$EOF:%b\r\n" % MARK + DATA + MARK, size) == DATA
    assert transfer.is_complete
    assert (transfer.size, transfer.read_bytes, transfer.has_mark) == (0, len(DATA) + 40, True)


def test_every_place_to_cut_the_mark() -> None:
    for place in range(1, 41):
        transfer = Transfer()
        assert transfer.feed(b"$EOF:%b\r\n" % MARK) == b""
        stream = DATA + MARK
        cut = len(DATA) + place
        assert transfer.feed(stream[:cut]) + transfer.feed(stream[cut:] or b"\n") == DATA
        assert transfer.is_complete


@pytest.mark.parametrize("head", [b"$%d\r\n" % len(DATA), b"$EOF:%b\r\n" % MARK])
def test_what_follows_is_the_stream(head: bytes) -> None:
    transfer = Transfer()
    end = MARK if b"EOF" in head else b""
    assert transfer.feed(head + DATA + end + b"*1\r\n$4\r\nPING\r\n") == DATA
    assert transfer.rest == b"*1\r\n$4\r\nPING\r\n"
    assert transfer.read_bytes == len(DATA) + len(end)


def test_no_data_at_all() -> None:
    transfer = Transfer()
    assert transfer.feed(b"$0\r\n") == b""
    assert transfer.is_complete


def test_only_line_ends_have_come() -> None:
    transfer = Transfer()
    assert transfer.feed(b"\n\n\n") == b""
    assert transfer.size is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"-ERR no luck\r\n", "MASTER aborted replication with an error: ERR no luck"),
        (
            b"hello\r\n",
            "Bad protocol from MASTER, the first byte is not '$' (we received 'hello'), are you sure the "
            "host and port are right?",
        ),
        (b"$abc\r\n", "Bad protocol from MASTER, the first byte is not '$' (we received '$abc')"),
        (b"$EOF:short\r\n", "Bad protocol from MASTER, the first byte is not '$' (we received '$EOF:short')"),
        (b"x" * 5000, "Bad protocol from MASTER"),
    ],
)
def test_a_primary_that_sends_no_data(data: bytes, message: str) -> None:
    with pytest.raises(TransferError) as caught:
        fed(Transfer(), data, 1000)
    assert str(caught.value).startswith(message)
