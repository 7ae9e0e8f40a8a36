"""Commands that return some of a set's members: SPOP, SRANDMEMBER and SSCAN."""

from __future__ import annotations

from pyredis_cluster.commands.picks import pick_count, repeated_count
from pyredis_cluster.commands.scan_options import scan_cursor, scan_options
from pyredis_cluster.commands.sets import sets
from pyredis_cluster.config.events import NOTIFY_GENERIC, NOTIFY_SET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import FAST, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, RO, RW, KeyRange
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.protocol.errors import MUST_BE_POSITIVE, SYNTAX_ERROR
from pyredis_cluster.protocol.numbers import INT64_MAX, integer_between
from pyredis_cluster.protocol.reply import Reply, SetReply

_RANDOM = ("nondeterministic_output",)
_MEMBERS_PER_SREM = 1024


@sets.command(
    "SPOP",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | DELETE),
    tips=_RANDOM,
    syntax="key [count@3.2.0]",
    summary="Removes random members of a set and returns them.",
    complexity="Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
    history=(("3.2.0", "Added the `count` argument."),),
)
def spop(call: Call, argv: list[bytes]) -> Reply:
    """SPOP key [count]

    The member removed, nil if there is no set; with count a set of at most so many, empty if there is none.
    Propagated as SREM, or as DEL where nothing is left. Raises WRONG_TYPE, SYNTAX_ERROR, MUST_BE_POSITIVE.
    """
    if len(argv) > 2:
        return _spop_count(call, argv)
    key = argv[1]
    db = call.db
    value = db.write(key, Set)
    if value is None:
        return None
    member = value.pop_random(call.server.random)
    db.changed(key, NOTIFY_SET, b"spop")
    if call.server.propagation.sinks:
        call.propagate(b"SREM", key, member)
    if not value.members:
        db.delete_if_empty(key, value)
    return member


def _spop_count(call: Call, argv: list[bytes]) -> Reply:
    if len(argv) > 3:
        raise SYNTAX_ERROR
    count = integer_between(argv[2], 0, INT64_MAX, MUST_BE_POSITIVE)
    key = argv[1]
    db = call.db
    value = db.write(key, Set)
    if value is None or count == 0:
        return SetReply()
    if count >= len(value):
        return _pop_all(call, key, value)
    popped = value.pop_sample(call.server.random, count, call.keyspace.limits)
    db.changed(key, NOTIFY_SET, b"spop", count)
    if call.server.propagation.sinks:
        for start in range(0, count, _MEMBERS_PER_SREM):
            call.propagate(b"SREM", key, *popped[start : start + _MEMBERS_PER_SREM])
    return SetReply(popped)


def _pop_all(call: Call, key: bytes, value: Set) -> Reply:
    db = call.db
    # Redis replies with the union of this set alone: it is read, counted as a hit, and ordered anew.
    call.keyspace.hits += 1
    popped = SetReply(Set.of(value.ordered(), call.keyspace.limits).ordered())
    db.changed(key, NOTIFY_SET, b"spop", len(popped))
    db.discard(key)
    db.notify(key, NOTIFY_GENERIC, b"del")
    if call.server.propagation.sinks:
        lazily = call.server.config.flag("lazyfree-lazy-server-del")
        call.propagate(b"UNLINK" if lazily else b"DEL", key)
    return popped


@sets.command(
    "SRANDMEMBER",
    arity=-2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    tips=_RANDOM,
    syntax="key [count@2.6.0]",
    summary="Returns random members of a set.",
    complexity="Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed "
    "count.",
    history=(("2.6.0", "Added the optional `count` argument."),),
)
def srandmember(call: Call, argv: list[bytes]) -> Reply:
    """SRANDMEMBER key [count]

    A member, nil if there is no set. With count an array: at most so many different members, or, where it is
    negative, exactly -count that may repeat. Raises WRONG_TYPE, SYNTAX_ERROR, and errors for a count out of
    range.
    """
    random = call.server.random
    if len(argv) == 2:
        value = call.db.read(argv[1], Set)
        return None if value is None else value.random_member(random)
    if len(argv) > 3:
        raise SYNTAX_ERROR
    count = pick_count(argv[2])
    value = call.db.read(argv[1], Set)
    if value is None or count == 0:
        return []
    if count < 0:
        return value.random_members(random, repeated_count(count))
    if count >= len(value):
        return list(value.ordered())
    return value.sample_members(random, count)


@sets.command(
    "SSCAN",
    arity=-3,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.8.0",
    tips=_RANDOM,
    syntax="key cursor [MATCH pattern] [COUNT count]",
    summary="Walks over the members of a set, some at each call.",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the "
    "cursor to return back to 0. N is the number of elements inside the collection.",
)
def sscan(call: Call, argv: list[bytes]) -> Reply:
    """SSCAN key cursor [MATCH pattern] [COUNT count]

    An array of the next cursor (0 at the end) and an array of members. Raises WRONG_TYPE and errors for a bad
    cursor, and, where there is a set, for bad options.
    """
    cursor = scan_cursor(argv[2])
    value = call.db.read(argv[1], Set)
    if value is None:
        return [b"0", []]
    count, matches, _ = scan_options(argv[3:])
    cursor, found = value.scan(cursor, count)
    if matches is not None:
        found = list(filter(matches, found))
    return [b"%d" % cursor, found]
