"""RDB data in tests: made byte by byte, and loaded into a keyspace.

The builders know the forms that no server of today writes, and write nonsense as readily as sense.
"""

from __future__ import annotations

import random
import struct
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pyredis_cluster.keyspace.digest import value_digest
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.reader import RdbReader


def length(number: int) -> bytes:
    """A length in its shortest form."""
    if number < 64:
        return bytes([number])
    if number < 16384:
        return struct.pack(">H", 0x4000 | number)
    if number < 1 << 32:
        return b"\x80" + struct.pack(">I", number)
    return b"\x81" + struct.pack(">Q", number)


def string(data: bytes) -> bytes:
    """A string as it is."""
    return length(len(data)) + data


def strings(*data: bytes) -> bytes:
    """Several strings."""
    return b"".join(map(string, data))


def file(*parts: bytes, version: int = 11, checksum: int | None = None) -> bytes:
    """A whole file: header, `parts`, end, and the checksum unless another is given."""
    header = b"VALKEY%03d" % version if version >= 80 else b"REDIS%04d" % version
    body = header + b"".join(parts) + b"\xff"
    if version < 5:
        return body
    return body + struct.pack("<Q", crc64(body) if checksum is None else checksum)


def entry(kind: int, key: bytes, value: bytes) -> bytes:
    """A key with the bytes of its value."""
    return bytes([kind]) + string(key) + value


def ziplist_entry(element: bytes | int, previous: int) -> bytes:
    """An element as small as a ziplist has it; `previous` is the size of the entry before."""
    before = bytes([previous]) if previous < 254 else b"\xfe" + struct.pack("<I", previous)
    if isinstance(element, bytes):
        size = len(element)
        if size < 64:
            return before + bytes([size]) + element
        if size < 16384:
            return before + struct.pack(">H", 0x4000 | size) + element
        return before + b"\x80" + struct.pack(">I", size) + element
    if 0 <= element <= 12:
        return before + bytes([0xF1 + element])
    for code, width in ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)):
        if -(1 << 8 * width - 1) <= element < 1 << 8 * width - 1:
            return before + bytes([code]) + element.to_bytes(width, "little", signed=True)
    raise ValueError(element)


def ziplist(*elements: bytes | int) -> bytes:
    """A ziplist; numbers are given as numbers."""
    body = b""
    tail, previous = 10, 0
    for element in elements:
        packed = ziplist_entry(element, previous)
        tail = 10 + len(body)
        body += packed
        previous = len(packed)
    return struct.pack("<IIH", 11 + len(body), tail, min(len(elements), 65535)) + body + b"\xff"


def listpack_entry(element: bytes | int) -> bytes:
    """An element as a listpack has it."""
    if isinstance(element, bytes):
        size = len(element)
        if size < 64:
            head = bytes([0x80 | size])
        else:
            head = struct.pack(">H", 0xE000 | size) if size < 4096 else b"\xf0" + struct.pack("<I", size)
        body = head + element
    elif 0 <= element < 128:
        body = bytes([element])
    elif -4096 <= element < 4096:
        body = struct.pack(">H", 0xC000 | element & 0x1FFF)
    else:
        code, width = next(
            (code, width)
            for code, width in ((0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8))
            if -(1 << 8 * width - 1) <= element < 1 << 8 * width - 1
        )
        body = bytes([code]) + element.to_bytes(width, "little", signed=True)
    size = len(body)
    digits = 1 if size < 128 else 2 if size < 16383 else 3 if size < 2097151 else 4
    back = [size >> 7 * place & 127 | 128 for place in range(digits - 1, -1, -1)]
    back[0] &= 127
    return body + bytes(back)


def listpack(*elements: bytes | int) -> bytes:
    """A listpack; numbers are given as numbers."""
    body = b"".join(map(listpack_entry, elements))
    return struct.pack("<IH", 7 + len(body), min(len(elements), 65535)) + body + b"\xff"


def intset(numbers: Sequence[int], width: int = 2) -> bytes:
    """An intset of `numbers` in the order given."""
    code = {2: "h", 4: "i", 8: "q"}[width]
    return struct.pack(f"<II{len(numbers)}{code}", width, len(numbers), *numbers)


def zipmap(pairs: Iterable[tuple[bytes, bytes]], unused: int = 0) -> bytes:
    """A zipmap with `unused` bytes behind each value."""

    def size(data: bytes) -> bytes:
        return bytes([len(data)]) if len(data) < 254 else b"\xfe" + struct.pack("<I", len(data))

    body = [
        size(name) + name + size(value) + bytes([unused]) + value + b"\0" * unused for name, value in pairs
    ]
    return bytes([min(len(body), 254)]) + b"".join(body) + b"\xff"


def module_number(name: bytes) -> int:
    """The number of a module of nine characters, in version 0."""
    # The alphabet of base64 but for its last two characters.
    return int.from_bytes(b64decode(b"A" + name.replace(b"-", b"+").replace(b"_", b"/") + b"AA")) >> 2


def _keyspace() -> Keyspace:
    made = Keyspace(16, random.Random(0))
    made.limits.hash_max_listpack_entries = 512
    return made


@dataclass
class Loaded:
    """A sink that keeps everything."""

    keyspace: Keyspace = field(default_factory=_keyspace)
    index: int = 0
    selected: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    notes: dict[bytes, bytes] = field(default_factory=dict)
    functions: list[bytes] = field(default_factory=list)
    idle_s: dict[bytes, int] = field(default_factory=dict)
    frequency: dict[bytes, int] = field(default_factory=dict)

    def select(self, db: int) -> None:
        self.selected.append(db)
        self.index = db

    def resize(self, keys: int, expires: int) -> None:
        self.sizes.append((keys, expires))

    def entry(
        self, key: bytes, value: Value, expire_ms: int | None, idle_s: int | None, frequency: int | None
    ) -> None:
        db = self.keyspace.databases[self.index]
        assert key not in db.values
        db.add(key, value)
        if expire_ms is not None:
            db.set_expire(key, expire_ms)
        if idle_s is not None:
            self.idle_s[key] = idle_s
        if frequency is not None:
            self.frequency[key] = frequency

    def aux(self, name: bytes, value: bytes) -> None:
        self.notes[name] = value

    def function(self, code: bytes) -> None:
        self.functions.append(code)

    def value(self, key: bytes) -> Value:
        """The value of a key of database 0."""
        return self.keyspace.databases[0].values[key]

    def encoding(self, key: bytes) -> str:
        """What OBJECT ENCODING says of a key of database 0."""
        return self.value(key).encoding().decode()

    def expires(self) -> dict[bytes, int]:
        """The expiry times of database 0."""
        return self.keyspace.databases[0].expires

    def key_digests(self) -> dict[tuple[int, bytes], str]:
        """DEBUG DIGEST-VALUE of each key, by database."""
        return {
            (db.index, key): value_digest(db, key).hex()
            for db in self.keyspace.databases
            for key in db.values
        }


def load(data: bytes | memoryview, *, now_ms: int = 0, window_bytes: int = 1 << 20) -> Loaded:
    """All that a file has."""
    loaded = Loaded()
    reader = RdbReader(data, loaded, loaded.keyspace.limits, now_ms=now_ms, window_bytes=window_bytes)
    while not reader.advance(1 << 20):
        pass
    assert reader.position == len(data)
    return loaded
