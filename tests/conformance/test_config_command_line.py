"""The same arguments, files and standard input give the same configuration, or refusal, as a real server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyredis_cluster.config.loader import ConfigFileError, ConfigFileUnreadableError
from tests.conformance.config_subject import (
    RefusedStartError,
    our_config,
    our_values,
    real_server,
    real_values,
)
from tests.support.ports import free_port
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, Program, find_real_servers

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

FILES = {
    "redis.conf": """
# a comment
port PORT
  loglevel   notice\t
maxmemory 100mb
SAVE 900 1
save 300 10
client-output-buffer-limit normal 1mb 2mb 3
client-output-buffer-limit replica 4 5 6 pubsub 7k 8K 9
slave-priority 7
rename-command CONFIG CONFIG
masterauth "two words \\x41\\n\\"quoted\\""
masteruser 'it\\'s \\n'
lua-replicate-commands yes
list-max-ziplist-entries 512
hash-max-ziplist-value 70
notify-keyspace-events KEA
proc-title-template "{title} x"
shutdown-on-sigterm nosave now
include "sub/extra*.conf"
include sub/none*.conf
""",
    "sub/extra1.conf": "slowlog-max-len 11\nhz 1000\nmaxclients 99\n",
    "sub/extra2.conf": "slowlog-max-len 12\ntimeout 77\n",
    "no-line-end.conf": "port PORT\nmaxmemory 5mb",
    "nested.conf": "port PORT\ninclude nested2.conf\ntimeout 5\n",
    "nested2.conf": "timeout 4\ndir sub\ninclude extra1.conf\n",
    "save-nothing.conf": 'port PORT\nsave 10 10\nsave ""\n',
    "save-again.conf": 'port PORT\nsave 10 10\nsave ""\nsave 5 5 6 6\n',
    "save-include-save.conf": "save 1 1\ninclude save-again.conf\nsave 2 2\nsave 3 3\n"
    "include save-again.conf\n",
    "save-bare.conf": "port PORT\nsave\n",
    "bind-twice.conf": "port PORT\nbind 127.0.0.1 -::1\nbind 127.0.0.1\n",
    "bad-value.conf": "port PORT\n\nmaxmemory foo\n",
    "bad-name.conf": "port PORT\nnonsense 1 2\n",
    "bad-count.conf": "port PORT\n   port 1 2   \n",
    "bad-quotes.conf": 'port PORT\nlogfile "x\n',
    "bad-quotes2.conf": 'port PORT\nlogfile "x"y\n',
    "bad-replica.conf": "port PORT\nreplicaof 127.0.0.1 1\ncluster-enabled yes\n",
    "bad-include.conf": "port PORT\ninclude bad-value.conf\n",
    "bad-dir.conf": "port PORT\ndir nowhere\n",
    "bad-sentinel.conf": "port PORT\nsentinel monitor a 127.0.0.1 1 1\n",
    "bad-ignored.conf": "port PORT\nlua-replicate-commands\n",
    "bad-rename.conf": "port PORT\nrename-command CONFIG\n",
    "rename.conf": "port PORT\nrename-command get x\nrename-command X y\nrename-command set GET\n",
    "bad-rename2.conf": "rename-command nonsense x\n",
    "bad-rename3.conf": "rename-command get SET\n",
    "bad-rename4.conf": "rename-command get x\nrename-command get y\n",
    "bad-rename5.conf": "rename-command get x\nrename-command set X\n",
    "bad-rename6.conf": "rename-command get ''\nrename-command '' x\n",
    "bad-include2.conf": "port PORT\ninclude\n",
    "bad-module.conf": "port PORT\na.b\n",
    "missing-include.conf": "port PORT\ninclude absent.conf\n",
}

STARTS = [
    ["--port", "PORT"],
    ["--port PORT"],
    ["--PoRT", "PORT", "--LogLevel", "VERBOSE"],
    ["--port", "PORT", "--save", "100", "100"],
    ["--port", "PORT", "--save", "100 100 200 200"],
    ["--port", "PORT", "--save 900 1", "--save 300 10"],
    ["--port", "PORT", "--save", "900", "1", "--save", "300", "10"],
    ["--save", "", "--port", "PORT"],
    ["--save", "--port", "PORT"],
    ["--port", "PORT", "--save"],
    ["--port", "PORT", "--maxmemory 700mb"],
    ["--port", "PORT", "--bind", "127.0.0.1", "-::1"],
    ["--port", "PORT", "--bind", "127.0.0.1 -::1"],
    ["--port", "PORT", "--masterauth", "--dashes", "--masteruser", "-", "--timeout", "2"],
    ["--port", "PORT", "--masterauth", 'a b"c\\d\xe9', "--masteruser", "--Port"],
    ["--port", "PORT", "--client-output-buffer-limit", "normal", "1", "2", "3", "pubsub", "4", "5", "6"],
    ["--port", "PORT", "--client-output-buffer-limit", "normal 1 2 3"],
    ["--port", "PORT", "--shutdown-on-sigint", "nosave", "now", "--shutdown-on-sigterm", "nosave force"],
    ["--port", "PORT", "--notify-keyspace-events", "", "--logfile", "", "--timeout", "9"],
    ["--port", "PORT", "--oom-score-adj-values", "1", "2", "3", "--unixsocketperm", "0700"],
    ["--port", "PORT", "--latency-tracking-info-percentiles", "50.5", "99.999"],
    ["--port", "PORT", "--latency-tracking-info-percentiles", ""],
    ["--port", "PORT", "--repl-backlog-size", "1", "--hz", "0"],
    ["--port", "PORT", "--include", "sub/extra2.conf", "--timeout", "8"],
    ["--port", "PORT", "--dir", "sub", "--dir", "..", "--dir", "./sub/"],
    ["--port", "PORT", "--databases", "1", "--cluster-enabled", "yes", "--cluster-node-timeout", "1"],
    ["--port", "PORT", "--databases", "3", "--maxmemory-clients", "5%"],
    ["redis.conf"],
    ["redis.conf", "loglevel", "verbose"],
    ["redis.conf", "--maxmemory", "5", "--save", "1", "1"],
    ["redis.conf", "--save", ""],
    ["redis.conf", "--include sub/extra1.conf"],
    ["no-line-end.conf", "--timeout", "3"],
    ["nested.conf"],
    ["rename.conf"],
    ["save-nothing.conf"],
    ["save-again.conf"],
    ["save-again.conf", "--save", "7", "7"],
    ["save-bare.conf"],
    ["bind-twice.conf"],
    ["save-include-save.conf"],
    ["save-include-save.conf", "--save", "8", "8"],
    ["save-again.conf", "--include nested.conf", "--save", "8", "8", "--save", "9", "9"],
    ["-"],
    ["-", "--timeout", "4"],
    ["redis.conf", "-"],
    ["redis.conf", "--timeout", "4", "-"],
    ["--timeout", "4", "-"],
    ["--timeout", "4", "--save", "-"],
]
STDIN = "port PORT\ntimeout 123\nslowlog-max-len 5\n"

REFUSED_STARTS = [
    ["bad-value.conf"],
    ["bad-value.conf", "--maxmemory", "1"],
    ["bad-name.conf"],
    ["bad-count.conf"],
    ["bad-quotes.conf"],
    ["bad-quotes2.conf"],
    ["bad-replica.conf"],
    ["bad-include.conf"],
    ["bad-dir.conf"],
    ["bad-sentinel.conf"],
    ["bad-ignored.conf"],
    ["bad-rename.conf"],
    ["bad-rename2.conf"],
    ["bad-rename3.conf"],
    ["bad-rename4.conf"],
    ["bad-rename5.conf"],
    ["bad-rename6.conf"],
    ["bad-include2.conf"],
    ["bad-module.conf"],
    ["redis.conf", "--supervised", "me"],
    ["no-line-end.conf", "--supervised", "me"],
    ["no-line-end.conf", "loglevel"],
    ["--port", "abc"],
    ["--port", "PORT", "--timeout"],
    ["--port", "PORT", "--timeout", "1", "2"],
    ["--port", "PORT", "--maxmemory", "--loglevel", "notice"],
    ["--port", "PORT", "--nonsense", "1"],
    ["--port", "PORT", "--save", "1"],
    ["--port", "PORT", "--save", "0 1"],
    ["--port", "PORT", "--save", "a", "b"],
    ["--port", "PORT", "--bind", *["127.0.0.1"] * 17],
    ["--port", "PORT", "--client-output-buffer-limit", "odd", "1", "2", "3"],
    ["--port", "PORT", "--notify-keyspace-events"],
    ["--port", "PORT", '--masterauth "x'],
    ["--port", "65536"],
    ["--port", "PORT", "--repl-timeout", "0"],
    ["--port", "PORT", "--unixsocketperm", "8"],
    ["--port", "PORT", "--maxmemory-clients", "200%"],
    ["--port", "PORT", "--slaveof", "127.0.0.1"],
    ["--port", "PORT", "--replicaof", "127.0.0.1", "x"],
    ["--port", "PORT", "--cluster-announce-hostname", "under_score"],
    ["--port", "PORT", "--appenddirname", ""],
    ["--port", "PORT", "--", "1"],
    ["-x", "PORT"],
    ["-", "--timeout", "x"],
]

# A server may have these otherwise than it was told: ours on purpose, theirs by the limits of the machine.
NOT_COMPARED = {b"enable-debug-command", b"maxclients"}


def _servers(*names: str) -> list[Program]:
    return [program for name, program in find_real_servers().items() if name in names]


def _case(words: list[str], directory: Path) -> tuple[list[str], bytes, int]:
    """The arguments and standard input with a free port in them, the files being written; and the port."""
    port = free_port()
    (directory / "sub").mkdir()
    for name, text in FILES.items():
        (directory / name).write_text(text.replace("PORT", str(port)))
    return (
        [word.replace("PORT", str(port)) for word in words],
        STDIN.replace("PORT", str(port)).encode(),
        port,
    )


def _without_log_prefix(output: str) -> str:
    return re.sub(r"(?m)^\d+:[A-Z] \d\d \w+ \d{4} [\d:.]+ . ", "", output)


@pytest.mark.parametrize("program", _servers(REDIS_7_0, REDIS_7_2), ids=lambda program: program.name)
@pytest.mark.parametrize("words", STARTS, ids=" ".join)
def test_accepted(program: Program, words: list[str], tmp_path: Path) -> None:
    """Both have the same values, of all directives that both know."""
    arguments, stdin, port = _case(words, tmp_path)
    ours = our_values(our_config(arguments, tmp_path, stdin))
    with real_server(program, arguments, tmp_path, port, stdin) as client:
        theirs = real_values(client)
    compared = (ours.keys() & theirs.keys()) - NOT_COMPARED
    assert {name: ours[name] for name in compared} == {name: theirs[name] for name in compared}


@pytest.mark.parametrize(
    "program", _servers(REDIS_7_0, REDIS_7_2, VALKEY_8_1), ids=lambda program: program.name
)
@pytest.mark.parametrize("words", REFUSED_STARTS, ids=" ".join)
def test_refused(program: Program, words: list[str], tmp_path: Path) -> None:
    """Both refuse to start, and print the same but for the version and our line that names the source."""
    arguments, stdin, port = _case(words, tmp_path)
    with pytest.raises(RefusedStartError) as theirs, real_server(program, arguments, tmp_path, port, stdin):
        pass
    with pytest.raises(ConfigFileError) as ours:
        our_config(arguments, tmp_path, stdin)
    printed = re.sub(r"\((Redis|Version) [\d.]+\)", "(Redis 7.2.5)", theirs.value.output)
    printed = printed[printed.index("\n*** FATAL") :].replace("Invalid primary port", "Invalid master port")
    assert re.sub(r"\(in [^\n]*\)\n$", "", str(ours.value)) == printed


@pytest.mark.parametrize("words", [["absent.conf"], ["missing-include.conf"]], ids=" ".join)
@pytest.mark.parametrize("program", _servers(REDIS_7_0, REDIS_7_2), ids=lambda program: program.name)
def test_unreadable(program: Program, words: list[str], tmp_path: Path) -> None:
    """A file that is not there is one line of the log."""
    arguments, stdin, port = _case(words, tmp_path)
    with pytest.raises(RefusedStartError) as theirs, real_server(program, arguments, tmp_path, port, stdin):
        pass
    with pytest.raises(ConfigFileUnreadableError) as ours:
        our_config(arguments, tmp_path, stdin)
    printed = _without_log_prefix(theirs.value.output).replace(f"{tmp_path.resolve()}/", "")
    assert str(ours.value).replace(f"{tmp_path.resolve()}/", "") + "\n" == printed
