"""The commands that a sentinel has: SENTINEL, some that every server has, and three that are others there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from pyredis_cluster.commands import sentinel_changes, sentinel_views
from pyredis_cluster.commands.info import text_of
from pyredis_cluster.commands.info_sections import SECTIONS
from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.commands.sentinel import sentinel
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import Command
from pyredis_cluster.execution.sentinel import sentinel_of
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

EXTENSIONS: Final = (sentinel_changes, sentinel_views)
"""Modules that add subcommands: importing them is all it takes."""

HELLO_CHANNEL: Final = b"__sentinel__:hello"

_SHARED: Final = (
    *(b"auth", b"client", b"command", b"hello", b"ping", b"shutdown"),
    *(b"psubscribe", b"punsubscribe", b"subscribe", b"unsubscribe"),
)
_CLIENT_NO_TOUCH: Final = b"no-touch"
_SECTIONS: Final = ("Server", "Clients", "Stats", "CPU")
_ALL_SECTIONS: Final = frozenset((*(title.lower() for title in _SECTIONS), "sentinel"))
_GROUPS: Final = frozenset(("default", "all", "everything"))
_ONLY_HELLO: Final = CommandError("ERR Only HELLO messages are accepted by Sentinel instances.")


def info(call: Call, argv: list[bytes]) -> Reply:
    """INFO [section ...]

    A bulk string of those sections that a sentinel has; `default`, `all`, `everything` stand for all of them.
    """
    server = call.server
    names = {word.decode("utf-8", "replace").lower() for word in argv[1:]} or _GROUPS
    wanted = _ALL_SECTIONS if names & _GROUPS else names
    facts = server.host.information()
    sections = [(title, SECTIONS[title](server, facts)) for title in _SECTIONS if title.lower() in wanted]
    if "sentinel" in wanted:
        sections.append(("Sentinel", _fields(call)))
    return text_of(sections)


def _fields(call: Call) -> Iterator[tuple[str, object]]:
    for field, value in sentinel_of(call.server).info_fields():
        yield field.decode(), value.decode("utf-8", "surrogateescape")


def role(call: Call, argv: list[bytes]) -> Reply:
    """ROLE

    `sentinel`, and the names of the masters.
    """
    return sentinel_of(call.server).role()


def publish(call: Call, argv: list[bytes]) -> Reply:
    """PUBLISH channel message

    1: the greeting of another sentinel was heard. Raises an error for any channel but that of greetings.
    """
    if argv[1] != HELLO_CHANNEL:
        raise _ONLY_HELLO
    sentinel_of(call.server).hello_received(argv[2])
    return 1


def _table() -> dict[bytes, Command]:
    table = {name: COMMANDS[name] for name in _SHARED}
    client = table[b"client"]
    subcommands = {name: each for name, each in client.subcommands.items() if name != _CLIENT_NO_TOUCH}
    table[b"client"] = replace(client, subcommands=subcommands)
    for name, handler in ((b"info", info), (b"role", role), (b"publish", publish)):
        table[name] = replace(COMMANDS[name], handler=handler, former=[])
    return table | sentinel.commands


SENTINEL_COMMANDS: Mapping[bytes, Command] = MappingProxyType(_table())
