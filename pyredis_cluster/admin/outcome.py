"""How a command ended."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """Whether all is well, and what `--json` prints besides that."""

    ok: bool = True
    details: dict[str, object] = field(default_factory=dict)
