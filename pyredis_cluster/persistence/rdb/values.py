"""Values from their RDB form: what follows the type byte, as RESTORE and files have it.

    STRING, LIST, SET           a string; a number of elements, then these
    HASH                        number of fields, then field and value by turns
    ZSET, ZSET_2                number of members, then member and score (text, or 8 bytes) by turns
    LIST_QUICKLIST              number of nodes, each a ziplist in a string
    LIST_QUICKLIST_2            number of nodes, each its container (1: one plain element, 2: a listpack)
                                and a string
    ..._ZIPLIST, ..._LISTPACK   one string (`packed`), and so SET_INTSET and HASH_ZIPMAP
    STREAM_...                  `streams`
    HASH_2, HASH_METADATA, ...  fields that expire (`field_times`)

Encodings become those that Redis 7.2 chooses as it loads: a packed form stays packed unless it has too many
elements, whatever their length; elements that come one by one are measured too.

Source: rdbLoadObject of Redis 7.2. Contradictions are always refused, as it does with sanitize-dump-payload.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from struct import Struct
from typing import Final

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.quicklist import Quicklist
from pyredis_cluster.keyspace.types.set import HASHTABLE, INTSET, LISTPACK, Set, SetEncoding
from pyredis_cluster.keyspace.types.sizes import listpack_bytes
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.errors import EmptyValueError, RdbError, short_read
from pyredis_cluster.persistence.rdb.field_times import read_hash_with_times
from pyredis_cluster.persistence.rdb.packed import (
    intset_members,
    listpack_elements,
    ziplist_elements,
    zipmap_pairs,
)
from pyredis_cluster.persistence.rdb.streams import read_stream
from pyredis_cluster.persistence.rdb.strings import read_length, read_string, read_strings
from pyredis_cluster.protocol.numbers import float_of_any_size, integer_or_none

_INTSET_MAX_ENTRIES = 1 << 30
_MODULE_NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_DOUBLE = Struct("<d")
_SPECIAL_SCORES = {253: float("nan"), 254: inf, 255: -inf}

_Loader = Callable[[bytes, int, EncodingLimits], tuple[Value, int]]


def load_value(
    kind: int,
    data: bytes,
    offset: int,
    limits: EncodingLimits,
    *,
    version: int = opcodes.RDB_VERSION,
    now_ms: int = 0,
) -> tuple[Value, int]:
    """The value of type byte `kind` at `offset`, and the offset behind it. O(n).

    `version` is that of the file or payload, since numbers above 21 differ by it. Fields of a hash that are
    expired at `now_ms` are dropped. Raises EmptyValueError for a container without elements, RdbError for
    everything else that cannot be read; never anything but these.
    """
    loader = _LOADERS.get(kind)
    try:
        if loader is not None:
            return loader(data, offset, limits)
        if kind > opcodes.TYPE_STREAM_LISTPACKS_3:
            return read_hash_with_times(kind, data, offset, limits, version=version, now_ms=now_ms)
    except IndexError:
        raise short_read(len(data)) from None
    raise RdbError(f"Unknown RDB encoding type {kind}", offset)


def module_name(number: int) -> str:
    """The nine characters that a module's number of 64 bits stands for; its lowest ten bits are a version."""
    number >>= 10
    return "".join(_MODULE_NAME_CHARACTERS[number >> 6 * place & 63] for place in range(8, -1, -1))


def _string(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    text, position = read_string(data, position)
    return String(text), position


def _read_count(data: bytes, position: int) -> tuple[int, int]:
    count, position = read_length(data, position)
    if count == 0:
        raise EmptyValueError(position)
    return count, position


def _list(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, position = _read_count(data, position)
    elements, position = read_strings(data, position, count)
    return List.build(elements, limits.list_max_listpack_size), position


def _set(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, start = _read_count(data, position)
    strings, position = read_strings(data, start, count)
    members = dict.fromkeys(strings)
    if len(members) != count:
        raise RdbError("Duplicate set members detected", start)
    if count > min(limits.set_max_intset_entries, _INTSET_MAX_ENTRIES):
        return _set_of(members, HASHTABLE), position
    if integer_or_none(strings[0]) is not None:
        return Set.of(members, limits, INTSET), position
    fits = (
        count <= limits.set_max_listpack_entries and max(map(len, strings)) <= limits.set_max_listpack_value
    )
    return _set_of(members, LISTPACK if fits else HASHTABLE), position


def _set_of(members: dict[bytes, None], kind: SetEncoding) -> Set:
    made = Set(kind)
    made.members = members
    return made


def _hash(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, start = _read_count(data, position)
    strings, position = read_strings(data, start, 2 * count)
    fields = dict(zip(strings[::2], strings[1::2], strict=True))
    if len(fields) != count:
        raise RdbError("Duplicate hash fields detected", start)
    return Hash.of_fields(fields, limits), position


def _sorted_set_text(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, start = _read_count(data, position)
    if count > len(data):
        raise short_read(start)
    position = start
    scores: dict[bytes, float] = {}
    for _ in range(count):
        member, position = read_string(data, position)
        scores[member], position = _text_score(data, position)
    return _sorted_set_of(scores, count, start, limits), position


def _text_score(data: bytes, position: int) -> tuple[float, int]:
    length = data[position]
    special = _SPECIAL_SCORES.get(length)
    if special is not None:
        return special, position + 1
    end = position + 1 + length
    if end > len(data):
        raise short_read(position)
    score = float_of_any_size(data[position + 1 : end])
    if score is None:
        raise RdbError("Zset with a score that is no number", position)
    return score, end


def _sorted_set_binary(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, start = _read_count(data, position)
    size = len(data)
    position = start
    if count > size:
        raise short_read(start)
    scores: dict[bytes, float] = {}
    unpack = _DOUBLE.unpack_from
    for _ in range(count):
        head = data[position]
        if head < 64:
            begin = position + 1
            position = begin + head
            member = data[begin:position]
        else:
            member, position = read_string(data, position)
        if position + 8 > size:
            raise short_read(position)
        scores[member] = unpack(data, position)[0]
        position += 8
    return _sorted_set_of(scores, count, start, limits), position


def _sorted_set_of(scores: dict[bytes, float], count: int, start: int, limits: EncodingLimits) -> SortedSet:
    if any(score != score for score in scores.values()):
        raise RdbError("Zset with NAN score detected", start)
    if len(scores) != count:
        raise RdbError("Duplicate zset fields detected", start)
    return SortedSet.of(scores, limits)


def _list_quicklist(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, position = _read_count(data, position)
    fill = limits.list_max_listpack_size
    quicklist = Quicklist(fill)
    elements: list[bytes] = []
    for _ in range(count):
        start = position
        blob, position = read_string(data, position)
        more = _unpacked(ziplist_elements, blob, "Ziplist integrity check failed.", start)
        if more:
            quicklist.append_node(len(more), listpack_bytes(more))
            elements += more
    return _list_of(elements, quicklist, fill, position), position


def _list_quicklist_2(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    count, position = _read_count(data, position)
    fill = limits.list_max_listpack_size
    quicklist = Quicklist(fill)
    elements: list[bytes] = []
    is_packed = False
    for _ in range(count):
        start = position
        container, position = read_length(data, position)
        blob, position = read_string(data, position)
        if not blob:
            raise short_read(position)
        is_packed = container == opcodes.QUICKLIST_NODE_PACKED
        if is_packed:
            more = _unpacked(listpack_elements, blob, "Listpack integrity check failed.", start)
            if more:
                quicklist.append_node(len(more), len(blob))
                elements += more
        elif container == opcodes.QUICKLIST_NODE_PLAIN:
            quicklist.append_node(1, listpack_bytes((blob,)))
            elements.append(blob)
        else:
            raise RdbError("Quicklist integrity check failed.", start)
    return _list_of(elements, quicklist, fill if is_packed else None, position), position


def _list_of(elements: list[bytes], quicklist: Quicklist, fill: int | None, position: int) -> List:
    if not elements:
        raise EmptyValueError(position)
    return List.of_nodes(elements, quicklist, fill)


def _list_ziplist(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    start = position
    blob, position = read_string(data, position)
    elements = _unpacked(ziplist_elements, blob, "List ziplist integrity check failed.", start)
    quicklist = Quicklist(limits.list_max_listpack_size)
    quicklist.push_tail(elements)
    # Redis looks no further: even a short one stays a quicklist.
    return _list_of(elements, quicklist, None, position), position


def _set_intset(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    start = position
    blob, position = read_string(data, position)
    try:
        members = dict.fromkeys(intset_members(blob))
    except ValueError:
        raise RdbError("Intset integrity check failed.", start) from None
    return _set_of(members, HASHTABLE if len(members) > limits.set_max_intset_entries else INTSET), position


def _set_listpack(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    message = "Set listpack integrity check failed."
    start = position
    blob, position = read_string(data, position)
    elements = _unpacked(listpack_elements, blob, message, start)
    if not elements:
        raise EmptyValueError(position)
    members = dict.fromkeys(elements)
    if len(members) != len(elements):
        raise RdbError(message, start)
    too_many = len(members) > limits.set_max_listpack_entries
    return _set_of(members, HASHTABLE if too_many else LISTPACK), position


def _unpacked(decode: Callable[[bytes], list[bytes]], blob: bytes, message: str, start: int) -> list[bytes]:
    try:
        return decode(blob)
    except ValueError:
        raise RdbError(message, start) from None


def _packed_pairs(
    decode: Callable[[bytes], list[bytes]], data: bytes, position: int, message: str
) -> tuple[dict[bytes, bytes], int]:
    start = position
    blob, position = read_string(data, position)
    elements = _unpacked(decode, blob, message, start)
    if not elements:
        raise EmptyValueError(position)
    if len(elements) & 1:
        raise RdbError(message, start)
    pairs = dict(zip(elements[::2], elements[1::2], strict=True))
    if 2 * len(pairs) != len(elements):
        raise RdbError(message, start)
    return pairs, position


def _sorted_set_packed(
    decode: Callable[[bytes], list[bytes]], message: str, data: bytes, position: int, limits: EncodingLimits
) -> tuple[Value, int]:
    start = position
    pairs, position = _packed_pairs(decode, data, position, message)
    scores: dict[bytes, float] = {}
    for member, text in pairs.items():
        score = float(text) if len(text) < 16 and text.isdigit() else float_of_any_size(text)
        if score is None:
            raise RdbError(message, start)
        scores[member] = score
    is_listpack = len(scores) <= limits.zset_max_listpack_entries
    return SortedSet.of(scores, limits, is_listpack=is_listpack), position


def _sorted_set_ziplist(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    return _sorted_set_packed(
        ziplist_elements, "Zset ziplist integrity check failed.", data, position, limits
    )


def _sorted_set_listpack(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    return _sorted_set_packed(
        listpack_elements, "Zset listpack integrity check failed.", data, position, limits
    )


def _hash_ziplist(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    fields, position = _packed_pairs(ziplist_elements, data, position, "Hash ziplist integrity check failed.")
    return Hash.of_fields(fields, limits, is_packed=True), position


def _hash_listpack(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    fields, position = _packed_pairs(
        listpack_elements, data, position, "Hash listpack integrity check failed."
    )
    return Hash.of_fields(fields, limits, is_packed=True), position


def _hash_zipmap(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    start = position
    blob, position = read_string(data, position)
    try:
        pairs = zipmap_pairs(blob)
    except ValueError:
        raise RdbError("Zipmap integrity check failed.", start) from None
    fields: dict[bytes, bytes] = {}
    for field, value in pairs:
        if field in fields:
            raise RdbError(f"Hash zipmap with dup elements, or big length ({len(field)})", start)
        fields[field] = value
    return Hash.of_fields(fields, limits), position


def _stream(form: int) -> _Loader:
    def load(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
        return read_stream(data, position, form)

    return load


def _module(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    number, _ = read_length(data, position)
    name = module_name(number)
    raise RdbError(
        f"The RDB file contains module data I can't load: no matching module type '{name}'", position
    )


def _old_module(data: bytes, position: int, limits: EncodingLimits) -> tuple[Value, int]:
    raise RdbError("Pre-release module format not supported", position)


_LOADERS: Final[dict[int, _Loader]] = {
    opcodes.TYPE_STRING: _string,
    opcodes.TYPE_LIST: _list,
    opcodes.TYPE_SET: _set,
    opcodes.TYPE_ZSET: _sorted_set_text,
    opcodes.TYPE_HASH: _hash,
    opcodes.TYPE_ZSET_2: _sorted_set_binary,
    opcodes.TYPE_MODULE_PRE_GA: _old_module,
    opcodes.TYPE_MODULE_2: _module,
    opcodes.TYPE_HASH_ZIPMAP: _hash_zipmap,
    opcodes.TYPE_LIST_ZIPLIST: _list_ziplist,
    opcodes.TYPE_SET_INTSET: _set_intset,
    opcodes.TYPE_ZSET_ZIPLIST: _sorted_set_ziplist,
    opcodes.TYPE_HASH_ZIPLIST: _hash_ziplist,
    opcodes.TYPE_LIST_QUICKLIST: _list_quicklist,
    opcodes.TYPE_LIST_QUICKLIST_2: _list_quicklist_2,
    opcodes.TYPE_STREAM_LISTPACKS: _stream(1),
    opcodes.TYPE_STREAM_LISTPACKS_2: _stream(2),
    opcodes.TYPE_STREAM_LISTPACKS_3: _stream(3),
    opcodes.TYPE_HASH_LISTPACK: _hash_listpack,
    opcodes.TYPE_ZSET_LISTPACK: _sorted_set_listpack,
    opcodes.TYPE_SET_LISTPACK: _set_listpack,
}
