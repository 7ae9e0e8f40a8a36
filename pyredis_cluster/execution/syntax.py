"""The `arguments` of COMMAND DOCS, derived from the syntax that a command declares.

`pyredis_cluster.execution.grammar` has the notation. Names and types follow from it by the conventions of
Redis's own declarations, in the tables below; what does not follow is said in the syntax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyredis_cluster.execution.command import Command
from pyredis_cluster.execution.grammar import Choice, Node, Repeat, Token, Word, parse
from pyredis_cluster.protocol.reply import Reply, SetReply, Status
from pyredis_cluster.version import NEWEST, Version, version


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEYS = _words("key key1 key2 newkey source destination src dst destkey sourcekey storekey")
_INTEGERS = _words(
    "bit bits client-id cluster-bus-port config-epoch count cursor db decrement destination-db end end-slot "
    "entries-added entries-read entriesread frequency increment index index1 index2 len limit milliseconds "
    "min-match-len ms num-matches numkeys numlocal numreplicas offset port protover rank seconds slot start "
    "start-slot stop ttl version weight"
)
_DOUBLES = _words("height latitude longitude max min radius score timeout width")
_UNIX_TIMES = _words("unix-time-milliseconds unix-time-seconds")

_TOKEN_NAMES = {
    "": "empty-string",
    "*": "auto-id",
    "$": "new-id",
    "=": "equal",
    "~": "approximately",
    "ALPHA": "sorting",
    "CH": "change",
    "INCR": "increment",
}
_CHOICE_NAMES = (
    ({"NX", "XX"}, "condition"),
    ({"NX", "XX", "GT", "LT"}, "condition"),
    ({"GT", "LT"}, "comparison"),
    ({"ASC", "DESC"}, "order"),
    ({"ASYNC", "SYNC"}, "flush-type"),
    ({"LEFT", "RIGHT"}, "where"),
    ({"MIN", "MAX"}, "where"),
    ({"BEFORE", "AFTER"}, "where"),
    ({"BYTE", "BIT"}, "unit"),
    ({"M", "KM", "FT", "MI"}, "unit"),
    ({"BYSCORE", "BYLEX"}, "sortby"),
    ({"ON", "OFF"}, "enabled"),
    ({"ON", "OFF", "SKIP"}, "action"),
    ({"YES", "NO"}, "mode"),
    ({"WRITE", "ALL"}, "mode"),
    ({"HARD", "SOFT"}, "reset-type"),
    ({"NOSAVE", "SAVE"}, "save-selector"),
    ({"TIMEOUT", "ERROR"}, "unblock-type"),
)
_CLIENT_TYPES = {"NORMAL", "PUBSUB"}


@dataclass(slots=True)
class Argument:
    """One entry of the tree that COMMAND DOCS shows."""

    name: str
    type: str
    shown: str = ""
    token: str | None = None
    since: str = ""
    deprecated_since: str = ""
    key_spec_index: int | None = None
    is_optional: bool = False
    is_multiple: bool = False
    is_multiple_token: bool = False
    arguments: list[Argument] = field(default_factory=list)

    def walk(self) -> Iterator[Argument]:
        """This argument and all below it, in the order of the syntax."""
        yield self
        for each in self.arguments:
            yield from each.walk()

    def reply(self) -> dict[str, Reply]:
        """The map that COMMAND DOCS shows of it."""
        shown: dict[str, Reply] = {"name": self.name, "type": self.type}
        if not self.arguments:
            shown["display_text"] = self.shown or self.name
        if self.key_spec_index is not None:
            shown["key_spec_index"] = self.key_spec_index
        if self.token is not None:
            shown["token"] = self.token
        if self.since:
            shown["since"] = self.since
        if self.deprecated_since:
            shown["deprecated_since"] = self.deprecated_since
        flags = SetReply(self._flags())
        if flags:
            shown["flags"] = flags
        if self.arguments:
            shown["arguments"] = [each.reply() for each in self.arguments]
        return shown

    def _flags(self) -> Iterator[Status]:
        if self.is_optional:
            yield Status(b"optional")
        if self.is_multiple:
            yield Status(b"multiple")
        if self.is_multiple_token:
            yield Status(b"multiple_token")


def arguments(command: Command) -> list[Reply]:
    """The `arguments` of a command in COMMAND DOCS; an empty list where it takes none.

    Raises ValueError for a syntax that is not of the notation.
    """
    return [each.reply() for each in argument_tree(command)]


def argument_tree(command: Command) -> list[Argument]:
    """The arguments of a command. Raises ValueError for a syntax that is not of the notation."""
    tree = _bind(parse(command.docs.syntax), is_top=True)
    if command.docs.version != NEWEST:
        tree = _as_of(tree, command.docs.version)
    _number_keys(tree, len(command.keys))
    return tree


def _as_of(tree: list[Argument], of: Version) -> list[Argument]:
    """The arguments that a server of version `of` takes."""
    kept = [argument for argument in tree if not argument.since or version(argument.since) <= of]
    for argument in kept:
        argument.arguments = _as_of(argument.arguments, of)
    return kept


def _number_keys(tree: list[Argument], spec_count: int) -> None:
    """Give keys their key specifications, in order; without any they are plain strings."""
    following = 0
    for argument in (each for top in tree for each in top.walk()):
        if argument.key_spec_index is not None:
            following = argument.key_spec_index + 1
        elif argument.type == "key":
            if spec_count == 0:
                argument.type = "string"
                continue
            argument.key_spec_index = min(following, spec_count - 1)
            following += 1


def _bind(nodes: tuple[Node, ...], *, is_top: bool = False) -> list[Argument]:
    """The arguments of a sequence: a token before an argument becomes the token of that."""
    bound: list[Argument] = []
    token: Token | None = None
    for place, node in enumerate(nodes):
        if isinstance(node, Token):
            rest = nodes[place + 1 :]
            if not is_top and place == 0 and len(rest) > 1 and all(map(_is_plain, rest)):
                name = _token_name(node)
                return [Argument(name, "block", token=node.text, since=node.since, arguments=_bind(rest))]
            if rest and not isinstance(rest[0], Token) and not rest[0].is_optional:
                token = node
                continue
            bound.append(_of_token(node))
            continue
        argument = _of_node(node, token)
        if token is not None:
            argument.token = token.text
            argument.since = argument.since or token.since
            token = None
        bound.append(argument)
    return bound


def _is_plain(node: Node) -> bool:
    return isinstance(node, Word) and not node.is_optional


def _of_node(node: Node, token: Token | None) -> Argument:
    if isinstance(node, Word):
        return _of_word(node)
    if isinstance(node, Repeat):
        return _of_repeat(node)
    if isinstance(node, Choice):
        return _of_choice(node, token)
    raise ValueError(f"{node} cannot stand there")


def _of_token(node: Token) -> Argument:
    return Argument(
        _token_name(node),
        "pure-token",
        token=node.text,
        since=node.since,
        deprecated_since=node.deprecated_since,
        is_optional=node.is_optional,
        is_multiple=node.is_multiple,
    )


def _token_name(node: Token) -> str:
    return node.name or _TOKEN_NAMES.get(node.text, node.text.lower())


def _of_word(node: Word) -> Argument:
    return Argument(
        node.name,
        node.type or _type_of(node.name),
        shown=node.shown,
        since=node.since,
        deprecated_since=node.deprecated_since,
        key_spec_index=node.key_spec_index,
        is_optional=node.is_optional,
        is_multiple=node.is_multiple,
    )


def _type_of(name: str) -> str:
    if name in _KEYS:
        return "key"
    if name in _INTEGERS:
        return "integer"
    if name in _DOUBLES:
        return "double"
    if name in _UNIX_TIMES:
        return "unix-time"
    return "pattern" if name == "pattern" else "string"


def _of_repeat(node: Repeat) -> Argument:
    if isinstance(node.sequence[0], Token) and len(node.sequence) == 2:
        (argument,) = _bind(node.sequence)
        argument.is_multiple_token = True
    else:
        parts = _bind(node.sequence)
        name = "range" if parts[0].name.startswith("start") else "data"
        argument = Argument(name, "block", arguments=parts)
    argument.is_multiple = True
    argument.is_optional = node.is_optional
    return argument


def _of_choice(node: Choice, token: Token | None) -> Argument:
    if len(node.sequences) == 1:
        parts = _bind(node.sequences[0])
        if len(parts) == 1 and not node.name:
            argument = parts[0]
        else:
            argument = Argument(node.name or _block_name(parts, token), "block", arguments=parts)
    else:
        alternatives = [_alternative(sequence) for sequence in node.sequences]
        name = node.name or _choice_name(alternatives, token)
        argument = Argument(name, "oneof", arguments=alternatives)
    argument.since = node.since or argument.since
    argument.deprecated_since = node.deprecated_since or argument.deprecated_since
    argument.is_optional = argument.is_optional or node.is_optional
    argument.is_multiple = argument.is_multiple or node.is_multiple
    return argument


def _alternative(sequence: tuple[Node, ...]) -> Argument:
    parts = _bind(sequence)
    return parts[0] if len(parts) == 1 else Argument(_block_name(parts, None), "block", arguments=parts)


def _block_name(parts: list[Argument], token: Token | None) -> str:
    if token is not None:
        return _token_name(token)
    if parts[0].token is not None:
        return f"{parts[0].name}-block"
    return "range" if parts[0].name.startswith("start") else "options"


def _choice_name(alternatives: list[Argument], token: Token | None) -> str:
    tokens = {each.token for each in alternatives}
    if tokens >= _CLIENT_TYPES:
        return "client-type"
    if token is not None:
        return _token_name(token)
    for known, name in _CHOICE_NAMES:
        if tokens == known:
            return name
    return "expiration" if "EX" in tokens else "options"
