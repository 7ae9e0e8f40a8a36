"""SORT and SORT_RO."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyredis_cluster.commands.sort_pattern import SortPattern
from pyredis_cluster.commands.storing import store
from pyredis_cluster.config.events import NOTIFY_LIST
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, OW, RO, UPDATE, KeyRange, KeyUnknown
from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, WRONG_TYPE, CommandError
from pyredis_cluster.protocol.numbers import float_or_none, integer
from pyredis_cluster.protocol.reply import Reply

sort = Group("generic", Category.SET | Category.SORTEDSET | Category.LIST | Category.DANGEROUS)

_NOT_A_SCORE = CommandError("ERR One or more scores can't be converted into double")
_BY_IN_CLUSTER = CommandError("ERR BY option of SORT denied in Cluster mode.")
_GET_IN_CLUSTER = CommandError("ERR GET option of SORT denied in Cluster mode.")
_BLANKS = b" \t\n\v\f\r"
_STORED_NODE_FILL = -2
"""Redis fills the nodes of a stored list as `list-max-listpack-size` says by default, not as it is set."""
_COMPLEXITY = (
    "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of "
    "returned elements. When the elements are not sorted, complexity is O(N)."
)
_SYNTAX = (
    "key [BY by-pattern~pattern:pattern#1] [LIMIT offset count] "
    "[GET get-pattern~pattern:pattern#1 [GET pattern ...]] [ASC | DESC] [ALPHA]"
)
_KEY = KeyRange(1, flags=RO | ACCESS)
_PATTERN_KEYS = KeyUnknown(
    flags=RO | ACCESS,
    notes="For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the "
    "content of the key we sort",
)
_STORE_KEY = KeyUnknown(
    flags=OW | UPDATE,
    notes="For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere "
    "in the argument array",
)


@dataclass(slots=True)
class _Options:
    by: SortPattern | None = None
    is_sorted: bool = True
    descending: bool = False
    alpha: bool = False
    offset: int = 0
    count: int = -1
    get: list[SortPattern] = field(default_factory=list)
    store: bytes | None = None


def _key_positions(argv: list[bytes]) -> list[int]:
    """The sorted key, and the one after the last STORE."""
    positions = [1]
    index = 2
    while index < len(argv):
        word = argv[index].lower()
        if word == b"store" and index + 1 < len(argv):
            positions[1:] = [index + 1]
            index += 1
        elif word == b"limit":
            index += 2
        elif word in (b"get", b"by"):
            index += 1
        index += 1
    return positions


@sort.command(
    "SORT",
    arity=-2,
    flags=WRITE | DENYOOM,
    keys=(_KEY, _PATTERN_KEYS, _STORE_KEY),
    get_keys=_key_positions,
    syntax=f"{_SYNTAX} [STORE destination#2]",
    summary="Returns the elements of a list, set or sorted set in order, or stores them as a list.",
    complexity=_COMPLEXITY,
)
def sort_(call: Call, argv: list[bytes]) -> Reply:
    """SORT key [BY p] [LIMIT offset count] [GET p [GET p ...]] [ASC | DESC] [ALPHA] [STORE destination]

    An array of elements, or of what the GET patterns make of them (nil where there is nothing); with STORE
    the length of the list stored. Raises WRONG_TYPE, SYNTAX_ERROR, and an error where without ALPHA
    something is no number.
    """
    options = _parse(call, argv, may_store=True)
    found = _sorted(call.db, argv[1], options)
    if options.store is None:
        return found
    elements = [b"" if element is None else element for element in found]
    fill = call.keyspace.limits.list_max_listpack_size
    result = List.build(elements, fill, node_fill=_STORED_NODE_FILL) if elements else None
    return store(call.db, options.store, result, NOTIFY_LIST, b"sortstore", len(elements))


@sort.command(
    "SORT_RO",
    arity=-2,
    flags=READONLY,
    keys=(_KEY, _PATTERN_KEYS),
    get_keys=lambda argv: [1],
    since="7.0.0",
    syntax=_SYNTAX,
    summary="Returns the elements of a list, set or sorted set in order.",
    complexity=_COMPLEXITY,
)
def sort_ro(call: Call, argv: list[bytes]) -> Reply:
    """SORT_RO key [BY p] [LIMIT offset count] [GET p [GET p ...]] [ASC | DESC] [ALPHA]

    As SORT without STORE.
    """
    return _sorted(call.db, argv[1], _parse(call, argv, may_store=False))


def _parse(call: Call, argv: list[bytes], *, may_store: bool) -> _Options:
    options = _Options()
    in_cluster = call.server.cluster is not None
    words = iter(range(2, len(argv)))
    for index in words:
        word = argv[index].lower()
        left = len(argv) - index - 1
        if word in (b"asc", b"desc"):
            options.descending = word == b"desc"
        elif word == b"alpha":
            options.alpha = True
        elif word == b"limit" and left >= 2:
            options.offset, options.count = integer(argv[next(words)]), integer(argv[next(words)])
        elif word == b"store" and may_store and left >= 1:
            options.store = argv[next(words)]
        elif word == b"by" and left >= 1:
            pattern = argv[next(words)]
            options.by = SortPattern(pattern)
            # A pattern without `*` gives all elements the same weight: they stay as they are.
            if b"*" not in pattern:
                options.is_sorted = False
            elif in_cluster:
                raise _BY_IN_CLUSTER
        elif word == b"get" and left >= 1:
            if in_cluster:
                raise _GET_IN_CLUSTER
            options.get.append(SortPattern(argv[next(words)]))
        else:
            raise SYNTAX_ERROR
    return options


def _sorted(db: Database, key: bytes, options: _Options) -> list[bytes | None]:
    value = db.read_any(key)
    if isinstance(value, SortedSet):
        # Redis converts what it sorts for good, which OBJECT ENCODING shows.
        value.is_listpack = False
    if not options.is_sorted and isinstance(value, Set) and options.store is not None:
        # Stored elements of a set must not come in an order that differs from server to server.
        options.is_sorted = options.alpha = True
        options.by = None
    elements = _elements(value, options)
    start, stop = _bounds(options, len(elements))
    if options.is_sorted:
        elements = _in_order(db, elements, options)
    chosen = elements[start:stop]
    if not options.get:
        return list[bytes | None](chosen)
    return [pattern.look_up(db, element) for element in chosen for pattern in options.get]


def _elements(value: Value | None, options: _Options) -> list[bytes]:
    if value is None:
        return []
    if isinstance(value, Set):
        return list(value.ordered())
    if isinstance(value, List):
        elements = list(value)
    elif isinstance(value, SortedSet):
        elements = [member for _, member in value.range(0, len(value))]
    else:
        raise WRONG_TYPE
    if not options.is_sorted and options.descending:
        elements.reverse()
    return elements


def _bounds(options: _Options, length: int) -> tuple[int, int]:
    start = min(max(options.offset, 0), length)
    count = min(max(options.count, -1), length)
    return start, length if count < 0 else min(start + count, length)


def _in_order(db: Database, elements: list[bytes], options: _Options) -> list[bytes]:
    weights: Iterable[bytes | None] = elements
    if options.by is not None:
        look_up = options.by.look_up
        weights = [look_up(db, element) for element in elements]
    if not options.alpha:
        # Equal numbers are ordered by the elements, so that the result is always the same.
        scored = [(_score(weight), element) for weight, element in zip(weights, elements, strict=True)]
        scored.sort(reverse=options.descending)
        return [element for _, element in scored]
    if options.store is None:
        # Redis compares as C strings here, in the collation of the C locale.
        weights = [weight and weight.partition(b"\0")[0] for weight in weights]
    ordered = [(weight is not None, weight or b"") for weight in weights]
    places = sorted(range(len(elements)), key=ordered.__getitem__, reverse=options.descending)
    return [elements[place] for place in places]


def _score(text: bytes | None) -> float:
    """The number that C's strtod makes of all of `text`; raises _NOT_A_SCORE."""
    if not text:
        return 0.0
    text = text.partition(b"\0")[0]
    number = float_or_none(text.lstrip(_BLANKS)) if text else 0.0
    if number is None:
        raise _NOT_A_SCORE
    return number
