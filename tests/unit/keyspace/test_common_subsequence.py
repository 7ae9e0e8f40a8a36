"""LCS against the textbook table, walked back as Redis walks it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.keyspace.common_subsequence import Match, common_length, common_subsequence

_texts = st.lists(st.sampled_from(b"abc"), max_size=30).map(bytes)


def _table(left: bytes, right: bytes) -> list[list[int]]:
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            same = table[i - 1][j - 1] + 1
            table[i][j] = same if a == b else max(table[i - 1][j], table[i][j - 1])
    return table


def _walk(left: bytes, right: bytes) -> bytes:
    table = _table(left, right)
    i, j = len(left), len(right)
    found = bytearray()
    while i and j:
        if left[i - 1] == right[j - 1]:
            i, j = i - 1, j - 1
            found.append(left[i])
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    found.reverse()
    return bytes(found)


@settings(deadline=None)
@given(_texts, _texts)
def test_the_same_subsequence_as_the_table(left: bytes, right: bytes) -> None:
    found, matches = common_subsequence(left, right)
    assert found == _walk(left, right)
    assert common_length(left, right) == len(found) == _table(left, right)[-1][-1]
    assert b"".join(left[m.left_start : m.left_end + 1] for m in reversed(matches)) == found
    assert b"".join(right[m.right_start : m.right_end + 1] for m in reversed(matches)) == found
    assert sum(match.length for match in matches) == len(found)


def test_runs_come_last_first() -> None:
    found, matches = common_subsequence(b"ohmytext", b"mynewtext")
    assert found == b"mytext"
    assert matches == [Match(4, 7, 5, 8), Match(2, 3, 0, 1)]


def test_empty_strings_have_nothing_in_common() -> None:
    assert common_subsequence(b"", b"") == (b"", [])
    assert common_length(b"", b"abc") == common_length(b"abc", b"") == 0
