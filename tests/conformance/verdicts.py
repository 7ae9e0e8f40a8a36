"""Puts the parts together: one section on all servers, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.conformance.comparison import TranscriptOutdatedError, expected_reply, same_reply
from tests.conformance.runner import Target, run_section
from tests.conformance.transcript import Section, Step


@dataclass(frozen=True)
class Difference:
    """One step whose reply is not the one that counts, or (``subject`` None) a mark that is wrong."""

    step: Step
    expected: bytes
    actual: bytes | None
    problem: str = ""

    def __str__(self) -> str:
        """Line number and command, then the replies one under the other."""
        head = f"line {self.step.line}: {shorten(self.step.text, 300)}"
        if self.problem:
            return f"{head}\n    {self.problem}"
        return f"{head}\n    real: {show(self.expected)}\n    ours: {show(self.actual or b'')}"


def shorten(text: str, limit: int) -> str:
    """The text, its middle left out if it is longer than ``limit``."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"


def show(raw: bytes, limit: int = 600) -> str:
    """A raw reply as a bytes literal without its b."""
    return shorten(repr(raw)[1:], limit)


def find_differences(
    section: Section, oracles: Sequence[Target], subject: Target | None, resp: int
) -> list[Difference]:
    """Run the section on all servers and compare. Raises ServerFailedError if one cannot be started."""
    replies = {target.name: run_section(target, section, resp) for target in oracles}
    ours = run_section(subject, section, resp) if subject else None
    differences: list[Difference] = []
    for index, step in enumerate(section.steps):
        at_step = {name: all_replies[index] for name, all_replies in replies.items()}
        difference = _judge(step, at_step, ours[index] if ours else None)
        if difference:
            differences.append(difference)
    return differences


def _judge(step: Step, replies: Mapping[str, bytes], actual: bytes | None) -> Difference | None:
    try:
        expected = expected_reply(step, replies)
    except TranscriptOutdatedError as outdated:
        listed = "".join(f"\n    {name}: {show(reply)}" for name, reply in replies.items())
        return Difference(step, b"", actual, str(outdated) + listed)
    if actual is None or expected is None or same_reply(expected, actual, step.comparison):
        return None
    return Difference(step, expected, actual)
