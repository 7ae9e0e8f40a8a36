"""Transcripts as data: text files parsed into sections of steps. The syntax is described in README.md."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

TRANSCRIPTS = Path(__file__).parent / "transcripts"
SECTION_OPTIONS = frozenset({"standalone", "cluster", "resp2", "resp3"})
ORACLE_MARKS = {"=7.0": "redis-7.0", "=8.1": "valkey-8.1", "=7.2": "text"}

_ALTERNATIVES = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_SEQUENCE = re.compile(r"<([^<>]*#[^<>]*) (-?\d+)\.\.(-?\d+)>")
_REPEATED = re.compile(r"<([^<>*]+)\*(\d+)>")
_SECTION = re.compile(r"--- (?P<name>.*?)(?: \((?P<options>[a-z0-9, ]+)\))?$")
_CLIENT = re.compile(r"(\d*)([<>])$")
_COMPARISON = re.compile(r"(monitor|~|~2|~~|\?\d*|%=?[\w,-]*)$")
_ESCAPES = {"n": 10, "r": 13, "t": 9, "b": 8, "a": 7}


class TranscriptError(Exception):
    """A transcript breaks its syntax; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do on one connection, and how its reply is compared."""

    line: int
    text: str
    client: int = 1
    action: str = "call"  # call, send, read, fence, raw, scan, until
    comparison: str = ""  # the prefix: "", ~, ~2, ~~, ?, ?N, %, %names, !
    oracle: str = ""  # the server that counts where the real ones differ, "text": ``expected`` does
    expected: bytes = b""
    until: bytes = b""
    words: tuple[bytes, ...] = ()
    one_of_many: bool = False  # from a line with alternatives: its mark need not fit every one of them

    @property
    def is_setup(self) -> bool:
        """Whether the step only prepares or looks (an @before or @after line)."""
        return self.text.startswith("@")


@dataclass(frozen=True)
class Section:
    """A run of steps that starts from an empty server."""

    group: str
    name: str
    line: int
    options: frozenset[str]
    steps: tuple[Step, ...] = field(repr=False)

    def runs_in(self, *, resp: int, cluster: bool) -> bool:
        """Whether the section's options allow this protocol and mode."""
        modes, protocols = self.options & {"standalone", "cluster"}, self.options & {"resp2", "resp3"}
        return (not modes or ("cluster" if cluster else "standalone") in modes) and (
            not protocols or f"resp{resp}" in protocols
        )


def split_words(text: str) -> tuple[bytes, ...]:
    """Split as redis-cli splits a line: blanks, ``"…"`` with escapes, ``'…'``. Raises ValueError."""
    words: list[bytes] = []
    pos = 0
    while True:
        while pos < len(text) and text[pos] in " \t":
            pos += 1
        if pos == len(text):
            return tuple(words)
        word, pos = _one_word(text, pos)
        words.append(word)


def _one_word(text: str, pos: int) -> tuple[bytes, int]:
    if text[pos] == '"':
        return _double_quoted(text, pos + 1)
    if text[pos] == "'":
        end = text.find("'", pos + 1)
        if end < 0:
            raise ValueError("unbalanced quotes")
        return text[pos + 1 : end].encode(), end + 1
    end = pos
    while end < len(text) and text[end] not in " \t":
        end += 1
    return text[pos:end].encode(), end


def _double_quoted(text: str, pos: int) -> tuple[bytes, int]:
    word = bytearray()
    while pos < len(text):
        char = text[pos]
        if char == '"':
            if pos + 1 < len(text) and text[pos + 1] not in " \t":
                raise ValueError("text right after a closing quote")
            return bytes(word), pos + 1
        if char == "\\" and text[pos + 1 : pos + 2] == "x":
            word.append(int(text[pos + 2 : pos + 4], 16))
            pos += 4
        elif char == "\\" and pos + 1 < len(text):
            escaped = text[pos + 1]
            word += bytes([_ESCAPES[escaped]]) if escaped in _ESCAPES else escaped.encode()
            pos += 2
        else:
            word += char.encode()
            pos += 1
    raise ValueError("unbalanced quotes")


def _sequence(match: re.Match[str]) -> str:
    pattern, first, last = match.group(1), int(match.group(2)), int(match.group(3))
    return " ".join(pattern.replace("#", str(number)) for number in range(first, last + 1))


def expand(text: str) -> Iterator[str]:
    """The lines a line with text macros stands for."""
    parts = _ALTERNATIVES.split(text)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    for combination in itertools.product(*choices):
        line = _SEQUENCE.sub(_sequence, "".join(combination))
        yield _REPEATED.sub(lambda match: match.group(1) * int(match.group(2)), line)


def _parse_prefixes(step: Step, text: str) -> tuple[Step, str]:
    """Take the prefixes off a line: the step they describe, and the command that is left."""
    while True:
        token, _, rest = text.partition(" ")
        client = _CLIENT.match(token)
        if client and (client.group(1) or client.group(2) == "<"):
            step = replace(step, client=int(client.group(1) or 1))
            if client.group(2) == "<":
                step = replace(step, action="read")
        elif token in ("&", "*"):
            step = replace(step, action="send" if token == "&" else "fence")
        elif token in ("raw", "scan"):
            step = replace(step, action=token)
        elif token.startswith("until="):
            step = replace(step, action="until", until=split_words(token[6:])[0])
        elif token in ORACLE_MARKS:
            step = replace(step, oracle=ORACLE_MARKS[token])
        elif token == "!" or _COMPARISON.match(token):
            step = replace(step, comparison=token)
        else:
            return step, text
        text = rest.lstrip()


def _steps_of_line(number: int, text: str, label: str = "") -> Iterator[Step]:
    many = bool(label) or _ALTERNATIVES.search(text) is not None
    for line in expand(text):
        step, command = _parse_prefixes(Step(number, label + line, one_of_many=many), line)
        words = split_words(command)
        if bool(words) == (step.action == "read"):
            raise ValueError("a read takes no command, everything else needs one")
        yield replace(step, words=words)


class _Parser:
    """Collects the sections of one file line by line."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.sections: list[Section] = []
        self._header: tuple[str, int, frozenset[str]] | None = None
        self._steps: list[Step] = []
        self._around: dict[str, list[Step]] = {"@before": [], "@after": []}

    def feed(self, number: int, text: str) -> None:
        """Take one line. Raises ValueError."""
        if not text or text.startswith("#"):
            return
        header = _SECTION.match(text)
        if header:
            self.finish()
            options = frozenset(re.findall(r"[a-z0-9]+", header.group("options") or ""))
            if options - SECTION_OPTIONS:
                raise ValueError(f"unknown section options {set(options - SECTION_OPTIONS)}")
            self._header = (header.group("name"), number, options)
        elif self._header is None:
            raise ValueError("a command before the first section")
        elif text.startswith("@"):
            self._directive(number, text)
        elif text.startswith("=> "):
            (literal,) = split_words(text[3:])
            self._steps[-1] = replace(self._steps[-1], expected=literal)
        else:
            before, after = self._around["@before"], self._around["@after"]
            for step in _steps_of_line(number, text):
                self._steps += [*before, step, *after]

    def _directive(self, number: int, text: str) -> None:
        name, _, command = text.partition(" ")
        if name not in self._around:
            raise ValueError(f"unknown directive {name}")
        if command:
            self._around[name] += _steps_of_line(number, command, label=name + " ")
        else:
            self._around[name].clear()

    def finish(self) -> None:
        """Close the section being read."""
        if self._header:
            name, line, options = self._header
            self.sections.append(Section(self.group, name, line, options, tuple(self._steps)))
        self._header, self._steps, self._around = None, [], {"@before": [], "@after": []}


def parse_transcript(group: str, text: str) -> list[Section]:
    """The sections of a transcript. Raises TranscriptError."""
    parser = _Parser(group)
    for number, line in enumerate(text.splitlines(), 1):
        try:
            parser.feed(number, line.strip())
        except ValueError as error:
            raise TranscriptError(f"{group}.txt:{number}: {error}: {line}") from None
    parser.finish()
    names = [section.name for section in parser.sections]
    if len(set(names)) != len(names):
        raise TranscriptError(f"{group}.txt: two sections of the same name: {sorted(names)}")
    return parser.sections


def load_group(group: str) -> list[Section]:
    """The sections of ``transcripts/<group>.txt``. Raises TranscriptError, FileNotFoundError."""
    return parse_transcript(group, (TRANSCRIPTS / f"{group}.txt").read_text(encoding="utf-8"))


def all_groups() -> list[str]:
    """The names of all transcripts."""
    return sorted(path.stem for path in TRANSCRIPTS.glob("*.txt"))
