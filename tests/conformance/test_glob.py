"""Random patterns and texts, matched by a real server's KEYS and by ours."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.protocol.glob import compile_glob
from tests.conformance.conftest import Laboratory
from tests.support.servers import Program
from tests.support.wire import parse_all

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

ALPHABET = [b"a", b"b", b"A", b"B", b"*", b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"\xff", b"\x80", b"z"]
ROUNDS = 300
TEXTS_PER_ROUND = 20


def test_keys(laboratory: Laboratory, oracles: list[Program]) -> None:
    """Each round stores some texts as keys and asks for those that a pattern matches."""
    chance = random.Random(7)
    with laboratory(oracles[0], False).server.connect() as client:
        for _ in range(ROUNDS):
            texts = {
                b"".join(chance.choices(ALPHABET, k=chance.randrange(6))) for _ in range(TEXTS_PER_ROUND)
            }
            pattern = b"".join(chance.choices(ALPHABET, k=chance.randrange(10)))
            client.call("FLUSHALL")
            client.call("MSET", *[word for text in texts for word in (text, b"1")])
            theirs = {node.value for node in parse_all(client.call("KEYS", pattern))[0].items}
            matches = compile_glob(pattern)
            # KEYS takes the lone star as "all", before any matching.
            ours = texts if pattern == b"*" else {text for text in texts if matches(text)}
            assert ours == theirs, pattern
        client.call("FLUSHALL")


def _letters(chance: random.Random, limit: int) -> bytes:
    return b"".join(chance.choices(ALPHABET, k=chance.randrange(limit)))
