"""The table of directives as a whole."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pyredis_cluster
from pyredis_cluster.config.directives import DIRECTIVES

ROOT = Path(pyredis_cluster.__file__).parent

NAMED_BY_PATTERN = {"enable-debug-command", "shutdown-on-sigint", "shutdown-on-sigterm"}
"""Read by names that are put together."""

READ_BUT_POWERLESS = {
    "tls-cluster",
    "tls-port",
}


def names_in_code() -> set[str]:
    """Every string in the package, but for the table itself."""
    found: set[str] = set()
    for path in ROOT.rglob("*.py"):
        if path.parent != ROOT / "config" / "tables":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


@pytest.mark.slow
def test_the_table_says_which_directives_act() -> None:
    read = (names_in_code() | NAMED_BY_PATTERN) - READ_BUT_POWERLESS
    acting = {name for name, directive in DIRECTIVES.items() if directive.acts}
    assert acting - read == set()
    assert (read & set(DIRECTIVES)) - acting == set()
