"""COMMAND INFO, DOCS, GETKEYS and GETKEYSANDFLAGS say about our commands what the real servers say.

Redis 7.2 decides where one is at hand. Elsewhere Redis 7.0 does, but for what changed in 7.2, which is listed
here and compared with Valkey 8.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.conformance.command_table import (
    INFO_FIELDS,
    CommandInfo,
    Value,
    command_docs,
    command_infos,
)
from tests.conformance.conftest import Laboratory
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, Program

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

T = TypeVar("T")


# What Redis 7.2 changed since 7.0, as Valkey 8.1 shows it.
INFO_CHANGED_IN_7_2: dict[str, set[str]] = {
    # WITHSCORE; and COMMAND GETKEYS takes a command without arguments.
    "arity": {"command|getkeys", "command|getkeysandflags", "zrank", "zrevrank"},
    # Blocking became a flag of the commands, and two views of the cluster may be read while loading.
    "flags": {
        *("blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax"),
        *("cluster|slots", "cluster|shards"),
    },
    # How cluster clients should route them.
    "tips": {
        *("client|setname", "config|rewrite", "config|resetstat", "latency|reset"),
        *("msetnx", "randomkey", "scan"),
    },
}

# What Valkey changed later: of these it cannot tell.
INFO_CHANGED_IN_VALKEY: dict[str, set[str]] = {
    "flags": {
        *("cluster|info", "cluster|myid", "cluster|myshardid", "cluster|nodes", "exec", "multi", "watch"),
        *("memory|malloc-stats", "memory|purge", "waitaof"),
    },
    "ACL categories": {"wait", "waitaof"},
    "key specs": {"sinterstore"},
}

# The same for the documentation: there Redis 7.0 is still as 7.2.
DOCS_CHANGED_IN_VALKEY: dict[str, set[str]] = {
    "complexity": {"command", "command|list", "append", "dump", "restore", "restore-asking"},
    "doc flags": {
        *("cluster|slots", "slowlog", "slowlog|get", "slowlog|len", "slowlog|reset", "slowlog|help"),
    },
    "deprecated since": {
        *("cluster|slots", "slowlog", "slowlog|get", "slowlog|len", "slowlog|reset", "slowlog|help"),
    },
    "history": {"bgsave", "client|list", "client|kill", "cluster|setslot", "hello", "zscan", "set"},
    # CLIENT LIST and KILL differ from 7.2 in both.
    "arguments": {
        *("bgsave", "client|list", "client|kill", "cluster|setslot", "hscan", "shutdown", "zscan", "set"),
    },
}
DOCS_FIELDS = ("since", "group", "complexity", "doc flags", "deprecated since", "history", "arguments")
CHANGED_IN_BOTH = {("arguments", "client|list"), ("arguments", "client|kill"), ("flags", "wait")}

KEYS_OF = """
GET k|SET k v|SET k v GET|SET k v EX 10 NX|GETEX k|GETDEL k|GETSET k v|APPEND k v|INCR k|SETRANGE k 0 v
LCS a b|LCS a b LEN|MSET a 1 b 2|MSET a 1 b|MSETNX a 1 b 2|MGET a b c|DEL a b|UNLINK a b|EXISTS a b
TOUCH a b|COPY a b|RENAME a b|EXPIRE k 1|RPUSH l a b|LPOP l|LMOVE a b LEFT RIGHT|RPOPLPUSH a b
BLPOP a b 0|BRPOP a 0|BLMOVE a b LEFT LEFT 0|BRPOPLPUSH a b 0|LMPOP 2 a b LEFT|LMPOP 3 a b LEFT
LMPOP 0 a LEFT|LMPOP x a LEFT|BLMPOP 0 2 a b LEFT|LINSERT l BEFORE a b|LRANGE l 0 1|HSET h f v|HGETALL h
HDEL h f|HRANDFIELD h|HSCAN h 0|SADD s a|SMOVE a b m|SINTER a b|SINTERSTORE d a b|SUNIONSTORE d a
SINTERCARD 2 a b|SINTERCARD 2 a b LIMIT 1|SINTERCARD 3 a b|SPOP s|SSCAN s 0|ZADD z 1 a
ZRANGESTORE d z 0 1|ZUNIONSTORE d 2 a b|ZUNIONSTORE d 2 a b WEIGHTS 1 2|ZUNIONSTORE d 5 a b
ZUNIONSTORE d x a b|ZINTER 2 a b|ZDIFF 1 a|ZINTERCARD 2 a b|ZMPOP 1 a MIN|BZMPOP 0 1 a MIN|BZPOPMIN a b 0
ZRANK z m|ZREMRANGEBYRANK z 0 1|SORT k|SORT k STORE d|SORT k BY w_* GET o_*|SORT k BY w_* GET o_* STORE d
SORT k STORE a STORE b|SORT_RO k BY x|SORT k LIMIT 0 1|OBJECT ENCODING k|OBJECT HELP|OBJECT FREQ k
MEMORY USAGE k|MEMORY DOCTOR|PUBLISH c m|SPUBLISH c m|SSUBSCRIBE a b|SUBSCRIBE a|WATCH a b|MULTI|PING
ECHO x|CONFIG GET x|CLIENT ID|CLIENT|KEYS *|SCAN 0|DBSIZE|FLUSHALL|NOSUCHCOMMAND x|GET|GET a b|set k v
DEBUG SLEEP 0|SELECT 0|MOVE k 1|RANDOMKEY|TYPE k|PERSIST k|OBJECT|OBJECT NOSUCH k|SWAPDB 0 1
CLUSTER KEYSLOT k
""".replace("\n", "|").split("|")
# Redis says that its destination is read, Valkey 8.1 that it is not.
OVERWRITTEN = "SINTERSTORE d a b"


@pytest.fixture(scope="module")
def infos(laboratory: Laboratory, oracles: list[Program]) -> dict[str, dict[str, CommandInfo]]:
    """COMMAND INFO of every real server, by server and command."""
    return {program.name: command_infos(laboratory(program, False)) for program in oracles}


@pytest.fixture(scope="module")
def docs(laboratory: Laboratory, oracles: list[Program]) -> dict[str, dict[str, dict[str, Value]]]:
    """COMMAND DOCS of every real server, by server and command."""
    return {program.name: command_docs(laboratory(program, False)) for program in oracles}


def _that_counts(tables: dict[str, dict[str, T]], command: str, first: str, second: str) -> T | None:
    """The entry of Redis 7.2 if it is at hand, else of ``first``, else (a new command) of ``second``."""
    for name in (REDIS_7_2, first, second):
        if command in tables.get(name, {}):
            return tables[name][command]
    return None


def _differences(ours: dict[str, Value], expected: Callable[[str], tuple[bool, Value]]) -> Iterator[str]:
    for command, value in sorted(ours.items()):
        known, real = expected(command)
        if known and value != real:
            yield f"{command}: real {real}, ours {value}"


@pytest.mark.parametrize("field", INFO_FIELDS)
def test_command_info(
    field: str, infos: dict[str, dict[str, CommandInfo]], laboratory: Laboratory, ours: Program
) -> None:
    """Arity, flags, keys, categories, tips and key specs agree for every command and subcommand we have."""
    changed = INFO_CHANGED_IN_7_2.get(field, set())

    def expected(command: str) -> tuple[bool, Value]:
        order = (VALKEY_8_1, REDIS_7_0) if command in changed else (REDIS_7_0, VALKEY_8_1)
        if REDIS_7_2 not in infos:
            if (field, command) in CHANGED_IN_BOTH:
                return False, None
            if command in changed and VALKEY_8_1 not in infos:
                return False, None
            if command in INFO_CHANGED_IN_VALKEY.get(field, ()) and command not in infos.get(REDIS_7_0, {}):
                return False, None
        info = _that_counts(infos, command, *order)
        return info is not None, info.fields[field] if info else None

    table = {command: info.fields[field] for command, info in command_infos(laboratory(ours, False)).items()}
    assert len(table) > 200
    assert list(_differences(table, expected)) == []


def test_every_command_is_one_of_redis(
    infos: dict[str, dict[str, CommandInfo]], laboratory: Laboratory, ours: Program
) -> None:
    """No command or subcommand is listed that no real server has, nor under another parent."""
    real = {command for table in infos.values() for command in table}
    listed = command_infos(laboratory(ours, False))
    assert sorted(set(listed) - real) == []
    for command, info in listed.items():
        assert all(one.name.startswith(f"{command}|") for one in info.subcommands)


@pytest.mark.parametrize("field", DOCS_FIELDS)
def test_command_docs(
    field: str, docs: dict[str, dict[str, dict[str, Value]]], laboratory: Laboratory, ours: Program
) -> None:
    """Everything but free text agrees: since, group, complexity, deprecation, history, arguments."""
    changed = DOCS_CHANGED_IN_VALKEY.get(field, set())

    def expected(command: str) -> tuple[bool, Value]:
        if (field, command) in CHANGED_IN_BOTH and REDIS_7_2 not in docs:
            return False, None
        order = (REDIS_7_0, VALKEY_8_1) if command in changed else (VALKEY_8_1, REDIS_7_0)
        if order[0] not in docs and REDIS_7_2 not in docs:
            return False, None
        found = _that_counts(docs, command, *order)
        return found is not None, found[field] if found else None

    table = {command: one[field] for command, one in command_docs(laboratory(ours, False)).items()}
    assert len(table) > 200
    assert list(_differences(table, expected)) == []


@pytest.mark.parametrize("subcommand", ["GETKEYS", "GETKEYSANDFLAGS"])
def test_keys_of_invocations(
    subcommand: str, laboratory: Laboratory, oracles: list[Program], ours: Program
) -> None:
    """COMMAND GETKEYS and GETKEYSANDFLAGS find the same keys in the same invocations."""
    # Without Redis 7.2 its reply is that of one of the two others, now this one, now that.
    deciding = [one for one in oracles if one.name == REDIS_7_2] or oracles
    subject = laboratory(ours, False)
    differ: list[str] = []
    for line in filter(None, KEYS_OF):
        if subcommand == "GETKEYSANDFLAGS" and line == OVERWRITTEN and all(one.is_valkey for one in deciding):
            continue
        argv = ("COMMAND", subcommand, *line.split())
        expected = [laboratory(program, False).control(*argv) for program in deciding]
        actual = subject.control(*argv)
        if actual not in expected:
            differ.append(f"{line}: real {expected}, ours {actual}")
    assert differ == []
