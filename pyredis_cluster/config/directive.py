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
