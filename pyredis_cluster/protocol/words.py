"""Splitting a line into words and quoting one word, as Redis does everywhere a human writes a command.

Inline requests, redis.conf and the command line are split by `split_words`; MONITOR, error logs and
CONFIG REWRITE print with `quote_word`. `split_words(quote_word(data)) == [data]` for every `data`.
"""

import re

_NEEDS_CARE = re.compile(rb"[\"'\0\v\f]").search
_BLANKS = b" \t\n\v\f\r"
_WORD_ENDS = b" \t\n\r"
_TOKEN = re.compile(rb"[^ \t\n\r\"']+")
_IN_DOUBLE = re.compile(rb'[^\\"]+')
_IN_SINGLE = re.compile(rb"[^\\']+")
_HEX = re.compile(rb"\\x([0-9a-fA-F]{2})")

_UNESCAPED = {ord("n"): b"\n", ord("r"): b"\r", ord("t"): b"\t", ord("b"): b"\b", ord("a"): b"\a"}
_QUOTED = {
    byte: (b"%c" % byte if 0x20 <= byte < 0x7F else b"\\x%02x" % byte) for byte in range(256)
} | {
    ord("\\"): b"\\\\",
    ord('"'): b'\\"',
    ord("\n"): b"\\n",
    ord("\r"): b"\\r",
    ord("\t"): b"\\t",
    ord("\a"): b"\\a",
    ord("\b"): b"\\b",
}  # fmt: skip
_PLAIN = re.compile(rb"[ !#-\[\]-~]*").fullmatch


class UnbalancedQuotes(ValueError):  # noqa: N818 - named for what is wrong
    """A quote is not closed, or a closing quote is directly followed by something else."""


def split_words(line: bytes) -> list[bytes]:
    r"""The words of `line`, quotes and escapes resolved.

    Words are separated by blanks. ``"…"`` knows ``\n \r \t \b \a \xHH`` and ``\`` before any other byte;
    ``'…'`` knows ``\'`` alone. A quote may begin inside a word, and its end ends the word. As the line is a
    C string to Redis, a NUL byte ends it. Raises `UnbalancedQuotes`.
    """
    if _NEEDS_CARE(line) is None:
        return line.split()
    line = line.partition(b"\0")[0]
    words: list[bytes] = []
    end = len(line)
    at = 0
    while True:
        while at < end and line[at] in _BLANKS:
            at += 1
        if at >= end:
            return words
        word, at = _next_word(line, at)
        words.append(word)


def _next_word(line: bytes, at: int) -> tuple[bytes, int]:
    pieces: list[bytes] = []
    end = len(line)
    while at < end:
        byte = line[at]
        if byte in _WORD_ENDS:
            break
        if byte == 0x22:
            at = _double_quoted(line, at + 1, pieces)
            break
        if byte == 0x27:
            at = _single_quoted(line, at + 1, pieces)
            break
        match = _TOKEN.match(line, at)
        assert match is not None
        pieces.append(match[0])
        at = match.end()
    return b"".join(pieces), at


def _double_quoted(line: bytes, at: int, pieces: list[bytes]) -> int:
    end = len(line)
    while at < end:
        byte = line[at]
        if byte == 0x22:
            return _after_closing(line, at + 1)
        if byte == 0x5C:
            if match := _HEX.match(line, at):
                pieces.append(bytes.fromhex(match[1].decode()))
                at += 4
            elif at + 1 < end:
                pieces.append(_UNESCAPED.get(line[at + 1], line[at + 1 : at + 2]))
                at += 2
            else:
                break
        else:
            match = _IN_DOUBLE.match(line, at)
            assert match is not None
            pieces.append(match[0])
            at = match.end()
    raise UnbalancedQuotes("unbalanced quotes")


def _single_quoted(line: bytes, at: int, pieces: list[bytes]) -> int:
    end = len(line)
    while at < end:
        byte = line[at]
        if byte == 0x27:
            return _after_closing(line, at + 1)
        if byte == 0x5C:
            escaped = line[at + 1 : at + 2] == b"'"
            pieces.append(b"'" if escaped else b"\\")
            at += 2 if escaped else 1
        else:
            match = _IN_SINGLE.match(line, at)
            assert match is not None
            pieces.append(match[0])
            at = match.end()
    raise UnbalancedQuotes("unbalanced quotes")


def _after_closing(line: bytes, at: int) -> int:
    if at < len(line) and line[at] not in _BLANKS:
        raise UnbalancedQuotes("unbalanced quotes")
    return at


def quote_word(data: bytes) -> bytes:
    """`data` between double quotes, everything that is not printable ASCII escaped."""
    if _PLAIN(data):
        return b'"%b"' % data
    quoted = _QUOTED
    return b'"%b"' % b"".join([quoted[byte] for byte in data])
