"""The results of a comparison as data, and as text, Markdown and JSON."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.contenders import Measurement


@dataclass
class Row:
    """One workload at one pipeline depth: the measurements of each contender, in the order they ran."""

    workload: str
    pipeline: int
    measurements: dict[str, list[Measurement]] = field(default_factory=dict)

    def requests_per_s(self, label: str) -> float:
        """The median of a contender's runs."""
        return statistics.median(one.requests_per_s for one in self.measurements[label])

    def cpu_us(self, label: str) -> float:
        """The median CPU time per request of a contender's runs."""
        return statistics.median(one.cpu_us for one in self.measurements[label])


@dataclass
class Report:
    """Everything one comparison found. The ratio is always the second contender's to the first's."""

    labels: tuple[str, str]
    versions: tuple[str, str]
    rows: list[Row] = field(default_factory=list)
    startup_s: dict[str, float] = field(default_factory=dict)
    bytes_per_key: dict[str, float] = field(default_factory=dict)

    def ratio(self, row: Row) -> float:
        """Requests per second of the second contender in units of the first's."""
        return row.requests_per_s(self.labels[1]) / row.requests_per_s(self.labels[0])

    def as_json(self) -> dict[str, object]:
        """All figures, every single run included."""
        return {
            "machine": machine(),
            "contenders": dict(zip(self.labels, self.versions, strict=True)),
            "startup_s": self.startup_s,
            "bytes_per_key": self.bytes_per_key,
            "rows": [
                {
                    "workload": row.workload,
                    "pipeline": row.pipeline,
                    "ratio": round(self.ratio(row), 3),
                    "runs": {
                        label: [[round(one.requests_per_s), round(one.cpu_us, 2)] for one in runs]
                        for label, runs in row.measurements.items()
                    },
                }
                for row in self.rows
            ],
        }


def machine() -> str:
    """The machine in a few words: what figures are worth nothing without."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _cells(report: Report, row: Row) -> list[str]:
    first, second = report.labels
    return [
        row.workload,
        str(row.pipeline),
        f"{row.requests_per_s(first):,.0f}",
        f"{row.requests_per_s(second):,.0f}",
        f"{report.ratio(row):.2f}",
        f"{row.cpu_us(first):.2f}",
        f"{row.cpu_us(second):.2f}",
    ]


def _head(report: Report) -> list[str]:
    first, second = report.labels
    return ["test", "-P", f"{first} req/s", f"{second} req/s", "ratio", f"{first} µs CPU", f"{second} µs CPU"]


def _other_figures(report: Report) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, figures, unit, factor in (
        ("start to first PONG", report.startup_s, "ms", 1000.0),
        ("memory per million small keys", report.bytes_per_key, "MB", 1.0),
    ):
        if figures:
            rows.append([name, *(f"{figures[label] * factor:,.0f} {unit}" for label in report.labels)])
    return rows


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in table
    ]


def text_row(report: Report, row: Row) -> str:
    """One line for a row that was just measured."""
    name, pipeline, first, second, ratio, first_cpu, second_cpu = _cells(report, row)
    return (
        f"{name:<16} -P {pipeline:<3} {first:>10} {second:>10}  ×{ratio}  {first_cpu:>7} {second_cpu:>7} µs"
    )


def as_text(report: Report) -> str:
    """The whole report as aligned columns."""
    lines: list[str] = []
    if report.rows:
        lines += _aligned([_head(report), *(_cells(report, row) for row in report.rows)])
    others = _other_figures(report)
    if others:
        lines += ["", *_aligned([["", *report.labels], *others])]
    return "\n".join(lines)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def as_markdown(report: Report) -> str:
    """The whole report as Markdown tables."""
    (first, second), (first_version, second_version) = report.labels, report.versions
    lines = [f"{first}: {first_version}; {second}: {second_version}. {machine()}.", ""]
    if report.rows:
        lines += _markdown_table(_head(report), [_cells(report, row) for row in report.rows])
    others = _other_figures(report)
    if others:
        lines += ["", *_markdown_table(["", *report.labels], others)]
    return "\n".join(lines)


def seconds_row(head: Sequence[str], contenders: Sequence[Sequence[float]]) -> str:
    """A Markdown row: each contender's median and range, and the last median in units of the first."""
    medians = [statistics.median(seconds) for seconds in contenders]
    cells = [
        f"{median:.2f} ({min(seconds):.2f}–{max(seconds):.2f})"
        for median, seconds in zip(medians, contenders, strict=True)
    ]
    return "| " + " | ".join([*head, *cells, f"{medians[-1] / medians[0]:.2f}"]) + " |"
