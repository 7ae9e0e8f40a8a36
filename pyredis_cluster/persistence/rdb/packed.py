"""Containers packed into one string: listpack, ziplist, intset, zipmap.

All decoders read every byte of their data and believe none of it: what reaches outside, does not agree with
itself or is left over raises ValueError, as the deep check of Redis does. They are O(n), and keep no more
than the elements.

    listpack    total bytes (4), number of elements (2), entries, 0xff
                entry: encoding and data, then their length in base 128 for walking backwards
    ziplist     total bytes (4), offset of the last entry (4), number of entries (2), entries, 0xff
                entry: length of the one before (1, or 0xfe and 4), encoding, data
    intset      bytes of each member (4), number of members (4), members in ascending order
    zipmap      number of pairs (1), pairs, 0xff
                pair: length (1, or 0xfe and 4), field, length, number of unused bytes (1), value, these

Integers are little endian, but for the lengths of long strings in a ziplist.

Sources: listpack.c, ziplist.c, intset.c and zipmap.c of Redis 7.2.
"""

from __future__ import annotations

from itertools import islice
from operator import lt
from struct import Struct, unpack_from

from pyredis_cluster.persistence.rdb.strings import SMALL_INTEGERS

_LISTPACK_HEADER = Struct("<IH")
_ZIPLIST_HEADER = Struct("<IIH")
_INTSET_HEADER = Struct("<II")
_END = 0xFF
_COUNT_UNKNOWN = 0xFFFF
"""Stands in both headers where there are more elements than two bytes can say."""
_BIG_LENGTH = 0xFE

_LISTPACK_INTEGER_BYTES = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}
_LISTPACK_LONG_STRING = 0xF0
_ZIPLIST_INTEGER_BYTES = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}
_INTSET_FORMATS = {2: "h", 4: "i", 8: "q"}


def listpack_elements(data: bytes) -> list[bytes]:
    """The elements of a listpack, integers as their text."""
    size = len(data)
    if size < 7 or data[-1] != _END:
        raise ValueError("no listpack")
    total, count = _LISTPACK_HEADER.unpack_from(data)
    if total != size:
        raise ValueError("another size than the header says")
    end = size - 1
    elements: list[bytes] = []
    append = elements.append
    small = SMALL_INTEGERS
    widths = _LISTPACK_INTEGER_BYTES
    from_bytes = int.from_bytes
    position = 6
    while position < end:
        head = data[position]
        if head < 0x80:
            if data[position + 1] != 1:
                raise ValueError("wrong length behind an element")
            append(small[head])
            position += 2
        elif head < 0xC0:
            start = position + 1
            position = start + (head & 0x3F)
            # The end mark is no length that could stand here.
            if position >= end or data[position] != (head & 0x3F) + 1:
                raise ValueError("wrong length behind an element")
            append(data[start:position])
            position += 1
        elif head < 0xE0:
            if position + 2 >= end or data[position + 2] != 2:
                raise ValueError("wrong length behind an element")
            number = (head & 0x1F) << 8 | data[position + 1]
            append(b"%d" % (number - 8192 if number & 0x1000 else number))
            position += 3
        elif head in widths:
            start = position + 1
            position = start + widths[head]
            if position >= end or data[position] != widths[head] + 1:
                raise ValueError("wrong length behind an element")
            append(b"%d" % from_bytes(data[start:position], "little", signed=True))
            position += 1
        else:
            element, position = _listpack_string(data, position, end, head)
            append(element)
    if position != end or (count not in (len(elements), _COUNT_UNKNOWN)):
        raise ValueError("another number of elements than the header says")
    return elements


def _listpack_string(data: bytes, position: int, end: int, head: int) -> tuple[bytes, int]:
    """An element of more than 63 bytes."""
    if head < 0xF0:
        start = position + 2
        stop = start + ((head & 0x0F) << 8 | data[position + 1])
    elif head == _LISTPACK_LONG_STRING:
        start = position + 5
        stop = start + int.from_bytes(data[position + 1 : start], "little")
    else:
        raise ValueError("unknown encoding")
    after = back_length(stop - position)
    behind = stop + len(after)
    if behind > end or data[stop:behind] != after:
        raise ValueError("wrong length behind an element")
    return data[start:stop], behind


def back_length(body: int) -> bytes:
    """A length in base 128, to be read from its end: all bytes but the first have their high bit set.

    It has at most five digits; the limits are Redis's own, not powers of 128.
    """
    if body <= 127:
        return bytes((body,))
    digits = 2 if body < 16383 else 3 if body < 2097151 else 4 if body < 268435455 else 5
    first = body >> 7 * (digits - 1)
    rest = [body >> 7 * digit & 127 | 128 for digit in range(digits - 2, -1, -1)]
    return bytes((first, *rest))


def ziplist_elements(data: bytes) -> list[bytes]:
    """The elements of a ziplist, integers as their text."""
    size = len(data)
    if size < 11 or data[-1] != _END:
        raise ValueError("no ziplist")
    total, tail, count = _ZIPLIST_HEADER.unpack_from(data)
    if total != size or tail > size - 1:
        raise ValueError("another size than the header says")
    end = size - 1
    elements: list[bytes] = []
    append = elements.append
    position = 10
    previous_bytes = 0
    entry = 0
    while position < end:
        entry = position
        head = data[position]
        if head < _BIG_LENGTH:
            position += 1
        elif head == _BIG_LENGTH:
            head = int.from_bytes(data[position + 1 : position + 5], "little")
            position += 5
        else:
            raise ValueError("end mark before the end")
        if head != previous_bytes or position >= end:
            raise ValueError("wrong length of the entry before")
        element, position = _ziplist_element(data, position, end)
        append(element)
        previous_bytes = position - entry
    if position != end or (elements and tail != entry) or (count not in (len(elements), _COUNT_UNKNOWN)):
        raise ValueError("another number of entries than the header says")
    return elements


def _ziplist_element(data: bytes, position: int, end: int) -> tuple[bytes, int]:
    """What is behind the length of the entry before: encoding and data. They end before `end` or at it."""
    head = data[position]
    if 0xF1 <= head <= 0xFD:
        return SMALL_INTEGERS[head - 0xF1], position + 1
    width = _ZIPLIST_INTEGER_BYTES.get(head)
    if width is not None:
        start = position + 1
        stop = start + width
        element = b"%d" % int.from_bytes(data[start:stop], "little", signed=True)
    else:
        if head < 0x40:
            start = position + 1
            stop = start + head
        elif head < 0x80:
            start = position + 2
            stop = start + ((head & 0x3F) << 8 | data[position + 1])
        elif head < 0xC0:
            start = position + 5
            stop = start + int.from_bytes(data[position + 1 : start], "big")
        else:
            raise ValueError("unknown encoding")
        element = data[start:stop]
    if stop > end:
        raise ValueError("entry beyond the end")
    return element, stop


def intset_members(data: bytes) -> list[bytes]:
    """The members of an intset, of which there are some, ascending by number."""
    if len(data) < _INTSET_HEADER.size:
        raise ValueError("no intset")
    width, count = _INTSET_HEADER.unpack_from(data)
    form = _INTSET_FORMATS.get(width)
    if form is None or count == 0 or _INTSET_HEADER.size + count * width != len(data):
        raise ValueError("another size than the header says")
    members: tuple[int, ...] = unpack_from(f"<{count}{form}", data, _INTSET_HEADER.size)
    if not all(map(lt, members, islice(members, 1, None))):
        raise ValueError("not ascending")
    return [b"%d" % member for member in members]


def zipmap_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """The fields and values of a zipmap, of which there are some."""
    if len(data) < 2 or data[-1] != _END:
        raise ValueError("no zipmap")
    end = len(data) - 1
    pairs: list[tuple[bytes, bytes]] = []
    position = 1
    while position < end:
        start, stop = _zipmap_length(data, position, end)
        field = data[start:stop]
        start, stop = _zipmap_length(data, stop, end)
        # A byte between length and value says how many behind the value are not in use.
        value = data[start + 1 : stop + 1]
        position = stop + 1 + data[start]
        pairs.append((field, value))
    if position != end or not pairs or (data[0] < _BIG_LENGTH and data[0] != len(pairs)):
        raise ValueError("another number of pairs than the header says")
    return pairs


def _zipmap_length(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Start and end of the bytes whose length stands at `position`."""
    head = data[position]
    start = position + 1
    if head == _BIG_LENGTH:
        start = position + 5
        head = int.from_bytes(data[position + 1 : start], "little")
    elif head == _END:
        raise ValueError("end mark before the end")
    if start + head >= end:
        raise ValueError("beyond the end")
    return start, start + head
