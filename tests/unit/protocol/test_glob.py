"""Glob patterns against a plain reference, and the quirks one by one."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis_cluster.protocol.glob import _tokens, _walk, compile_glob, glob_match

LETTERS = st.sampled_from([b"a", b"b", b"A", b"-", b"]", b"^", b"\\", b"\x80", b"\xff"])
PATTERNS = st.lists(st.one_of(LETTERS, st.sampled_from([b"*", b"?", b"[", b"[a-"])), max_size=9).map(b"".join)
TEXTS = st.lists(LETTERS, max_size=7).map(b"".join)


def reference(pattern: bytes, text: bytes, nocase: bool = False) -> bool:
    """The same by trying everything: exponential, and short enough to be read."""
    if not text:
        return not pattern
    return _reference(pattern, text, nocase)


def _reference(pattern: bytes, text: bytes, nocase: bool) -> bool:
    if not pattern:
        return not text
    if pattern[:1] == b"*":
        rest = pattern.lstrip(b"*")
        return any(_reference(rest, text[at:], nocase) for at in range(len(text) + 1))
    if not text:
        return False
    matches, length = _one(pattern, text[0], nocase)
    return matches and _reference(pattern[length:], text[1:], nocase)


def _one(pattern: bytes, byte: int, nocase: bool) -> tuple[bool, int]:
    """Whether the first element of the pattern matches the byte, and the element's length."""
    if pattern[:1] == b"?":
        return True, 1
    if pattern[:1] == b"[":
        return _set(pattern, byte, nocase)
    length = 2 if pattern[:1] == b"\\" and len(pattern) > 1 else 1
    return _same(pattern[length - 1], byte, nocase), length


def _set(pattern: bytes, byte: int, nocase: bool) -> tuple[bool, int]:
    negated = pattern[1:2] == b"^"
    at = 2 if negated else 1
    found = False
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            found |= pattern[at + 1] == byte
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted(map(_signed, (pattern[at], pattern[at + 2])))
            if nocase:
                found |= _lowered(low) <= _lowered(_signed(byte)) <= _lowered(high)
            else:
                found |= low <= _signed(byte) <= high
            at += 3
        else:
            found |= _same(pattern[at], byte, nocase)
            at += 1
    return found is not negated, at + 1


def _same(first: int, second: int, nocase: bool) -> bool:
    return _lowered(first) == _lowered(second) if nocase else first == second


def _signed(byte: int) -> int:
    return int.from_bytes(bytes([byte]), signed=True)


def _lowered(char: int) -> int:
    return ord(chr(char).lower()) if 0 <= char < 128 else char


@given(PATTERNS, TEXTS, st.booleans())
@example(b"*", b"", False)
@example(b"[^", b"a", False)
@example(b"[a-\xff]", b"\x80", False)
@example(b"*a*b*a", b"abba", False)
def test_agrees_with_reference(pattern: bytes, text: bytes, nocase: bool) -> None:
    expected = reference(pattern, text, nocase)
    assert glob_match(pattern, text, nocase) == expected
    assert compile_glob(pattern, nocase)(text) == expected
    assert _walk(_tokens(pattern, nocase), text) == expected


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (b"", [b""], [b"a"]),
        (b"*", [b"a", b"\n", b"a\nb"], [b""]),
        (b"**", [b"a"], [b""]),
        (b"?", [b"a", b"\n"], [b"", b"ab"]),
        (b"user:*", [b"user:", b"user:1"], [b"use", b"xuser:"]),
        (b"*:1", [b":1", b"a:1"], [b":1x"]),
        (b"*mid*", [b"mid", b"amidb"], [b"mi"]),
        (b"h[ae]llo", [b"hello", b"hallo"], [b"hillo"]),
        (b"h[^e]llo", [b"hallo"], [b"hello", b"hllo"]),
        (b"[a-c]", [b"a", b"b", b"c"], [b"d", b"-"]),
        (b"[c-a]", [b"a", b"b", b"c"], [b"d"]),
        (b"[ab", [b"a", b"b"], [b"[", b"ab"]),
        (b"[^", [b"x"], [b""]),
        (b"[", [], [b"["]),
        (b"[]", [], [b"]", b"a"]),
        (b"[a-", [b"a", b"-"], [b"b"]),
        (b"[\\]]", [b"]"], [b"\\"]),
        (b"\\*", [b"*"], [b"a", b"\\*"]),
        (b"a\\", [b"a\\"], [b"a"]),
        (b"a.b", [b"a.b"], [b"axb"]),
    ],
)
def test_by_hand(pattern: bytes, matching: list[bytes], others: list[bytes]) -> None:
    assert [text for text in matching if not glob_match(pattern, text)] == []
    assert [text for text in others if glob_match(pattern, text)] == []


def test_ignoring_case() -> None:
    assert glob_match(b"MAX*ory", b"maxMEMORY", nocase=True)
    assert glob_match(b"[A-C]x", b"bX", nocase=True)
    assert not glob_match(b"[\\A]", b"a", nocase=True)


@pytest.mark.parametrize(
    "pattern", [b"a*" * 40 + b"c", b"*a" * 400 + b"c", b"?*" * 600 + b"c", b"[ab]*" * 300 + b"c"]
)
def test_no_pattern_takes_exponential_time(pattern: bytes) -> None:
    text = b"a" * 2000 + b"b"
    started = time.perf_counter()
    assert not glob_match(pattern, text)
    assert not _walk(_tokens(pattern, False), text)
    assert time.perf_counter() - started < 5
