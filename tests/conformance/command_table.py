"""What a server says about its commands: COMMAND INFO and COMMAND DOCS as comparable data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tests.support.wire import Node

Value: TypeAlias = object


class Asked(Protocol):
    """A server that can be asked."""

    def control(self, *argv: bytes | str | int) -> Node:
        """The reply to one command."""


INFO_FIELDS = ("arity", "flags", "key positions", "ACL categories", "tips", "key specs")


@dataclass(frozen=True)
class CommandInfo:
    """One command or subcommand as COMMAND INFO shows it; sets where order has no meaning."""

    name: str
    fields: dict[str, Value]
    subcommands: tuple[CommandInfo, ...]


def text(node: Node) -> str:
    """A string or status as text. Raises TypeError on anything else."""
    if not isinstance(node.value, bytes):
        raise TypeError(f"not a string: {node}")
    return node.value.decode()


def plain(node: Node) -> Value:
    """A reply as strings, lists and, for flat arrays of name and value, still lists."""
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.items]
    return None if node.value is None else text(node)


def _key_spec(node: Node) -> Value:
    pairs = {text(name): value for name, value in zip(node.items[::2], node.items[1::2], strict=True)}
    return (
        sorted(text(flag) for flag in pairs["flags"].items),
        plain(pairs["begin_search"]),
        plain(pairs["find_keys"]),
        text(pairs["notes"]) if "notes" in pairs else None,
    )


def parse_info(node: Node) -> CommandInfo:
    """One element of COMMAND INFO's reply (RESP2)."""
    name, arity, flags, first, last, step, categories, tips, specs, subcommands = node.items
    fields: dict[str, Value] = {
        "arity": text(arity),
        "flags": frozenset(text(flag) for flag in flags.items),
        "key positions": (text(first), text(last), text(step)),
        "ACL categories": frozenset(text(category) for category in categories.items),
        "tips": frozenset(text(tip) for tip in tips.items),
        "key specs": [_key_spec(spec) for spec in specs.items],
    }
    return CommandInfo(text(name), fields, tuple(parse_info(one) for one in subcommands.items))


def command_infos(target: Asked) -> dict[str, CommandInfo]:
    """All commands and subcommands (``config|get``) of a server by name."""
    found: dict[str, CommandInfo] = {}
    for node in target.control("COMMAND").items:
        info = parse_info(node)
        found[info.name] = info
        found.update((subcommand.name, subcommand) for subcommand in info.subcommands)
    return found


def _argument(node: Node) -> Value:
    """One argument of COMMAND DOCS: type, token, flags and nested arguments; how it is named is free."""
    pairs = {text(name): value for name, value in zip(node.items[::2], node.items[1::2], strict=True)}
    return (
        text(pairs["type"]),
        text(pairs["token"]).upper() if "token" in pairs else None,
        sorted(text(flag) for flag in pairs["flags"].items) if "flags" in pairs else [],
        text(pairs["key_spec_index"]) if "key_spec_index" in pairs else None,
        [_argument(argument) for argument in pairs["arguments"].items] if "arguments" in pairs else [],
    )


def _docs(node: Node) -> dict[str, Value]:
    pairs = {text(name): value for name, value in zip(node.items[::2], node.items[1::2], strict=True)}
    docs: dict[str, Value] = {
        name: text(pairs[name]) if name in pairs else None for name in ("since", "group", "complexity")
    }
    docs["doc flags"] = (
        sorted(text(flag) for flag in pairs["doc_flags"].items) if "doc_flags" in pairs else []
    )
    docs["deprecated since"] = text(pairs["deprecated_since"]) if "deprecated_since" in pairs else None
    docs["history"] = [text(entry.items[0]) for entry in pairs["history"].items] if "history" in pairs else []
    docs["arguments"] = (
        [_argument(argument) for argument in pairs["arguments"].items] if "arguments" in pairs else []
    )
    return docs


def command_docs(target: Asked) -> dict[str, dict[str, Value]]:
    """The documentation of all commands and subcommands of a server by name, free text left out."""
    found: dict[str, dict[str, Value]] = {}
    replies = target.control("COMMAND", "DOCS").items
    for name, node in zip(replies[::2], replies[1::2], strict=True):
        found[text(name)] = _docs(node)
        pairs = {text(key): value for key, value in zip(node.items[::2], node.items[1::2], strict=True)}
        if "subcommands" in pairs:
            nested = pairs["subcommands"].items
            found.update((text(a), _docs(b)) for a, b in zip(nested[::2], nested[1::2], strict=True))
    return found
