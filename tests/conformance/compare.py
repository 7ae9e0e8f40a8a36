"""Prints every difference of a transcript at once: ``python -m tests.conformance.compare lists``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tests.conformance.runner import Target, run_section
from tests.conformance.transcript import Section, TranscriptError, all_groups, load_group
from tests.conformance.verdicts import find_differences, shorten, show
from tests.support.servers import (
    OURS,
    REDIS_7_0,
    REDIS_7_2,
    VALKEY_8_1,
    VALKEY_9_1,
    Program,
    find_real_servers,
    our_program,
)

ORACLES = (REDIS_7_0, REDIS_7_2, VALKEY_8_1)
MODES = {"r2": (2, False), "r3": (3, False), "c2": (2, True), "c3": (3, True)}


def _program(name: str) -> Program | None:
    if name == "none":
        return None
    if name == OURS:
        return our_program()
    try:
        return find_real_servers()[name]
    except KeyError:
        raise click.ClickException(f"{name} is not on this machine") from None


def _chosen_sections(groups: tuple[str, ...], name_part: str) -> list[Section]:
    names = [Path(group).stem for group in groups] or all_groups()
    try:
        sections = [section for name in names for section in load_group(name)]
    except (TranscriptError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    return [section for section in sections if name_part.lower() in section.name.lower()]


def _print_session(target: Target, section: Section, resp: int) -> None:
    click.echo(f"== {section.group}: {section.name} on {target.name}, RESP{resp}")
    for step, reply in zip(section.steps, run_section(target, section, resp), strict=True):
        click.echo(f"{shorten(step.text, 200)}\n    {show(reply)}")


class _Comparison:
    """The servers of one call, started at first use, and the counts of what was found."""

    def __init__(self, subject: str) -> None:
        self.subject = _program(subject)
        self.oracles = [find_real_servers()[name] for name in ORACLES if name in find_real_servers()]
        self.targets: dict[tuple[str, bool], Target] = {}
        self.compared = 0
        self.different = 0

    def target(self, program: Program, *, cluster: bool) -> Target:
        key = (program.name, cluster)
        if key not in self.targets:
            self.targets[key] = Target(program, cluster=cluster)
        return self.targets[key]

    def compare(self, section: Section, mode: str) -> None:
        resp, cluster = MODES[mode]
        oracles = [self.target(program, cluster=cluster) for program in self.oracles]
        subject = self.target(self.subject, cluster=cluster) if self.subject else None
        found = find_differences(section, oracles, subject, resp)
        self.compared += len(section.steps)
        self.different += len(found)
        if found:
            click.echo(f"== {section.group}: {section.name} [{mode}]")
        for difference in found:
            click.echo(f"  {difference}")

    def stop(self) -> None:
        for target in self.targets.values():
            target.stop()


@click.command()
@click.argument("groups", nargs=-1)
@click.option("-s", "--section", "name_part", default="", help="Only sections whose name contains this.")
@click.option(
    "-m", "--mode", "modes", type=click.Choice(list(MODES)), multiple=True, help="RESP2/3, c: in a cluster."
)
@click.option(
    "--subject",
    type=click.Choice([OURS, *ORACLES, VALKEY_9_1, "none"]),
    default=OURS,
    help="What is compared with the real servers; none checks the transcript itself.",
)
@click.option(
    "--show", "show_session", is_flag=True, help="Print commands and replies of the subject instead."
)
def main(
    groups: tuple[str, ...], name_part: str, modes: tuple[str, ...], subject: str, show_session: bool
) -> None:
    """Compare the transcripts GROUPS (names or files; all without any) with the real servers."""
    comparison = _Comparison(subject)
    started = time.monotonic()
    try:
        for section in _chosen_sections(groups, name_part):
            for mode in modes or ("r2", "r3"):
                resp, cluster = MODES[mode]
                if not section.runs_in(resp=resp, cluster=cluster):
                    continue
                if show_session and comparison.subject:
                    _print_session(comparison.target(comparison.subject, cluster=cluster), section, resp)
                else:
                    comparison.compare(section, mode)
    finally:
        comparison.stop()
    click.echo(
        f"{comparison.compared} commands compared, {comparison.different} differences, "
        f"{time.monotonic() - started:.1f} s"
    )
    sys.exit(1 if comparison.different else 0)


if __name__ == "__main__":
    main()
