from __future__ import annotations

import pytest

from pyredis_cluster.admin.address import Address, address_of, parse_address
from pyredis_cluster.admin.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7000", Address("127.0.0.1", 7000, 17000)),
        ("127.0.0.1:7000@17000", Address("127.0.0.1", 7000, 17000)),
        ("10.0.0.1:7000@7100", Address("10.0.0.1", 7000, 7100)),
        ("10.0.0.1:7000@17000,host.example", Address("10.0.0.1", 7000, 17000)),
        ("10.0.0.1:7000@17000,,shard-id=0123", Address("10.0.0.1", 7000, 17000)),
        ("::1:7000@17000", Address("::1", 7000, 17000)),
        (":0@0", Address("", 0, 0)),
        ("localhost", None),
        ("localhost:", None),
        ("localhost:x", None),
        ("", None),
    ],
)
def test_parse_address(text: str, address: Address | None) -> None:
    assert parse_address(text) == address


def test_an_address_is_one_word_or_two() -> None:
    assert address_of(["localhost:7000"]) == address_of(["localhost", "7000"])


@pytest.mark.parametrize(
    "words", [["localhost"], ["localhost", "x"], [":7000"], ["localhost:0"], ["a:1", "b:2"], ["a", "1", "2"]]
)
def test_anything_else_is_no_address(words: list[str]) -> None:
    with pytest.raises(
        UsageError, match=r"^\[ERR\] Invalid arguments: you need to pass either a valid address"
    ):
        address_of(words)


def test_the_bus_port_is_told_only_where_it_is_unusual() -> None:
    assert Address("h", 7000, 17000).has_usual_bus_port
    assert Address("h", 7000, 0).has_usual_bus_port
    assert not Address("h", 7000, 7100).has_usual_bus_port
