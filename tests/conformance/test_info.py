"""INFO has the sections and fields of the real server, in its order."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Laboratory
from tests.conformance.runner import Target
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, Program

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

# Filled in hash table order.
UNORDERED_SECTIONS = {"Commandstats", "Latencystats", "Errorstats"}
SELECTIONS = [
    "",
    "all",
    "everything",
    "default",
    "commandstats",
    "errorstats",
    "latencystats",
    "keyspace",
    "modules",
]
SELECTIONS += [
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cpu",
    "cluster",
    "server cpu",
]


def _sections(target: Target, selection: str) -> dict[str, list[str]]:
    """The field names of each section after a short session that every statistic has seen."""
    target.clear()
    target.control("CONFIG", "RESETSTAT")
    for line in ("SET a 1", "SET b 1 EX 1000", "GET a", "NOSUCHCOMMAND", "LPUSH a x"):
        target.control(*line.split())
    reply = target.control("INFO", *selection.split())
    assert isinstance(reply.value, bytes)
    sections: dict[str, list[str]] = {}
    fields: list[str] = []
    for line in reply.value.decode().split("\r\n"):
        if line.startswith("# "):
            fields = sections[line[2:]] = []
        elif line:
            fields.append(line.partition(":")[0])
    return {name: sorted(found) if name in UNORDERED_SECTIONS else found for name, found in sections.items()}


@pytest.mark.parametrize("cluster", [False, True], ids=["standalone", "cluster"])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_sections_and_fields(
    selection: str, cluster: bool, laboratory: Laboratory, oracles: list[Program], ours: Program
) -> None:
    """As Redis 7.2; without it, at least what 7.0 and Valkey 8.1 share and at most what either has."""
    actual = _sections(laboratory(ours, cluster), selection)
    real = {program.name: _sections(laboratory(program, cluster), selection) for program in oracles}
    if REDIS_7_2 in real:
        assert actual == real[REDIS_7_2]
        return
    if len(real) < 2:
        pytest.skip("one real server alone cannot tell")
    old, new = real[REDIS_7_0], real[VALKEY_8_1]
    assert set(old) & set(new) <= set(actual) <= set(old) | set(new)
    for section, fields in actual.items():
        shared = set(old.get(section, ())) & set(new.get(section, ()))
        assert shared <= set(fields) <= set(old.get(section, ())) | set(new.get(section, ())), section
