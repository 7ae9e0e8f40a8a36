"""Mutated files are refused or read, and nothing else: no other exception, no hang, no memory without bound.

`PYREDIS_TEST_MUTATIONS=10000` runs as many, in place of a few hundred.
"""

from __future__ import annotations

import os
import random
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from pyredis_cluster.keyspace.digest import keyspace_digest
from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.reader import RdbReader
from pyredis_cluster.persistence.rdb.values import load_value
from tests.support.mutants import damage
from tests.support.rdb import Loaded, file
from tests.support.rdb import entry as file_entry
from tests.support.rdb_forms import FORMS
from tests.unit.persistence.rdb.test_field_times import FORMS as TIMED_FORMS

COUNT = int(os.environ.get("PYREDIS_TEST_MUTATIONS", "400"))
TIME_LIMIT_S = 2.0
MEMORY_LIMIT_BYTES = 8_000_000
"""Far more than any sample takes, LZF making 88 bytes of one at most."""


class LaxSink(Loaded):
    """One that has nothing against a key that comes twice, or a database there is not."""

    def select(self, db: int) -> None:
        self.index = db % 16

    def entry(
        self, key: bytes, value: Value, expire_ms: int | None, idle_s: int | None, frequency: int | None
    ) -> None:
        assert value.encoding()
        assert value.memory_bytes() > 0
        value.copy()
        self.keyspace.databases[self.index].put(key, value)


def bounded(work: Iterator[None]) -> str:
    """Run it to its end; `ok` or the message of what is wrong. Asserts the limits."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    started = time.perf_counter()
    outcome = "ok"
    try:
        for _ in work:
            assert time.perf_counter() - started < TIME_LIMIT_S
    except RdbError as error:
        outcome = error.message
    assert time.perf_counter() - started < TIME_LIMIT_S
    assert tracemalloc.get_traced_memory()[1] - before < MEMORY_LIMIT_BYTES
    return outcome


def reading(data: bytes | memoryview, window_bytes: int) -> Iterator[None]:
    sink = LaxSink()
    reader = RdbReader(data, sink, EncodingLimits(), check_crc=False, window_bytes=window_bytes)
    while not reader.advance(1 << 16):
        yield
    keyspace_digest(sink.keyspace)


def loading(kind: int, value: bytes, version: int) -> Iterator[None]:
    found, end = load_value(kind, value, 0, EncodingLimits(), version=version)
    assert 0 <= end <= len(value)
    yield
    found.copy()
    assert found.memory_bytes() > 0


@pytest.fixture(autouse=True)
def tracing() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.slow
def test_files() -> None:
    rng = random.Random(1)
    samples = [
        file(
            b"\xfa\x03ctr\xc0\x05\xfe\x01\xfb\x02\x00\xfc" + bytes(8),
            *(
                file_entry(form.kind, name.encode(), form.value)
                for name, form in list(FORMS.items())[part::6]
            ),
        )
        for part in range(6)
    ]
    outcomes = set()
    for _ in range(COUNT):
        data = damage(rng, rng.choice(samples))
        direct = bounded(reading(data, 1 << 20))
        by_windows = bounded(reading(memoryview(data), rng.choice((64, 4096))))
        assert direct == by_windows
        outcomes.add(direct)
    assert len(outcomes) > 10
    assert "ok" in outcomes


@pytest.mark.slow
def test_values() -> None:
    rng = random.Random(2)
    samples = [(form.kind, form.value, 11) for form in FORMS.values()]
    samples += [(kind, value, version) for kind, version, value in TIMED_FORMS.values()]
    outcomes = set()
    for _ in range(COUNT):
        kind, value, version = rng.choice(samples)
        if rng.random() < 0.1:
            kind = rng.randrange(27)
        outcomes.add(bounded(loading(kind, damage(rng, value), version)))
    assert len(outcomes) > 10
    assert "ok" in outcomes
