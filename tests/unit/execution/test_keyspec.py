"""Key specifications: where keys are, and what the old fields of COMMAND INFO say of it."""

import pytest

from pyredis_cluster.execution.keyspec import (
    INCOMPLETE,
    RO,
    KeyCount,
    KeyRange,
    KeySpec,
    KeyUnknown,
    KeyWord,
    are_movable,
    legacy_range,
)


@pytest.mark.parametrize(
    ("spec", "request_", "positions"),
    [
        (KeyRange(1), "GET k", [1]),
        (KeyRange(1), "GET", None),
        (KeyRange(1, last=-1), "DEL a b c", [1, 2, 3]),
        (KeyRange(1, last=-2), "BLPOP a b 0", [1, 2]),
        (KeyRange(1, last=-2), "BLPOP 0", None),
        (KeyRange(1, last=-1, step=2), "MSET a 1 b 2", [1, 3]),
        (KeyRange(1, last=1), "RENAME a b", [1, 2]),
        (KeyRange(2, last=-1, limit=2), "X S a b 0 1", [2, 3]),
        (KeyCount(1), "ZUNION 2 a b WEIGHTS 1 2", [2, 3]),
        (KeyCount(1), "ZUNION 3 a b", None),
        (KeyCount(1), "ZUNION x a b", None),
        (KeyCount(1), "ZUNION -1 a b", None),
        (KeyCount(1), "ZUNION 99999999999999999999 a", None),
        (KeyCount(1), "ZUNION", None),
        (KeyCount(1), "ZUNION 0 a", []),
        (KeyWord(5, word="STORE"), "GEORADIUS k 1 2 3 m store d", [7]),
        (KeyWord(5, word="STORE"), "GEORADIUS k 1 2 3 m", []),
        (KeyWord(5, word="STORE"), "GEORADIUS k 1 2 3 m STORE", []),
        (KeyWord(-2, word="KEYS", last=-1), "MIGRATE h 1 x KEYS a KEYS b", [7]),
        (KeyWord(-2, word="KEYS", last=-1), "MIGRATE h 1 x KEYS a b c", [5, 6, 7]),
        (KeyWord(1, word="STREAMS", last=-1, limit=2), "XREAD STREAMS a b 0 0", [2, 3]),
        (KeyUnknown(), "SORT k", None),
    ],
)
def test_positions(spec: KeySpec, request_: str, positions: list[int] | None) -> None:
    assert spec.positions(request_.encode().split()) == positions


@pytest.mark.parametrize(
    ("specs", "legacy", "movable"),
    [
        ((), (0, 0, 0), False),
        ((KeyRange(1),), (1, 1, 1), False),
        ((KeyRange(1, last=-1, step=2),), (1, -1, 2), False),
        ((KeyRange(1), KeyRange(2)), (1, 2, 1), False),
        ((KeyRange(1), KeyRange(2, last=-1)), (1, -1, 1), False),
        ((KeyRange(1), KeyRange(3)), (1, 1, 1), True),
        ((KeyCount(1),), (0, 0, 0), True),
        ((KeyRange(1), KeyCount(2)), (1, 1, 1), True),
        ((KeyRange(1), KeyWord(5, word="STORE"), KeyWord(5, word="STOREDIST")), (1, 1, 1), True),
        ((KeyRange(1), KeyUnknown(flags=RO | INCOMPLETE)), (1, 1, 1), True),
        ((KeyRange(1, flags=RO | INCOMPLETE),), (1, 1, 1), True),
        ((KeyUnknown(flags=RO | INCOMPLETE),), (0, 0, 0), True),
    ],
)
def test_old_fields(specs: tuple[KeySpec, ...], legacy: tuple[int, int, int], movable: bool) -> None:
    assert legacy_range(specs) == legacy
    assert are_movable(specs) is movable
