"""`cluster-announce-to-clients`, which Redis does not have: how clients are told of nodes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pyredis_cluster.config.kinds import BadValue, Kind

ANY = "*"
SAME = "same"

_TOLD = re.compile(r"(?P<host>[^\s\"]+?)(?::(?P<shift>[+-]\d{1,5}))?")


class AnnounceRule(NamedTuple):
    """Clients that came by address `via` of this host, or any (`*`), are told that its nodes are on `host`
    (`same`: on that address), at ports that are `port_shift` higher.
    """

    via: str
    host: str
    port_shift: int

    def __str__(self) -> str:
        shift = f":{self.port_shift:+}" if self.port_shift else ""
        return f"{self.via} {self.host}{shift}"


class AnnounceRules(Kind[tuple[AnnounceRule, ...]]):
    """Pairs of words, `<address | *> <host | same>[:<+ports | -ports>]`; the first that fits counts."""

    multi = True

    def parse(self, words: Sequence[bytes], current: tuple[AnnounceRule, ...]) -> tuple[AnnounceRule, ...]:
        if list(words) == [b""]:
            return ()
        if len(words) % 2:
            raise BadValue("an address by which clients come and what they are told are needed, in turn")
        texts = [word.decode("utf-8", "replace") for word in words]
        return tuple([_rule(via, told) for via, told in zip(texts[::2], texts[1::2], strict=True)])

    def show(self, value: tuple[AnnounceRule, ...]) -> bytes:
        return " ".join(map(str, value)).encode()

    def describe(self) -> str:
        return '<address | *> <host | same>[:<+ports | -ports>] […] | ""'


def _rule(via: str, told: str) -> AnnounceRule:
    # Only those who have such rules wait for its import.
    from ipaddress import ip_address

    if via != ANY:
        try:
            via = str(ip_address(via))
        except ValueError:
            raise BadValue(f"clients come by an IP address, or * for any, not by {via}") from None
    match = _TOLD.fullmatch(told)
    if match is None:
        raise BadValue(f"{told} is no host, with or without :+ports or :-ports")
    return AnnounceRule(via, match["host"], int(match["shift"] or 0))
