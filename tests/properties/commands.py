"""Random command sequences on two servers: the strategies that all types share, and the comparison.

A test gives a list of strategies for argument lists. Both servers start empty, get the same sequence in one
pipeline, and must answer with the same bytes. Commands whose reply has no order are compared sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.support.wire import Node, RawClient, parse

Argv = list[bytes]

# Replies in hash table order.
UNORDERED = frozenset(
    {
        *(b"HGETALL", b"HKEYS", b"HVALS", b"KEYS", b"SCAN", b"HSCAN", b"SSCAN", b"ZSCAN"),
        *(
            b"SMEMBERS",
            b"SINTER",
            b"SUNION",
            b"SDIFF",
            b"SPOP",
            b"SRANDMEMBER",
            b"HRANDFIELD",
            b"ZRANDMEMBER",
        ),
    }
)
PAIRED = frozenset({b"HGETALL"})


@dataclass(frozen=True)
class Servers:
    """Connections to our server and to the real ones: Redis 7.2, or else Redis 7.0 and Valkey 8.1."""

    ours: RawClient
    real: tuple[RawClient, ...]

    def __repr__(self) -> str:
        """Short, for Hypothesis prints it with every failure."""
        return "…"


KEYS = (b"k{t}", b"other{t}", b"third{t}")

keys = st.sampled_from(KEYS)
small_integers = st.integers(-5, 5)
integers = st.one_of(
    small_integers,
    st.integers(-200, 200),
    st.sampled_from([2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**31, -(2**31), 2**62]),
).map(lambda number: b"%d" % number)
positions = st.integers(-8, 8).map(lambda number: b"%d" % number)
counts = st.integers(-3, 12).map(lambda number: b"%d" % number)
doubles = st.one_of(
    st.integers(-20, 20).map(lambda number: b"%d" % number),
    st.floats(allow_nan=False).map(lambda number: repr(number).encode()),
    st.sampled_from(
        [b"0.1", b"-0.1", b"1e5", b"inf", b"-inf", b"3.0", b".5", b"1e-7", b"17179869184.5", b"1e21"]
    ),
)
not_numbers = st.sampled_from([b"", b"abc", b"nan", b"1.5", b" 1", b"0x10", b"+1", b"1e400"])
words = st.one_of(
    st.sampled_from([b"a", b"b", b"c", b"d", b"aa", b"1", b"2", b"10", b"-3", b"", b"x" * 64, b"x" * 65]),
    st.binary(max_size=4),
    st.integers(-1000, 1000).map(lambda number: b"%d" % number),
)
values = st.one_of(words, integers, st.sampled_from([b"1.5", b"3.0e3", b"y" * 44, b"y" * 45]))
patterns = st.sampled_from([b"*", b"a*", b"?", b"[ab]*", b"[^a]", b"\\*", b"*{t}"])


def command(*parts: bytes | SearchStrategy[bytes] | SearchStrategy[Argv]) -> SearchStrategy[Argv]:
    """An argument list from fixed words, strategies of words, and strategies of several words."""
    strategies = [st.just(part) if isinstance(part, bytes) else part for part in parts]

    def join(pieces: Iterable[bytes | Argv]) -> Argv:
        argv: Argv = []
        for piece in pieces:
            argv += [piece] if isinstance(piece, bytes) else piece
        return argv

    return st.tuples(*strategies).map(join)


def one_of(*words_: bytes) -> SearchStrategy[bytes]:
    """One of several words."""
    return st.sampled_from(words_)


def some(strategy: SearchStrategy[bytes], least: int = 1, most: int = 4) -> SearchStrategy[Argv]:
    """Several words of one kind."""
    return st.lists(strategy, min_size=least, max_size=most)


def maybe(*parts: bytes | SearchStrategy[bytes]) -> SearchStrategy[Argv]:
    """These words, or nothing."""
    return st.one_of(st.just([]), command(*parts))


def options(*choices: SearchStrategy[Argv], most: int = 3) -> SearchStrategy[Argv]:
    """Up to ``most`` of these options in any order, sensible together or not."""
    return st.lists(st.one_of(*choices), max_size=most).map(
        lambda found: [word for one in found for word in one]
    )


def pairs(first: SearchStrategy[bytes], second: SearchStrategy[bytes], most: int = 3) -> SearchStrategy[Argv]:
    """Words in pairs, as in HSET or ZADD."""
    return st.lists(st.tuples(first, second), min_size=1, max_size=most).map(
        lambda found: [word for pair in found for word in pair]
    )


def sequences(*commands: SearchStrategy[Argv]) -> SearchStrategy[list[Argv]]:
    """Sequences of these commands."""
    return st.lists(st.one_of(*commands), min_size=1, max_size=25)


def _comparable(argv: Argv, raw: bytes) -> object:
    name = argv[0].upper()
    if name not in UNORDERED or raw[:1] == b"-":
        return raw
    return _sorted(parse(raw), 2 if name in PAIRED else 1)


def _sorted(node: Node, width: int) -> object:
    if not isinstance(node.value, tuple):
        return node
    width = 2 if node.kind == "%" else width
    children = [_sorted(item, 1) for item in node.items]
    groups = [tuple(children[at : at + width]) for at in range(0, len(children), width)]
    return (node.kind, sorted(groups, key=repr))


def check_same(servers: Servers, sequence: Sequence[Argv]) -> None:
    """Run the sequence on all servers from empty. Raises AssertionError at the first reply that differs.

    Where the real ones differ, ours must be as one of them; what follows is not compared, since from there on
    they may hold different data.
    """
    commands: list[Argv] = [[b"FLUSHALL"], *sequence]
    our_replies = servers.ours.pipeline(commands)
    real_replies = [real.pipeline(commands) for real in servers.real]
    for number, argv in enumerate(commands):
        ours = _comparable(argv, our_replies[number])
        real = [_comparable(argv, replies[number]) for replies in real_replies]
        if ours not in real:
            shown = "".join(f"\n  real {replies[number]!r}" for replies in real_replies)
            raise AssertionError(f"command {number}, {argv}:{shown}\n  ours {our_replies[number]!r}")
        if any(one != real[0] for one in real):
            return
