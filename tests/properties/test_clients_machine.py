"""Random sessions of several clients: waiting for keys, watched keys, channels.

The sessions are sections of a transcript made up at random, run as the conformance tests run theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.conformance.comparison import same_reply
from tests.conformance.runner import Target, run_section
from tests.conformance.transcript import Section, parse_transcript
from tests.support.servers import REDIS_7_2, VALKEY_8_1, find_real_servers, our_program

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

Targets = tuple[Target, Target]

lists = st.sampled_from(["l{t}", "m{t}", "n{t}"])
ends = st.sampled_from(["LEFT", "RIGHT"])
small = st.sampled_from(["1", "2", "3"])
protocols = st.sampled_from([2, 3])


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    """Ours and Redis 7.2, or else Valkey 8.1."""
    servers = find_real_servers()
    program = servers.get(REDIS_7_2) or servers.get(VALKEY_8_1)
    if program is None:
        pytest.skip("no real server on this machine")
    both = Target(our_program()), Target(program)
    yield both
    for target in both:
        target.stop()


def line(pattern: str, *parts: SearchStrategy[str]) -> SearchStrategy[str]:
    """A transcript line from a pattern with ``{}`` for each part."""
    return st.tuples(*parts).map(lambda found: pattern.replace("{}", "%s") % found)


def check_session(lines: Sequence[str], targets: Targets, resp: int) -> None:
    """Run the lines on both servers. Raises AssertionError at the first reply that differs."""
    (section,) = parse_transcript("random", "--- random\n" + "\n".join(lines))
    _check_section(section, targets, resp)


def _check_section(section: Section, targets: Targets, resp: int) -> None:
    ours, real = (run_section(target, section, resp) for target in targets)
    for step, our_reply, real_reply in zip(section.steps, ours, real, strict=True):
        if not same_reply(real_reply, our_reply, step.comparison):
            session = "\n    ".join(one.text for one in section.steps)
            raise AssertionError(f"{step.text}: real {real_reply!r}, ours {our_reply!r}\n    {session}")


WAITING = st.one_of(
    line("& BLPOP {} {} 0", lists, lists),
    line("& BRPOP {} 0", lists),
    line("& BLMOVE {} {} {} {} 0", lists, lists, ends, ends),
    line("& BRPOPLPUSH {} {} 0", lists, lists),
    line("& BLMPOP 0 2 {} {} {} COUNT {}", lists, lists, ends, small),
    line("& BZPOPMIN {} {} 0", lists, lists),
    line("& BZPOPMAX {} 0", lists),
    line("& BZMPOP 0 1 {} MIN COUNT {}", lists, small),
)
FEEDING = st.one_of(
    line("RPUSH {} a b c", lists),
    line("LPUSH {} x", lists),
    line("RPUSH {} 1", lists),
    line("ZADD {} 1 a 2 b", lists),
    line("ZADD {} 3 c", lists),
    line("SET {} v", lists),
    line("DEL {}", lists),
    line("RENAME {} {}", lists, lists),
    line("COPY {} {} REPLACE", lists, lists),
    line("LMOVE {} {} LEFT RIGHT", lists, lists),
    line("SORT {} ALPHA STORE {}", lists, lists),
    line("ZUNIONSTORE {} 1 {}", lists, lists),
    line("LLEN {}", lists),
    st.sampled_from(["MULTI", "EXEC", "FLUSHALL"]),
)


@st.composite
def waiting_sessions(draw: st.DrawFn) -> list[str]:
    """Clients that begin to wait while client 1 changes keys; at the end everyone still waiting is woken."""
    lines: list[str] = []
    clients = 1
    for _ in range(draw(st.integers(1, 12))):
        if clients < 6 and draw(st.booleans()):
            clients += 1
            lines.append(f"{clients}> {draw(WAITING)}")
        else:
            lines.append(draw(FEEDING))
    lines.append("DISCARD")
    for client in range(2, clients + 1):
        lines += [f"CLIENT UNBLOCK $id({client})", f"{client}<"]
    return [*lines, *(f"{command} {key}" for key in ("l{t}", "m{t}", "n{t}") for command in ("TYPE", "SORT"))]


@given(lines=waiting_sessions(), resp=protocols)
def test_waiting_clients(lines: list[str], resp: int, targets: Targets) -> None:
    """Whoever waits gets the same elements in the same order."""
    check_session(lines, targets, resp)


client_numbers = st.sampled_from(["", "2> ", "3> "])
watched = st.sampled_from(["a", "b", "c"])
IN_TRANSACTIONS = st.tuples(
    client_numbers,
    st.one_of(
        st.sampled_from(
            ["MULTI", "EXEC", "DISCARD", "UNWATCH", "MULTI", "EXEC", "RESET", "NOSUCH", "SET a", "FLUSHALL"]
        ),
        line("WATCH {}", watched),
        line("WATCH {} {}", watched, watched),
        line("SET {} v", watched),
        line("SET {} v NX", watched),
        line("INCR {}", watched),
        line("LPUSH {} x", watched),
        line("DEL {}", watched),
        line("GET {}", watched),
        line("EXPIRE {} 100", watched),
        line("EXPIRE {} -1", watched),
        line("SELECT {}", st.sampled_from(["0", "1"])),
        line("MOVE {} {}", watched, st.sampled_from(["0", "1"])),
        line("SWAPDB 0 {}", st.sampled_from(["0", "1"])),
        line("RENAME {} {}", watched, watched),
        line("CONFIG GET {}", st.sampled_from(["maxmemory", "nosuch"])),
    ),
).map("".join)


@given(lines=st.lists(IN_TRANSACTIONS, min_size=1, max_size=30), resp=protocols)
def test_transactions(lines: list[str], resp: int, targets: Targets) -> None:
    """Transactions of several clients run or fail alike."""
    check_session(lines, targets, 2 if any("RESET" in one for one in lines) else resp)


channels = st.sampled_from(["a", "b", "ab", "c"])
# Only one pattern for each client: a message that matches several is sent in hash table order.
channel_patterns = {"2>": st.just("a*"), "3>": st.just("[ac]")}
ON_CHANNELS = st.one_of(
    *(
        line(f"{client} * {command} {{}}", names)
        for client in ("2>", "3>")
        for command, names in (
            ("SUBSCRIBE", channels),
            ("UNSUBSCRIBE", channels),
            ("PSUBSCRIBE", channel_patterns[client]),
            ("PUNSUBSCRIBE", channel_patterns[client]),
            ("SSUBSCRIBE", channels),
            ("SUNSUBSCRIBE", channels),
        )
    ),
    line("PUBLISH {} m", channels),
    line("SPUBLISH {} m", channels),
    line("2> * PING {}", channels),
    line("3> * PING {}", channels),
    line("2> * PUBLISH {} own", channels),
    line("2> * GET {}", channels),
    line("PUBSUB NUMSUB {} {}", channels, channels),
    line("PUBSUB SHARDNUMSUB {}", channels),
    st.sampled_from(
        ["PUBSUB NUMPAT", "~ PUBSUB CHANNELS", "~ PUBSUB CHANNELS a*", "~ PUBSUB SHARDCHANNELS", "2> * RESET"]
    ),
)


@given(lines=st.lists(ON_CHANNELS, min_size=1, max_size=25), resp=protocols)
def test_channels(lines: list[str], resp: int, targets: Targets) -> None:
    """Every subscriber sees the same frames."""
    check_session([*lines, "2> * PING", "3> * PING"], targets, resp)
