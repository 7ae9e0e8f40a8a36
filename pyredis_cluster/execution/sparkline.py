"""Small charts made of characters, as LATENCY GRAPH draws them."""

from __future__ import annotations

from collections.abc import Sequence

_FILL = "_o#"
_FULL = "|"


def draw(values: Sequence[int], labels: Sequence[str], *, columns: int, rows: int) -> str:
    """A column for each value, between the least and the greatest, with its label below from top to bottom.

    Charts of `columns` columns follow each other, an empty line between them.
    """
    low = min(values)
    steps = len(_FILL) * rows
    span = (max(values) - low) or 1
    heights = [min((value - low) * steps // span, steps - 1) for value in values]
    charts = [
        _chart(heights[at : at + columns], labels[at : at + columns], rows)
        for at in range(0, len(heights), columns)
    ]
    return "\n".join(charts)


def _chart(heights: Sequence[int], labels: Sequence[str], rows: int) -> str:
    lines = ["".join(_cell(height, row) for height in heights) for row in reversed(range(rows))]
    lines.append(" " * len(heights))
    for place in range(max(map(len, labels))):
        lines.append("".join(label[place] if place < len(label) else " " for label in labels))
    return "".join(line + "\n" for line in lines)


def _cell(height: int, row: int) -> str:
    """The character of a column in a row; row 0 is the lowest."""
    above = height - row * len(_FILL)
    if above < 0:
        return " "
    return _FILL[above] if above < len(_FILL) else _FULL
