"""COMMAND: the command table, for clients."""

from __future__ import annotations

from collections.abc import Iterator

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    LOADING,
    NO_MANDATORY_KEYS,
    STALE,
    Category,
    Command,
    Group,
)
from pyredis_cluster.execution.describe import category_named, describe, describe_briefly, document, key_flags
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.keyspec import NOT_KEY, VARIABLE_FLAGS, KeyFlag
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.reply import Raw, Reply, encode

command = Group("server", Category.CONNECTION)

_UNORDERED = ("nondeterministic_output_order",)


@command.command(
    "COMMAND",
    arity=-1,
    flags=LOADING | STALE,
    since="2.8.13",
    complexity="O(N) where N is the total number of Redis commands",
    summary="Describes every command of the server.",
    tips=_UNORDERED,
)
def command_(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND

    An array with the description of each command, as COMMAND INFO gives it. Raises an error for an unknown
    subcommand.
    """
    table, resp = call.server.table, call.session.resp
    # Clients of clusters ask all nodes for it, whenever they look for the slots anew.
    if resp not in table.described:
        described: Reply = [describe(entry.command) for entry in table.entries.values()]
        table.described[resp] = Raw(encode(described, resp))
    return table.described[resp]


@command.command(
    "COMMAND COUNT",
    arity=2,
    flags=LOADING | STALE,
    since="2.8.13",
    summary="Counts the commands of the server.",
)
def command_count(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND COUNT

    The number of commands, subcommands not counted.
    """
    return len(call.server.table.entries)


@command.command(
    "COMMAND INFO",
    arity=-2,
    flags=LOADING | STALE,
    since="2.8.13",
    complexity="O(N) where N is the number of commands to look up",
    syntax="[command-name [command-name ...]]",
    summary="Describes the commands named, or all.",
    history=(("7.0.0", "Allowed to be called with no argument to get info on all commands."),),
    tips=_UNORDERED,
)
def command_info(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND INFO [command-name ...]

    An array with a description for each name (nil where there is no such command), or of all commands.
    """
    if len(argv) == 2:
        return command_(call, argv)
    found = [_find(call, name) for name in argv[2:]]
    return [None if each is None else describe(each) for each in found]


@command.command(
    "COMMAND DOCS",
    arity=-2,
    flags=LOADING | STALE,
    since="7.0.0",
    complexity="O(N) where N is the number of commands to look up",
    syntax="[command-name [command-name ...]]",
    summary="Documents the commands named, or all.",
    tips=_UNORDERED,
)
def command_docs(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND DOCS [command-name ...]

    A map from name to documentation; names that are no command are left out. Without names, all commands.
    """
    if len(argv) == 2:
        return {entry.command.name: document(entry.command) for entry in call.server.table.entries.values()}
    found = [_find(call, name) for name in argv[2:]]
    return {each.name: document(each) for each in found if each is not None}


@command.command(
    "COMMAND LIST",
    arity=-2,
    flags=LOADING | STALE,
    since="7.0.0",
    complexity="O(N) where N is the total number of Redis commands",
    syntax="[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
    summary="Lists the names of commands.",
    tips=_UNORDERED,
)
def command_list(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]

    An array of names; with a filter those of subcommands too. A module or category that does not exist has
    no commands.
    """
    if len(argv) == 2:
        return [entry.command.name for entry in call.server.table.entries.values()]
    if len(argv) != 5 or argv[2].lower() != b"filterby":
        raise SYNTAX_ERROR
    kind, wanted = argv[3].lower(), argv[4]
    if kind == b"module":
        return []
    if kind == b"aclcat":
        category = category_named(wanted)
        return [each.name for each in _all_commands(call) if each.categories & category]
    if kind == b"pattern":
        matches = compile_glob(wanted, nocase=True)
        return [each.name for each in _all_commands(call) if matches(each.name.encode())]
    raise SYNTAX_ERROR


@command.command(
    "COMMAND GETKEYS",
    arity=-3,
    flags=LOADING | STALE,
    since="2.8.13",
    complexity="O(N) where N is the number of arguments to the command",
    syntax="command [arg [arg ...]]",
    summary="Finds the keys in a request.",
)
def command_getkeys(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND GETKEYS command [arg ...]

    The keys, in the order in which the command takes them. Raises an error where there is no such command,
    where it takes no keys, and where the arguments are not such as it takes.
    """
    return [key for key, _ in _keys_of(call, argv[2:])]


@command.command(
    "COMMAND GETKEYSANDFLAGS",
    arity=-3,
    flags=LOADING | STALE,
    since="7.0.0",
    complexity="O(N) where N is the number of arguments to the command",
    syntax="command [arg [arg ...]]",
    summary="Finds the keys in a request, and what is done to each.",
)
def command_getkeysandflags(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND GETKEYSANDFLAGS command [arg ...]

    As COMMAND GETKEYS, each key with the set of its flags.
    """
    return [[key, key_flags(flags)] for key, flags in _keys_of(call, argv[2:])]


@command.command(
    "COMMAND HELP", arity=2, flags=LOADING | STALE, since="5.0.0", summary="Lists the subcommands."
)
def command_help(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND HELP

    An array of status lines.
    """
    return help_lines(argv[0], _HELP)


command.before("7.2.0", "COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS", arity=-4)
command.before("7.0.0", "COMMAND GETKEYS", arity=-3)
command.before("7.0.0", "COMMAND", tips=("nondeterministic_output",))


@command.before("7.0.0", "COMMAND")
def command_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND

    An array with the description of each command, which has no more than its ACL categories.
    """
    return [describe_briefly(each) for each in _listed(call)]


@command.before("7.0.0", "COMMAND COUNT")
def command_count_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND COUNT

    The number of commands.
    """
    return sum(1 for _ in _listed(call))


def _listed(call: Call) -> Iterator[Command]:
    """The commands of 6.2, where QUIT was none."""
    return (entry.command for entry in call.server.table.entries.values() if entry.command.name != "quit")


@command.before("7.0.0", "COMMAND INFO")
def command_info_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """COMMAND INFO [command-name ...]

    An array with a description for each name, nil where there is no such command.
    """
    entries = call.server.table.entries
    found = [entries.get(name.lower()) for name in argv[2:]]
    return [None if entry is None else describe_briefly(entry.command) for entry in found]


def _find(call: Call, name: bytes) -> Command | None:
    """The command called `name`, a subcommand's as `config|get`."""
    parent, separator, subname = name.lower().partition(b"|")
    entry = call.server.table.entries.get(parent)
    if entry is not None and separator:
        entry = entry.subcommands.get(subname)
    return None if entry is None else entry.command


def _all_commands(call: Call) -> Iterator[Command]:
    for entry in call.server.table.entries.values():
        yield entry.command
        yield from entry.command.subcommands.values()


def _keys_of(call: Call, request: list[bytes]) -> list[tuple[bytes, KeyFlag]]:
    """The keys of `request` with their flags. Raises an error as COMMAND GETKEYS answers it."""
    entry = call.server.table.find(request)
    if entry is None or (entry.subcommands and len(request) > 1):
        raise CommandError("ERR Invalid command specified")
    found = entry.command
    if found.get_keys is None and all(NOT_KEY in spec.flags for spec in found.keys):
        raise CommandError("ERR The command has no key arguments")
    count = len(request)
    if (found.arity > 0 and count != found.arity) or count < -found.arity:
        raise CommandError("ERR Invalid number of arguments specified for command")
    places = _places(found, request)
    if not places and NO_MANDATORY_KEYS not in found.flags:
        raise CommandError("ERR Invalid arguments specified for command")
    return [(request[place], flags) for place, flags in places]


def _places(found: Command, request: list[bytes]) -> list[tuple[int, KeyFlag]]:
    if found.get_keys is not None:
        # Such commands have one key that is read, and after it those that the result goes to.
        return [
            (place, _flags(found, found.keys[-1 if at else 0].flags, request))
            for at, place in enumerate(found.get_keys(request))
        ]
    places: list[tuple[int, KeyFlag]] = []
    for spec in found.keys:
        if NOT_KEY in spec.flags:
            continue
        positions = spec.positions(request)
        if positions is None:
            return []
        flags = _flags(found, spec.flags, request)
        places.extend((position, flags) for position in positions)
    return places


def _flags(found: Command, flags: KeyFlag, request: list[bytes]) -> KeyFlag:
    if VARIABLE_FLAGS in flags and found.key_flags_of is not None:
        return found.key_flags_of(request)
    return flags & ~(KeyFlag.INCOMPLETE | VARIABLE_FLAGS)


_HELP = """
(no subcommand)
    Return details about all Redis commands.
COUNT
    Return the total number of commands in this Redis server.
LIST
    Return a list of all commands in this Redis server.
INFO [<command-name> ...]
    Return details about multiple Redis commands.
    If no command names are given, documentation details for all
    commands are returned.
DOCS [<command-name> ...]
    Return documentation details about multiple Redis commands.
    If no command names are given, documentation details for all
    commands are returned.
GETKEYS <full-command>
    Return the keys from a full Redis command.
GETKEYSANDFLAGS <full-command>
    Return the keys and the access flags from a full Redis command.
"""
