"""Sorted sets: a dict as model, order, encodings and ranges."""

from __future__ import annotations

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.lex_range import LexRange
from pyredis_cluster.keyspace.types.sorted_set import SortedSet

LIMITS = EncodingLimits(zset_max_listpack_entries=6, zset_max_listpack_value=3)

_members = st.binary(max_size=4)
_scores = st.one_of(
    st.integers(-3, 3).map(float), st.floats(allow_nan=False), st.sampled_from([inf, -inf, -0.0, 0.1])
)
_changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "discard", "lowest", "highest", "range", "scan"]),
        _members,
        _scores,
        st.integers(0, 9),
    ),
    max_size=50,
)


def _ordered(model: dict[bytes, float]) -> list[tuple[float, bytes]]:
    return sorted((score, member) for member, score in model.items())


@pytest.mark.slow
@given(_changes)
def test_behaves_as_an_ordered_dict(changes: list[tuple[str, bytes, float, int]]) -> None:
    value = SortedSet()
    model: dict[bytes, float] = {}
    for kind, member, score, place in changes:
        if kind == "put":
            if member in model:
                value.change(member, score)
            else:
                value.add(member, score, LIMITS)
            model[member] = score
        elif kind == "discard":
            assert value.discard(member) == (model.pop(member, None) is not None)
        elif kind == "range":
            for _, gone in _ordered(model)[place : place + 2]:
                del model[gone]
            value.remove_range(min(place, len(value)), min(place + 2, len(value)))
        elif kind == "scan":
            cursor, found = value.scan(0, 1000)
            assert (cursor, sorted(found)) == (0, sorted(model))
        elif model:
            entry = _ordered(model)[0 if kind == "lowest" else -1]
            del model[entry[1]]
            assert value.pop(lowest=kind == "lowest") == entry
        entries = _ordered(model)
        assert value.range(0, len(value)) == entries
        assert [value.rank(each) for _, each in entries] == list(range(len(entries)))
        assert value.rank(b"not a member") is None
        value._check(LIMITS)


@pytest.mark.slow
@given(st.dictionaries(_members, _scores, max_size=20), _scores, _scores, st.booleans(), st.booleans())
def test_score_ranges_are_what_a_filter_finds(
    model: dict[bytes, float], low: float, high: float, above: bool, below: bool
) -> None:
    value = SortedSet.of(model.copy(), LIMITS)
    start, stop = value.score_range(low, high, above=above, below=below)
    wanted = [
        entry
        for entry in _ordered(model)
        if (entry[0] > low if above else entry[0] >= low) and (entry[0] < high if below else entry[0] <= high)
    ]
    assert value.range(start, stop) == wanted


_bounds = st.one_of(st.none(), _members)


@pytest.mark.slow
@given(st.sets(_members, max_size=20), _bounds, _bounds, st.booleans(), st.booleans(), st.booleans())
def test_lex_ranges_are_what_a_filter_finds(
    members: set[bytes], low: bytes | None, high: bytes | None, above: bool, below: bool, reverse: bool
) -> None:
    wanted = LexRange(low, high, above, below)
    value = SortedSet.of(dict.fromkeys(members, 7.0), LIMITS)
    start, stop = value.lex_range(wanted, reverse=reverse)
    found = [member for _, member in value.range(start, stop)]
    assert found == [
        each for each in sorted(members) if wanted.starts_before(each) and wanted.ends_after(each)
    ]


def test_ends_the_wrong_way_round_hold_nothing() -> None:
    value = SortedSet.of({b"a": 0.0, b"b": 0.0}, LIMITS)
    assert value.lex_range(LexRange(None, None, is_reversed=True)) == (0, 0)
    assert value.lex_range(LexRange(b"b", b"a")) == (0, 0)
    assert value.lex_range(LexRange(b"a", b"a", below=True)) == (0, 0)
    assert SortedSet().lex_range(LexRange(None, None)) == (0, 0)


def test_the_encoding_follows_the_limits_and_never_goes_back() -> None:
    value = SortedSet()
    for number in range(6):
        value.add(b"m%d" % number, 1.0, LIMITS)
    assert value.encoding() == b"listpack"
    value.add(b"m7", 1.0, LIMITS)
    assert value.encoding() == b"skiplist"
    value.remove_range(1, 7)
    assert value.encoding() == b"skiplist"
    long = SortedSet()
    long.add(b"long", 1.0, LIMITS)
    assert long.encoding() == b"skiplist"
    assert SortedSet.for_adding(b"a", 7, LIMITS).encoding() == b"skiplist"
    expecting = SortedSet()
    expecting.expect(7, LIMITS)
    assert expecting.encoding() == b"skiplist"


def test_a_result_gets_the_smallest_encoding_unless_told() -> None:
    assert SortedSet.of({b"a": 1.0}, LIMITS).encoding() == b"listpack"
    assert SortedSet.of({b"long": 1.0}, LIMITS).encoding() == b"skiplist"
    assert SortedSet.of({b"a": 1.0}, LIMITS, is_listpack=False).encoding() == b"skiplist"


def test_only_a_skip_list_keeps_the_sign_of_zero() -> None:
    small, large = SortedSet(), SortedSet(is_listpack=False)
    for value in (small, large):
        value.add(b"a", -0.0, LIMITS)
    assert str(small.scores[b"a"]) == "0.0"
    assert str(large.scores[b"a"]) == "-0.0"
    assert str(SortedSet.of({b"a": -0.0}, LIMITS).scores[b"a"]) == "0.0"


@pytest.mark.parametrize("seed", range(3))
def test_large_sets_keep_their_order(seed: int) -> None:
    random = Random(seed)
    model = {b"m%d" % number: float(random.randrange(100)) for number in range(5000)}
    value = SortedSet()
    for member, score in model.items():
        value.add(member, score, LIMITS)
    for member in random.sample(sorted(model), 2000):
        if random.random() < 0.5:
            del model[member]
            value.discard(member)
        else:
            model[member] = random.random()
            value.change(member, model[member])
    entries = _ordered(model)
    assert value.range(0, len(value)) == entries
    assert value.rank(entries[1234][1]) == 1234
    value.remove_range(10, 20)
    del entries[10:20]
    assert value.copy().range(0, len(value)) == entries
    value._check(LIMITS)


def test_a_walk_returns_all_that_stays() -> None:
    value = SortedSet()
    for number in range(500):
        value.add(b"m%d" % number, 1.0, LIMITS)
    seen: set[bytes] = set()
    cursor, step = 0, 0
    while True:
        cursor, found = value.scan(cursor, 7)
        seen.update(found)
        value.discard(b"m%d" % step)
        value.add(b"new%d" % step, 1.0, LIMITS)
        step += 1
        if not cursor:
            break
    assert {b"m%d" % number for number in range(step, 500)} <= seen
    value.pop(lowest=True)
    value._check(LIMITS)


def test_memory_grows_with_what_is_in() -> None:
    sizes = []
    for count in (1, 6, 7, 1000):
        sizes.append(SortedSet.of({b"m%d" % number: 1.5 for number in range(count)}, LIMITS).memory_bytes())
    assert sizes == sorted(set(sizes))
    assert 50_000 < sizes[-1] < 150_000
