"""Hashes: a dict as model, encodings by threshold, and what the index promises."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash

LIMITS = EncodingLimits(hash_max_listpack_entries=4, hash_max_listpack_value=3)
SMALL = [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]

_texts = st.binary(max_size=4)
_changes = st.lists(st.tuples(st.sampled_from(["set", "delete", "index"]), _texts, _texts))


def _large(count: int = 100) -> Hash:
    return Hash.of([(b"f%d" % number, b"v%d" % number) for number in range(count)], LIMITS)


@given(_changes)
def test_behaves_as_a_dict_and_never_shrinks_its_encoding(changes: list[tuple[str, bytes, bytes]]) -> None:
    value = Hash()
    model: dict[bytes, bytes] = {}
    for kind, field, data in changes:
        was_table = value.is_table
        if kind == "set":
            assert value.set(field, data, LIMITS) == (field not in model)
            model[field] = data
        elif kind == "delete":
            assert value.delete(field) == (model.pop(field, None) is not None)
        elif was_table:
            value.index()
        assert value.is_table >= was_table
        value._check(LIMITS)
        assert list(value.fields.items()) == list(model.items())


def test_becomes_a_table_by_number_of_fields() -> None:
    value = Hash.of([*SMALL, (b"d", b"4")], LIMITS)
    assert value.encoding() == b"listpack"
    value.set(b"d", b"5", LIMITS)
    assert value.encoding() == b"listpack"
    value.set(b"e", b"5", LIMITS)
    assert value.encoding() == b"hashtable"
    value.delete(b"e")
    assert value.encoding() == b"hashtable"


def test_becomes_a_table_by_length_of_field_or_value() -> None:
    assert Hash.of([(b"123", b"123")], LIMITS).encoding() == b"listpack"
    assert Hash.of([(b"1234", b"")], LIMITS).encoding() == b"hashtable"
    value = Hash.of(SMALL, LIMITS)
    value.set(b"a", b"1234", LIMITS)
    assert value.encoding() == b"hashtable"


def test_a_request_of_many_pairs_makes_a_table_even_if_they_repeat() -> None:
    value = Hash()
    value.expect(4, LIMITS)
    assert value.encoding() == b"listpack"
    value.expect(5, LIMITS)
    assert value.encoding() == b"hashtable"


def test_a_copy_is_independent_and_keeps_the_encoding() -> None:
    value = _large()
    for number in range(99):
        value.delete(b"f%d" % number)
    twin = value.copy()
    twin.set(b"new", b"1", LIMITS)
    assert twin.encoding() == b"hashtable"
    assert value.fields == {b"f99": b"v99"}


def test_random_fields_of_both_encodings() -> None:
    generator = random.Random(1)
    for value in (Hash.of(SMALL, LIMITS), _large()):
        assert {value.random_field(generator) for _ in range(2000)} == set(value.fields)
        picked = value.random_fields(generator, 5000)
        assert len(picked) == 5000
        assert set(picked) == set(value.fields)
        sample = value.sample_fields(generator, 2)
        assert len(set(sample)) == 2
        assert set(sample) <= set(value.fields)


def test_a_listpack_samples_in_its_order() -> None:
    value = Hash.of([*SMALL, (b"d", b"4")], LIMITS)
    for seed in range(20):
        sample = value.sample_fields(random.Random(seed), 3)
        assert sample == sorted(sample)


def test_scan_of_a_listpack_gives_all_at_once() -> None:
    assert Hash.of(SMALL, LIMITS).scan(17, 1) == (0, [b"a", b"b", b"c"])


def test_scan_of_a_table_returns_what_stays_although_it_changes() -> None:
    value = _large()
    cursor, seen = value.scan(0, 7)
    rounds = 0
    while cursor:
        value.delete(b"f%d" % (2 * rounds))
        value.set(b"new%d" % rounds, b"", LIMITS)
        cursor, found = value.scan(cursor, 7)
        seen += found
        rounds += 1
    value._check()
    assert {field for field in value.fields if field.startswith(b"f")} <= set(seen)


def test_memory_grows_with_the_fields() -> None:
    small, large = Hash.of(SMALL, LIMITS), _large()
    assert 16 < small.memory_bytes() < 100
    assert large.memory_bytes() > 100 * (24 + 4 + 4)
    assert abs(large.memory_bytes(samples=0) - large.memory_bytes()) < 400
    assert Hash().memory_bytes() < small.memory_bytes()
