"""The configuration of one server: its values, how CONFIG SET changes and CONFIG GET shows them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pyredis_cluster.config.announcing import AnnounceRule
from pyredis_cluster.config.directive import Directive
from pyredis_cluster.config.directives import DIRECTIVES, NAMES, names_of
from pyredis_cluster.config.kinds import BadValue
from pyredis_cluster.config.specials import OutputLimit, SavePoint
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.version import NEWEST, RELEASES, Version, version

ChangeDirectory = Callable[[str, str], str]
"""(current directory, wanted) → the wanted one, absolute; raises OSError where it cannot be entered."""

JoinPath = Callable[[str, str], str]
"""(directory, path) → the path as seen from there."""

Hook = Callable[[], None]
V = TypeVar("V")

_LOADING = CommandError("LOADING Redis is loading the dataset in memory")


class ApplyError(Exception):
    """Raised by a hook that cannot put a new value into effect; the message goes to the client."""


class RefusedSettingError(CommandError):
    """CONFIG SET refuses `value` for `name`; no reason where the directive cannot be set at all."""

    __slots__ = ("name", "reason")

    def __init__(self, message: str | bytes, name: bytes, reason: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.reason = reason


class SentinelLine(NamedTuple):
    """A `sentinel …` line as it stood: its words after `sentinel`; the rest is for messages."""

    words: tuple[bytes, ...]
    number: int
    text: bytes
    source: str = "text"


def join_directory(current: str, wanted: str) -> str:
    """`wanted` seen from `current`, by their names alone."""
    return posixpath.normpath(posixpath.join(current, wanted))


class Config:
    """The values of every directive for one server, by the directive's name (aliases are for users only).

    Values are typed by the directive's kind, and asking with the accessor of another kind raises TypeError;
    an unknown name raises KeyError. Hot code does not read here: it keeps what it needs in an attribute, and
    renews that in a hook registered by `on_change`.
    """

    def __init__(
        self,
        *,
        directory: str = "/",
        change_directory: ChangeDirectory = join_directory,
        join_path: JoinPath = posixpath.join,
        log_warning: Callable[[str], None] | None = None,
    ) -> None:
        self._values: dict[str, Any] = {name: entry.default for name, entry in DIRECTIVES.items()}
        self._values["dir"] = directory
        self._told: set[str] = set()
        self.version: Version = NEWEST
        """The version of Redis that this server is to its clients (`redis-version`)."""
        self._change_directory = change_directory
        self._join_path = join_path
        self._log_warning = log_warning or _ignore
        self._hooks: dict[str, list[Hook]] = {}

        self.config_file = ""
        """Absolute path of the configuration file, or empty; what CONFIG REWRITE rewrites."""
        self.is_sentinel = False
        self.users: list[tuple[bytes, ...]] = []
        """The words after `user` of every such line, in order."""
        self.renamed_commands: list[tuple[bytes, bytes]] = []
        """(name, new name) in order; an empty new name removes the command."""
        self.modules: list[tuple[bytes, ...]] = []
        """Path and arguments of every `loadmodule` line."""
        self.module_settings: dict[bytes, bytes] = {}
        """Values of names with a dot, which only a module can know."""
        self.sentinel_lines: list[SentinelLine] = []
        self.warnings: list[str] = []
        """What to log at level warning once the log is open, in order."""

    # Typed reading

    def flag(self, name: str) -> bool:
        """The value of a yes/no directive."""
        return self._typed(name, bool)

    def integer(self, name: str) -> int:
        """The value of a number, size or set of flags; a percentage is negative (`maxmemory-clients`)."""
        return self._typed(name, int)

    def text(self, name: str) -> str:
        """The value of a string or of one of several words; what is no UTF-8 is surrogate-escaped."""
        return self._typed(name, str)

    def data(self, name: str) -> bytes:
        """The value of a string, as the bytes that were given: for passwords."""
        return self._typed(name, str).encode("utf-8", "surrogateescape")

    def words(self, name: str) -> tuple[str, ...]:
        """The value of a list of words: `bind`, `shutdown-on-sigint`, `shutdown-on-sigterm`."""
        return self._typed(name, tuple)

    def integers(self, name: str) -> tuple[int, ...]:
        """The value of a list of numbers: `oom-score-adj-values`."""
        return self._typed(name, tuple)

    def path(self, name: str) -> str:
        """The file that directive `name` names, seen from `dir`; empty where it is not set."""
        value = self.text(name)
        return self.in_directory(value) if value else ""

    def in_directory(self, path: str) -> str:
        """`path` as seen from `dir`."""
        return self._join_path(self.text("dir"), path)

    @property
    def save_points(self) -> tuple[SavePoint, ...]:
        """When a snapshot is made; empty for never."""
        return self._typed("save", tuple)

    @property
    def output_limits(self) -> Mapping[str, OutputLimit]:
        """Limits of what is pending, for the classes `normal`, `slave` and `pubsub`."""
        limits: Mapping[str, OutputLimit] = self._values["client-output-buffer-limit"]
        return limits

    @property
    def latency_percentiles(self) -> tuple[float, ...]:
        """The percentiles that INFO latencystats shows."""
        return self._typed("latency-tracking-info-percentiles", tuple)

    @property
    def announce_rules(self) -> tuple[AnnounceRule, ...]:
        """The value of `cluster-announce-to-clients`."""
        rules: tuple[AnnounceRule, ...] = self._typed("cluster-announce-to-clients", tuple)
        return rules

    @property
    def replica_of(self) -> tuple[str, int] | None:
        """Host and port of the configured primary."""
        primary: tuple[str, int] | None = self._values["replicaof"]
        return primary

    def allows(self, name: str, *, is_local: bool) -> bool:
        """Whether `enable-debug-command` and its like allow a client, local or not."""
        value = self.text(name)
        return value == "yes" or (value == "local" and is_local)

    def value(self, name: str) -> object:
        """The value of any directive, as its kind keeps it."""
        return self._values[name]

    def shown(self, name: str) -> bytes:
        """The value of any directive, as CONFIG GET replies it."""
        return DIRECTIVES[name].kind.show(self._values[name])

    def default(self, name: str) -> object:
        """The value of a directive that nobody has set."""
        return DIRECTIVES[name].default_of(self.version)

    @property
    def mode(self) -> str:
        """What kind of server this is, as INFO and HELLO name it."""
        if self.is_sentinel:
            return "sentinel"
        return "cluster" if self.flag("cluster-enabled") else "standalone"

    @property
    def release(self) -> str:
        """What this server tells its clients as its version."""
        return RELEASES[self.version]

    # Changing

    def on_change(self, name: str, hook: Hook) -> None:
        """Calls `hook` after directive `name` took another value; once per CONFIG SET.

        The hook reads the new value here. It may raise `ApplyError`: then the old values come back, the
        hooks are called again, and the client gets the message.
        """
        if name not in DIRECTIVES:
            raise KeyError(name)
        self._hooks.setdefault(name, []).append(hook)

    def put(self, name: str, value: object) -> None:
        """Sets a value as the server itself does (a port it was given, a role it took).

        What CONFIG SET refuses is possible; the value has the type that `value` returns. Raises what a hook
        raises, the old value being back.
        """
        if type(value) is not type(self._values[name]) and DIRECTIVES[name].default is not None:
            raise TypeError(f"{name}: {value!r}")
        self._commit({name: value})

    def set_line(self, directive: Directive, words: Sequence[bytes], *, first: bool = True) -> None:
        """Sets the value that a configuration line spells; `first` of its name. Raises `BadValue`."""
        name = directive.name
        value = directive.kind.parse_line(words, self._values[name], first=first)
        self._commit({name: self._entered(value) if name == "dir" else value})

    def set_many(
        self, pairs: Sequence[tuple[bytes, bytes]], *, is_local: bool = False, is_loading: bool = False
    ) -> None:
        """CONFIG SET: takes all of `pairs`, or none and raises `CommandError`.

        `is_local` tells whether the client is on this machine, for protected directives; `is_loading` whether
        a dataset is being loaded.
        """
        names = self._names_to_set(pairs, is_local, is_loading)
        staged: dict[str, Any] = {}
        for name, (_, text) in zip(names, pairs, strict=True):
            directive = NAMES[name]
            current = staged.get(directive.name, self._values[directive.name])
            words = (text.split(b" ") if text else []) if directive.kind.multi else [text]
            try:
                value = directive.kind.parse(words, current)
                staged[directive.name] = self._entered(value) if directive.name == "dir" else value
            except BadValue as error:
                raise _failed(name, str(error)) from None
        try:
            self._commit(staged)
        except _NotAppliedError as error:
            written = next(name for name in names if NAMES[name].name == error.name)
            raise _failed(written, error.reason) from None

    def get_matching(self, patterns: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
        """CONFIG GET: (name, value) of every directive that any pattern names, aliases counting as names.

        A name given without `*`, `?` and `[` comes back spelled as it was given.
        """
        found: dict[str, bytes] = {}
        names = names_of(self.version)
        for pattern in patterns:
            if not any(special in pattern for special in (b"*", b"?", b"[")):
                name = pattern.decode("utf-8", "replace").lower()
                if name in names:
                    found.setdefault(name, pattern)
                continue
            matches = compile_glob(pattern, nocase=True)
            for name, directive in names.items():
                if not directive.is_hidden(self.version) and matches(name.encode()):
                    found.setdefault(name, name.encode())
        return [(shown, self.shown(NAMES[name].name)) for name, shown in found.items()]

    def _typed(self, name: str, kind: type[V]) -> V:
        value = self._values[name]
        if type(value) is not kind:
            raise TypeError(f"{name} is not of type {kind.__name__}")
        return value

    def _entered(self, wanted: str) -> str:
        try:
            return self._change_directory(self._values["dir"], wanted)
        except OSError as error:
            raise BadValue(error.strerror or str(error)) from None

    def _names_to_set(
        self, pairs: Sequence[tuple[bytes, bytes]], is_local: bool, is_loading: bool
    ) -> list[str]:
        """The names, lower-cased; raises `CommandError` for the first that may not be set."""
        names: list[str] = []
        protected_allowed = self.allows("enable-protected-configs", is_local=is_local)
        known = names_of(self.version)
        for given, _ in pairs:
            directive = known.get(given.decode("utf-8", "replace").lower())
            if directive is None:
                text = b"ERR Unknown option or number of arguments for CONFIG SET - '%b'"
                shown = given.partition(b"\0")[0]
                raise RefusedSettingError(text % shown, shown)
            name = given.decode().lower()
            written = given.decode()
            if directive.immutable:
                raise RefusedSettingError(_failed(written, "can't set immutable config").message, given)
            if directive.protected and not protected_allowed:
                raise _failed(written, "can't set protected config")
            if directive.not_while_loading and is_loading:
                raise _LOADING
            if name in names:
                raise _failed(written, "duplicate parameter")
            names.append(name)
        return names

    def _commit(self, staged: Mapping[str, Any]) -> None:
        """Takes the values and calls hooks of those that changed; raises `_NotAppliedError`, all undone."""
        values = self._values
        self._told.update(staged)
        if "redis-version" in staged:
            self._become(version(staged["redis-version"]))
        old = {name: values[name] for name in staged}
        hooks: dict[Hook, str] = {}
        for name, value in staged.items():
            if value != old[name] or DIRECTIVES[name].always_applied:
                for hook in self._hooks.get(name, ()):
                    hooks.setdefault(hook, name)
        values.update(staged)
        for hook, name in hooks.items():
            try:
                hook()
            except ApplyError as error:
                self._log_warning(
                    "Failed applying new configuration. Possibly related to new "
                    f"{name} setting. Restoring previous settings."
                )
                self._undo(old, hooks)
                raise _NotAppliedError(name, str(error)) from None
            except Exception:
                self._undo(old, hooks)
                raise

    def _become(self, of: Version) -> None:
        """Be of another version, whose defaults take the place of what nobody has set."""
        self.version = of
        for name, directive in DIRECTIVES.items():
            if directive.before and name not in self._told:
                self._values[name] = directive.default_of(of)

    def _undo(self, old: Mapping[str, Any], hooks: Iterable[Hook]) -> None:
        self._values.update(old)
        for hook in hooks:
            try:
                hook()
            except ApplyError as error:
                self._log_warning(f"Failed applying restored failed CONFIG SET command: {error}")


class _NotAppliedError(ApplyError):
    """A hook refused the new value of `name`."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name
        self.reason = reason


def _failed(name: str, reason: str) -> RefusedSettingError:
    text = f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"
    return RefusedSettingError(text, name.encode(), reason)


def _ignore(text: str) -> None:
    """Drops what would have been logged."""
