"""Writes the marks =7.0, =8.1 and =7.2 into transcripts: ``python -m tests.conformance.marks lists``.

Needs Redis 7.0, Valkey 8.1 and, at ``$REDIS_7_2_SERVER``, Redis 7.2, which decides. Lines that no mark can
describe are printed; they have to be split by hand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import click

from tests.conformance.comparison import same_reply
from tests.conformance.runner import Target, run_section
from tests.conformance.transcript import TRANSCRIPTS, Section, Step, all_groups, load_group
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, find_real_servers

_MARK = re.compile(r"=(7\.0|8\.1|7\.2) ")
_LABEL = re.compile(r"@(before|after) ")
_ORACLES = (REDIS_7_0, REDIS_7_2, VALKEY_8_1)


class _Line:
    """What the servers answered to all steps of one line: which marks describe it."""

    def __init__(self) -> None:
        self.redis_is_right = self.valkey_is_right = self.they_agree = True
        self.exact: bytes | None = None
        self.exact_is_steady = True

    def add(self, step: Step, redis: bytes, exact: bytes, valkey: bytes) -> None:
        self.redis_is_right &= same_reply(redis, exact, step.comparison)
        self.valkey_is_right &= same_reply(valkey, exact, step.comparison)
        self.they_agree &= same_reply(redis, valkey, step.comparison)
        if self.exact is None:
            self.exact = exact
        self.exact_is_steady &= same_reply(self.exact, exact, step.comparison)

    def mark(self) -> str | None:
        """The mark to write ("" for none), None if there is none that fits."""
        if self.redis_is_right:
            return "" if self.they_agree else "=7.0 "
        if self.valkey_is_right:
            return "=8.1 "
        return "=7.2 " if self.exact_is_steady else None


def _observe(targets: dict[tuple[str, bool], Target], sections: Iterable[Section]) -> dict[int, _Line]:
    lines: dict[int, _Line] = defaultdict(_Line)
    for section in sections:
        # In a cluster many lines are refused alike: only sections that run nowhere else tell something there.
        cluster = not section.runs_in(resp=2, cluster=False) and not section.runs_in(resp=3, cluster=False)
        for resp in (2, 3):
            if not section.runs_in(resp=resp, cluster=cluster):
                continue
            columns = [run_section(targets[name, cluster], section, resp) for name in _ORACLES]
            for step, *replies in zip(section.steps, *columns, strict=True):
                lines[step.line].add(step, *replies)
    return lines


def _literal(raw: bytes) -> str:
    return '"' + "".join(_printable(byte) for byte in raw) + '"'


def _printable(byte: int) -> str:
    named = {13: "\\r", 10: "\\n", 34: '\\"', 92: "\\\\"}
    return named.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}")


def _rewrite(group: str, lines: dict[int, _Line]) -> None:
    path = TRANSCRIPTS / f"{group}.txt"
    written: list[str] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if text.startswith("=> "):
            continue
        if number not in lines:
            written.append(text)
            continue
        mark = lines[number].mark()
        if mark is None:
            click.echo(f"{group}.txt:{number}: no mark fits: {text}")
            mark = ""
        label = _LABEL.match(text)
        head = label.group() if label else ""
        written.append(head + mark + _MARK.sub("", text[len(head) :], count=1))
        if mark == "=7.2 ":
            written.append("=> " + _literal(lines[number].exact or b""))
    path.write_text("\n".join(written) + "\n", encoding="utf-8")


@click.command()
@click.argument("groups", nargs=-1)
def main(groups: tuple[str, ...]) -> None:
    """Rewrite the marks of the transcripts GROUPS (all without any)."""
    programs = find_real_servers()
    missing = [name for name in _ORACLES if name not in programs]
    if missing:
        raise click.ClickException(f"not on this machine: {', '.join(missing)}")
    targets = {
        (name, cluster): Target(programs[name], cluster=cluster)
        for name in _ORACLES
        for cluster in (False, True)
    }
    try:
        for group in groups or all_groups():
            _rewrite(group, _observe(targets, load_group(group)))
    finally:
        for target in targets.values():
            target.stop()


if __name__ == "__main__":
    main()
