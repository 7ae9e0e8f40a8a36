"""Commands that return some of a hash's fields: HRANDFIELD and HSCAN."""

from __future__ import annotations

from pyredis_cluster.commands.hashes import hashes
from pyredis_cluster.commands.picks import pick_count, repeated_count
from pyredis_cluster.commands.scan_options import scan_cursor, scan_options
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import READONLY
from pyredis_cluster.execution.keyspec import ACCESS, RO, KeyRange
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.protocol.errors import OUT_OF_RANGE, SYNTAX_ERROR
from pyredis_cluster.protocol.numbers import INT64_MAX
from pyredis_cluster.protocol.reply import Reply

_RANDOM = ("nondeterministic_output",)


@hashes.command(
    "HRANDFIELD",
    arity=-2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="6.2.0",
    tips=_RANDOM,
    syntax="key options=[count [WITHVALUES]]",
    summary="Returns random fields of a hash.",
    complexity="O(N) where N is the number of fields returned",
)
def hrandfield(call: Call, argv: list[bytes]) -> Reply:
    """HRANDFIELD key [count [WITHVALUES]]

    Without count a field, nil if there is no hash. With it an array: at most `count` different fields, or,
    where it is negative, exactly -count that may repeat. WITHVALUES adds the values: as pairs in RESP3, flat
    in RESP2. Raises WRONG_TYPE, SYNTAX_ERROR, and errors for a count out of range.
    """
    if len(argv) == 2:
        value = call.db.read(argv[1], Hash)
        return None if value is None else value.random_field(call.server.random)
    count = pick_count(argv[2])
    with_values = len(argv) > 3
    if with_values:
        if len(argv) > 4 or argv[3].lower() != b"withvalues":
            raise SYNTAX_ERROR
        if abs(count) > INT64_MAX // 2:
            raise OUT_OF_RANGE
    value = call.db.read(argv[1], Hash)
    if value is None or count == 0:
        return []
    fields = _pick(call, value, count)
    if not with_values:
        return fields
    values = value.fields
    if call.resp >= 3:
        return [[field, values[field]] for field in fields]
    return [part for field in fields for part in (field, values[field])]


def _pick(call: Call, value: Hash, count: int) -> list[bytes]:
    random = call.server.random
    if count < 0:
        return value.random_fields(random, repeated_count(count))
    if count >= len(value):
        return list(value.fields)
    return value.sample_fields(random, count)


@hashes.command(
    "HSCAN",
    arity=-3,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.8.0",
    tips=_RANDOM,
    syntax="key cursor [MATCH pattern] [COUNT count]",
    summary="Walks over the fields of a hash, some at each call.",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the "
    "cursor to return back to 0. N is the number of elements inside the collection.",
)
def hscan(call: Call, argv: list[bytes]) -> Reply:
    """HSCAN key cursor [MATCH pattern] [COUNT count]

    An array of the next cursor (0 at the end) and an array of fields with their values. Raises WRONG_TYPE and
    errors for a bad cursor, and, where there is a hash, for bad options.
    """
    cursor = scan_cursor(argv[2])
    value = call.db.read(argv[1], Hash)
    if value is None:
        return [b"0", []]
    count, matches, _ = scan_options(argv[3:])
    cursor, found = value.scan(cursor, count)
    if matches is not None:
        found = list(filter(matches, found))
    values = value.fields
    return [b"%d" % cursor, [part for field in found for part in (field, values[field])]]
