"""Hashes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Self

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.scan_index import ScanIndex
from pyredis_cluster.keyspace.types.sizes import OBJECT_BYTES, listpack_bytes, string_bytes, table_bytes
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.ports import Random


class Hash(Value):
    """A hash: `fields`, in order of insertion, which is the order of a listpack.

    `is_table` says that it has grown beyond a listpack; it never goes back. Read `fields` freely; change it
    only through the methods, which keep the encoding and the index right.
    """

    __slots__ = ("_index", "_timed", "fields", "is_table")

    type_name = b"hash"

    def __init__(self) -> None:
        self.lru = 0
        self.fields: dict[bytes, bytes] = {}
        self.is_table = False
        self._index: ScanIndex | None = None
        self._timed: dict[bytes, tuple[bytes, int]] | None = None

    @classmethod
    def of(cls, pairs: Iterable[tuple[bytes, bytes]], limits: EncodingLimits) -> Self:
        """A hash of `pairs`, encoded as if they had been set one by one. O(n)."""
        return cls.of_fields(dict(pairs), limits)

    @classmethod
    def of_fields(
        cls, fields: dict[bytes, bytes], limits: EncodingLimits, *, is_packed: bool = False
    ) -> Self:
        """As `of`, taking over `fields`. O(n).

        `is_packed` says that they come from a listpack: then only their number can make it a table. O(1).
        """
        made = cls()
        made.fields = fields
        longest = limits.hash_max_listpack_value
        made.is_table = len(fields) > limits.hash_max_listpack_entries or (
            not is_packed
            and (
                max(map(len, fields), default=0) > longest
                or max(map(len, fields.values()), default=0) > longest
            )
        )
        return made

    def set_field_times(self, times: dict[bytes, int]) -> None:
        """Note the unix times in milliseconds at which fields expire, for `field_times`. O(n).

        Nothing here expires them: other servers do, and they are to get the times back.
        """
        self._timed = {field: (self.fields[field], when_ms) for field, when_ms in times.items()}

    def field_times(self) -> dict[bytes, int]:
        """The times of those fields that still have the value they were noted with; usually none. O(noted).

        Setting a field makes its time forgotten, at no cost for setting fields: the value is another object
        then. (Not if it is the same single byte again, since Python has those only once.)
        """
        if self._timed is None:
            return {}
        find = self.fields.get
        return {field: when_ms for field, (value, when_ms) in self._timed.items() if find(field) is value}

    def __len__(self) -> int:
        """Number of fields. O(1)."""
        return len(self.fields)

    def encoding(self) -> bytes:
        """`listpack` or `hashtable`."""
        return b"hashtable" if self.is_table else b"listpack"

    def expect(self, pairs: int, limits: EncodingLimits) -> None:
        """Prepare for a request that sets `pairs` fields: too many for a listpack make it a table at once.

        Redis does so before it looks whether the fields are new.
        """
        if pairs > limits.hash_max_listpack_entries:
            self.is_table = True

    def set(self, field: bytes, value: bytes, limits: EncodingLimits) -> bool:
        """Set a field; whether it is new. O(1)."""
        fields = self.fields
        if self.is_table:
            is_new = field not in fields
            fields[field] = value
            if is_new and self._index is not None:
                self._index.add(field)
            return is_new
        count = len(fields)
        fields[field] = value
        longest = limits.hash_max_listpack_value
        if len(value) > longest or len(field) > longest or len(fields) > limits.hash_max_listpack_entries:
            self.is_table = True
        return len(fields) != count

    def delete(self, field: bytes) -> bool:
        """Remove a field; whether it was there. O(1)."""
        if self.fields.pop(field, None) is None:
            return False
        if self._index is not None:
            self._index.discard(field)
        return True

    def random_field(self, random: Random) -> bytes:
        """A uniformly random field; the hash must not be empty. O(1) for a table, once it is indexed."""
        if self.is_table:
            return self.index().random(random)
        return next(islice(self.fields, random.randrange(len(self.fields)), None))

    def random_fields(self, random: Random, count: int) -> list[bytes]:
        """`count` random fields, each picked independently of the others. O(n) at worst the first time."""
        order = self.index().order if self.is_table else list(self.fields)
        fraction = random.random
        size = len(order)
        return [order[int(fraction() * size)] for _ in range(count)]

    def sample_fields(self, random: Random, count: int) -> list[bytes]:
        """`count` (fewer than all) different random fields; a listpack gives them in its order."""
        if self.is_table:
            return random.sample(self.index().order, count)
        order = list(self.fields)
        return [order[place] for place in sorted(random.sample(range(len(order)), count))]

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor and fields of a walk; a listpack gives all at once, whatever the cursor."""
        if self.is_table:
            return self.index().scan(cursor, count)
        return 0, list(self.fields)

    def index(self) -> ScanIndex:
        """The index of a table, made when first asked for: O(n) then, O(1) after."""
        if self._index is None:
            self._index = ScanIndex(self.fields)
        return self._index

    def copy(self) -> Self:
        """An independent copy of the same encoding. O(n)."""
        made = type(self)()
        made.fields = self.fields.copy()
        made.is_table = self.is_table
        made._timed = self._timed
        return made

    def memory_bytes(self, samples: int = 5) -> int:
        """Listpack, or table with the strings of `samples` fields averaged (0: of all)."""
        fields = self.fields
        if not self.is_table:
            return OBJECT_BYTES + listpack_bytes(part for pair in fields.items() for part in pair)
        sampled = list(islice(fields.items(), samples or None))
        strings = sum(string_bytes(field) + string_bytes(value) for field, value in sampled)
        return OBJECT_BYTES + table_bytes(len(fields)) + strings * len(fields) // max(len(sampled), 1)

    def _check(self, limits: EncodingLimits | None = None) -> None:
        """Assert all invariants; with `limits` also that a listpack is within them."""
        assert self._index is None or self.is_table
        assert self._timed is None or self.is_table
        if self._index is not None:
            assert sorted(self._index.order) == sorted(self.fields)
            assert all(self._index.order[place] == field for field, place in self._index.position.items())
        if limits is not None and not self.is_table:
            assert len(self.fields) <= limits.hash_max_listpack_entries
            longest = limits.hash_max_listpack_value
            assert all(len(part) <= longest for pair in self.fields.items() for part in pair)
