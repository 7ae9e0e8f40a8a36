"""LCS."""

from __future__ import annotations

from pyredis_cluster.commands.strings import strings
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import READONLY
from pyredis_cluster.execution.keyspec import ACCESS, RO, KeyRange
from pyredis_cluster.keyspace.common_subsequence import common_length, common_subsequence
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import Reply

_NOT_STRINGS = CommandError("ERR The specified keys must contain string values")
_LENGTH_AND_INDEXES = CommandError("ERR If you want both the length and indexes, please just use IDX.")
_TOO_LARGE = CommandError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
_CELL_BYTES = 4
"""What Redis allocates for each pair of positions; ours are bits, but the limit must be the same."""


@strings.command(
    "LCS",
    arity=-3,
    flags=READONLY,
    keys=KeyRange(1, last=1, flags=RO | ACCESS),
    since="7.0.0",
    syntax="key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    summary="Finds the longest common subsequence of two strings.",
    complexity="O(N*M) where N and M are the lengths of s1 and s2, respectively",
)
def lcs(call: Call, argv: list[bytes]) -> Reply:
    """LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]

    The subsequence; with LEN its length; with IDX a map: `matches`, an array of the common runs from the last
    to the first, each as two ranges and with WITHMATCHLEN its length, and `len`. Raises an error unless both
    keys hold strings or nothing, and when their lengths multiply to more than proto-max-bulk-len allows.
    """
    left = _data(call.db.read_any(argv[1]))
    right = _data(call.db.read_any(argv[2]))
    wants_length = wants_indexes = with_length = False
    least_length = 0
    index = 3
    while index < len(argv):
        option = argv[index].lower()
        if option == b"idx":
            wants_indexes = True
        elif option == b"len":
            wants_length = True
        elif option == b"withmatchlen":
            with_length = True
        elif option == b"minmatchlen" and index + 1 < len(argv):
            index += 1
            least_length = integer(argv[index])
        else:
            raise SYNTAX_ERROR
        index += 1
    if wants_length and wants_indexes:
        raise _LENGTH_AND_INDEXES
    if (len(left) + 1) * (len(right) + 1) * _CELL_BYTES > call.server.max_bulk_bytes:
        raise _TOO_LARGE
    if wants_length:
        return common_length(left, right)
    found, matches = common_subsequence(left, right)
    if not wants_indexes:
        return found
    runs: list[Reply] = []
    for match in matches:
        if match.length >= least_length:
            run: list[Reply] = [[match.left_start, match.left_end], [match.right_start, match.right_end]]
            runs.append([*run, match.length] if with_length else run)
    return {b"matches": runs, b"len": len(found)}


def _data(value: Value | None) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, String):
        raise _NOT_STRINGS
    return bytes(value.data)
