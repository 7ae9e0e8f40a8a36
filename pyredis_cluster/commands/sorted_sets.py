"""Commands of single members of sorted sets, and of random ones."""

from __future__ import annotations

from pyredis_cluster.commands.picks import pick_count, repeated_count
from pyredis_cluster.commands.scan_options import scan_cursor, scan_options
from pyredis_cluster.config.events import NOTIFY_ZSET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, RO, RW, UPDATE, KeyRange
from pyredis_cluster.execution.personality import with_full_doubles
from pyredis_cluster.keyspace.types.sorted_set import Entry, SortedSet
from pyredis_cluster.protocol.doubles import format_double, format_double_in_17_digits
from pyredis_cluster.protocol.errors import OUT_OF_RANGE, SYNTAX_ERROR, CommandError, wrong_arity
from pyredis_cluster.protocol.numbers import INT64_MAX, floating
from pyredis_cluster.protocol.reply import NULL_ARRAY, Reply

sorted_sets = Group("sorted-set", Category.SORTEDSET)

_NX, _XX, _GT, _LT, _CH, _INCR = (1 << bit for bit in range(6))
_ZADD_OPTIONS = {b"nx": _NX, b"xx": _XX, b"gt": _GT, b"lt": _LT, b"ch": _CH, b"incr": _INCR}

_NX_AND_XX = CommandError("ERR XX and NX options at the same time are not compatible")
_GT_LT_NX = CommandError("ERR GT, LT, and/or NX options at the same time are not compatible")
_ONE_INCREMENT = CommandError("ERR INCR option supports a single increment-element pair")
_NOT_A_NUMBER = CommandError("ERR resulting score is not a number (NaN)")


def with_scores(entries: list[Entry], resp: int) -> list[Reply]:
    """Entries as WITHSCORES shows them: flat in RESP2, pairs in RESP3."""
    if resp >= 3:
        return [[member, score] for score, member in entries]
    return [each for score, member in entries for each in (member, score)]


@sorted_sets.command(
    "ZADD",
    arity=-4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | UPDATE),
    since="1.2.0",
    syntax="key [NX | XX]@3.0.2 [GT | LT]@6.2.0 [CH@3.0.2] [INCR@3.0.2] score member [score member ...]",
    summary="Adds members to a sorted set, or changes their scores; a missing set is made.",
    complexity="O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    history=(
        ("2.4.0", "Accepts multiple elements."),
        ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
        ("6.2.0", "Added the `GT` and `LT` options."),
    ),
)
def zadd(call: Call, argv: list[bytes]) -> Reply:
    """ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]

    How many members are new, with CH also those changed; with INCR the new score, nil where NX, XX, GT or LT
    forbade the change. Nothing is done if any score is no number.
    """
    if len(argv) == 4 and argv[2].isdigit():
        return _zadd_one(call, argv[1], floating(argv[2]), argv[3])
    at = 2
    options = 0
    while at < len(argv) and (option := _ZADD_OPTIONS.get(argv[at].lower())):
        options |= option
        at += 1
    count = len(argv) - at
    if count % 2 or not count:
        raise SYNTAX_ERROR
    if options:
        _check_zadd_options(options, count // 2)
    return _zadd(call, argv[1], [floating(text) for text in argv[at::2]], argv[at + 1 :: 2], options)


def _check_zadd_options(options: int, count: int) -> None:
    if options & _NX and options & _XX:
        raise _NX_AND_XX
    if (options & _NX and options & (_GT | _LT)) or options & (_GT | _LT) == _GT | _LT:
        raise _GT_LT_NX
    if options & _INCR and count > 1:
        raise _ONE_INCREMENT


def _zadd_one(call: Call, key: bytes, score: float, member: bytes) -> int:
    """What nearly all ZADD are, with no more work than that takes."""
    db = call.db
    limits = db.keyspace.limits
    value = db.write(key, SortedSet)
    if value is None:
        value = SortedSet.for_adding(member, 1, limits)
        db.add(key, value)
    else:
        current = value.scores.get(member)
        if current is not None:
            if value.is_listpack:
                value.expect(1, limits)
            if current != score:
                value.change(member, score)
                db.changed(key, NOTIFY_ZSET, b"zadd")
            return 0
    value.add(member, score, limits)
    db.changed(key, NOTIFY_ZSET, b"zadd")
    return 1


def _zadd(call: Call, key: bytes, scores: list[float], members: list[bytes], options: int) -> Reply:
    db = call.db
    limits = db.keyspace.limits
    value = db.write(key, SortedSet)
    if value is None:
        if options & _XX:
            return None if options & _INCR else 0
        value = SortedSet.for_adding(members[0], len(members), limits)
        db.add(key, value)
    elif value.is_listpack:
        value.expect(len(members), limits)
    added = changed = 0
    score: float | None = None
    known = value.scores
    for score, member in zip(scores, members, strict=True):
        current = known.get(member)
        if current is None:
            if options & _XX:
                score = None
                continue
            value.add(member, score, limits)
            added += 1
        elif options:
            score = _changed_score(current, score, options)
            if score is not None and score != current:
                value.change(member, score)
                changed += 1
        elif score != current:
            value.change(member, score)
            changed += 1
    if added or changed:
        db.changed(key, NOTIFY_ZSET, b"zincr" if options & _INCR else b"zadd", added + changed)
    if options & _INCR:
        return score
    return added + changed if options & _CH else added


def _changed_score(current: float, score: float, options: int) -> float | None:
    """The score that a member gets which has one, or None where an option forbids the change."""
    if options & _NX:
        return None
    if options & _INCR:
        score += current
        if score != score:
            raise _NOT_A_NUMBER
    if (options & _LT and score >= current) or (options & _GT and score <= current):
        return None
    return score


@sorted_sets.command(
    "ZINCRBY",
    arity=4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE),
    since="1.2.0",
    syntax="key increment member",
    summary="Adds to the score of a member of a sorted set; a missing one counts as 0.",
    complexity="O(log(N)) where N is the number of elements in the sorted set.",
)
def zincrby(call: Call, argv: list[bytes]) -> Reply:
    """ZINCRBY key increment member

    The new score. Raises an error where it would be no number.
    """
    return _zadd(call, argv[1], [floating(argv[2])], [argv[3]], _INCR)


@sorted_sets.command(
    "ZREM",
    arity=-3,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | DELETE),
    since="1.2.0",
    syntax="key member [member ...]",
    summary="Removes members from a sorted set.",
    complexity=(
        "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to "
        "be removed."
    ),
    history=(("2.4.0", "Accepts multiple elements."),),
)
def zrem(call: Call, argv: list[bytes]) -> Reply:
    """ZREM key member [member ...]

    How many were removed.
    """
    db = call.db
    value = db.write(argv[1], SortedSet)
    if value is None:
        return 0
    removed = sum(map(value.discard, argv[2:]))
    if removed:
        db.changed(argv[1], NOTIFY_ZSET, b"zrem", removed)
        db.delete_if_empty(argv[1], value)
    return removed


@sorted_sets.command(
    "ZCARD",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    since="1.2.0",
    syntax="key",
    summary="Returns the number of members of a sorted set.",
)
def zcard(call: Call, argv: list[bytes]) -> Reply:
    """ZCARD key

    The number of members, 0 if there is no set.
    """
    value = call.db.read(argv[1], SortedSet)
    return 0 if value is None else len(value)


@sorted_sets.command(
    "ZSCORE",
    arity=3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="1.2.0",
    syntax="key member",
    summary="Returns the score of a member of a sorted set.",
)
def zscore(call: Call, argv: list[bytes]) -> Reply:
    """ZSCORE key member

    The score, nil if it is no member.
    """
    value = call.db.read(argv[1], SortedSet)
    return None if value is None else value.scores.get(argv[2])


@sorted_sets.command(
    "ZMSCORE",
    arity=-3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="6.2.0",
    syntax="key member [member ...]",
    summary="Returns the scores of several members of a sorted set.",
    complexity="O(N) where N is the number of members being requested.",
)
def zmscore(call: Call, argv: list[bytes]) -> Reply:
    """ZMSCORE key member [member ...]

    An array of scores, nil for what is no member.
    """
    value = call.db.read(argv[1], SortedSet)
    if value is None:
        return [None] * (len(argv) - 2)
    return list(map(value.scores.get, argv[2:]))


@sorted_sets.command(
    "ZRANK",
    arity=-3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    syntax="key member [WITHSCORE]",
    summary="Returns how many members of a sorted set are before one.",
    complexity="O(log(N))",
    history=(("7.2.0", "Added the optional `WITHSCORE` argument."),),
)
def zrank(call: Call, argv: list[bytes]) -> Reply:
    """ZRANK key member [WITHSCORE]

    The rank, nil if it is no member; with WITHSCORE an array of rank and score, or a null array.
    """
    return _rank(call, argv, reverse=False)


@sorted_sets.command(
    "ZREVRANK",
    arity=-3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    syntax="key member [WITHSCORE]",
    summary="Returns how many members of a sorted set are after one.",
    complexity="O(log(N))",
    history=(("7.2.0", "Added the optional `WITHSCORE` argument."),),
)
def zrevrank(call: Call, argv: list[bytes]) -> Reply:
    """ZREVRANK key member [WITHSCORE]

    As ZRANK, counted from the highest score.
    """
    return _rank(call, argv, reverse=True)


def _rank(call: Call, argv: list[bytes], *, reverse: bool) -> Reply:
    if len(argv) > 4:
        raise wrong_arity("zrevrank" if reverse else "zrank")
    shows_score = len(argv) == 4
    if shows_score and argv[3].lower() != b"withscore":
        raise SYNTAX_ERROR
    value = call.db.read(argv[1], SortedSet)
    rank = None if value is None else value.rank(argv[2])
    if value is None or rank is None:
        return NULL_ARRAY if shows_score else None
    if reverse:
        rank = len(value) - 1 - rank
    return [rank, value.scores[argv[2]]] if shows_score else rank


@sorted_sets.command(
    "ZSCAN",
    arity=-3,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.8.0",
    tips=("nondeterministic_output",),
    syntax="key cursor [MATCH pattern] [COUNT count]",
    summary="Walks through the members and scores of a sorted set, some at a time.",
    complexity=(
        "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor "
        "to return back to 0. N is the number of elements inside the collection."
    ),
)
def zscan(call: Call, argv: list[bytes]) -> Reply:
    """ZSCAN key cursor [MATCH pattern] [COUNT count]

    An array of the next cursor, `0` at the end, and a flat array of members and scores, those as bulk strings
    even in RESP3. What is there all the while is returned at least once.
    """
    cursor = scan_cursor(argv[2])
    value = call.db.read(argv[1], SortedSet)
    if value is None:
        return [b"0", []]
    count, matches, _ = scan_options(argv[3:])
    cursor, members = value.scan(cursor, count)
    spell = format_double if value.is_listpack else format_double_in_17_digits
    scores = value.scores
    found = [
        each
        for member in members
        if matches is None or matches(member)
        for each in (member, spell(scores[member]))
    ]
    return [b"%d" % cursor, found]


@sorted_sets.command(
    "ZRANDMEMBER",
    arity=-2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="6.2.0",
    tips=("nondeterministic_output",),
    syntax="key [count [WITHSCORES]]",
    summary="Returns random members of a sorted set.",
    complexity="O(N) where N is the number of members returned",
)
def zrandmember(call: Call, argv: list[bytes]) -> Reply:
    """ZRANDMEMBER key [count [WITHSCORES]]

    A member, nil if there is no set; with `count` an array of different ones, or if negative of that many
    picks that may repeat.
    """
    if len(argv) == 2:
        value = call.db.read(argv[1], SortedSet)
        return None if value is None else _pick(call, value)[1]
    count = pick_count(argv[2])
    if len(argv) > 4 or (len(argv) == 4 and argv[3].lower() != b"withscores"):
        raise SYNTAX_ERROR
    if len(argv) == 4 and abs(count) > INT64_MAX // 2:
        raise OUT_OF_RANGE
    value = call.db.read(argv[1], SortedSet)
    if value is None or count == 0:
        return []
    entries = _pick_many(call, value, count)
    return with_scores(entries, call.resp) if len(argv) == 4 else [member for _, member in entries]


def _pick(call: Call, value: SortedSet) -> Entry:
    rank = call.server.random.randrange(len(value))
    return value.range(rank, rank + 1)[0]


def _pick_many(call: Call, value: SortedSet, count: int) -> list[Entry]:
    size = len(value)
    entries = value.range(0, size)
    if count < 0:
        randrange = call.server.random.randrange
        return [entries[randrange(size)] for _ in range(repeated_count(count))]
    if count >= size:
        # Redis walks sorted sets backwards here.
        return entries[::-1] if count > 1 else entries[:]
    ranks = sorted(call.server.random.sample(range(size), count))
    return [entries[rank] for rank in ranks]


sorted_sets.before(
    "7.2.0",
    "ZADD",
    "ZINCRBY",
    "ZSCORE",
    "ZMSCORE",
    "ZSCAN",
    "ZRANDMEMBER",
    wrap=with_full_doubles,
)
sorted_sets.before("7.2.0", "ZRANK", "ZREVRANK", arity=3, syntax="key member")
