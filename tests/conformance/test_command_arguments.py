"""The arguments of COMMAND DOCS, derived from our syntaxes, are in every detail those of a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.command_table import Value, plain, text
from tests.conformance.conftest import Laboratory
from tests.conformance.runner import Target
from tests.support.servers import REDIS_7_2, VALKEY_8_1, Program
from tests.support.wire import Node

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

# Redis 7.0 names and shows arguments in other ways.
ORACLES = (REDIS_7_2, VALKEY_8_1)

CHANGED_IN_VALKEY = {
    *("bgsave", "bitcount", "client|kill", "client|list", "cluster|setslot"),
    *("hscan", "set", "shutdown", "xgroup|create", "zscan"),
}


def _documented(names_and_docs: Node) -> Iterator[tuple[str, Value]]:
    """Every command and subcommand in a reply of COMMAND DOCS (RESP2), and its arguments."""
    items = names_and_docs.items
    for name, docs in zip(items[::2], items[1::2], strict=True):
        fields = {text(key): value for key, value in zip(docs.items[::2], docs.items[1::2], strict=True)}
        yield text(name), plain(fields["arguments"]) if "arguments" in fields else []
        if "subcommands" in fields:
            yield from _documented(fields["subcommands"])


def _arguments(target: Target) -> dict[str, Value]:
    return dict(_documented(target.control("COMMAND", "DOCS")))


def test_arguments(laboratory: Laboratory, oracles: list[Program], ours: Program) -> None:
    """Name, type, token, flags, versions, key specification, nesting and the order of all these agree."""
    found = {program.name: program for program in oracles}
    oracle = next((found[name] for name in ORACLES if name in found), None)
    if oracle is None:
        pytest.skip("neither Redis 7.2 nor Valkey 8.1 on this machine")
    real = _arguments(laboratory(oracle, False))
    changed = CHANGED_IN_VALKEY if oracle.name == VALKEY_8_1 else set()
    table = _arguments(laboratory(ours, False))
    assert len(table) > 200
    differences = {
        name: (shown, real[name])
        for name, shown in table.items()
        if name in real and name not in changed and shown != real[name]
    }
    assert differences == {}
