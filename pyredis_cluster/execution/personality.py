"""The commands of an older version of Redis, made from the declarations of the newest.

What a command has not had yet is left out by `since` and by the history of its documentation; what it was
otherwise is declared beside its handler (`Group.before`). All of it is settled when a server is made: the
table of an older version holds other handlers, and nothing is asked when a command runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pyredis_cluster.execution.command import Command, Docs, Former, Handler
from pyredis_cluster.protocol.errors import CommandError, former_subcommand_syntax
from pyredis_cluster.protocol.reply import FullDouble, Reply, Status
from pyredis_cluster.version import Version, version

if TYPE_CHECKING:
    from pyredis_cluster.execution.call import Call

_HELP_IS_WRITTEN_SO = version("7.2")
_SUBCOMMANDS_ARE_COMMANDS = version("7.0")
"""Before that, a container was one command that looked at its second word itself."""

_CLUSTER_IS_DISABLED = CommandError("ERR This instance has cluster support disabled")


def commands_as_of(commands: Mapping[bytes, Command], of: Version) -> dict[bytes, Command]:
    """The commands that a server of version `of` has, as it has them. O(commands)."""
    found = {name: _as_of(command, of) for name, command in commands.items()}
    return {name: command for name, command in found.items() if command is not None}


def _as_of(command: Command, of: Version) -> Command | None:
    if version(command.since) > of:
        return None
    found = replace(
        command,
        docs=_docs_as_of(command.docs, of),
        subcommands=commands_as_of(command.subcommands, of),
    )
    if command.name.endswith("|help") and of < _HELP_IS_WRITTEN_SO and command.handler is not None:
        found = replace(found, handler=_with_former_help(command.handler))
    # From the newest on, so that an older difference has the last word.
    for former in sorted(command.former, key=lambda each: each.until, reverse=True):
        if of < former.until:
            found = _changed(found, former)
    if command.subcommands and of < _SUBCOMMANDS_ARE_COMMANDS:
        return _as_one_command(found)
    return found


def _docs_as_of(docs: Docs, of: Version) -> Docs:
    history = tuple(change for change in docs.history if version(change[0]) <= of)
    docs = replace(docs, version=of, history=history)
    if docs.deprecated_since and version(docs.deprecated_since) > of:
        docs = replace(docs, deprecated_since="", replaced_by="")
    return docs


def _changed(command: Command, former: Former) -> Command:
    names = ("handler", "arity", "categories", "keys", "get_keys", "tips")
    changes = {name: value for name in names if (value := getattr(former, name)) is not None}
    changes["flags"] = (command.flags | former.adds) & ~former.drops
    handler = changes.get("handler", command.handler)
    if former.wrap is not None and handler is not None:
        changes["handler"] = former.wrap(handler)
    if former.syntax is not None:
        changes["docs"] = replace(command.docs, syntax=former.syntax)
    return replace(command, **changes)


def _as_one_command(container: Command) -> Command:
    """A container whose subcommands bear its name, and are refused only when they run."""
    own = container.handler

    def run(call: Call, argv: list[bytes]) -> Reply:
        if len(argv) == 1 and own is not None:
            return own(call, argv)
        raise _refusal(call, argv)

    least = container.arity
    subcommands = {
        name: replace(
            each,
            name=container.name,
            arity=least,
            handler=each.handler and _with_arity(each.handler, each.arity),
        )
        for name, each in container.subcommands.items()
    }
    return replace(container, handler=run, subcommands=subcommands, takes_any_subcommand=True)


def _with_arity(handler: Handler, arity: int) -> Handler:
    def checked(call: Call, argv: list[bytes]) -> Reply:
        count = len(argv)
        if (arity > 0 and count != arity) or count < -arity:
            raise _refusal(call, argv)
        try:
            return handler(call, argv)
        except CommandError as error:
            if error.message.startswith(b"ERR unknown subcommand or wrong number"):
                raise former_subcommand_syntax(argv) from None
            raise

    return checked


def _refusal(call: Call, argv: list[bytes]) -> CommandError:
    if argv[0].lower() == b"cluster" and call.server.cluster is None:
        return _CLUSTER_IS_DISABLED
    return former_subcommand_syntax(argv)


def _with_former_help(handler: Handler) -> Handler:
    """HELP without the subcommands that this server does not have."""

    def run(call: Call, argv: list[bytes]) -> Reply:
        known = call.server.table.entries[argv[0].lower()].subcommands
        lines: list[Status] = []
        is_known = True
        header, *rest = handler(call, argv)
        for line in rest:
            if not line.text.startswith(b"    "):
                name = line.text.split(b" ")[0]
                is_known = name.startswith(b"(") or name.lower() in known
            if is_known:
                lines.append(line)
        return [header, *lines[:-1], Status(b"    Prints this help.")]

    return run


def with_full_doubles(handler: Handler) -> Handler:
    """`handler`, its floating-point numbers told with 17 digits, as before 7.2."""

    def run(call: Call, argv: list[bytes]) -> Reply:
        return _full(handler(call, argv))

    return run


def _full(reply: Reply) -> Reply:
    if type(reply) is float:
        return FullDouble(reply)
    if type(reply) in (list, tuple):
        return [_full(each) for each in reply]
    return reply


def reworded(pattern: str, former: str) -> Callable[[Handler], Handler]:
    """Makes handlers whose errors say `former` (with groups) where they match `pattern`."""
    wanted, instead = re.compile(pattern.encode()), former.encode()

    def wrap(handler: Handler) -> Handler:
        def run(call: Call, argv: list[bytes]) -> Reply:
            try:
                return handler(call, argv)
            except CommandError as error:
                raise CommandError(wanted.sub(instead, error.message)) from None

        return run

    return wrap
