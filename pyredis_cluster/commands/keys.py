"""Commands that look over all keys of a database."""

from __future__ import annotations

from pyredis_cluster.commands.generic import generic
from pyredis_cluster.commands.scan_options import scan_cursor, scan_options
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import READONLY, TOUCHES_ARBITRARY_KEYS, Category
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.reply import Reply

_MOST_PICKS = 100


@generic.command(
    "KEYS",
    arity=2,
    flags=READONLY,
    categories=Category.DANGEROUS,
    tips=("request_policy:all_shards", "nondeterministic_output_order"),
    syntax="pattern",
    summary="Returns all keys that match a pattern.",
    complexity="O(N) with N being the number of keys in the database, under the assumption that the key "
    "names in the database and the given pattern have limited length.",
)
def keys(call: Call, argv: list[bytes]) -> Reply:
    """KEYS pattern

    An array of keys in no particular order.
    """
    db = call.db
    found = list(db.values) if argv[1] == b"*" else list(filter(compile_glob(argv[1]), db.values))
    expires = db.expires
    if expires:
        now_ms = call.now_ms
        found = [key for key in found if key not in expires or expires[key] > now_ms]
    return found


@generic.command(
    "RANDOMKEY",
    arity=1,
    flags=READONLY | TOUCHES_ARBITRARY_KEYS,
    tips=("request_policy:all_shards", "response_policy:special", "nondeterministic_output"),
    summary="Returns a random key.",
)
def randomkey(call: Call, argv: list[bytes]) -> Reply:
    """RANDOMKEY

    A key, nil where there is none.
    """
    db = call.db
    if not db.values:
        return None
    index = db.scan_index()
    key = None
    for _ in range(_MOST_PICKS):
        key = index.random(call.server.random)
        if key not in db.expires or not db.expire_if_due(key):
            return key
        if not db.values:
            return None
    # A replica that holds expired keys only answers with one of them rather than search for ever.
    return key if key in db.values else randomkey(call, argv)


@generic.command(
    "SCAN",
    arity=-2,
    flags=READONLY | TOUCHES_ARBITRARY_KEYS,
    since="2.8.0",
    tips=("nondeterministic_output", "request_policy:special", "response_policy:special"),
    syntax="cursor [MATCH pattern] [COUNT count] [TYPE type@6.0.0]",
    summary="Walks over the keys, some at each call.",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the "
    "cursor to return back to 0. N is the number of elements inside the collection.",
    history=(("6.0.0", "Added the `TYPE` subcommand."),),
)
def scan(call: Call, argv: list[bytes]) -> Reply:
    """SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]

    An array: the cursor to go on with, 0 at the end, and an array of keys. A key that is there all through a
    walk from 0 to 0 is returned at least once. Raises INVALID_CURSOR, SYNTAX_ERROR and NOT_AN_INTEGER.
    """
    cursor = scan_cursor(argv[1])
    count, matches, type_name = scan_options(argv[2:], takes_type=True)
    db = call.db
    next_cursor, found = db.scan_index().scan(cursor, count)
    if matches is not None:
        found = list(filter(matches, found))
    if type_name is not None:
        values = db.values
        found = [key for key in found if values[key].type_name == type_name]
    expires = db.expires
    if expires:
        found = [key for key in found if key not in expires or not db.expire_if_due(key)]
    return [b"%d" % next_cursor, found]


generic.before("7.2.0", "RANDOMKEY", tips=("request_policy:all_shards", "nondeterministic_output"))
generic.before("7.2.0", "SCAN", tips=("nondeterministic_output", "request_policy:special"))
