"""Every command with random words: keys of all types, numbers, and the options that COMMAND DOCS names."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.commands import Argv, Servers, check_same
from tests.support.wire import Node

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

# What changes the session or the server itself, is random, writes files, connects to other servers, or tells
# of time, memory, hash table order or the version of a form.
LEFT_OUT = frozenset(
    {
        *(
            "acl",
            "asking",
            "auth",
            "bgrewriteaof",
            "bgsave",
            "client",
            "cluster",
            "command",
            "config",
            "debug",
            "dump",
            "exec",
            "failover",
            "hello",
            "info",
        ),
        *("lastsave", "latency", "lolwut", "memory", "migrate", "module", "monitor", "multi", "object"),
        *("psubscribe", "psync", "punsubscribe", "quit", "replconf", "replicaof", "reset", "role", "save"),
        *("shutdown", "slaveof", "slowlog", "ssubscribe", "subscribe", "sunsubscribe", "swapdb", "sync"),
        *("time", "unsubscribe", "wait", "waitaof"),
        *("hrandfield", "randomkey", "scan", "spop", "srandmember", "zrandmember"),
        *("expiretime", "pexpire", "pexpiretime", "psetex", "pttl", "ttl"),
    }
)
BLOCKING_FIRST = frozenset({"blmpop", "bzmpop"})
BLOCKING_LAST = frozenset({"blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax"})
SHORTEST_WAIT = b"0.001"

KEYS = (b"string", b"list", b"hash", b"set", b"zset", b"number", b"missing")
NUMBERS = (b"0", b"1", b"-1", b"2", b"3", b"10", b"-5", b"1.5", b"(1", b"inf", b"-inf", b"1e3")
OTHERS = (
    b"",
    b"a",
    b"b",
    b"*",
    b"[a",
    b"(b",
    b"+",
    b"-",
    b"nan",
    b"abc",
    b"#",
    b"w_*",
    b"\xff",
    b" 1",
    b"0x10",
)
EXTREMES = (b"9223372036854775807", b"-9223372036854775808", b"99999999999999999999", b"x" * 70)
FILLING: list[Argv] = [
    [b"RPUSH", b"list", b"a", b"b", b"c", b"1", b"2", b"a"],
    [b"HSET", b"hash", b"a", b"1", b"b", b"x", b"c", b"1.5", b"", b"e"],
    [b"SADD", b"set", b"a", b"b", b"1", b"2"],
    [b"ZADD", b"zset", b"1", b"a", b"2", b"b", b"2", b"c", b"-inf", b"d"],
    [b"SET", b"string", b"Hello World"],
    [b"SET", b"number", b"10"],
]


@dataclass(frozen=True)
class Signature:
    """What is needed to call a command: its arity, where its first key stands, its option words."""

    name: str
    arity: int
    first_key: int
    options: tuple[bytes, ...]


def _options(node: Node) -> set[bytes]:
    found: set[bytes] = set()
    for index, item in enumerate(node.items):
        if item.value == b"token" and index + 1 < len(node.items):
            token = node.items[index + 1].value
            # A key that expires within milliseconds would be there for one server and gone for the other.
            if isinstance(token, bytes) and token != b"PX":
                found.add(token)
        found |= _options(item)
    return found


@pytest.fixture(scope="session")
def signatures(started: Servers) -> list[Signature]:
    """All commands of ours that can be compared at random."""
    ours = started.ours
    found: list[Signature] = []
    for info in ours.ask("COMMAND").items:
        name, arity, first_key = info.items[0].value, info.items[1].value, info.items[3].value
        assert isinstance(name, bytes)
        assert isinstance(arity, bytes)
        assert isinstance(first_key, bytes)
        if name.decode() not in LEFT_OUT:
            options = tuple(sorted(_options(ours.ask("COMMAND", "DOCS", name))))
            found.append(Signature(name.decode(), int(arity), int(first_key), options))
    return sorted(found, key=lambda signature: signature.name)


def _word(signature: Signature, position: int) -> st.SearchStrategy[bytes]:
    words = [
        st.sampled_from(NUMBERS),
        st.sampled_from(KEYS),
        st.sampled_from(OTHERS),
        st.sampled_from(EXTREMES),
    ]
    if position == signature.first_key:
        # The first choice is the one that shrinking prefers.
        words = [st.sampled_from(KEYS)] * 6 + words
    if signature.options:
        words = [st.sampled_from(signature.options)] * 2 + words
    return st.one_of(words)


@st.composite
def _calls(draw: st.DrawFn, signatures: list[Signature]) -> Argv:
    signature = draw(st.sampled_from(signatures))
    least = abs(signature.arity) - 1
    count = least + draw(
        st.sampled_from([0, 0, 0, 0, 0, 0, 1] if signature.arity > 0 else [0, 1, 2, 3, 4, 5])
    )
    words = [draw(_word(signature, position)) for position in range(1, count + 1)]
    if words and signature.name in BLOCKING_FIRST:
        words[0] = SHORTEST_WAIT
    if words and signature.name in BLOCKING_LAST:
        words[-1] = SHORTEST_WAIT
    return [signature.name.encode(), *words]


@given(data=st.data())
def test_any_command(data: st.DataObject, servers: Servers, signatures: list[Signature]) -> None:
    """Ours and the real server answer alike."""
    assert len(signatures) > 100
    sequence = data.draw(st.lists(_calls(signatures), min_size=1, max_size=20))
    check_same(servers, [[b"SELECT", b"0"], *FILLING, *sequence, [b"RESET"]])
