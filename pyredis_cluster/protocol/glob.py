r"""Glob patterns as Redis matches them: KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET, ACL, notifications.

    ?       any one byte                      \x      the byte x, whatever it means otherwise
    *       any bytes, or none                [ab]    a or b; [^ab] neither; [a-z] a range

Quirks kept on purpose, since clients see them:
* An empty text is matched by the empty pattern only, not even by `*`. KEYS and SCAN treat the lone `*` as
  "no pattern" before they come here; so must every caller where an empty name can occur.
* A set that is not closed ends with the pattern: `[ab` is `[ab]`, and `[^` is any byte. `[]` and `[` match
  nothing.
* Ranges compare bytes as signed, and may be written backwards: `[z-a]` is `[a-z]`.
* Ignoring case, an escaped byte inside a set still has to be equal.
* A backslash at the end of the pattern is a backslash.

The work is bounded by len(pattern) × len(text) whatever the pattern: once what follows a `*` has been found
at its first place, no earlier `*` is tried again (atomic groups in the regular expression say just that).
"""

import re
from collections.abc import Callable
from functools import lru_cache

_SPECIAL = re.compile(rb"[*?\[\\]").search
_LONGEST_COMPILED = 1024
_LONGEST_CACHED = 128

# One byte of text: None is `*`, else the set of bytes that may stand there.
_Token = frozenset[int] | None
_ANY_BYTE = frozenset(range(256))
_NO_BYTE: frozenset[int] = frozenset()

Matcher = Callable[[bytes], bool]


def glob_match(pattern: bytes, text: bytes, nocase: bool = False) -> bool:
    """Whether `text` matches `pattern`. For many texts, `compile_glob` once is much faster."""
    if len(pattern) <= _LONGEST_CACHED:
        return _cached(pattern, nocase)(text)
    return compile_glob(pattern, nocase)(text)


def compile_glob(pattern: bytes, nocase: bool = False) -> Matcher:
    """A function that tells whether a text matches `pattern`; exact, `*`, `x*`, `*x`, `*x*` are quickest."""
    if not nocase:
        simple = _simple(pattern)
        if simple is not None:
            return simple
    tokens = _tokens(pattern, nocase)
    if len(pattern) > _LONGEST_COMPILED:
        return lambda text: _walk(tokens, text)
    match = re.compile(_expression(tokens), re.DOTALL).fullmatch
    if any(token is not None for token in tokens) or not tokens:
        return lambda text: match(text) is not None
    return lambda text: text != b""


@lru_cache(maxsize=64)
def _cached(pattern: bytes, nocase: bool) -> Matcher:
    return compile_glob(pattern, nocase)


def _simple(pattern: bytes) -> Matcher | None:
    """The matcher of a pattern without metacharacters other than `*` at its ends, or None."""
    bare = pattern.strip(b"*")
    if _SPECIAL(bare):
        return None
    starts = pattern[:1] == b"*"
    ends = pattern[-1:] == b"*"
    if not bare:
        return (lambda text: text != b"") if starts else (lambda text: text == b"")
    if starts and ends:
        return lambda text: bare in text
    if starts:
        return lambda text: text.endswith(bare)
    if ends:
        return lambda text: text.startswith(bare)
    return lambda text: text == bare


def _tokens(pattern: bytes, nocase: bool) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    end = len(pattern)
    while at < end:
        byte = pattern[at]
        if byte == 0x2A:
            if not tokens or tokens[-1] is not None:
                tokens.append(None)
            at += 1
        elif byte == 0x3F:
            tokens.append(_ANY_BYTE)
            at += 1
        elif byte == 0x5B:
            members, at = _set(pattern, at + 1, nocase)
            tokens.append(members)
        else:
            if byte == 0x5C and at + 1 < end:
                at += 1
            tokens.append(_letter(pattern[at], nocase))
            at += 1
    return tokens


def _set(pattern: bytes, at: int, nocase: bool) -> tuple[frozenset[int], int]:
    """The bytes matched by the set whose inside begins at `at`, and the place after it."""
    end = len(pattern)
    negated = pattern[at : at + 1] == b"^"
    if negated:
        at += 1
    members: set[int] = set()
    while at < end and pattern[at] != 0x5D:
        if pattern[at] == 0x5C and at + 1 < end:
            members.add(pattern[at + 1])
            at += 2
        elif at + 2 < end and pattern[at + 1] == 0x2D:
            members |= _range(pattern[at], pattern[at + 2], nocase)
            at += 3
        else:
            members |= _letter(pattern[at], nocase)
            at += 1
    return (_ANY_BYTE - members if negated else frozenset(members)), at + 1


def _range(first: int, last: int, nocase: bool) -> set[int]:
    low, high = sorted((_signed(first), _signed(last)))
    if nocase:
        low, high = _lower(low), _lower(high)
        return {byte for byte in range(256) if low <= _lower(_signed(byte)) <= high}
    return {byte for byte in range(256) if low <= _signed(byte) <= high}


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _lower(char: int) -> int:
    return char + 32 if 0x41 <= char <= 0x5A else char


def _letter(byte: int, nocase: bool) -> frozenset[int]:
    if not nocase:
        return frozenset((byte,))
    letter = bytes((byte,))
    return frozenset(letter.lower() + letter.upper())


def _expression(tokens: list[_Token]) -> bytes:
    """Segments between stars, each found at its first place for good; the last one at the end of the text."""
    segments: list[list[bytes]] = [[]]
    for token in tokens:
        if token is None:
            segments.append([])
        else:
            segments[-1].append(_class(token))
    first, *others = (b"".join(segment) for segment in segments)
    if not others:
        return first
    return first + b"".join([b"(?>.*?%b)" % middle for middle in others[:-1]]) + b".*" + others[-1]


def _class(members: frozenset[int]) -> bytes:
    if len(members) == 256:
        return b"."
    if not members:
        return b"(?!)"
    if len(members) == 1:
        return re.escape(bytes(members))
    return b"[%b]" % b"".join([b"\\x%02x" % byte for byte in sorted(members)])


def _walk(tokens: list[_Token], text: bytes) -> bool:
    """Matches token by token; for patterns so long that compiling them would take longer than this."""
    if not text:
        return not tokens
    at = place = 0
    star = resume = -1
    end = len(tokens)
    while place < len(text):
        token = tokens[at] if at < end else _NO_BYTE
        if token is None:
            star, resume = at, place
            at += 1
        elif text[place] in token:
            at += 1
            place += 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(token is None for token in tokens[at:])
