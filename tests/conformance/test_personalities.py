"""With `--redis-version` ours answers the transcripts as that version of Redis does.

What differs and stays so is in `personality_differences.txt`. By default some groups are run, in which
versions differ most; with PYREDIS_TEST_PERSONALITIES=all in the environment all are, over RESP2 and RESP3,
standalone and as a cluster node.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

from pyredis_cluster.version import RELEASES
from pyredis_cluster.version import version as redis_version
from tests.conformance.command_table import command_docs, command_infos, text
from tests.conformance.comparison import same_reply
from tests.conformance.runner import Target, run_section
from tests.conformance.transcript import Section, Step, all_groups, load_group
from tests.conformance.verdicts import shorten, show
from tests.support.servers import REDIS_6_2, REDIS_7_0, find_real_servers, our_program
from tests.support.wire import Node

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

EVERYTHING = os.environ.get("PYREDIS_TEST_PERSONALITIES") == "all"
GROUPS = (
    all_groups() if EVERYTHING else ["cluster", "connection", "errors_arity", "expiry", "server", "strings"]
)
MODES = [(2, False), (3, False), (2, True), (3, True)] if EVERYTHING else [(2, False)]
VERSIONS = {"6.2": REDIS_6_2, "7.0": REDIS_7_0}
DIFFERENCES = Path(__file__).parent / "personality_differences.txt"


class Pair(NamedTuple):
    """A real server and ours that has to be like it."""

    real: Target
    ours: Target

    def run(self, section: Section, resp: int) -> Iterator[tuple[Step, bytes, bytes]]:
        """Each step with both replies."""
        with ThreadPoolExecutor(2) as pool:
            replies = list(pool.map(lambda target: run_section(target, section, resp), self))
        yield from zip(section.steps, *replies, strict=True)


class Difference(NamedTuple):
    """A line of `personality_differences.txt`."""

    versions: frozenset[str]
    group: str
    section: str
    pattern: str

    def covers(self, version: str, section: Section) -> bool:
        """Whether it says something of a section."""
        return (
            version in self.versions
            and fnmatchcase(section.group, self.group)
            and fnmatchcase(section.name, self.section)
        )


def differences() -> list[Difference]:
    """Those that are known: `VERSIONS GROUP / SECTION / LINE`, the last two patterns."""
    found = []
    for line in DIFFERENCES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            place, section, pattern = line.split(" / ", 2)
            versions, group = place.split()
            found.append(Difference(frozenset(versions.split(",")), group, section, pattern))
    return found


@pytest.fixture(scope="module")
def pair() -> Iterator[Callable[[str, bool], Pair]]:
    """A function (version, as a cluster node?) → the two servers of that version."""
    pairs: dict[tuple[str, bool], Pair] = {}

    def find(version: str, cluster: bool) -> Pair:
        program = find_real_servers().get(VERSIONS[version])
        release = RELEASES[redis_version(version)]
        if program is None or program.version != release:
            # Earlier ones have errors which that release has not.
            pytest.skip(f"no Redis {release} on this machine")
        if (version, cluster) not in pairs:
            one = Pair(Target(program, cluster=cluster), Target(our_program(version), cluster=cluster))
            pairs[version, cluster] = one
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda target: target.control("PING"), one))
        return pairs[version, cluster]

    yield find
    for one in pairs.values():
        for target in one:
            target.stop()


@pytest.mark.parametrize(("resp", "cluster"), MODES)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("version", VERSIONS)
def test_transcripts(
    version: str, group: str, resp: int, cluster: bool, pair: Callable[[str, bool], Pair]
) -> None:
    """The raw replies agree, but for what is known."""
    servers = pair(version, cluster)
    unknown: list[str] = []
    for section in load_group(group):
        known = [each.pattern for each in differences() if each.covers(version, section)]
        if "**" in known or not section.runs_in(resp=resp, cluster=cluster):
            continue
        for step, real, ours in servers.run(section, resp):
            if not same_reply(real, ours, step.comparison) and not any(
                fnmatchcase(step.text, one) for one in known
            ):
                unknown.append(
                    f"{section.name}, line {step.line}: {shorten(step.text, 200)}\n"
                    f"    real: {show(real)}\n    ours: {show(ours)}"
                )
    if unknown:
        listed = "\n  ".join(unknown)
        pytest.fail(f"{group}.txt, Redis {version}: {len(unknown)} differ\n  {listed}", pytrace=False)


def test_commands_of_7_0(pair: Callable[[str, bool], Pair]) -> None:
    """COMMAND and COMMAND DOCS say the same of every command, and none is of later versions."""
    real, ours = pair("7.0", False)
    theirs = command_infos(real)
    for name, info in command_infos(ours).items():
        assert info.fields == theirs[name].fields, name
    documented = command_docs(real)
    differ = {
        name
        for name, docs in command_docs(ours).items()
        for field in ("history", "arguments")
        if docs[field] != documented[name][field]
    }
    assert differ == WORDED_OTHERWISE


WORDED_OTHERWISE = {
    *("client|kill", "client|list", "command|getkeys", "command|getkeysandflags", "config|get"),
    *("migrate", "psubscribe"),
}
"""Whose arguments 7.2 describes in other terms: what they take is the same."""


def test_commands_of_6_2(pair: Callable[[str, bool], Pair]) -> None:
    """COMMAND says the same of every command, in seven fields."""
    tables = []
    for target in pair("6.2", False):
        nodes = target.control("COMMAND").items
        tables.append({text(node.items[0]): _brief(node) for node in nodes})
        assert text(target.control("COMMAND", "COUNT")) == str(len(nodes))
    real, ours = tables
    assert len(ours) > 150
    # Its keys may be anywhere: here they are known to those who route, and nobody else.
    del ours["memory"]
    for name, described in ours.items():
        assert described == real[name], name


def _brief(node: Node) -> list[object]:
    _, arity, flags, first, last, step, categories = node.items
    return [
        *map(text, (arity, first, last, step)),
        {text(flag) for flag in flags.items},
        {text(category) for category in categories.items},
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_fields_of_info(version: str, pair: Callable[[str, bool], Pair]) -> None:
    """The sections have the same fields in the same order."""
    shown = []
    for target in pair(version, False):
        reply = text(target.control("INFO", "everything"))
        lines = [line.partition(":")[0] for line in reply.splitlines()]
        shown.append([line for line in lines if not line.startswith(VARYING_FIELDS)])
    assert shown[1] == shown[0]


VARYING_FIELDS = ("cmdstat_", "errorstat_", "latency_percentiles_", "db0", "used_cpu_")


@pytest.mark.parametrize("version", VERSIONS)
def test_directives(version: str, pair: Callable[[str, bool], Pair]) -> None:
    """CONFIG GET has the same names and, where they do not depend on the test, the same values."""
    real, ours = (_directives(target) for target in pair(version, False))
    assert {name for name in set(ours) - set(real) if not name.startswith("tls-")} <= NOT_LISTED
    assert set(real) - set(ours) == GONE & set(real)
    for name, value in ours.items():
        if name in real and name not in OF_THE_TEST:
            assert value == real[name], name


def _directives(target: Target) -> dict[str, str]:
    items = [text(item) for item in target.control("CONFIG", "GET", "*").items]
    return dict(zip(items[::2], items[1::2], strict=True))


GONE = {"gopher-enabled", "lua-replicate-commands"}
"""What 6.2 had and no later version has."""
NOT_LISTED = {"replicaof"}
"""What 6.2 shows only by its exact name."""
OF_THE_TEST = {"port", "dir", "bind", "logfile", "pidfile", "maxclients"}
