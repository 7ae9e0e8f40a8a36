"""What arguments amount to."""

from __future__ import annotations

import pytest

from pyredis_cluster.config.command_line import CommandLine, parse_command_line


def overrides(*arguments: str) -> bytes | None:
    return parse_command_line(arguments).overrides


def test_nothing() -> None:
    assert parse_command_line([]) == CommandLine()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-v"], CommandLine(show_version=True)),
        (["--version", "x"], CommandLine(show_version=True)),
        (["-h"], CommandLine(show_help=True)),
        (["--help"], CommandLine(show_help=True)),
        (["--check-system"], CommandLine(check_system=True)),
        (["--test-memory", "5"], CommandLine(test_memory=True)),
        (["redis.conf"], CommandLine("redis.conf", overrides=b"")),
        (["-"], CommandLine(from_stdin=True, overrides=b"")),
        (["redis.conf", "-"], CommandLine("redis.conf", from_stdin=True, overrides=b"")),
        (["s.conf", "--sentinel"], CommandLine("s.conf", overrides=b"sentinel ", sentinel=True)),
    ],
)
def test_whole(arguments: list[str], expected: CommandLine) -> None:
    assert parse_command_line(arguments) == expected


def test_program_called_sentinel() -> None:
    assert parse_command_line(["s.conf"], program="pyredis-sentinel").sentinel
    assert parse_command_line([], program="redis-sentinel").sentinel
    assert not parse_command_line([], program="pyredis-cluster").sentinel


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--port", "7000"], b'port "7000" '),
        (["--port 7000", "--timeout", "5"], b'port 7000 \ntimeout "5" '),
        (["--save", "100", "100"], b'save "100" "100" '),
        (["--save", ""], b'save "" '),
        (["--save"], b'save ""'),
        (["--save", "--port", "1"], b'save ""\nport "1" '),
        (["--masterauth", "--x", "--port", "1"], b'masterauth "--x" \nport "1" '),
        (["--masteruser", "-", "--port", "1"], b'masteruser "-" \nport "1" '),
        (["--sentinel", "--port", "1"], b'sentinel \nport "1" '),
        (["a.conf", "loglevel", "verbose"], b'"loglevel" "verbose" '),
        (["--masterauth", 'a"b \udcff'], b'masterauth "a\\"b \\xff" '),
        (['--masterauth "x'], b'masterauth "x '),
    ],
)
def test_redis_lines(arguments: list[str], text: bytes) -> None:
    assert overrides(*arguments) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--cluster-enabled"], b"cluster-enabled yes"),
        (["--cluster-enabled", "--port", "1"], b'cluster-enabled yes\nport "1" '),
        (["--Slave-Read-Only", "--appendonly"], b"Slave-Read-Only yes\nappendonly yes"),
        (["--cluster-enabled", "-"], b"cluster-enabled yes"),
        (["--cluster-enabled", "no"], b'cluster-enabled "no" '),
        (["--port", "--cluster-enabled"], b'port "--cluster-enabled" '),
    ],
)
def test_yes_is_implied(arguments: list[str], text: bytes) -> None:
    assert overrides(*arguments) == text
