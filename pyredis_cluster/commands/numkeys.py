"""Arguments of commands that take a number of keys: LMPOP, ZMPOP and their kin, SINTERCARD, ZINTERCARD."""

from __future__ import annotations

from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import INT64_MAX, integer_between

NUMKEYS_NOT_POSITIVE = CommandError("ERR numkeys should be greater than 0")
_COUNT_NOT_POSITIVE = CommandError("ERR count should be greater than 0")
_LIMIT_NEGATIVE = CommandError("ERR LIMIT can't be negative")


def mpop_arguments(argv: list[bytes], at: int, words: tuple[bytes, bytes]) -> tuple[list[bytes], bool, int]:
    """Keys, whether the first of the two words stands there, and the count (1 if not given).

    Reads `numkeys key [key ...] <word | word> [COUNT count]` from argument `at` on; `words` are in lower
    case. Raises SYNTAX_ERROR and errors for numbers that are not positive.
    """
    number = integer_between(argv[at], 1, INT64_MAX, NUMKEYS_NOT_POSITIVE)
    word_at = at + 1 + number
    if word_at >= len(argv):
        raise SYNTAX_ERROR
    word = argv[word_at].lower()
    if word not in words:
        raise SYNTAX_ERROR
    count = 1
    options = argv[word_at + 1 :]
    if options:
        if options[0].lower() != b"count" or len(options) == 1:
            raise SYNTAX_ERROR
        count = integer_between(options[1], 1, INT64_MAX, _COUNT_NOT_POSITIVE)
        if len(options) > 2:
            raise SYNTAX_ERROR
    return argv[at + 1 : word_at], word == words[0], count


def intercard_limit(options: list[bytes]) -> int:
    """The number that `[LIMIT limit]` gives, the last one counting; 0, which means all, where there is none.

    Raises SYNTAX_ERROR, and an error for a negative number.
    """
    limit = 0
    for place in range(0, len(options), 2):
        if options[place].lower() != b"limit" or place + 1 == len(options):
            raise SYNTAX_ERROR
        limit = integer_between(options[place + 1], 0, INT64_MAX, _LIMIT_NEGATIVE)
    return limit
