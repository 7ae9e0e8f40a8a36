"""A cluster's status as lines of text, as wide as wanted.

From the top: how it fares in a line, a bar of who owns which slots, the nodes, and what somebody should look
at. Where there is little room columns are left out, the least telling first.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from pyredis_cluster.admin.status import Answers, Member, Status, lag_of, shown_bytes, version_of
from pyredis_cluster.protocol.slots import SLOT_COUNT

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NOBODY = "·"
_LEAST_SLOTS_WIDTH = 14
_GAP = 2


class Span(NamedTuple):
    """A piece of a line.

    Styles are `good`, `bad`, `warn`, `dim` and `head`; of slots `owner0` to `owner5`, and `lost`.
    """

    text: str
    style: str = ""


Line = list[Span]
OWNER_STYLES = 6


class Column(NamedTuple):
    """A column of the table; the one with the highest `rank` is left out first."""

    title: str
    cells: list[Span]
    rank: int
    is_number: bool = False


def draw(status: Status, width: int) -> list[Line]:
    """The whole picture."""
    marks = _marks(status)
    lines = _headline(status, width)
    if status.is_cluster:
        lines += [[], *_slot_bar(status, marks, width)]
    lines += [[], *_table(status, marks, width)]
    if status.problems:
        lines += [[], *_problems(status.problems, width)]
    return lines


def plain(lines: Iterable[Line]) -> str:
    """The lines without styles."""
    return "".join(["".join([span.text for span in line]).rstrip() + "\n" for line in lines])


def _marks(status: Status) -> dict[str, Span]:
    """A letter and a style for each primary with slots, by id; `lost` where it does not serve them."""
    owners = [primary for primary in status.primaries if primary.node.slots]
    return {
        owner.node.node_id: Span(
            _LETTERS[at % len(_LETTERS)], "lost" if owner.state else f"owner{at % OWNER_STYLES}"
        )
        for at, owner in enumerate(owners)
    }


def _headline(status: Status, width: int) -> list[Line]:
    facts = []
    if status.is_cluster:
        facts.append(Span("cluster ok", "good") if status.is_ok else Span("cluster down", "bad"))
    else:
        facts.append(Span("no cluster", "head"))
    primaries = status.primaries
    replicas = len(status.members) - len(primaries)
    facts.append(
        Span(f"{_count(len(primaries), 'primary', 'primaries')}, {_count(replicas, 'replica', 'replicas')}")
    )
    if status.is_cluster:
        slots = status.slot_count
        all_slots = slots == SLOT_COUNT
        facts.append(
            Span("all slots" if all_slots else f"{slots} of {SLOT_COUNT} slots", "" if all_slots else "bad")
        )
    keys = sum([primary.answers.keys for primary in primaries if primary.answers is not None])
    facts.append(Span(_count(keys, "key", "keys")))
    if status.epoch:
        facts.append(Span(f"epoch {status.epoch}", "dim"))
    facts.append(Span(f"seen from {status.asked}", "dim"))
    return _flowed(facts, width)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}".replace(",", " ")


def _flowed(facts: Iterable[Span], width: int) -> list[Line]:
    """Facts side by side, in as many lines as they need."""
    lines: list[Line] = [[]]
    used = 0
    for fact in facts:
        needed = len(fact.text) + (3 if lines[-1] else 0)
        if lines[-1] and used + needed > width:
            lines.append([])
            used, needed = 0, len(fact.text)
        if lines[-1]:
            lines[-1].append(Span(" · ", "dim"))
        lines[-1].append(fact)
        used += needed
    return lines


def _slot_bar(status: Status, marks: dict[str, Span], width: int) -> list[Line]:
    """Who owns which slots: a letter for every so many, and the first slot of each run below."""
    owners: list[str | None] = [None] * SLOT_COUNT
    for member in status.members:
        for slot in member.node.slots:
            owners[slot] = member.node.node_id
    parts = [range(at * SLOT_COUNT // width, (at + 1) * SLOT_COUNT // width) for at in range(width)]
    shown = [_owner_of_most([owners[slot] for slot in part]) for part in parts]
    bar: Line = []
    starts: list[tuple[int, int]] = []
    for owner, run in groupby(range(width), shown.__getitem__):
        cells = list(run)
        mark = marks.get(owner or "", Span(_NOBODY, "bad"))
        bar.append(Span(mark.text * len(cells), mark.style))
        starts.append((cells[0], _run_start(owners, parts[cells[0]], owner)))
    return [bar, [Span(_scale(starts, width), "dim")]]


def _owner_of_most(owners: list[str | None]) -> str | None:
    # A gap shows however small it is.
    return None if None in owners else max(set(owners), key=owners.count)


def _run_start(owners: Sequence[str | None], part: range, owner: str | None) -> int:
    """The first slot of the run that is shown from `part` on."""
    start = next(slot for slot in part if owners[slot] == owner)
    while start and owners[start - 1] == owner:
        start -= 1
    return start


def _scale(starts: Iterable[tuple[int, int]], width: int) -> str:
    """Numbers of slots at their places, as many as there is room for, and the last one."""
    last = str(SLOT_COUNT - 1)
    scale = ""
    for at, slot in starts:
        text = str(slot)
        if (at > len(scale) or not at) and at + len(text) < width - len(last):
            scale = scale.ljust(at) + text
    return scale.ljust(width - len(last)) + last


def _table(status: Status, marks: dict[str, Span], width: int) -> list[Line]:
    rows: list[tuple[Member, Member | None]] = []
    for primary in status.primaries:
        rows.append((primary, None))
        rows += [(replica, primary) for replica in status.replicas_of(primary)]
    rows += [(stray, None) for stray in status.strays]
    blank = Span("")
    columns = [
        Column("", [marks.get(member.node.node_id, blank) for member, _ in rows], 0),
        Column("node", [Span(_name(member)) for member, _ in rows], 0),
        Column("slots, replication", [_work(status, member, primary) for member, primary in rows], 0),
        Column("keys", [_figure(member, lambda one: str(one.keys)) for member, _ in rows], 1, True),
        Column("ops/s", [_figure(member, _operations) for member, _ in rows], 2, True),
        Column("memory", [_figure(member, _memory) for member, _ in rows], 3, True),
        Column("clients", [_figure(member, _clients) for member, _ in rows], 4, True),
        Column("epoch", [Span(str(member.node.config_epoch)) for member, _ in rows], 6, True),
        Column("version", [_figure(member, version_of) for member, _ in rows], 5),
    ]
    if not status.is_cluster:
        columns = [column for column in columns if column.title not in ("", "epoch")]
    return _laid_out(_fitting(columns, width), width)


def _name(member: Member) -> str:
    return f"└ {member.node}" if member.node.is_replica else str(member.node)


def _work(status: Status, member: Member, primary: Member | None) -> Span:
    """What a node has, or how far it is behind; or what is wrong with it."""
    if member.state:
        return Span(member.state, "warn" if member.state in ("failing", "joining") else "bad")
    if member.node.is_replica:
        lag = lag_of(member, primary)
        return Span(str(lag or ""), "good" if lag is not None and lag.is_small else "warn")
    if not member.slots:
        return Span("no slots" if status.is_cluster else "", "dim")
    runs = [str(first) if first == last else f"{first}-{last}" for first, last in member.slots]
    return Span(", ".join(runs))


def _figure(member: Member, figure: Callable[[Answers], str]) -> Span:
    return Span("–", "dim") if member.answers is None else Span(figure(member.answers))


def _operations(answers: Answers) -> str:
    return str(answers.number("instantaneous_ops_per_sec"))


def _memory(answers: Answers) -> str:
    return shown_bytes(answers.number("used_memory"))


def _clients(answers: Answers) -> str:
    return str(answers.number("connected_clients"))


def _widths(columns: Sequence[Column]) -> list[int]:
    return [max(len(column.title), *[len(cell.text) for cell in column.cells]) for column in columns]


def _fitting(columns: list[Column], width: int) -> list[Column]:
    """As many columns as there is room for, if the slots may be cut."""
    while columns:
        widths = _widths(columns)
        slots = next(at for at, column in enumerate(columns) if column.title.startswith("slots"))
        needed = sum(widths) - widths[slots] + max(len(columns[slots].title), _LEAST_SLOTS_WIDTH)
        dearest = max(columns, key=lambda column: column.rank)
        if needed + _GAP * (len(columns) - 1) <= width or not dearest.rank:
            break
        columns = [column for column in columns if column is not dearest]
    return columns


def _laid_out(columns: Sequence[Column], width: int) -> list[Line]:
    widths = _widths(columns)
    excess = sum(widths) + _GAP * (len(columns) - 1) - width
    if excess > 0:
        slots = next(at for at, column in enumerate(columns) if column.title.startswith("slots"))
        widths[slots] = max(widths[slots] - excess, _LEAST_SLOTS_WIDTH)
    titles = [Span(column.title, "head") for column in columns]
    rows = [titles, *zip(*[column.cells for column in columns], strict=True)]
    lines = []
    for row in rows:
        line: Line = []
        for span, column, room in zip(row, columns, widths, strict=True):
            text = span.text if len(span.text) <= room else span.text[: room - 1] + "…"
            padding = " " * (room - len(text))
            if line:
                line.append(Span(" " * _GAP))
            pieces = (
                [Span(padding), Span(text, span.style)]
                if column.is_number
                else [Span(text, span.style), Span(padding)]
            )
            line += pieces
        lines.append(line)
    return lines


def _problems(problems: Iterable[str], width: int) -> list[Line]:
    lines: list[Line] = []
    for problem in problems:
        first, *rest = textwrap.wrap(problem, max(width - 2, 20)) or [""]
        lines.append([Span("! ", "bad"), Span(first)])
        lines += [[Span("  " + text)] for text in rest]
    return lines
