"""The command table of one server: declarations plus this server's statistics."""

from __future__ import annotations

from collections.abc import Mapping

from pyredis_cluster.execution.command import FAST, PROTECTED, Command, Handler
from pyredis_cluster.execution.keyspec import KeyRange
from pyredis_cluster.protocol.reply import Raw

KEYLESS = 0
ONE_KEY = 1
"""Exactly one key, at argument 1: its slot is checked in the hot loop itself."""
OTHER_KEYS = 2

_MAX_SPELLINGS = 4096
_LATENCY_BUCKETS = 64
"""Enough for any step of the wall clock between two readings."""


class Entry:
    """One command of one server: what the hot loop needs of its declaration, and its statistics.

    `latency_buckets[n]` counts calls that took [2**(n-1), 2**n) microseconds, [0, 1) for n = 0.
    """

    __slots__ = (
        "arity",
        "calls",
        "command",
        "elapsed_ns",
        "failed_calls",
        "handler",
        "is_brief",
        "key_mode",
        "key_slice",
        "latency_buckets",
        "rejected_calls",
        "subcommands",
    )

    def __init__(self, command: Command) -> None:
        self.command = command
        self.arity = command.arity
        self.handler: Handler = command.handler or _container_without_subcommand
        self.key_mode = _key_mode(command)
        self.key_slice = _key_slice(command)
        # Runs of brief commands share one clock reading in the hot loop.
        self.is_brief = FAST in command.flags or command.docs.complexity == "O(1)"
        self.subcommands = {name: Entry(sub) for name, sub in command.subcommands.items()}
        self.calls = 0
        self.elapsed_ns = 0
        self.rejected_calls = 0
        self.failed_calls = 0
        self.latency_buckets = [0] * _LATENCY_BUCKETS

    def reset_statistics(self) -> None:
        """Forget all counts, as CONFIG RESETSTAT does; subcommands too."""
        self.calls = self.elapsed_ns = self.rejected_calls = self.failed_calls = 0
        self.latency_buckets = [0] * _LATENCY_BUCKETS
        for entry in self.subcommands.values():
            entry.reset_statistics()


def bucket_end_us(place: int) -> float:
    """The longest time that latency bucket `place` stands for, as Redis's histograms have it.

    Those double from 1024 ns to one second, each value exact to two digits: 1.031, 2.063, 4.127 …
    """
    return min((1032 << place) - 1, (1 << 30) - 1) / 1000


def _is_direct(entry: Entry) -> bool:
    """Whether a request with the command's name may run without a further look."""
    return not (entry.command.handler is None or entry.subcommands or PROTECTED in entry.command.flags)


def _container_without_subcommand(call: object, argv: list[bytes]) -> object:
    raise AssertionError("the gate refuses a container that is called without a subcommand")


def _key_mode(command: Command) -> int:
    if not command.keys and command.get_keys is None:
        return KEYLESS
    if len(command.keys) != 1 or command.get_keys is not None:
        return OTHER_KEYS
    spec = command.keys[0]
    is_first = isinstance(spec, KeyRange) and spec.begin == 1 and spec.last == 0
    return ONE_KEY if is_first else OTHER_KEYS


def _key_slice(command: Command) -> slice | None:
    """What to take of a request to have its keys, where first, last and step say where they are."""
    first, last, step = command.key_range
    if not first or command.has_movable_keys or any(getattr(spec, "limit", 0) for spec in command.keys):
        return None
    return slice(first, last + 1 or None, step)


class CommandTable:
    """All commands of one server.

    `fast` maps a name, in the spelling that clients use, to its entry. It learns spellings as they come, up
    to a bound. Containers are not in it, nor are protected commands, which always go through the gate.
    `described` has the reply of COMMAND by version of the protocol, once it was asked for.
    """

    def __init__(self, commands: Mapping[bytes, Command]) -> None:
        self.entries = {name: Entry(command) for name, command in commands.items()}
        self._all_entries = [
            each for entry in self.entries.values() for each in (entry, *entry.subcommands.values())
        ]
        self.fast: dict[bytes, Entry] = {}
        self.described: dict[int, Raw] = {}
        for name, entry in self.entries.items():
            if _is_direct(entry):
                self.fast[name] = entry
                self.fast[name.upper()] = entry

    def find(self, argv: list[bytes]) -> Entry | None:
        """The entry that `argv` names, that of a subcommand where there is one, or None.

        A container is returned as such where argv[1] is absent or unknown.
        """
        name = argv[0]
        entry = self.fast.get(name)
        if entry is not None:
            return entry
        entry = self.entries.get(name.lower())
        if entry is None:
            return None
        if entry.subcommands and len(argv) > 1:
            return entry.subcommands.get(argv[1].lower(), entry)
        if len(self.fast) < _MAX_SPELLINGS and _is_direct(entry):
            self.fast[name] = entry
        return entry

    def total_calls(self) -> int:
        """How many commands were run. O(commands)."""
        # A list, which sum() takes faster than a generator: this is asked for ten times a second.
        return sum([entry.calls for entry in self._all_entries])

    def all_entries(self) -> list[Entry]:
        """Every entry, containers and their subcommands included."""
        return list(self._all_entries)
