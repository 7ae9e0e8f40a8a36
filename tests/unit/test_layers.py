"""The layers of docs/architecture.md, held against what the modules import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import pyredis_cluster

pytestmark = pytest.mark.slow

PACKAGE = "pyredis_cluster"
ROOT = Path(pyredis_cluster.__file__).parent

LAYERS = (
    ("cli",),
    ("testing", "admin"),
    ("server",),
    ("sentinel",),
    ("cluster",),
    ("commands",),
    ("scripting",),
    ("execution",),
    ("replication",),
    ("persistence",),
    ("keyspace",),
    ("config",),
    ("protocol",),
    ("ports", "version"),
)
"""From the top: a module imports from its own layer and from those below it."""

RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}

WITH_IO = {"cli", "testing", "admin", "server"}

IMPURE = {
    "asyncio",
    "datetime",
    "fcntl",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "resource",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "syslog",
    "tempfile",
    "threading",
    "time",
    "uuid",
}
"""Modules of the standard library by which time, chance, disk or network would come in."""

POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
"""Modules of the standard library that Windows does not have."""


class Import(NamedTuple):
    """One module imported by another; `is_for_types` where that is so for the type checker only."""

    importer: Path
    line: int
    module: str
    is_for_types: bool

    @property
    def layer(self) -> str:
        """The layer of the importing module."""
        return self.importer.relative_to(ROOT).with_suffix("").parts[0]

    @property
    def imported_layer(self) -> str:
        """The layer of the imported module; empty for one from outside the package."""
        package, _, rest = self.module.partition(".")
        return rest.partition(".")[0] if package == PACKAGE else ""

    def __str__(self) -> str:
        return f"{self.importer.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of(path: Path, tree: ast.Module) -> Iterator[Import]:
    """Every import of a module, those within functions too."""
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (Import(path, node.lineno, name, id(node) in for_types) for name in names)


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """The modules of the package, but for the two at its top that belong to no layer."""
    paths = set(ROOT.rglob("*.py")) - {ROOT / "__init__.py", ROOT / "__main__.py"}
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


@pytest.fixture(scope="module")
def imports(trees: dict[Path, ast.Module]) -> list[Import]:
    """All imports of the package."""
    return [each for path, tree in trees.items() for each in imports_of(path, tree)]


def test_each_module_belongs_to_a_layer(imports: list[Import]) -> None:
    assert {each.layer for each in imports} - set(RANKS) == set()
    assert {each.imported_layer for each in imports} - set(RANKS) == {""}


def test_imports_point_downward_even_those_for_types(imports: list[Import]) -> None:
    own = [each for each in imports if each.imported_layer]
    assert len(own) > 500
    assert [str(each) for each in own if RANKS[each.imported_layer] < RANKS[each.layer]] == []


def test_only_the_shell_and_the_command_line_touch_the_outside_world(imports: list[Import]) -> None:
    pure = [each for each in imports if each.layer not in WITH_IO]
    assert [str(each) for each in pure if each.module.partition(".")[0] in IMPURE] == []


def test_administration_is_a_client_that_uses_no_part_of_a_server(imports: list[Import]) -> None:
    own = {
        each.module.rpartition(".")[0] for each in imports if each.layer == "admin" and each.imported_layer
    }
    others = {module for module in own if not module.startswith(f"{PACKAGE}.admin.")}
    assert others == {f"{PACKAGE}.protocol.slots"}


def test_administration_and_the_command_line_do_without_posix(imports: list[Import]) -> None:
    # But for the one module that has something else for other platforms.
    own = [
        each for each in imports if each.layer in ("admin", "cli") and each.importer != ROOT / "cli/keys.py"
    ]
    assert [str(each) for each in own if each.module.partition(".")[0] in POSIX_ONLY] == []


def loaded_by(tree: ast.Module) -> set[Path]:
    """Modules of the package that importing this one imports, but for those that are imported when needed."""
    found: set[Path] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            base = ROOT.parent.joinpath(*(node.module or "").split("."))
            found |= {base / f"{alias.name}.py" for alias in node.names} | {base.with_suffix(".py")}
    return found


def test_no_module_imports_itself_by_way_of_others(trees: dict[Path, ast.Module]) -> None:
    graph = {path: loaded_by(tree) for path, tree in trees.items()}
    # What imports nothing that is left can go; what remains goes in circles.
    while free := {path for path, loaded in graph.items() if not loaded & set(graph)}:
        graph = {path: loaded for path, loaded in graph.items() if path not in free}
    assert sorted(str(path.relative_to(ROOT)) for path in graph) == []
