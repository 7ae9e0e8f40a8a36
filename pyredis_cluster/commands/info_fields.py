"""What the sections of INFO have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

Facts = Mapping[str, str]
"""What the host tells of the process, by field."""

Fields = Iterable[tuple[str, object]]

Section = Callable[["ServerState", Facts], Fields]
"""Gives the fields of a section in Redis's order."""
