"""What a command says, and what it asks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from pyredis_cluster.admin.errors import DeclinedError


class Progress(Protocol):
    """How far long work is."""

    def advance(self) -> None:
        """One more piece is done."""


class Console(Protocol):
    """Where texts go. `info`, `warning`, `error` and `success` are whole lines, in their colours."""

    def info(self, text: str) -> None:
        """Say what is being done."""

    def warning(self, text: str) -> None:
        """Say what may be wrong."""

    def error(self, text: str) -> None:
        """Say what is wrong."""

    def success(self, text: str) -> None:
        """Say what is right."""

    def write(self, text: str) -> None:
        """Say anything, without an end of line."""

    def complain(self, text: str) -> None:
        """Say a line on standard error."""

    def read_line(self) -> str:
        """What was typed, without the end of line. Raises UsageError at the end of the input."""

    def progress(self, label: str, total: int) -> AbstractContextManager[Progress]:
        """Show how far work of `total` pieces is."""


def ask(console: Console, question: str) -> str:
    """Ask, and return the answer without blanks around it. Raises UsageError at the end of the input."""
    console.write(question)
    return console.read_line().strip()


def confirm(console: Console, question: str) -> bool:
    """Ask for a yes; anything else is a no. Raises UsageError at the end of the input."""
    return ask(console, f"{question} (type 'yes' to accept): ") == "yes"


def require_yes(console: Console, question: str) -> None:
    """Ask for a yes; raises DeclinedError for anything else, UsageError at the end of the input."""
    if ask(console, question) != "yes":
        raise DeclinedError
