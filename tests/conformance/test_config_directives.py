"""Names, defaults, bounds, texts and mutability of every directive, against real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyredis_cluster.config.config import Config
from pyredis_cluster.config.directives import DIRECTIVES, NAMES
from pyredis_cluster.protocol.errors import CommandError
from tests.conformance.config_subject import our_config, our_values, real_server, real_values
from tests.support.ports import free_port
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, Program, find_real_servers
from tests.support.wire import parse

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

NEW_IN_7_2 = {
    b"cluster-announce-human-nodename",
    b"locale-collate",
    b"set-max-listpack-entries",
    b"set-max-listpack-value",
}
# Ours allows DEBUG to local clients, since test suites are its users.
OUR_OWN_DEFAULT = {b"enable-debug-command"}
# By server: names that ours lacks, names it has in addition, defaults that differ. None for "any".
MISSING: dict[str, set[bytes] | None] = {
    REDIS_7_0: {b"aof-disable-auto-gc"},  # hidden since 7.2
    REDIS_7_2: set(),
    VALKEY_8_1: None,  # has directives of its own
}
ADDITIONAL: dict[str, set[bytes]] = {
    REDIS_7_0: NEW_IN_7_2,
    REDIS_7_2: set(),
    VALKEY_8_1: {b"io-threads-do-reads", b"dynamic-hz"},  # dropped by Valkey
}
CHANGED: dict[str, set[bytes]] = {
    REDIS_7_0: set(),
    REDIS_7_2: set(),
    VALKEY_8_1: {
        b"lazyfree-lazy-eviction",
        b"lazyfree-lazy-expire",
        b"lazyfree-lazy-server-del",
        b"lazyfree-lazy-user-del",
        b"lazyfree-lazy-user-flush",
        b"replica-lazy-flush",
        b"slave-lazy-flush",
        b"repl-backlog-size",
        b"syslog-ident",
    },
}

# What setting these does to the server under test goes beyond keeping a value.
NOT_TRIED = {
    "port",
    "bind",
    "dir",
    "maxclients",
    "requirepass",
    "appendonly",
    "watchdog-period",
    "locale-collate",  # any locale that the C library has
    "activedefrag",  # refused by servers built without a certain allocator
    "tls-port",  # refused here, so that nothing goes out in clear that was to be encrypted
    "tls-cluster",
    "tls-replication",
    "redis-version",  # ours alone; hidden, as what is for developers is
    "enable-fault-command",  # the same
    "cluster-announce-to-clients",  # the same
}
VALUES = [
    *b"yes|NO||0|1|-1|007|12|99999999999999999999|9223372036854775807|18446744073709551615|-100|100".split(
        b"|"
    ),
    *b"500|501|1000|65536|2147483648|4294967295|4294967296|5%|150%|-5%|%|10mb|1GB|3k|kb|1.5gb|1kbx".split(
        b"|"
    ),
    *b"777|1777|8|10 20|10 20 30|0  5 5|1 2 3 4|900 1|900 1 |+5 3|50 99.99|101|nan|1e1 0x10".split(b"|"),
    *b"normal 1 2 3|replica 1mb 2kb 3 slave 5 6 7|master 1 2 3|pubsub x 2 3|normal 1 2|KEA|q".split(b"|"),
    *b'foo|a b|a"b|\xff|nosave now|save nosave|default force|a/b|a\\b|{title}|x{port}|{foo}|{|{{| '.split(
        b"|"
    ),
    *b"host_x|h-1.example|relative|Absolute|LOCAL|debug|nothing|allkeys-LRU|everysec|hostname".split(b"|"),
    *b"KEg$lshzxetdmn|systemd|no one|127.0.0.1 6379|swapdb|optional".split(b"|"),
    b"A" * 256,
]

# Directives that other versions do not have, or whose texts and bounds they changed.
UNLIKE: dict[str, set[str]] = {
    REDIS_7_0: {name.decode() for name in NEW_IN_7_2} | {"cluster-ping-interval", "loglevel"},
    REDIS_7_2: set(),
    VALKEY_8_1: {
        "dbfilename",
        "dynamic-hz",
        "io-threads-do-reads",
        "maxmemory-samples",
        "repl-backlog-size",
        "repl-diskless-load",
        "syslog-ident",
    },
}


def _servers(*names: str) -> list[Program]:
    return [program for name, program in find_real_servers().items() if name in names]


@pytest.mark.parametrize(
    "program", _servers(REDIS_7_0, REDIS_7_2, VALKEY_8_1), ids=lambda program: program.name
)
def test_names_and_defaults(program: Program, tmp_path: Path) -> None:
    """CONFIG GET * agrees, but for the differences listed above."""
    port = free_port()
    arguments = ["--port", str(port)]
    with real_server(program, arguments, tmp_path, port) as client:
        theirs = real_values(client)
    ours = our_values(our_config(arguments, tmp_path))
    missing = MISSING[program.name]
    if missing is not None:
        assert theirs.keys() - ours.keys() == missing
    assert ours.keys() - theirs.keys() == ADDITIONAL[program.name]
    differing = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    assert differing == CHANGED[program.name] | OUR_OWN_DEFAULT


@pytest.mark.parametrize("program", _servers(REDIS_7_0, REDIS_7_2), ids=lambda program: program.name)
def test_mutability(program: Program, tmp_path: Path) -> None:
    """CONFIG SET of the value that a directive has is refused for the same ones, with the same texts."""
    port = free_port()
    arguments = ["--port", str(port)]
    config = our_config(arguments, tmp_path)
    with real_server(program, arguments, tmp_path, port) as client:
        known = real_values(client)
        differing = {}
        for name, value in known.items():
            theirs = client.call("CONFIG", "SET", name, value)
            ours = _our_reply(config, name, value)
            if theirs != ours and name not in (MISSING[program.name] or ()):
                differing[name] = (theirs, ours)
    assert not differing


@pytest.mark.parametrize(
    "program", _servers(REDIS_7_0, REDIS_7_2, VALKEY_8_1), ids=lambda program: program.name
)
def test_values(program: Program, tmp_path: Path) -> None:
    """Every directive takes and refuses the same values, with the same texts, and shows them alike."""
    port = free_port()
    arguments = ["--port", str(port), "--enable-protected-configs", "yes", "--enable-debug-command", "no"]
    config = our_config(arguments, tmp_path)
    differing = []
    with real_server(program, arguments, tmp_path, port) as client:
        client.call("CLIENT", "NO-EVICT", "ON")
        for name, directive in NAMES.items():
            if directive.name in NOT_TRIED | UNLIKE[program.name]:
                continue
            for value in VALUES:
                theirs = client.call("CONFIG", "SET", name, value), real_values(client, name)
                ours = _our_reply(config, name.encode(), value), our_values(config, name.encode())
                if theirs != ours:
                    differing.append((name, value, theirs, ours))
    assert not differing


SEVERAL = [
    "timeout 1 hz 5",
    "timeout 2 nonsense 1",
    "nonsense 1 timeout x",
    "nonsense 1 daemonize yes",
    "Daemonize yes Nonsense 1",
    "timeout 3 TIMEOUT 4",
    "timeout 3 TIMEOUT 4 daemonize yes",
    "slave-priority 5 replica-priority 6",
    "replica-priority 7 slave-priority x",
    "Hz 20 timeout 9 maxmemory x loglevel y",
    "dir / timeout 9",
    "Dbfilename x.rdb",
    "timeout 9 dbfilename x.rdb dir /",
    "save 5 timeout 6",
    "loglevel DEBUG maxmemory 2mb",
]


@pytest.mark.parametrize("program", _servers(REDIS_7_0, REDIS_7_2), ids=lambda program: program.name)
def test_several_at_once(program: Program, tmp_path: Path) -> None:
    """CONFIG SET of several pairs: the same reply, and the same values after it."""
    port = free_port()
    arguments = ["--port", str(port), "--enable-debug-command", "no"]
    config = our_config(arguments, tmp_path)
    with real_server(program, arguments, tmp_path, port) as client:
        for line in SEVERAL:
            words = line.encode().split()
            theirs = client.call("CONFIG", "SET", *words)
            assert _our_reply(config, *words) == theirs, line
            for name in ("timeout", "hz", "replica-priority", "maxmemory", "loglevel", "save", "dir"):
                assert our_values(config, name.encode()) == real_values(client, name), (line, name)


PATTERNS = [
    *("*MAX*", "[a-c]*", "*-[^a-y]*", "?ORT", "[P]ort", "\\port", "[\\P]ort", "[\\p]ort", "[Z-A]*", "*t"),
    *("po[", "port?", "Port", "slave*", "*SLAVE-p*", "*mem*size", "*a*e*i*", "[", "[^", "[^a", "*[", ""),
    *("no-such", "hz*"),
]


@pytest.mark.parametrize("program", _servers(REDIS_7_2), ids=lambda program: program.name)
def test_patterns(program: Program, tmp_path: Path) -> None:
    """CONFIG GET finds the same names by the same patterns, and several patterns give a name once."""
    port = free_port()
    arguments = ["--port", str(port), "--enable-debug-command", "no"]
    config = our_config(arguments, tmp_path)
    with real_server(program, arguments, tmp_path, port) as client:
        for pattern in PATTERNS:
            assert our_values(config, pattern.encode()) == real_values(client, pattern), pattern
        for patterns in ([b"Port", b"PORT", b"p*t"], [b"p*t", b"PORT"], [b"port", b"hz", b"nonsense"]):
            words = parse(client.call("CONFIG", "GET", *patterns)).items
            theirs = sorted(str(word.value) for word in words)
            ours = sorted(str(word) for pair in config.get_matching(patterns) for word in pair)
            assert ours == theirs


def test_every_directive_shows_a_value_that_it_takes() -> None:
    """What CONFIG GET shows of a default, CONFIG SET would understand."""
    config = Config()
    for name, directive in DIRECTIVES.items():
        shown = config.shown(name)
        if name == "replicaof" or not shown:
            continue
        words = shown.split(b" ") if directive.kind.multi else [shown]
        assert directive.kind.parse(words, directive.default) == config.value(name), name


def _our_reply(config: Config, *words: bytes) -> bytes:
    try:
        config.set_many(list(zip(words[::2], words[1::2], strict=True)), is_local=True)
    except CommandError as error:
        return b"-%b\r\n" % error.message
    return b"+OK\r\n"
