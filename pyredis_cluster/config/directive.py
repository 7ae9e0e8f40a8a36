"""One line of the directive table: what a directive is called, what it holds, and when it may be changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from pyredis_cluster.config.kinds import (
    INT_MAX,
    LLONG_MAX,
    AnyKind,
    Choice,
    Memory,
    Number,
    Text,
    YesNo,
)
from pyredis_cluster.version import Version, version


class Traits(TypedDict, total=False):
    """What a table line may say beside name, kind, default and summary."""

    alias: str
    immutable: bool
    protected: bool
    sensitive: bool
    hidden: bool
    not_while_loading: bool
    always_applied: bool
    acts: bool
    since: str
    hidden_since: str
    before: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive of redis.conf, and all that is known about it.

    `alias`             an older name that works everywhere
    `immutable`         CONFIG SET refuses it; only the configuration file and the command line set it
    `protected`         CONFIG SET refuses it unless enable-protected-configs allows it
    `sensitive`         its value must not be shown in MONITOR, SLOWLOG or logs
    `hidden`            CONFIG GET shows it by its exact name only
    `not_while_loading` CONFIG SET refuses it while a dataset is being loaded
    `always_applied`    setting it to the value it has counts as a change, as for a certificate file
    `acts`              False where it is accepted, kept and shown, but changes nothing here
    `since`             the version that brought its name, if it is newer than 6.2: CONFIG of an older server
                        knows it by its alias, or not at all
    `hidden_since`      the version that hid it, if it is newer than 6.2
    `before`            its defaults before the versions named, the oldest first
    """

    name: str
    kind: AnyKind
    default: Any
    summary: str
    alias: str = ""
    immutable: bool = False
    protected: bool = False
    sensitive: bool = False
    hidden: bool = False
    not_while_loading: bool = False
    always_applied: bool = False
    acts: bool = True
    since: str = ""
    hidden_since: str = ""
    before: tuple[tuple[str, Any], ...] = ()

    def is_known(self, name: str, to: Version) -> bool:
        """Whether a server of version `to` knows the directive by this one of its names."""
        return name != self.name or not self.since or to >= version(self.since)

    def is_hidden(self, to: Version) -> bool:
        """Whether CONFIG GET of version `to` shows it by its exact name only."""
        return self.hidden and (not self.hidden_since or to >= version(self.hidden_since))

    def default_of(self, of: Version) -> Any:
        """Its value in a server of version `of` that is not told another."""
        older = [(version(until), value) for until, value in self.before if of < version(until)]
        return older[0][1] if older else self.default


def yes_no(name: str, default: bool, summary: str, **traits: Unpack[Traits]) -> Directive:
    """A directive that is `yes` or `no`."""
    return Directive(name, YesNo(), default, summary, **traits)


def number(
    name: str, default: int, summary: str, low: int = 0, high: int = INT_MAX, **traits: Unpack[Traits]
) -> Directive:
    """A directive that is a signed integer from `low` to `high`."""
    return Directive(name, Number(low, high), default, summary, **traits)


def count(
    name: str, default: int, summary: str, low: int = 0, high: int = LLONG_MAX, **traits: Unpack[Traits]
) -> Directive:
    """A directive that is an unsigned integer from `low` to `high`."""
    return Directive(name, Number(low, high, unsigned=True), default, summary, **traits)


def size(
    name: str, default: int, summary: str, low: int = 0, high: int = LLONG_MAX, **traits: Unpack[Traits]
) -> Directive:
    """A directive that is a number of bytes from `low` to `high`."""
    return Directive(name, Memory(low, high, unsigned=True), default, summary, **traits)


def signed_size(name: str, default: int, summary: str, low: int = 0, **traits: Unpack[Traits]) -> Directive:
    """As `size`, for those that Redis keeps in a signed variable: sizes from 2**63 on are negative."""
    return Directive(name, Memory(low, LLONG_MAX), default, summary, **traits)


def text(
    name: str,
    default: str,
    summary: str,
    *,
    check: Callable[[str], None] | None = None,
    **traits: Unpack[Traits],
) -> Directive:
    """A directive that is a string, and may be the empty one."""
    return Directive(name, Text(check), default, summary, **traits)


def optional(
    name: str,
    summary: str,
    *,
    check: Callable[[str], None] | None = None,
    binary: bool = False,
    **traits: Unpack[Traits],
) -> Directive:
    """A directive that is a string, the empty one meaning that it is not set."""
    return Directive(name, Text(check, vanishes=True, binary=binary), "", summary, **traits)


def choice(
    name: str, default: str, words: tuple[str, ...], summary: str, **traits: Unpack[Traits]
) -> Directive:
    """A directive that is one of `words`."""
    return Directive(name, Choice(*words), default, summary, **traits)


def special(name: str, kind: AnyKind, default: Any, summary: str, **traits: Unpack[Traits]) -> Directive:
    """A directive of any other kind."""
    return Directive(name, kind, default, summary, **traits)
