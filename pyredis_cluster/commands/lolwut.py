"""Pictures for LOLWUT."""

from __future__ import annotations

from pyredis_cluster.ports import Random

_MAX_COLUMNS = 1000
_MAX_ROWS = 200


def maze(random: Random, columns: int = 66, rows: int = 12) -> str:
    """A maze of slanted walls, each leaning left or right by chance."""
    width, height = _bounded(columns, rows)
    lines = ["".join(random.choice("\u2571\u2572") for _ in range(width)) for _ in range(height)]
    return "\n".join(lines) + "\n\n"


def skyline(random: Random, columns: int = 80, rows: int = 20) -> str:
    """Houses of different heights at night, some windows lit."""
    width, height = _bounded(columns, rows)
    roofs: list[int] = []
    while len(roofs) < width:
        roofs += [random.randrange(height + 1)] * random.randrange(3, 8)
    lines = [
        "".join(_window(random) if roof > level else " " for roof in roofs[:width])
        for level in reversed(range(height))
    ]
    return "\n".join(lines) + "\n\n"


def _window(random: Random) -> str:
    return "\u2592" if random.random() < 0.15 else "\u2588"


def _bounded(columns: int, rows: int) -> tuple[int, int]:
    return min(max(columns, 1), _MAX_COLUMNS), min(max(rows, 1), _MAX_ROWS)
