"""COMMAND INFO and DOCS of a sentinel say what those of a real one say; it has the same commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.command_table import INFO_FIELDS, Value, command_docs, command_infos
from tests.conformance.test_command_info import DOCS_FIELDS
from tests.support.ports import free_ports, release_port
from tests.support.sentinels import SentinelProcess
from tests.support.servers import REDIS_7_0, REDIS_7_2, Program, find_real_servers, our_program
from tests.support.wire import Arg, Node, parse

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

Table = dict[str, dict[str, Value]]

# Redis 7.0 had these already, but said something else of them.
CHANGED_IN_7_2 = {"sentinel|config", "sentinel|debug", "sentinel|slaves"}
# Redis does not tell the words of these tokens.
WITHOUT_WORDS = {"sentinel|simulate-failure"}
# Like a server of ours it has one user, and tracks no keys.
NOT_HERE = {"acl", "client|tracking", "client|trackinginfo", "client|getredir", "client|caching"}


class Asked:
    """A sentinel that can be asked."""

    def __init__(self, process: SentinelProcess) -> None:
        self._process = process

    def control(self, *argv: Arg) -> Node:
        """The reply to one command."""
        return parse(self._process.call(*argv))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Table, Table]]:
    """COMMAND INFO and COMMAND DOCS of a sentinel of ours and of a real one, by command."""
    real = find_real_servers()
    oracle = real.get(REDIS_7_2) or real.get(REDIS_7_0)
    if oracle is None:
        pytest.skip("no real sentinel on this machine")
    return {name: _tables(one, tmp_path_factory.mktemp(name)) for name, one in _both(oracle)}


def _both(oracle: Program) -> list[tuple[str, Program]]:
    return [("ours", our_program()), (oracle.name, oracle)]


def _tables(program: Program, directory: Path) -> tuple[Table, Table]:
    [port] = free_ports(1)
    process = SentinelProcess(program, port, directory / "home", f"port {port}\n")
    try:
        process.start(watch=False)
        asked = Asked(process)
        return {name: info.fields for name, info in command_infos(asked).items()}, command_docs(asked)
    finally:
        process.stop()
        release_port(port)


def _differences(field: str, ours: Table, real: Table, *, is_7_2: bool) -> list[str]:
    excused = WITHOUT_WORDS if field == "arguments" else set()
    return [
        f"{name}: real {real[name][field]}, ours {entry[field]}"
        for name, entry in sorted(ours.items())
        if name in real
        and name not in excused
        and entry[field] != real[name][field]
        # The others are compared where servers are.
        and (is_7_2 or (name.startswith("sentinel") and name not in CHANGED_IN_7_2))
    ]


def test_it_has_the_same_commands(tables: dict[str, tuple[Table, Table]]) -> None:
    (ours, _), (real, _) = tables.values()
    expected = {name for name in real if not {name, name.partition("|")[0]} & NOT_HERE}
    new = set() if REDIS_7_2 in tables else {"client|setinfo"}
    assert set(ours) - new == expected


@pytest.mark.parametrize("field", INFO_FIELDS)
def test_command_info(field: str, tables: dict[str, tuple[Table, Table]]) -> None:
    (ours, _), (real, _) = tables.values()
    assert _differences(field, ours, real, is_7_2=REDIS_7_2 in tables) == []


@pytest.mark.parametrize("field", DOCS_FIELDS)
def test_command_docs(field: str, tables: dict[str, tuple[Table, Table]]) -> None:
    (_, ours), (_, real) = tables.values()
    assert _differences(field, ours, real, is_7_2=REDIS_7_2 in tables) == []
