"""redis-server's command line: what it names, and the configuration lines it amounts to.

    [file | -] [--directive [value …]] … [-]

Every `--directive` begins a line, and the words up to the next one are its values; a single argument may be a
whole line (`"--maxmemory 700mb"`). The lines follow those of the file and of standard input, so they override
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyredis_cluster.config.directives import NAMES
from pyredis_cluster.config.kinds import YesNo
from pyredis_cluster.protocol.words import UnbalancedQuotes, quote_word, split_words


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What the arguments ask for; at most one of the last four is set, and then nothing else is."""

    config_file: str | None = None
    from_stdin: bool = False
    overrides: bytes | None = None
    """Configuration lines without a final line end; None only where there were no arguments at all."""
    sentinel: bool = False
    show_version: bool = False
    show_help: bool = False
    check_system: bool = False
    test_memory: bool = False


def parse_command_line(arguments: Sequence[str], *, program: str = "") -> CommandLine:
    """Reads the arguments after the program's name, as redis-server reads them; raises nothing.

    Two things are ours: a yes/no directive without a value means yes, and a program whose own name ends in
    `-sentinel` is a sentinel, whatever comes before.
    """
    sentinel = program.endswith("-sentinel") or "--sentinel" in arguments
    if not arguments:
        return CommandLine(sentinel=sentinel)
    first = arguments[0]
    if first in ("-v", "--version"):
        return CommandLine(show_version=True)
    if first in ("-h", "--help"):
        return CommandLine(show_help=True)
    if first == "--test-memory":
        return CommandLine(test_memory=True)
    if first == "--check-system":
        return CommandLine(check_system=True)
    config_file = None if first.startswith("-") else first
    reader = _Reader(arguments, at=0 if config_file is None else 1)
    reader.read()
    return CommandLine(config_file, reader.from_stdin, b"".join(reader.text), sentinel)


class _Reader:
    """Turns arguments into configuration text, one after the other."""

    def __init__(self, arguments: Sequence[str], *, at: int) -> None:
        self.from_stdin = False
        self.text: list[bytes] = []
        self._arguments = arguments
        self._at = at
        # While a name waits for its first value, even a word that begins with `--` is that value.
        self._name_waits = False

    def read(self) -> None:
        """Goes through all arguments from `at` on."""
        for at in range(self._at, len(self._arguments)):
            argument = self._arguments[at]
            if self._is_stdin(at):
                self.from_stdin = True
            elif argument.startswith("--") and not self._name_waits:
                self._begin_line(at, argument)
            else:
                self.text.append(quote_word(_encoded(argument)) + b" ")
                self._name_waits = False

    def _is_stdin(self, at: int) -> bool:
        return self._arguments[at] == "-" and at in (0, len(self._arguments) - 1)

    def _begin_line(self, at: int, argument: str) -> None:
        if self.text:
            self.text.append(b"\n")
        name = _encoded(argument[2:])
        self.text.append(name + b" ")
        if len(_words(_encoded(argument))) != 1:
            return
        implied = self._implied_value(at, argument)
        self._name_waits = implied is None
        self.text.append(implied or b"")

    def _implied_value(self, at: int, argument: str) -> bytes | None:
        """What a name stands for that has no value before the next name; None where a value has to follow."""
        name = argument[2:].strip().lower()
        following = at + 1
        at_end = following == len(self._arguments)
        if not at_end and not self._arguments[following].startswith("--") and not self._is_stdin(following):
            return None
        if argument.lower() == "--save":
            return b'""'
        if argument.lower() == "--sentinel":
            return b""
        directive = NAMES.get(name)
        return b"yes" if directive is not None and isinstance(directive.kind, YesNo) else None


def _encoded(argument: str) -> bytes:
    return argument.encode("utf-8", "surrogateescape")


def _words(text: bytes) -> list[bytes]:
    try:
        return split_words(text)
    except UnbalancedQuotes:
        return []
