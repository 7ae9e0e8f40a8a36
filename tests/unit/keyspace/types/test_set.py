"""Sets: a set as model, the three encodings, order, and what the index promises."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.set import HASHTABLE, INTSET, LISTPACK, Set, SetEncoding

LIMITS = EncodingLimits(set_max_intset_entries=5, set_max_listpack_entries=4, set_max_listpack_value=3)

_members = st.one_of(st.integers(-200, 200).map(b"%d".__mod__), st.binary(max_size=4))
_changes = st.lists(st.tuples(st.sampled_from(["add", "add", "discard", "order", "index"]), _members))


def _of(*members: bytes) -> Set:
    return Set.of(members, LIMITS)


def _large(count: int = 100) -> Set:
    return Set.of([b"m%d" % number for number in range(count)], LIMITS)


@given(_changes)
def test_behaves_as_a_set_and_never_shrinks_its_encoding(changes: list[tuple[str, bytes]]) -> None:
    value = Set()
    model: set[bytes] = set()
    for kind, member in changes:
        before = value.kind
        if kind == "add":
            assert value.add(member, LIMITS) == (member not in model)
            model.add(member)
        elif kind == "discard":
            assert value.discard(member) == (member in model)
            model.discard(member)
        elif kind == "order":
            assert set(value.ordered()) == model
        elif before is HASHTABLE:
            value.index()
        assert value.kind >= before
        value._check(LIMITS)
        assert set(value.members) == model


@given(st.lists(_members), st.sampled_from([INTSET, LISTPACK, HASHTABLE]))
def test_made_at_once_is_as_made_one_by_one(members: list[bytes], kind: SetEncoding) -> None:
    one_by_one = Set(kind)
    for member in members:
        one_by_one.add(member, LIMITS)
    at_once = Set.of(members, LIMITS, kind)
    assert at_once.encoding() == one_by_one.encoding()
    assert set(at_once.members) == set(one_by_one.members)
    if at_once.kind is not HASHTABLE:
        assert list(at_once.ordered()) == list(one_by_one.ordered())


def test_an_intset_is_ordered_by_value() -> None:
    value = _of(b"10", b"9", b"-5")
    assert value.encoding() == b"intset"
    assert list(value.ordered()) == [b"-5", b"9", b"10"]
    value.add(b"0", LIMITS)
    assert list(value.ordered()) == [b"-5", b"0", b"9", b"10"]


def test_what_is_no_canonical_integer_makes_a_listpack_of_an_intset_in_order() -> None:
    for text in (b"a", b"01", b"+1", b"-0", b""):
        value = _of(b"3", b"1", text)
        assert value.encoding() == b"listpack"
        assert list(value.ordered()) == [b"1", b"3", text]


def test_an_intset_too_large_for_a_listpack_becomes_a_table() -> None:
    assert _of(b"1", b"2", b"3", b"a").encoding() == b"listpack"
    assert _of(b"1", b"2", b"3", b"4", b"a").encoding() == b"hashtable"
    assert _of(b"1", b"2", b"3", b"4", b"5").encoding() == b"intset"
    assert _of(b"1", b"2", b"3", b"4", b"5", b"6").encoding() == b"hashtable"


def test_a_long_member_makes_a_table() -> None:
    assert _of(b"a", b"123").encoding() == b"listpack"
    assert _of(b"a", b"abcd").encoding() == b"hashtable"
    assert _of(b"1", b"abcd").encoding() == b"hashtable"
    assert _of(b"1234", b"a").encoding() == b"hashtable"
    assert _of(b"a", b"b", b"c", b"d", b"e").encoding() == b"hashtable"


def test_the_first_member_and_the_number_of_them_choose_the_encoding() -> None:
    assert Set.for_adding(b"1", 5, LIMITS).kind is INTSET
    assert Set.for_adding(b"1", 6, LIMITS).kind is HASHTABLE
    assert Set.for_adding(b"a", 4, LIMITS).kind is LISTPACK
    assert Set.for_adding(b"a", 5, LIMITS).kind is HASHTABLE


def test_a_request_of_many_members_makes_a_table_even_if_they_repeat() -> None:
    intset, listpack = _of(b"1"), _of(b"a")
    intset.expect(5, LIMITS)
    listpack.expect(4, LIMITS)
    assert (intset.kind, listpack.kind) == (INTSET, LISTPACK)
    intset.expect(6, LIMITS)
    listpack.expect(5, LIMITS)
    assert (intset.kind, listpack.kind) == (HASHTABLE, HASHTABLE)


def test_becoming_an_intset_is_for_those_that_fit() -> None:
    value = Set.of([b"3", b"1", b"2"], LIMITS, LISTPACK)
    assert list(value.ordered()) == [b"3", b"1", b"2"]
    value.become_intset(LIMITS)
    value._check(LIMITS)
    assert list(value.ordered()) == [b"1", b"2", b"3"]
    large = Set.of([b"%d" % number for number in range(6)], LIMITS)
    large.become_intset(LIMITS)
    assert large.kind is HASHTABLE


def test_a_copy_is_independent_and_keeps_the_encoding() -> None:
    value = _large(5)
    for number in range(4):
        value.discard(b"m%d" % number)
    twin = value.copy()
    twin.add(b"new", LIMITS)
    assert twin.encoding() == b"hashtable"
    assert set(value.members) == {b"m4"}


def test_random_members_of_every_encoding() -> None:
    generator = random.Random(1)
    for value in (_of(b"1", b"2", b"3"), _of(b"a", b"b", b"c"), _large()):
        assert {value.random_member(generator) for _ in range(2000)} == set(value.members)
        picked = value.random_members(generator, 5000)
        assert (len(picked), set(picked)) == (5000, set(value.members))
        sample = value.sample_members(generator, 2)
        assert len(set(sample)) == 2
        assert set(sample) <= set(value.members)


def test_popping_one_by_one_empties_the_set() -> None:
    generator = random.Random(1)
    value = _large()
    popped = [value.pop_random(generator) for _ in range(100)]
    assert sorted(popped) == sorted(b"m%d" % number for number in range(100))
    assert len(value) == 0
    value._check()


@given(st.integers(1, 99), st.integers(0, 10))
def test_popping_a_sample_takes_exactly_that(count: int, seed: int) -> None:
    value = _large()
    value.index()
    popped = value.pop_sample(random.Random(seed), count, LIMITS)
    assert len(set(popped)) == count
    assert set(popped) | set(value.members) == set(_large().members)
    assert len(value) == 100 - count
    value._check()


def test_a_table_of_which_little_is_left_gets_a_smaller_encoding() -> None:
    few_left, many_left = _large(), _large()
    few_left.pop_sample(random.Random(1), 97, LIMITS)
    many_left.pop_sample(random.Random(1), 50, LIMITS)
    assert few_left.encoding() == b"listpack"
    assert many_left.encoding() == b"hashtable"
    integers = Set.of([b"%d" % number for number in range(100)], LIMITS)
    integers.pop_sample(random.Random(1), 97, LIMITS)
    assert integers.encoding() == b"listpack"
    intset = Set.of([b"%d" % number for number in range(5)], LIMITS)
    intset.pop_sample(random.Random(1), 4, EncodingLimits())
    assert intset.encoding() == b"intset"


def test_scan_of_small_encodings_gives_all_at_once() -> None:
    assert _of(b"2", b"1").scan(17, 1) == (0, [b"1", b"2"])
    assert _of(b"b", b"a").scan(17, 1) == (0, [b"b", b"a"])


def test_scan_of_a_table_returns_what_stays_although_it_changes() -> None:
    value = _large()
    cursor, seen = value.scan(0, 7)
    rounds = 0
    while cursor:
        value.discard(b"m%d" % (2 * rounds))
        value.add(b"new%d" % rounds, LIMITS)
        cursor, found = value.scan(cursor, 7)
        seen += found
        rounds += 1
    value._check()
    assert {member for member in value.members if member.startswith(b"m")} <= set(seen)


def test_memory_grows_with_the_members_and_the_width_of_integers() -> None:
    two = [Set.of([b"1", widest], LIMITS) for widest in (b"2", b"70000", b"-9223372036854775808")]
    assert [value.memory_bytes() for value in two] == [16 + 12, 16 + 16, 16 + 24]
    assert two[0].memory_bytes() < _of(b"a", b"b", b"c", b"d").memory_bytes() < _large().memory_bytes()
    assert _large().memory_bytes() > 100 * (24 + 4)
