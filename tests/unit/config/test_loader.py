"""Configuration files, includes, standard input, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyredis_cluster.config.command_line import parse_command_line
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.kinds import BadValue
from pyredis_cluster.config.loader import ConfigFileError, ConfigFileUnreadableError, load, load_text


def start(files: dict[str, bytes], *arguments: str, stdin: bytes = b"") -> Config:
    """A start in directory /etc with these files, absolute or in it."""

    def read(path: str) -> bytes:
        try:
            return files[path.removeprefix("/etc/")]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None

    def list_files(pattern: str) -> Sequence[str]:
        start = pattern.partition("*")[0].removeprefix("/etc/")
        return sorted(f"/etc/{name}" for name in files if name.startswith(start))

    return load(parse_command_line(arguments), read, lambda: stdin, directory="/etc", list_files=list_files)


def test_no_arguments_are_the_defaults() -> None:
    config = start({})
    assert config.config_file == ""
    assert config.get_matching([b"*"]) == Config(directory="/etc").get_matching([b"*"])


def test_file_then_stdin_then_arguments() -> None:
    files = {"r.conf": b"port 1\ntimeout 1\nhz 1"}
    config = start(files, "r.conf", "--hz", "3", "-", stdin=b"timeout 2\nhz 2\n")
    assert (config.integer("port"), config.integer("timeout"), config.integer("hz")) == (1, 2, 3)
    assert config.config_file == "/etc/r.conf"


def test_lines() -> None:
    config = load_text(
        b"\n# comment\r\n  \t\n\tPORT\t7 \r\nmasterauth \"a b\\x41\"\nmasteruser 'c d'\n"
        b"lua-replicate-commands yes\nsave 1 1\nsave 2 2\n"
    )
    assert config.integer("port") == 7
    assert config.data("masterauth") == b"a bA"
    assert config.text("masteruser") == "c d"
    assert config.save_points == ((1, 1), (2, 2))


def test_save_lines_after_an_include_replace() -> None:
    files = {"r.conf": b"save 1 1\ninclude i.conf\n", "i.conf": b"save 2 2\n"}
    assert start(files, "r.conf").save_points == ((1, 1), (2, 2))
    assert start(files, "r.conf", "--save", "3", "3", "--save", "4", "4").save_points == ((4, 4),)


def test_include_patterns_and_directories() -> None:
    files = {
        "r.conf": b"include conf.d/*\ninclude none.d/*\nport 1\n",
        "conf.d/1": b"port 2\ntimeout 5",
        "conf.d/2": b"timeout 6\nhz 7\ndir sub\ninclude here.conf\n",
        "sub/here.conf": b"databases 3\n",
    }
    config = start(files, "r.conf")
    assert (config.integer("port"), config.integer("timeout"), config.integer("hz")) == (1, 6, 7)
    assert config.text("dir") == "/etc/sub"
    assert config.integer("databases") == 3


def test_include_without_end() -> None:
    with pytest.raises(ConfigFileError, match="Too many nested include directives"):
        start({"r.conf": b"include r.conf\n"}, "r.conf")


@pytest.mark.parametrize("text", [b"", b"port 1\ninclude absent.conf\n"])
def test_missing_file(text: bytes) -> None:
    files = {"r.conf": text} if text else {}
    with pytest.raises(ConfigFileUnreadableError) as error:
        start(files, "r.conf")
    missing = "/etc/absent.conf" if text else "/etc/r.conf"
    assert str(error.value) == f"Fatal error, can't open config file '{missing}': No such file or directory"


def test_error_is_printed_as_redis_does_and_names_the_source() -> None:
    with pytest.raises(ConfigFileError) as error:
        start({"r.conf": b"port 1\n\n  maxmemory foo\t\n"}, "r.conf")
    assert str(error.value) == (
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.5) ***\n"
        "Reading the configuration file, at line 3\n"
        ">>> 'maxmemory foo'\n"
        "argument must be a memory value\n"
        "(in file /etc/r.conf)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "number", "source"),
    [
        (["i.conf"], 2, "file /etc/bad.conf"),
        (["r.conf", "--hz", "x"], 3, "the command line"),
        (["--hz", "x"], 2, "the command line"),
        (["-"], 2, "standard input"),
        (["r.conf", "-"], 3, "standard input"),
    ],
)
def test_where_an_error_is(arguments: list[str], number: int, source: str) -> None:
    files = {"r.conf": b"port 1\n", "i.conf": b"\n\ninclude bad.conf\n", "bad.conf": b"\nnonsense\n"}
    with pytest.raises(ConfigFileError) as error:
        start(files, *arguments, stdin=b"port 2\nnonsense 1\n")
    line = error.value.line
    assert line is not None
    assert (line.number, line.source) == (number, source)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"nonsense 1", "Bad directive or wrong number of arguments"),
        (b"include", "Bad directive or wrong number of arguments"),
        (b"user", "Bad directive or wrong number of arguments"),
        (b"loadmodule", "Bad directive or wrong number of arguments"),
        (b"rename-command a", "Bad directive or wrong number of arguments"),
        (b"lua-replicate-commands", "Bad directive or wrong number of arguments"),
        (b"port", "wrong number of arguments"),
        (b"port 1 2", "wrong number of arguments"),
        (b'port "1', "Unbalanced quotes in configuration line"),
        (b'save "900 \'1"', "Unbalanced quotes in configuration line"),
        (b"port 1\0", "NUL byte in configuration line"),
        (b"a.b", "Module config specified without value"),
        (b"sentinel monitor m 127.0.0.1 1 1", "sentinel directive while not in sentinel mode"),
        (b"cluster-enabled yes\nreplicaof h 1", "replicaof directive not allowed in cluster mode"),
    ],
)
def test_refused(text: bytes, reason: str) -> None:
    with pytest.raises(ConfigFileError) as error:
        load_text(text)
    assert error.value.reason == reason


def test_a_cluster_has_one_database() -> None:
    config = load_text(b"cluster-enabled yes\n")
    assert config.integer("databases") == 1
    assert config.warnings == ["WARNING: Changing databases number from 16 to 1 since we are in cluster mode"]
    assert load_text(b"cluster-enabled yes\ndatabases 1\n").warnings == []


def test_sentinel() -> None:
    files = {"s.conf": b"port 5\nsentinel monitor m 127.0.0.1 1 1\nSENTINEL  myid 'x y'\n"}
    config = start(files, "s.conf", "--sentinel")
    assert config.is_sentinel
    assert config.integer("port") == 5
    assert not config.flag("protected-mode")
    (path,) = {line.source for line in config.sentinel_lines}
    assert path.endswith("/s.conf")
    assert [line[:3] for line in config.sentinel_lines] == [
        ((b"monitor", b"m", b"127.0.0.1", b"1", b"1"), 2, b"sentinel monitor m 127.0.0.1 1 1"),
        ((b"myid", b"x y"), 3, b"SENTINEL  myid 'x y'"),
    ]
    assert start({}, "--sentinel").integer("port") == 26379
    embedded = load_text(b"sentinel monitor m ::1 1 1\n", is_sentinel=True)
    assert (embedded.integer("port"), embedded.mode) == (26379, "sentinel")
    assert embedded.sentinel_lines[0].source == "text"


def test_what_others_read() -> None:
    config = load_text(
        b"user bob on >p\nuser eve off\nloadmodule /m.so a b\nm.x 1 2\n"
        b"rename-command A B\nrename-command C ''\n"
    )
    assert config.users == [(b"bob", b"on", b">p"), (b"eve", b"off")]
    assert config.modules == [(b"/m.so", b"a", b"b")]
    assert config.module_settings == {b"m.x": b"1 2"}
    assert config.renamed_commands == [(b"A", b"B"), (b"C", b"")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"rename-command nope x", "No such command in rename-command"),
        (b"rename-command get set", "Target command name already exists"),
        (b"rename-command get x\nrename-command GET y", "No such command in rename-command"),
        (b"rename-command get x\nrename-command set X", "Target command name already exists"),
        (b"rename-command get x\nrename-command x y\nrename-command set get", None),
        (b"rename-command get ''\nrename-command set ''", None),
    ],
)
def test_rename_command(text: bytes, reason: str | None) -> None:
    def run() -> Config:
        return load(
            parse_command_line(["-"]),
            lambda path: b"",
            lambda: text,
            is_command=lambda name: name.lower() in (b"get", b"set"),
        )

    if reason is None:
        assert len(run().renamed_commands) == text.count(b"rename")
    else:
        with pytest.raises(ConfigFileError) as error:
            run()
        assert error.value.reason == reason


def test_checks_from_outside() -> None:
    def no_user(words: tuple[bytes, ...]) -> None:
        raise BadValue(f"Error in user declaration '{words[1].decode()}': Syntax error")

    def no_log(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    with pytest.raises(ConfigFileError, match="Error in user declaration 'x': Syntax error"):
        load(parse_command_line(["--user", "bob", "x"]), lambda path: b"", check_user=no_user)
    with pytest.raises(ConfigFileError) as error:
        load(parse_command_line(["--logfile", "x"]), lambda path: b"", check_log_file=no_log)
    assert str(error.value) == (
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.5) ***\nCan't open the log file: Permission denied\n"
    )
