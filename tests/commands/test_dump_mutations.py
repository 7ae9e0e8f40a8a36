"""Mutated RESTORE payloads, with checksums that fit: they are refused, or make a value like any other.

`PYREDIS_TEST_MUTATIONS=10000` runs as many, in place of a few hundred.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Iterator

import hiredis
import pytest

from pyredis_cluster.persistence.rdb.crc64 import crc64
from tests.support.inprocess import Harness
from tests.support.mutants import damage
from tests.support.rdb_forms import FORMS
from tests.unit.persistence.rdb.test_field_times import FORMS as TIMED_FORMS
from tests.unit.persistence.rdb.test_mutations import COUNT, MEMORY_LIMIT_BYTES, TIME_LIMIT_S

READ = {
    b"string": "GET k",
    b"list": "LRANGE k 0 -1",
    b"set": "SMEMBERS k",
    b"hash": "HGETALL k",
    b"zset": "ZRANGE k 0 -1 WITHSCORES",
    b"stream": "TYPE k",
}
BODIES = [(bytes((form.kind,)) + form.value, 11) for form in FORMS.values()] + [
    (bytes((kind,)) + value, version) for kind, version, value in TIMED_FORMS.values()
]


def payload(body: bytes, version: int) -> bytes:
    """A payload whose footer is right."""
    data = body + version.to_bytes(2, "little")
    return data + crc64(data).to_bytes(8, "little")


@pytest.fixture
def harness() -> Iterator[Harness]:
    tracemalloc.start()
    yield Harness(enable_debug_command="yes")
    tracemalloc.stop()


def check_value(harness: Harness) -> None:
    """What was restored can be used, and makes the same round again."""
    harness.run(READ[harness.run("TYPE k")])
    harness.run("OBJECT ENCODING k")
    harness.run("MEMORY USAGE k")
    assert harness.run("COPY k copy") == 1
    dumped = harness.run("DUMP k")
    assert harness.run(b"RESTORE", b"again", b"0", dumped) == b"OK"
    digests = harness.run("DEBUG DIGEST-VALUE k again copy")
    assert len(set(digests)) == 1
    assert harness.run("DUMP again") == dumped
    assert harness.run("DEL k again copy") == 3


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_every_form_makes_the_round(harness: Harness, body: tuple[bytes, int]) -> None:
    assert harness.run(b"RESTORE", b"k", b"0", payload(*body)) == b"OK"
    check_value(harness)


@pytest.mark.slow
def test_mutated_payloads(harness: Harness) -> None:
    rng = random.Random(3)
    restored = 0
    for _ in range(COUNT):
        body, version = rng.choice(BODIES)
        data = payload(damage(rng, body), version)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        started = time.perf_counter()
        reply = harness.run(b"RESTORE", b"k", b"0", data)
        assert time.perf_counter() - started < TIME_LIMIT_S
        assert tracemalloc.get_traced_memory()[1] - before < MEMORY_LIMIT_BYTES
        if reply == b"OK":
            restored += 1
            check_value(harness)
        else:
            assert isinstance(reply, hiredis.ReplyError)
            assert str(reply) == "ERR Bad data format"
    assert COUNT // 20 < restored < COUNT
