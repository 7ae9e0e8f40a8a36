"""The Python blocks of the documentation do what they are said to do.

A block with tests is a module of its own, whose tests are run here under their own names; tracebacks point
into the document. Where a section has a block that begins with `# conftest.py`, its blocks are the files of a
project, on which pytest is run.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest_plugins = "pytester"

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "docs/recipes.md", "docs/sentinel.md")
# Whose files they are is said in their first line; tests need not say it.
_FILE = re.compile(r"# (\S+\.py)\n")
_TESTS = re.compile(r"^ *(async )?def test_", re.MULTILINE)


@dataclass
class Section:
    """What is below one heading: blocks of Python, each as long as the document up to its end."""

    document: Path
    title: str
    blocks: list[str] = field(default_factory=list)

    @property
    def has_tests(self) -> bool:
        """Whether there is anything to run."""
        return any(_TESTS.search(block) for block in self.blocks)

    @property
    def is_project(self) -> bool:
        """Whether its blocks are files that belong together."""
        return any(block.lstrip("\n").startswith("# conftest.py\n") for block in self.blocks)

    @property
    def id(self) -> str:
        """Its title as a word."""
        return re.sub(r"\W+", "_", self.title).strip("_").lower()


def sections(document: Path) -> Iterator[Section]:
    """The sections of a document that have tests; lines of a block have the numbers that they have there."""
    section = Section(document, "")
    block: list[str] | None = None
    for number, line in enumerate(document.read_text("utf-8").splitlines(keepends=True)):
        if block is not None:
            if line == "```\n":
                section.blocks.append("".join(block))
                block = None
            else:
                block.append(line)
        elif line == "```python\n":
            block = ["\n"] * (number + 1)
        elif line.startswith("#"):
            if section.has_tests:
                yield section
            section = Section(document, line.strip("# \n"))
    if section.has_tests:
        yield section


def definitions(section: Section, block: str) -> dict[str, object]:
    """The tests that a block defines, by name."""
    module = types.ModuleType(f"{section.document.stem}.{section.id}")
    exec(compile(block, section.document, "exec"), vars(module))
    tests = {name: value for name, value in vars(module).items() if name.lower().startswith("test")}
    mark = vars(module).get("pytestmark", lambda test: test)
    return {name: mark(test) for name, test in tests.items()}


SECTIONS = [section for name in DOCUMENTS for section in sections(ROOT / name)]
PROJECTS = [section for section in SECTIONS if section.is_project]


def all_definitions() -> dict[str, object]:
    """The tests of all blocks that belong to no project. Raises ValueError for a name that is used twice."""
    found: dict[str, object] = {}
    for section in SECTIONS:
        for block in () if section.is_project else section.blocks:
            for name, test in definitions(section, block).items():
                if name in found:
                    raise ValueError(f"{section.title}: there is another {name}")
                found[name] = test
    return found


globals().update(all_definitions())


@pytest.mark.parametrize("section", PROJECTS, ids=lambda section: section.id)
def test_project(pytester: pytest.Pytester, section: Section) -> None:
    for number, block in enumerate(section.blocks):
        name = _FILE.match(block.lstrip("\n"))
        (pytester.path / (name[1] if name else f"test_{number}.py")).write_text(block, "utf-8")
    options = ("-q", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
    outcomes = pytester.runpytest_inprocess(*options).parseoutcomes()
    assert outcomes.pop("passed") > 0
    assert not outcomes
