"""Addresses of nodes, as they are written on the command line and in CLUSTER NODES."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pyredis_cluster.admin.errors import UsageError

BUS_PORT_OFFSET = 10000

_INVALID = (
    "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space "
    "separated IP and port (ie. 120.0.0.1 7000)"
)
_DIGITS = re.compile(r"\d+")


class Address(NamedTuple):
    """Where clients reach a node, and the port that other nodes connect to."""

    host: str
    port: int
    bus_port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def has_usual_bus_port(self) -> bool:
        """Whether the bus port is where CLUSTER MEET looks for it unless told."""
        return self.bus_port in (0, self.port + BUS_PORT_OFFSET)


def parse_address(text: str) -> Address | None:
    """`host:port[@bus-port[,hostname…]]`; None where it is not of that form. An IPv6 host has no brackets."""
    address, _, bus = text.partition("@")
    host, colon, port_text = address.rpartition(":")
    if not colon or not port_text.isdecimal():
        return None
    bus_digits = _DIGITS.match(bus)
    port = int(port_text)
    return Address(host, port, int(bus_digits[0]) if bus_digits else port + BUS_PORT_OFFSET)


def address_of(words: Sequence[str]) -> Address:
    """The address given as `host:port`, or as host and port. Raises UsageError."""
    if len(words) == 1:
        address = parse_address(words[0])
    elif len(words) == 2 and words[1].isdecimal():
        address = parse_address(f"{words[0]}:{words[1]}")
    else:
        address = None
    if address is None or not address.host or not address.port:
        raise UsageError(_INVALID)
    return address
