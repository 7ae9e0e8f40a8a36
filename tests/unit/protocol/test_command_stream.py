"""Requests as replicas and the AOF get them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.command_stream import encode_request, encode_requests
from pyredis_cluster.protocol.request import RequestParser

_WORDS = st.binary(max_size=40) | st.integers(1000, 1050).map(bytes)
_REQUESTS = st.lists(st.lists(_WORDS, min_size=1, max_size=6), min_size=1, max_size=8)


@given(_REQUESTS)
def test_is_parsed_as_the_same_requests(requests: list[list[bytes]]) -> None:
    assert RequestParser().parse(encode_requests(requests)) == requests


def test_what_is_encoded_stays() -> None:
    assert encode_requests([[b"DEL", b"k"], b"*1\r\n$4\r\nPING\r\n"]) == (
        b"*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n"
    )
    assert encode_request(b"PING") == b"*1\r\n$4\r\nPING\r\n"
