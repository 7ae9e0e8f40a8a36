"""What a command is: its declaration, in Redis's own terms, beside the handler that runs it.

    hashes = Group("hash", Category.HASH)

    @hashes.command("HSET", arity=-4, flags=WRITE | DENYOOM | FAST, keys=KeyRange(1, flags=RW | UPDATE), ...)
    def hset(call: Call, argv: list[bytes]) -> int: ...

COMMAND INFO, COMMAND DOCS, the gate of refusals, routing by slot and ACL categories all derive from it. A
declaration that contradicts itself raises ValueError when its module is imported.

Source: the command tips, key specifications and COMMAND pages of the Redis documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import TYPE_CHECKING

from pyredis_cluster.execution.keyspec import KeyFlag, KeySpec, are_movable, legacy_range
from pyredis_cluster.protocol.reply import Reply
from pyredis_cluster.version import NEWEST, Version, version

if TYPE_CHECKING:
    from pyredis_cluster.execution.call import Call

Handler = Callable[["Call", list[bytes]], Reply]
Wrap = Callable[[Handler], Handler]
GetKeys = Callable[[list[bytes]], list[int]]
KeyFlagsOf = Callable[[list[bytes]], KeyFlag]


class CommandFlag(Flag):
    """Flags as COMMAND INFO shows them (name in lower case), in the order that Redis shows them."""

    WRITE = auto()
    READONLY = auto()
    DENYOOM = auto()
    MODULE = auto()
    ADMIN = auto()
    PUBSUB = auto()
    NOSCRIPT = auto()
    BLOCKING = auto()
    LOADING = auto()
    STALE = auto()
    SKIP_MONITOR = auto()
    SKIP_SLOWLOG = auto()
    ASKING = auto()
    FAST = auto()
    NO_AUTH = auto()
    MAY_REPLICATE = auto()
    NO_MANDATORY_KEYS = auto()
    NO_ASYNC_LOADING = auto()
    NO_MULTI = auto()
    MOVABLEKEYS = auto()
    ALLOW_BUSY = auto()
    # Not shown by COMMAND INFO:
    PROTECTED = auto()
    TOUCHES_ARBITRARY_KEYS = auto()


NONE = CommandFlag(0)
WRITE = CommandFlag.WRITE
READONLY = CommandFlag.READONLY
DENYOOM = CommandFlag.DENYOOM
ADMIN = CommandFlag.ADMIN
PUBSUB = CommandFlag.PUBSUB
NOSCRIPT = CommandFlag.NOSCRIPT
BLOCKING = CommandFlag.BLOCKING
LOADING = CommandFlag.LOADING
STALE = CommandFlag.STALE
SKIP_MONITOR = CommandFlag.SKIP_MONITOR
SKIP_SLOWLOG = CommandFlag.SKIP_SLOWLOG
ASKING = CommandFlag.ASKING
FAST = CommandFlag.FAST
NO_AUTH = CommandFlag.NO_AUTH
MAY_REPLICATE = CommandFlag.MAY_REPLICATE
NO_ASYNC_LOADING = CommandFlag.NO_ASYNC_LOADING
NO_MULTI = CommandFlag.NO_MULTI
ALLOW_BUSY = CommandFlag.ALLOW_BUSY
PROTECTED = CommandFlag.PROTECTED
TOUCHES_ARBITRARY_KEYS = CommandFlag.TOUCHES_ARBITRARY_KEYS
NO_MANDATORY_KEYS = CommandFlag.NO_MANDATORY_KEYS

_HIDDEN_FLAGS = PROTECTED | TOUCHES_ARBITRARY_KEYS | MAY_REPLICATE


class Category(Flag):
    """ACL categories, in the order that Redis lists them."""

    KEYSPACE = auto()
    READ = auto()
    WRITE = auto()
    SET = auto()
    SORTEDSET = auto()
    LIST = auto()
    HASH = auto()
    STRING = auto()
    BITMAP = auto()
    HYPERLOGLOG = auto()
    GEO = auto()
    STREAM = auto()
    PUBSUB = auto()
    ADMIN = auto()
    FAST = auto()
    SLOW = auto()
    BLOCKING = auto()
    DANGEROUS = auto()
    CONNECTION = auto()
    TRANSACTION = auto()
    SCRIPTING = auto()


@dataclass(frozen=True, slots=True)
class Docs:
    """What COMMAND DOCS tells of a command.

    `syntax` is the grammar of the arguments in the notation of the Redis manual, for instance
    `key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]`; the `arguments` of COMMAND DOCS
    are derived from it (`pyredis_cluster.execution.syntax`).
    """

    summary: str = ""
    complexity: str = ""
    syntax: str = ""
    history: tuple[tuple[str, str], ...] = ()
    deprecated_since: str = ""
    replaced_by: str = ""
    syscmd: bool = False
    version: Version = NEWEST
    """What came later is not told of."""


@dataclass(slots=True)
class Former:
    """What a command was in servers before version `until`; what is None was no different."""

    until: Version
    wrap: Wrap | None = None
    arity: int | None = None
    adds: CommandFlag = NONE
    drops: CommandFlag = NONE
    categories: Category | None = None
    keys: tuple[KeySpec, ...] | None = None
    get_keys: GetKeys | None = None
    tips: tuple[str, ...] | None = None
    syntax: str | None = None
    handler: Handler | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One command or subcommand; `name` is in lower case, a subcommand's as `config|get`.

    `arity` counts the name (and the subcommand's name); negative means at least so many. `handler` is None
    for a container, whose `subcommands` are run instead.
    """

    name: str
    handler: Handler | None
    arity: int
    flags: CommandFlag
    categories: Category
    keys: tuple[KeySpec, ...]
    since: str
    group: str
    tips: tuple[str, ...]
    docs: Docs
    get_keys: GetKeys | None = None
    key_flags_of: KeyFlagsOf | None = None
    """What this very request does to its keys, for a specification with VARIABLE_FLAGS."""
    subcommands: dict[bytes, Command] = field(default_factory=dict)
    former: list[Former] = field(default_factory=list)
    """What it was in older versions (`Group.before`)."""
    takes_any_subcommand: bool = False
    """Whether its own handler gets subcommands that there are not."""

    @property
    def shown_flags(self) -> list[str]:
        """Flag names as COMMAND INFO lists them."""
        shown = self.flags & ~_HIDDEN_FLAGS
        if self.has_movable_keys:
            shown |= CommandFlag.MOVABLEKEYS
        return [each.name.lower() for each in shown if each.name]

    @property
    def has_movable_keys(self) -> bool:
        """Whether clients must ask COMMAND GETKEYS, as first/last/step cannot say where the keys are."""
        return are_movable(self.keys)

    @property
    def key_range(self) -> tuple[int, int, int]:
        """First key, last key and step of the old COMMAND INFO form; zeros where there are no keys."""
        return legacy_range(self.keys)


class Group:
    """The commands of one group of the Redis documentation; the decorator collects them."""

    def __init__(self, name: str, category: Category | None = None) -> None:
        self.name = name
        self.category = category or Category(0)
        self.commands: dict[bytes, Command] = {}

    def command(
        self,
        name: str,
        *,
        arity: int,
        flags: CommandFlag = NONE,
        keys: KeySpec | Sequence[KeySpec] = (),
        categories: Category | None = None,
        since: str = "1.0.0",
        tips: Iterable[str] = (),
        get_keys: GetKeys | None = None,
        key_flags_of: KeyFlagsOf | None = None,
        summary: str = "",
        complexity: str = "O(1)",
        syntax: str = "",
        history: tuple[tuple[str, str], ...] = (),
        deprecated_since: str = "",
        replaced_by: str = "",
        syscmd: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare the command that the decorated handler runs.

        A name of two words (`CONFIG GET`) declares a subcommand of a container declared before. The
        group's category is added to `categories`, and those that follow from flags: write, read, fast or
        slow, admin, dangerous, pubsub, blocking.

        Raises ValueError for a declaration that contradicts itself or another one.
        """

        def declare(handler: Handler) -> Handler:
            docs = Docs(summary, complexity, syntax, history, deprecated_since, replaced_by, syscmd)
            finders = (get_keys, key_flags_of)
            self._add(name, handler, arity, flags, keys, categories, since, tuple(tips), docs, finders)
            return handler

        return declare

    def container(
        self,
        name: str,
        *,
        arity: int = -2,
        flags: CommandFlag = NONE,
        categories: Category | None = None,
        since: str = "1.0.0",
        summary: str = "",
        complexity: str = "Depends on subcommand.",
        syscmd: bool = False,
    ) -> None:
        """Declare a command that only has subcommands."""
        docs = Docs(summary, complexity, syscmd=syscmd)
        self._add(name, None, arity, flags, (), categories, since, (), docs)

    def before(
        self,
        until: str,
        *names: str,
        wrap: Wrap | None = None,
        arity: int | None = None,
        adds: CommandFlag = NONE,
        drops: CommandFlag = NONE,
        categories: Category | None = None,
        keys: KeySpec | Sequence[KeySpec] | None = None,
        get_keys: GetKeys | None = None,
        tips: Iterable[str] | None = None,
        syntax: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare what commands of this group, declared before, were in servers older than version `until`.

        As a decorator it gives them another handler; `wrap` makes one of theirs. By itself it changes what is
        named: flags by those that it `adds` and `drops`, the rest as a whole. A server's table is made with
        all of it applied: nothing of this is asked when a command runs.

        Raises ValueError for a command that is not declared.
        """
        specs = (keys,) if isinstance(keys, KeySpec) else None if keys is None else tuple(keys)
        shown_tips = None if tips is None else tuple(tips)
        former = Former(
            version(until), wrap, arity, adds, drops, categories, specs, get_keys, shown_tips, syntax
        )
        for name in names:
            self._declared(name).former.append(former)

        def decorate(handler: Handler) -> Handler:
            former.handler = handler
            return handler

        return decorate

    def _declared(self, name: str) -> Command:
        parent, _, subname = name.lower().encode().partition(b" ")
        command = self.commands.get(parent)
        if command is not None and subname:
            command = command.subcommands.get(subname)
        if command is None:
            raise ValueError(f"{name} is not declared here")
        return command

    def _add(
        self,
        name: str,
        handler: Handler | None,
        arity: int,
        flags: CommandFlag,
        keys: KeySpec | Sequence[KeySpec],
        categories: Category | None,
        since: str,
        tips: tuple[str, ...],
        docs: Docs,
        finders: tuple[GetKeys | None, KeyFlagsOf | None] = (None, None),
    ) -> None:
        specs = (keys,) if isinstance(keys, KeySpec) else tuple(keys)
        parent_name, _, subname = name.lower().partition(" ")
        # Containers are in no category of their group: what counts is the subcommand.
        own = self.category if handler is not None else Category(0)
        command = Command(
            name=f"{parent_name}|{subname}" if subname else parent_name,
            handler=handler,
            arity=arity,
            flags=flags,
            categories=_implied_categories(flags) | own | (categories or Category(0)),
            keys=specs,
            since=since,
            group=self.name,
            tips=tips,
            docs=docs,
            get_keys=finders[0],
            key_flags_of=finders[1],
        )
        _check(command)
        if subname:
            siblings = self.commands[parent_name.encode()].subcommands
            key = subname.encode()
        else:
            siblings = self.commands
            key = parent_name.encode()
        if key in siblings:
            raise ValueError(f"{command.name} is declared twice")
        siblings[key] = command


def _implied_categories(flags: CommandFlag) -> Category:
    implied = Category.FAST if FAST in flags else Category.SLOW
    if WRITE in flags:
        implied |= Category.WRITE
    if READONLY in flags:
        implied |= Category.READ
    if ADMIN in flags:
        implied |= Category.ADMIN | Category.DANGEROUS
    if PUBSUB in flags:
        implied |= Category.PUBSUB
    if BLOCKING in flags:
        implied |= Category.BLOCKING
    return implied


def _check(command: Command) -> None:
    if command.arity == 0:
        raise ValueError(f"{command.name}: arity counts the name, so it is never 0")
    if WRITE in command.flags and READONLY in command.flags:
        raise ValueError(f"{command.name}: WRITE and READONLY exclude each other")
    for spec in command.keys:
        if spec.is_range_by_index and spec.begin > abs(command.arity) and command.arity > 0:
            raise ValueError(f"{command.name}: a key at {spec.begin}, beyond its arity")
