"""Words and quotes as Redis reads and writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.words import UnbalancedQuotes, quote_word, split_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b" \t\r\n\v\f", []),
        (b"set key value", [b"set", b"key", b"value"]),
        (b"  a\t b \r\n", [b"a", b"b"]),
        (b'"two words"', [b"two words"]),
        (b'"\\n\\r\\t\\b\\a\\x00\\xfF\\q\\"\\\\"', [b'\n\r\t\b\a\0\xffq"\\']),
        (b'"\\xg1\\x1"', [b"xg1x1"]),
        (rb"'it\'s \n'", [b"it's \\n"]),
        (b"''", [b""]),
        (b'"" a', [b"", b"a"]),
        (b'pre"quo ted" x', [b"prequo ted", b"x"]),
        (b"pre'quo ted'", [b"prequo ted"]),
        (b"back\\slash \\", [b"back\\slash", b"\\"]),
        (b"a\vb\fc", [b"a\vb\fc"]),
        (b'"a"\vb', [b"a", b"b"]),
        (b"a b\0c d", [b"a", b"b"]),
        (b"\"a'b\" 'c\"d'", [b"a'b", b'c"d']),
        (b"\xff\xfe \x80", [b"\xff\xfe", b"\x80"]),
    ],
)
def test_split_words(line: bytes, words: list[bytes]) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize(
    "line", [b'"', b"'", b'"a', b"'a", b'"a"b', b"'a'b", b'"a""b"', b'a"', b'"\\', b'"\\"', b"'\\'", b'"a\0"']
)
def test_unbalanced(line: bytes) -> None:
    with pytest.raises(UnbalancedQuotes):
        split_words(line)


@pytest.mark.parametrize(
    ("data", "quoted"),
    [
        (b"", b'""'),
        (b"plain text", b'"plain text"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"\n\r\t\a\b\v\0\x7f\xff", b'"\\n\\r\\t\\a\\b\\x0b\\x00\\x7f\\xff"'),
    ],
)
def test_quote_word(data: bytes, quoted: bytes) -> None:
    assert quote_word(data) == quoted


@given(st.lists(st.binary()))
def test_quoted_words_come_back(words: list[bytes]) -> None:
    assert split_words(b" ".join([quote_word(word) for word in words])) == words


@given(st.text(alphabet="ab\"'\\ \t\v\0nx4", max_size=30))
def test_any_line_gives_words_or_unbalanced(text: str) -> None:
    try:
        words = split_words(text.encode())
    except UnbalancedQuotes:
        assert set(text) & set("\"'")
    else:
        assert len(b"".join(words)) <= len(text)
