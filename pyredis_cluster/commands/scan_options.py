"""Arguments of SCAN, HSCAN, SSCAN and ZSCAN: the cursor, MATCH and COUNT, and TYPE of SCAN alone."""

from __future__ import annotations

import re

from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.glob import Matcher, compile_glob
from pyredis_cluster.protocol.numbers import integer

INVALID_CURSOR = CommandError("ERR invalid cursor")
_DEFAULT_COUNT = 10
_CURSOR = re.compile(rb"(?:([+-]?)([0-9]+))?(?:\0.*)?", re.DOTALL)
_UINT64 = 1 << 64


def scan_cursor(text: bytes) -> int:
    """The cursor that `text` spells for C's strtoul: signs are let pass, and nothing at all is 0.

    Raises INVALID_CURSOR.
    """
    if text.isdigit() and len(text) < 20:
        return int(text)
    spelled = _CURSOR.fullmatch(text)
    if spelled is None:
        raise INVALID_CURSOR
    sign, digits = spelled.groups()
    number = int((digits or b"0")[:64])
    if number >= _UINT64:
        raise INVALID_CURSOR
    return -number % _UINT64 if sign == b"-" else number


def scan_options(
    options: list[bytes], *, takes_type: bool = False
) -> tuple[int, Matcher | None, bytes | None]:
    """COUNT, what tells whether a text matches MATCH (None: all do), and TYPE (None: any).

    Reads `[MATCH pattern] [COUNT count] [TYPE type]`, the last one only if `takes_type`, and in lower case.
    Raises NOT_AN_INTEGER and SYNTAX_ERROR.
    """
    count = _DEFAULT_COUNT
    matches = None
    type_name = None
    for place in range(0, len(options), 2):
        name = options[place].lower()
        if place + 1 == len(options):
            raise SYNTAX_ERROR
        argument = options[place + 1]
        if name == b"count":
            count = integer(argument)
            if count < 1:
                raise SYNTAX_ERROR
        elif name == b"match":
            matches = None if argument == b"*" else compile_glob(argument)
        elif name == b"type" and takes_type:
            type_name = argument.lower()
        else:
            raise SYNTAX_ERROR
    return count, matches, type_name
