"""Every transcript section on the real servers and on ours: RESP2 and RESP3, standalone and cluster."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Laboratory
from tests.conformance.transcript import Section, all_groups, load_group
from tests.conformance.verdicts import find_differences
from tests.support.servers import Program

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

MODES = [("resp2", 2, False), ("resp3", 3, False), ("cluster-resp2", 2, True), ("cluster-resp3", 3, True)]


def _cases() -> list[object]:
    return [
        pytest.param(section, resp, cluster, id=f"{section.group}: {section.name} [{mode}]")
        for mode, resp, cluster in MODES
        for group in all_groups()
        for section in load_group(group)
        if section.runs_in(resp=resp, cluster=cluster)
    ]


@pytest.mark.parametrize(("section", "resp", "cluster"), _cases())
def test_section(
    section: Section, resp: int, cluster: bool, laboratory: Laboratory, oracles: list[Program], ours: Program
) -> None:
    """The raw replies agree, line by line."""
    differences = find_differences(
        section, [laboratory(program, cluster) for program in oracles], laboratory(ours, cluster), resp
    )
    if differences:
        listed = "\n  ".join(str(difference) for difference in differences)
        pytest.fail(
            f"{section.group}.txt, {section.name}: {len(differences)} differ\n  {listed}", pytrace=False
        )


def test_enough_commands_are_compared() -> None:
    """The transcripts do not shrink unnoticed: at least 3,000 commands, lines of preparation not counted."""
    steps = [step for group in all_groups() for section in load_group(group) for step in section.steps]
    assert sum(1 for step in steps if not step.is_setup and step.comparison != "!") >= 3000
