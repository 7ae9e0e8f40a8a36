"""The notation in which commands declare their arguments, and its parser.

It is that of the Redis manual, with names and types where the manual's text alone does not tell what
COMMAND DOCS shows:

    notation             meaning
    key                  an argument (a word with small letters)
    LIMIT                a token (a word without), `""` the empty one
    [a b]                optional
    <a | b>              one of them; in brackets, [a | b], none or one of them
    (a b)                a group, where one has to be told
    a [a ...]            one or more; [a [a ...]] none or more; also with several words: a b [a b ...]
    a ...                one or more, in one word
    name~shown           an argument called `name` that is shown as `shown`
    name:type            its type, where the name does not tell
    name=[…] name=<…>    the name of a group; name=TOKEN that of a token
    x@7.0.0 […]@7.0.0    since when; x@-2.8.12 until when
    x#1                  the key specification that it belongs to

Parsing raises ValueError for text that is not of this notation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

TYPES = frozenset(("key", "string", "integer", "double", "unix-time", "pattern"))

_LEXEME = re.compile(r'\.\.\.|""|[][<>()|]|[^][<>()|\s]+')
_ANNOTATION = re.compile(r"(?:@(?P<until>-?)(?P<since>[0-9.]+))?(?:#(?P<spec>[0-9]+))?$")
_CLOSING = {"[": "]", "<": ">", "(": ")"}


@dataclass(frozen=True, slots=True)
class Node:
    """What all parts of a syntax have in common."""

    name: str = ""
    since: str = ""
    deprecated_since: str = ""
    key_spec_index: int | None = None
    is_optional: bool = False
    is_multiple: bool = False


@dataclass(frozen=True, slots=True)
class Word(Node):
    """An argument; `shown` and `type` are empty where nothing was said of them."""

    shown: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Token(Node):
    """A fixed word."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """One of several sequences, or just one."""

    sequences: tuple[tuple[Node, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat(Node):
    """A sequence of two nodes or more that may be repeated: `field value [field value ...]`."""

    sequence: tuple[Node, ...] = ()


def parse(text: str) -> tuple[Node, ...]:
    """The nodes of a whole syntax."""
    parser = _Parser(_LEXEME.findall(text))
    nodes = parser.sequence()
    if parser.peek():
        raise ValueError(f"{parser.peek()} is out of place in {text!r}")
    return nodes


class _Parser:
    def __init__(self, lexemes: list[str]) -> None:
        self._lexemes = lexemes
        self._place = 0

    def peek(self) -> str:
        return self._lexemes[self._place] if self._place < len(self._lexemes) else ""

    def take(self) -> str:
        lexeme = self.peek()
        self._place += 1
        return lexeme

    def sequence(self) -> tuple[Node, ...]:
        """Nodes up to a closing bracket, a bar, or the end."""
        nodes: list[Node] = []
        while (lexeme := self.peek()) and lexeme not in ("]", ">", ")", "|"):
            if lexeme == "...":
                if not nodes:
                    raise ValueError("... follows nothing")
                self.take()
                nodes[-1] = replace(nodes[-1], is_multiple=True)
                continue
            node = self._node()
            if isinstance(node, Repeat):
                _repeat(nodes, node.sequence)
            else:
                nodes.append(node)
        return tuple(nodes)

    def _node(self) -> Node:
        lexeme = self.take()
        name, is_named, _ = lexeme.partition("=")
        if is_named and name and lexeme.endswith("=") and self.peek() in _CLOSING:
            return self._group(self.take(), name)
        if lexeme in _CLOSING:
            return self._group(lexeme, "")
        return _leaf(lexeme)

    def _group(self, opening: str, name: str) -> Node:
        """The rest of a group; `[a b ...]` comes as a Repeat of `a b`."""
        sequences = [self.sequence()]
        while self.peek() == "|":
            self.take()
            sequences.append(self.sequence())
        is_repetition = opening == "[" and self._lexemes[self._place - 1] == "..."
        if self.take() != _CLOSING[opening] or not all(sequences):
            raise ValueError(f"{opening} is empty, or not closed by {_CLOSING[opening]}")
        last = sequences[0][-1]
        if is_repetition and len(sequences) == 1 and not isinstance(last, Choice):
            return Repeat(sequence=(*sequences[0][:-1], replace(last, is_multiple=False)))
        since = deprecated_since = ""
        if self.peek().startswith("@"):
            _, since, deprecated_since, _ = _annotated(self.take())
        return Choice(
            name=name,
            since=since,
            deprecated_since=deprecated_since,
            is_optional=opening == "[",
            sequences=tuple(sequences),
        )


def _repeat(nodes: list[Node], repeated: tuple[Node, ...]) -> None:
    """Make `nodes`, if they end in what is repeated, end in a repetition; else add an optional one."""
    count = len(repeated)
    is_optional = [_bare(node) for node in nodes[-count:]] != [_bare(node) for node in repeated]
    if not is_optional:
        repeated = tuple(nodes[-count:])
        del nodes[-count:]
    if count == 1:
        nodes.append(replace(repeated[0], is_multiple=True, is_optional=is_optional))
    else:
        nodes.append(Repeat(sequence=repeated, is_multiple=True, is_optional=is_optional))


def _bare(node: Node) -> Node:
    """The node as the manual alone would write it, to compare with its repetition."""
    node = replace(node, since="", deprecated_since="", key_spec_index=None)
    return replace(node, type="", name=node.shown or node.name, shown="") if isinstance(node, Word) else node


def _annotated(lexeme: str) -> tuple[str, str, str, int | None]:
    """A lexeme as (what stands before annotations, since, deprecated_since, key_spec_index)."""
    match = _ANNOTATION.search(lexeme)
    if match is None or match.start() == match.end():
        return lexeme, "", "", None
    version = match["since"] or ""
    index = int(match["spec"]) if match["spec"] else None
    is_end = bool(match["until"])
    return lexeme[: match.start()], "" if is_end else version, version if is_end else "", index


def _leaf(lexeme: str) -> Node:
    text, since, deprecated_since, index = _annotated(lexeme)
    if not text:
        raise ValueError(f"{lexeme} is out of place")
    name, is_named, token = text.partition("=")
    if is_named and name and token:
        return Token(name=name, text=token, since=since, deprecated_since=deprecated_since)
    if text == text.upper():
        token = "" if text == '""' else text
        return Token(text=token, since=since, deprecated_since=deprecated_since)
    before, is_typed, kind = text.rpartition(":")
    if is_typed and kind in TYPES:
        text = before
    else:
        kind = ""
    name, _, shown = text.partition("~")
    return Word(
        name=name,
        shown=shown,
        type=kind,
        since=since,
        deprecated_since=deprecated_since,
        key_spec_index=index,
    )
