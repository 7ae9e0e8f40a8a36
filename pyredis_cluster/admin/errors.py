"""Why an administrative command ends without having done its work."""

from __future__ import annotations


class AdminError(Exception):
    """Ends a command; the text is told to whoever runs it."""


class UsageError(AdminError):
    """What was asked for makes no sense, or was not asked in full; told on standard error."""


class UnreachableError(AdminError):
    """A node cannot be connected to, or its connection was lost."""


class DeclinedError(AdminError):
    """A question was answered with anything but yes: nothing is told."""


class ReplyError(AdminError):
    """A node answered with an error; `text` is what it said, code first."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__(f"Node {address} replied with error:\n{text}")
        self.text = text


class NotANodeError(AdminError):
    """A server cannot take the part in a cluster that it was meant for."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"[ERR] Node {address} {reason}")
