"""The support tables of the documentation, made from what the program itself declares.

    python -m docs.tables           writes docs/compatibility.md and docs/configuration.md

`facts/commands.txt` has each command and subcommand of Redis 7.2 with the version that brought it and its
group, as COMMAND DOCS tells them; `facts/directives.txt` has each name that CONFIG GET knows there. What is
in them and not here is shown as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.commands.sentinel_table import SENTINEL_COMMANDS
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.directive import Directive
from pyredis_cluster.config.directives import SECTIONS
from pyredis_cluster.config.kinds import BadValue
from pyredis_cluster.execution.command import Command

DOCS = Path(__file__).parent
_MADE = "<!-- Made by `python -m docs.tables`; change the declarations instead. -->"
_ABOUT_COMMANDS = """\
Every command and subcommand of Redis 7.2, and whether it is here. One that is has all its options, with the
replies and the errors of 7.2 (and with `redis-version` those of 6.2 or 7.0). One that is not is answered as
Redis answers unknown commands, and `COMMAND` does not list it. There is one that Redis does not have, and
only where it is asked for: [`FAULT`](faults.md)."""
_ABOUT_DIRECTIVES = """\
Every directive of redis.conf 7.2 may be in the file and on the command line, and `CONFIG GET` shows it. It

* **acts** as in Redis, or
* is **kept**: taken, shown and rewritten, but nothing comes of it, or
* is **refused** with any other value than its default, as the server would not be what it was told to be.

*Set* says whether `CONFIG SET` changes it; *protected* ones only where `enable-protected-configs` allows it.
Those without a default are not set at first."""
_YES, _NO = "✓", "–"
_TITLES = {"hyperloglog": "HyperLogLog", "pubsub": "Pub/Sub"}
_IGNORED = frozenset({"aclfile"})

SENTINEL_LINES: Mapping[str, tuple[str, str, str]] = {
    "monitor": ("master host port quorum", "REMOVE, MONITOR", "Watch this server."),
    "down-after-milliseconds": ("master 30000", "SET", "How long a server is silent before it is down."),
    "failover-timeout": ("master 180000", "SET", "How long the steps of a failover may take."),
    "parallel-syncs": ("master 1", "SET", "Replicas that copy from a new primary at once."),
    "auth-pass": ("master password", "SET", "Password of the servers."),
    "auth-user": ("master name", "SET", "User of the servers."),
    "notification-script": ("master path", "SET", "Program that is told of events."),
    "client-reconfig-script": ("master path", "SET", "Program that is told of a new primary."),
    "master-reboot-down-after-period": (
        "master 0",
        "SET",
        "How long a primary may be loading after a restart.",
    ),
    "rename-command": ("master name new-name", "SET", "What a command is called on the servers."),
    "deny-scripts-reconfig": ("yes", "", "Let SENTINEL SET not name programs."),
    "resolve-hostnames": ("no", "CONFIG SET", "Take names of hosts for addresses."),
    "announce-hostnames": ("no", "CONFIG SET", "Tell names of hosts."),
    "announce-ip": ("address", "CONFIG SET", "Address told to other sentinels."),
    "announce-port": ("port", "CONFIG SET", "Port told to other sentinels."),
    "sentinel-user": ("name", "CONFIG SET", "User of other sentinels."),
    "sentinel-pass": ("password", "CONFIG SET", "Password of other sentinels."),
}
"""Lines of sentinel.conf that people write: arguments or default, how SENTINEL changes them, meaning."""

SENTINEL_STATE = (
    *("myid", "config-epoch", "leader-epoch", "current-epoch"),
    *("known-replica", "known-slave", "known-sentinel"),
)
"""Lines that the sentinel writes itself."""


class Fact(NamedTuple):
    """A command of Redis."""

    name: str
    since: str
    group: str

    @property
    def shown(self) -> str:
        """Its name as people write it."""
        return f"`{self.name.upper().replace('|', ' ')}`"


def facts() -> list[Fact]:
    """All commands and subcommands of Redis 7.2, in the order of their names."""
    return [Fact(*line.split()) for line in (DOCS / "facts/commands.txt").read_text().splitlines()]


def supported() -> set[str]:
    """The names of all commands and subcommands that a server or a sentinel has."""
    return {name for table in (COMMANDS, SENTINEL_COMMANDS) for name in _names(table)}


def _names(commands: Mapping[bytes, Command]) -> Iterator[str]:
    for command in commands.values():
        yield command.name
        yield from _names(command.subcommands)


def compatibility() -> str:
    """The page of commands."""
    here = supported()
    groups: dict[str, list[Fact]] = {}
    for fact in sorted(facts(), key=lambda fact: fact.group):
        groups.setdefault(fact.group, []).append(fact)
    pages = [
        _MADE,
        "# Compatibility",
        _ABOUT_COMMANDS,
        table(
            ("group", "here", "of"),
            (
                (f"[{_title(group)}](#{group})", _count(each, here), str(len(each)))
                for group, each in groups.items()
            ),
        ),
    ]
    for group, each in groups.items():
        rows = ((fact.shown, fact.since, _YES if fact.name in here else _NO) for fact in each)
        pages += [f"## {_title(group)}", table(("command", "since", "here"), rows)]
    return "\n\n".join(pages) + "\n"


def _title(group: str) -> str:
    return _TITLES.get(group, group.replace("-", " ").capitalize())


def _count(each: Iterable[Fact], here: set[str]) -> str:
    return str(sum(fact.name in here for fact in each))


def configuration() -> str:
    """The page of directives."""
    theirs = set((DOCS / "facts/directives.txt").read_text().split())
    ours = [each for section in SECTIONS.values() for each in section if each.name not in theirs]
    pages = [
        _MADE,
        "# Configuration",
        _ABOUT_DIRECTIVES,
    ]
    for title, section in SECTIONS.items():
        pages += [f"## {title}", _directives(each for each in section if each.name in theirs)]
    pages += [
        "## Of this server alone",
        _directives(ours),
        "## Lines of the file only",
        table(
            ("line", "here"),
            (
                ("`include path`", "acts"),
                ("`rename-command name new-name`", "acts"),
                ("`user …`", "acts where it lets the default user do all; others are warned of, and ignored"),
                ("`loadmodule path`", "refused"),
            ),
        ),
        "## sentinel.conf",
        "Each line begins with `sentinel`; the directives of network and log above act in a sentinel too.",
        table(
            ("line", "arguments or default", "changed by", "here", "meaning"),
            (
                (f"`{name}`", f"`{arguments}`", f"`SENTINEL {change}`" if change else "", "acts", meaning)
                for name, (arguments, change, meaning) in SENTINEL_LINES.items()
            ),
        ),
        "A sentinel writes these itself: " + ", ".join(f"`{name}`" for name in SENTINEL_STATE) + ".",
    ]
    return "\n\n".join(pages) + "\n"


def _directives(section: Iterable[Directive]) -> str:
    config = Config()
    rows = (
        (
            f"`{each.name}`",
            _code(each.kind.show(config.default(each.name)).decode()),
            _change(each),
            _effect(each),
            each.summary,
        )
        for each in section
    )
    return table(("directive", "default", "set", "here", "meaning"), rows)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _change(directive: Directive) -> str:
    return _NO if directive.immutable else "protected" if directive.protected else _YES


def _effect(directive: Directive) -> str:
    if directive.name in _IGNORED:
        return "warned of, and ignored"
    return "refused" if _is_refused(directive) else "acts" if directive.acts else "kept"


def _is_refused(directive: Directive) -> bool:
    """Whether the server would rather not start than be told this."""
    for word in (b"yes", b"1"):
        try:
            directive.kind.parse([word], directive.default)
        except BadValue as error:
            if "does not support" in str(error):
                return True
    return False


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


PAGES = {"compatibility.md": compatibility, "configuration.md": configuration}


if __name__ == "__main__":
    for page, make in PAGES.items():
        (DOCS / page).write_text(make(), "utf-8")
