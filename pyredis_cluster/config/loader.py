"""From configuration files, standard input and the command line to a `Config`.

Everything outside is handed in: how a file is read, which files a pattern names, how a directory is entered.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pyredis_cluster.config.command_line import CommandLine
from pyredis_cluster.config.config import ChangeDirectory, Config, JoinPath, SentinelLine, join_directory
from pyredis_cluster.config.directive import Directive
from pyredis_cluster.config.directives import IGNORED, find
from pyredis_cluster.config.kinds import BadValue
from pyredis_cluster.protocol.words import UnbalancedQuotes, split_words
from pyredis_cluster.version import REDIS_VERSION

ReadFile = Callable[[str], bytes]
"""Path → content; raises OSError."""

_DEEPEST_INCLUDE = 16
_SENTINEL_PORT = 26379
_BAD_DIRECTIVE = "Bad directive or wrong number of arguments"


class ConfigFileError(Exception):
    """The configuration is refused. `str()` is what Redis prints, and one more line that says which file."""

    def __init__(self, reason: str, line: SourceLine | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line

    def __str__(self) -> str:
        text = f"\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n"
        if self.line is not None:
            shown = self.line.text.decode("utf-8", "surrogateescape")
            text += f"Reading the configuration file, at line {self.line.number}\n>>> '{shown}'\n"
        text += f"{self.reason}\n"
        # Scripts look for the lines above as Redis prints them, hence a line of its own.
        return text if self.line is None else f"{text}(in {self.line.source})\n"


class ConfigFileUnreadableError(Exception):
    """A configuration file cannot be read; `str()` is the text that Redis logs before it exits."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"Fatal error, can't open config file '{self.path}': {self.reason}"


class SourceLine(NamedTuple):
    """A line without blanks at its ends, its number as Redis counts, and where it stands."""

    text: bytes
    number: int
    source: str


def load(
    command_line: CommandLine,
    read_file: ReadFile,
    read_stdin: Callable[[], bytes] = bytes,
    *,
    defaults: bytes = b"",
    directory: str = "/",
    change_directory: ChangeDirectory = join_directory,
    join_path: JoinPath = posixpath.join,
    list_files: Callable[[str], Sequence[str]] | None = None,
    check_log_file: Callable[[str], None] | None = None,
    check_user: Callable[[tuple[bytes, ...]], None] | None = None,
    is_command: Callable[[bytes], bool] | None = None,
    log_warning: Callable[[str], None] | None = None,
) -> Config:
    """The configuration that `command_line` asks for.

    Lines of `defaults` come before all others, which override them.
    `directory` is the current one, absolute. `list_files` gives the paths that a pattern with `*`, `?` or `[`
    names, sorted. `check_log_file` raises OSError where the log cannot be opened, `check_user` raises
    `BadValue` for the words after `user`, and `is_command` tells whether rename-command can find a name.

    Raises `ConfigFileError`, or `ConfigFileUnreadableError` for the file named or one included.
    """
    config = Config(
        directory=directory,
        change_directory=change_directory,
        join_path=join_path,
        log_warning=log_warning,
    )
    if command_line.sentinel:
        _make_sentinel(config)
    loader = _Loader(config, read_file, list_files, check_user, is_command)
    loader.take_defaults(defaults)
    lines: list[SourceLine] = []
    if command_line.config_file is not None:
        config.config_file = config.in_directory(command_line.config_file)
        lines = loader.file_lines(config.config_file)
    if command_line.from_stdin:
        lines = _joined(lines, read_stdin(), "standard input")
    if command_line.overrides is not None:
        # Redis puts a line end before the options, so without a file they begin at line 2.
        lines = lines or _lines(b"", "", 1)
        lines += _lines(command_line.overrides, "the command line", len(lines) + 1)
    loader.take(lines)
    if check_log_file is not None and config.text("logfile"):
        _check_log(config, check_log_file)
    return config


def load_text(text: bytes, *, source: str = "text", is_sentinel: bool = False) -> Config:
    """The configuration that `text` alone says, of a server or of a sentinel; for tests and embedding.

    Raises `ConfigFileError`. A sentinel also needs a `config_file`, where it keeps its state.
    """

    def no_file(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", path)

    config = Config()
    if is_sentinel:
        _make_sentinel(config)
    _Loader(config, no_file, None, None, None).take(_lines(text, source, 1))
    return config


def _make_sentinel(config: Config) -> None:
    config.is_sentinel = True
    config.put("port", _SENTINEL_PORT)
    config.put("protected-mode", False)


class _Loader:
    """Takes lines into one `Config`, following includes."""

    def __init__(
        self,
        config: Config,
        read_file: ReadFile,
        list_files: Callable[[str], Sequence[str]] | None,
        check_user: Callable[[tuple[bytes, ...]], None] | None,
        is_command: Callable[[bytes], bool] | None,
    ) -> None:
        self._config = config
        self._read_file = read_file
        self._list_files = list_files
        self._check_user = check_user
        self._is_command = is_command
        self._seen: set[str] = set()
        # Redis forgets that it reads a file once an included one ends: from there on each `save` line
        # replaces those before it, as CONFIG SET does.
        self._lines_add_up = True
        self._depth = 0
        self._renamed: dict[bytes, bool] = {}

    def take(self, lines: Iterable[SourceLine]) -> None:
        """Takes all lines; raises `ConfigFileError` for the first that is wrong."""
        self._lines_add_up = True
        for line in lines:
            if not line.text or line.text.startswith(b"#"):
                continue
            try:
                self._take_line(line)
            except BadValue as error:
                raise ConfigFileError(str(error), line) from None
        self._check_whole()
        self._lines_add_up = False

    def take_defaults(self, lines: bytes) -> None:
        """Takes lines as if they were what directives are when nothing is said of them."""
        self.take(_lines(lines, "the defaults", 1))
        self._seen.clear()

    def file_lines(self, path: str) -> list[SourceLine]:
        """The lines of the file, or of the files that a pattern names, in order."""
        lines: list[SourceLine] = []
        for name in self._expanded(path):
            try:
                content = self._read_file(name)
            except OSError as error:
                raise ConfigFileUnreadableError(name, error.strerror or str(error)) from None
            lines = _joined(lines, content, f"file {name}")
        return lines

    def _expanded(self, path: str) -> Sequence[str]:
        if self._list_files is None or not any(special in path for special in "*?["):
            return [path]
        return self._list_files(path)

    def _take_line(self, line: SourceLine) -> None:
        if b"\0" in line.text:
            raise BadValue("NUL byte in configuration line")
        words = _words(line.text)
        if not words:
            return
        directive = find(words[0])
        if directive is not None:
            self._set(directive, words[1:])
            return
        name = words[0].decode("utf-8", "replace").lower()
        if name not in IGNORED or len(words) != 2:
            self._take_special(name, words, line)

    def _set(self, directive: Directive, words: list[bytes]) -> None:
        if not directive.kind.multi:
            if len(words) != 1:
                raise BadValue("wrong number of arguments")
        elif len(words) == 1 and words[0]:
            # So that `--save "900 1"` is the same as `--save 900 1`.
            words = _words(words[0])
        first = not self._lines_add_up or directive.name not in self._seen
        self._config.set_line(directive, words, first=first)
        if self._lines_add_up:
            self._seen.add(directive.name)

    def _take_special(self, name: str, words: list[bytes], line: SourceLine) -> None:
        config = self._config
        if name == "include" and len(words) == 2:
            self._include(words[1])
        elif name == "rename-command" and len(words) == 3:
            self._rename(words[1], words[2])
        elif name == "user" and len(words) >= 2:
            user = tuple(words[1:])
            if self._check_user is not None:
                self._check_user(user)
            config.users.append(user)
        elif name == "loadmodule" and len(words) >= 2:
            config.modules.append(tuple(words[1:]))
        elif "." in name:
            if len(words) < 2:
                raise BadValue("Module config specified without value")
            config.module_settings[name.encode()] = b" ".join(words[1:])
        elif name == "sentinel":
            self._take_sentinel(words, line)
        else:
            raise BadValue(_BAD_DIRECTIVE)

    def _take_sentinel(self, words: list[bytes], line: SourceLine) -> None:
        # The bare word is what `--sentinel` leaves on the command line.
        if len(words) == 1:
            return
        if not self._config.is_sentinel:
            raise BadValue("sentinel directive while not in sentinel mode")
        self._config.sentinel_lines.append(
            SentinelLine(tuple(words[1:]), line.number, line.text, line.source)
        )

    def _include(self, name: bytes) -> None:
        if self._depth == _DEEPEST_INCLUDE:
            raise BadValue("Too many nested include directives")
        path = self._config.in_directory(name.decode("utf-8", "surrogateescape"))
        self._depth += 1
        self.take(self.file_lines(path))
        self._depth -= 1

    def _rename(self, old: bytes, new: bytes) -> None:
        if not self._exists(old):
            raise BadValue("No such command in rename-command")
        self._renamed[old.lower()] = False
        if new and self._is_command is not None:
            if self._exists(new):
                raise BadValue("Target command name already exists")
            self._renamed[new.lower()] = True
        self._config.renamed_commands.append((old, new))

    def _exists(self, name: bytes) -> bool:
        """Whether a command is called so after the lines up to here; always, where that cannot be known."""
        if self._is_command is None:
            return True
        return self._renamed.get(name.lower(), False) or (
            name.lower() not in self._renamed and self._is_command(name)
        )

    def _check_whole(self) -> None:
        config = self._config
        if not config.flag("cluster-enabled"):
            return
        if config.replica_of is not None:
            raise ConfigFileError("replicaof directive not allowed in cluster mode")
        databases = config.integer("databases")
        if databases > 1:
            config.warnings.append(
                f"WARNING: Changing databases number from {databases} to 1 since we are in cluster mode"
            )
            config.put("databases", 1)


def _check_log(config: Config, check: Callable[[str], None]) -> None:
    try:
        check(config.path("logfile"))
    except OSError as error:
        raise ConfigFileError(f"Can't open the log file: {error.strerror or error}") from None


def _words(text: bytes) -> list[bytes]:
    try:
        return split_words(text)
    except UnbalancedQuotes:
        raise BadValue("Unbalanced quotes in configuration line") from None


def _lines(content: bytes, source: str, number: int) -> list[SourceLine]:
    texts = content.split(b"\n")
    return [SourceLine(text.strip(b" \t\r\n"), at, source) for at, text in enumerate(texts, number)]


def _joined(lines: list[SourceLine], content: bytes, source: str) -> list[SourceLine]:
    """`lines` and those of `content`, which begin on a line of their own; numbers run on, as in Redis."""
    if lines and not lines[-1].text:
        lines = lines[:-1]
    return lines + _lines(content, source, len(lines) + 1)
