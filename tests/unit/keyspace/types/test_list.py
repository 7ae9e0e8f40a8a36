"""Lists: a Python list as model, and the nodes that Redis would have made."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.keyspace.types.list import List

_elements = st.one_of(
    st.sampled_from([b"a", b"b", b"", b"-", b"01", b"x" * 63, b"x" * 64, b"y" * 2000, b"z" * 5000]),
    st.integers(-(2**63), 2**63 - 1).map(b"%d".__mod__),
)
_fills = st.sampled_from([-2, -1, 4, 1])
_steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["push_head", "push_tail", "pop_head", "pop_tail", "set", "before", "after", "remove", "range"]
        ),
        st.lists(_elements, min_size=1, max_size=12),
        st.integers(0, 400),
        st.integers(-3, 3),
    ),
    max_size=60,
)


@pytest.mark.slow
@settings(deadline=None)
@given(_fills, _steps)
def test_behaves_as_a_python_list(fill: int, steps: list[tuple[str, list[bytes], int, int]]) -> None:
    value = List()
    model: list[bytes] = []
    for kind, elements, place, count in steps:
        place = place % len(model) if model else 0
        if kind == "push_head":
            model[:0] = elements[::-1]
            assert value.push_head(elements, fill) == len(model)
        elif kind == "push_tail":
            model += elements
            assert value.push_tail(elements, fill) == len(model)
        elif not model:
            continue
        elif kind == "pop_head":
            assert value.pop_head() == model.pop(0)
        elif kind == "pop_tail":
            assert value.pop_tail() == model.pop()
        elif kind == "set":
            model[place] = elements[0]
            value.set(place, elements[0])
        elif kind == "remove":
            assert value.remove(model[place], count) == _remove(model, model[place], count)
        elif kind == "range":
            end = min(place + len(elements), len(model))
            assert value.range(place, end) == model[place:end]
            value.remove_range(place, end)
            del model[place:end]
        else:
            pivot = model[place]
            value.make_room(elements[:1], fill)
            assert value.insert(pivot, elements[0], before=kind == "before")
            model.insert(model.index(pivot) + (kind == "after"), elements[0])
        if model:
            value.shrink(fill)
        assert list(value) == model
        assert list(reversed(value)) == model[::-1]
        value._check()


def _remove(model: list[bytes], element: bytes, count: int) -> int:
    places = [place for place, each in enumerate(model) if each == element]
    if count:
        places = places[:count] if count > 0 else places[count:]
    for place in reversed(places):
        del model[place]
    return len(places)


def _filled(*elements: bytes, fill: int = -2) -> List:
    value = List()
    value.push_tail(list(elements), fill)
    return value


def test_a_listpack_holds_what_list_max_listpack_size_says() -> None:
    assert _filled(*[b"v"] * 128, fill=128).encoding() == b"listpack"
    assert _filled(*[b"v"] * 129, fill=128).encoding() == b"quicklist"
    assert _filled(b"x" * 8185).encoding() == b"listpack"
    assert _filled(b"x" * 8186).encoding() == b"quicklist"
    assert _filled(b"x" * 8186, fill=128).encoding() == b"quicklist", "counted elements are bounded too"


def test_a_quicklist_becomes_a_listpack_at_half_the_limit() -> None:
    value = _filled(*[b"v"] * 9, fill=8)
    encodings = []
    while len(value) > 3:
        value.pop_tail()
        value.shrink(8)
        encodings.append((len(value), value.encoding()))
    assert encodings[0] == (8, b"quicklist")
    assert (5, b"quicklist") in encodings
    assert (4, b"listpack") in encodings


def test_two_nodes_stay_a_quicklist_however_few_elements_they_have() -> None:
    value = _filled(*[b"v"] * 8, fill=8)
    value.push_head([b"w"], 8)
    value.remove_range(2, 9)
    value.shrink(8)
    assert list(value) == [b"w", b"v"]
    assert value.encoding() == b"quicklist"


def test_room_is_made_even_for_what_is_then_not_put_in() -> None:
    value = _filled(*[b"v"] * 8, fill=8)
    value.make_room([b"x"], 8)
    assert not value.insert(b"nope", b"x", before=True)
    assert value.encoding() == b"quicklist"
    value._check()


def test_inserting_into_a_full_node_splits_it_and_merges_what_is_left() -> None:
    value = List()
    value.push_tail([b"%d" % number for number in range(30)], 8)
    assert value.quicklist is not None
    assert [count for count, _ in value.quicklist.nodes] == [8, 8, 8, 6]
    value.insert(b"11", b"new", before=False)
    assert [count for count, _ in value.quicklist.nodes] == [8, 4, 5, 8, 6]
    value.remove_range(0, 6)
    value.insert(b"13", b"more", before=True)
    assert [count for count, _ in value.quicklist.nodes] == [2, 4, 6, 8, 6]
    value._check()


def test_built_lists_take_the_smallest_encoding_that_one_node_allows() -> None:
    assert List.build([b"v"] * 128, 128).encoding() == b"listpack"
    assert List.build([b"v"] * 129, 128).encoding() == b"quicklist"
    assert List.build([], -2).encoding() == b"quicklist"
    large = [b"x" * 6000, b"x" * 6000]
    assert List.build(large, -5).encoding() == b"listpack"
    assert List.build(large, -5, node_fill=-2).encoding() == b"quicklist"


def test_a_copy_is_independent_and_divided_alike() -> None:
    value = _filled(*[b"v%d" % number for number in range(20)], fill=8)
    copied = value.copy()
    copied.push_tail([b"more"], 8)
    value.pop_head()
    assert len(copied) == 21
    copied._check()
    value._check()
    assert copied.encoding() == b"quicklist"


def test_ends_are_cheap_from_either_side() -> None:
    value = List()
    value.push_tail([b"%d" % number for number in range(2000)], -2)
    popped = [value.pop_head() if number % 3 else value.pop_tail() for number in range(2000)]
    assert len(set(popped)) == 2000
    with pytest.raises(IndexError):
        value.pop_head()


def test_memory_grows_with_what_is_in() -> None:
    sizes = [
        _filled(*[b"v%d" % number for number in range(count)]).memory_bytes(0) for count in (1, 50, 5000)
    ]
    assert all(later > earlier for earlier, later in pairwise(sizes))
    assert 20_000 < sizes[-1] < 50_000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["head", "tail", "pop_head", "pop_tail", "set", "remove"]), st.binary(max_size=40)
        )
    )
)
def test_nodes_are_the_same_whenever_they_are_asked_for(steps: list[tuple[str, bytes]]) -> None:
    asked, left = _filled(*[b"v" * 30] * 9, fill=4), _filled(*[b"v" * 30] * 9, fill=4)
    for step, element in steps:
        for value in (asked, left):
            if step in ("head", "tail"):
                getattr(value, f"push_{step}")([element, element], 4)
            elif step == "set" and value:
                value.set(len(value) // 2, element)
            elif step == "remove":
                value.remove(element, 1)
            elif value and step.startswith("pop"):
                getattr(value, step)()
        assert asked.quicklist is not None
    assert asked.quicklist is not None
    assert left.quicklist is not None
    assert asked.quicklist.nodes == left.quicklist.nodes
    asked._check()
