"""Sets."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import islice
from typing import Self

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.scan_index import ScanIndex
from pyredis_cluster.keyspace.types.sizes import OBJECT_BYTES, listpack_bytes, string_bytes, table_bytes
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.ports import Random
from pyredis_cluster.protocol.numbers import integer_or_none

_INTSET_HEADER_BYTES = 8
_INTSET_MAX_ENTRIES = 1 << 30


class SetEncoding(IntEnum):
    """Encodings of a set, from the smallest; a set only ever goes up."""

    INTSET = 0
    LISTPACK = 1
    HASHTABLE = 2


INTSET = SetEncoding.INTSET
LISTPACK = SetEncoding.LISTPACK
HASHTABLE = SetEncoding.HASHTABLE


class Set(Value):
    """A set. `members` may be read for membership and number; `ordered` gives them in the order clients see.

    An intset is ordered by value, a listpack by insertion, a hash table in no particular way. Changes go
    through the methods, which keep the encoding and the index right.
    """

    __slots__ = ("_index", "_is_sorted", "kind", "members")

    type_name = b"set"

    def __init__(self, kind: SetEncoding = INTSET) -> None:
        self.lru = 0
        self.kind = kind
        self.members: dict[bytes, None] = {}
        self._is_sorted = True
        self._index: ScanIndex | None = None

    @classmethod
    def for_adding(cls, first: bytes, count: int, limits: EncodingLimits) -> Self:
        """An empty set encoded for a request that adds `count` members, `first` the first of them."""
        if count <= limits.set_max_intset_entries and integer_or_none(first) is not None:
            return cls(INTSET)
        return cls(LISTPACK if count <= limits.set_max_listpack_entries else HASHTABLE)

    @classmethod
    def of(cls, members: Iterable[bytes], limits: EncodingLimits, kind: SetEncoding = INTSET) -> Self:
        """A set encoded as if `members` had been added one by one to an empty set of `kind`.

        O(n), at C speed where the result can only be a hash table.
        """
        made = cls(kind)
        unique = members if isinstance(members, dict) else dict.fromkeys(members)
        if kind is HASHTABLE or len(unique) > max(
            limits.set_max_intset_entries, limits.set_max_listpack_entries
        ):
            made.kind = HASHTABLE
            made.members = dict.fromkeys(unique)
            return made
        add = made.add
        for member in unique:
            add(member, limits)
        return made

    def __len__(self) -> int:
        """Number of members. O(1)."""
        return len(self.members)

    def encoding(self) -> bytes:
        """`intset`, `listpack` or `hashtable`."""
        return (b"intset", b"listpack", b"hashtable")[self.kind]

    def expect(self, count: int, limits: EncodingLimits) -> None:
        """Prepare for a request that adds `count` members: too many make it a hash table at once.

        Redis does so before it looks whether the members are new.
        """
        kind = self.kind
        if (kind is LISTPACK and count > limits.set_max_listpack_entries) or (
            kind is INTSET and count > limits.set_max_intset_entries
        ):
            self._become(HASHTABLE)

    def add(self, member: bytes, limits: EncodingLimits) -> bool:
        """Add a member; whether it is new. O(1)."""
        members = self.members
        if member in members:
            return False
        kind = self.kind
        if kind is HASHTABLE:
            members[member] = None
            if self._index is not None:
                self._index.add(member)
        elif kind is LISTPACK:
            if len(members) >= limits.set_max_listpack_entries or len(member) > limits.set_max_listpack_value:
                self._become(HASHTABLE)
            members[member] = None
        else:
            self._add_to_intset(member, limits)
        return True

    def _add_to_intset(self, member: bytes, limits: EncodingLimits) -> None:
        if integer_or_none(member) is not None:
            self.members[member] = None
            self._is_sorted = False
            if len(self.members) > min(limits.set_max_intset_entries, _INTSET_MAX_ENTRIES):
                self._become(HASHTABLE)
            return
        longest = limits.set_max_listpack_value
        fits = (
            len(self.members) < limits.set_max_listpack_entries
            and len(member) <= longest
            and (longest >= 20 or max(map(len, self.members), default=0) <= longest)
        )
        self._become(LISTPACK if fits else HASHTABLE)
        self.members[member] = None

    def _become(self, kind: SetEncoding) -> None:
        if kind is LISTPACK:
            self.ordered()
        self.kind = kind

    def become_intset(self, limits: EncodingLimits) -> None:
        """Make a set of integers alone an intset, unless it has too many members for one.

        Only results of SINTERSTORE go down so. O(n log n).
        """
        if len(self.members) <= min(limits.set_max_intset_entries, _INTSET_MAX_ENTRIES):
            self.kind = INTSET
            self._is_sorted = False
            self._index = None

    def discard(self, member: bytes) -> bool:
        """Remove a member; whether it was there. O(1)."""
        if member not in self.members:
            return False
        del self.members[member]
        if self._index is not None:
            self._index.discard(member)
        return True

    def ordered(self) -> dict[bytes, None]:
        """The members in the order clients see. O(1); O(n log n) for an intset that was added to."""
        if not self._is_sorted and self.kind is INTSET:
            self.members = dict.fromkeys(sorted(self.members, key=int))
            self._is_sorted = True
        return self.members

    def pop_random(self, random: Random) -> bytes:
        """Remove and return a uniformly random member; the set must not be empty.

        O(1) for a hash table, once it is indexed.
        """
        members = self.members
        if self.kind is HASHTABLE:
            index = self._index or self.index()
            member = index.random(random)
            del members[member]
            index.discard(member)
            return member
        if len(members) == 1:
            return members.popitem()[0]
        member = self.random_member(random)
        del members[member]
        return member

    def pop_sample(self, random: Random, count: int, limits: EncodingLimits) -> list[bytes]:
        """Remove and return `count` different random members, `count` less than there are.

        A set left with a sixth of its members or less is made anew of those, so it may get a smaller
        encoding; hash tables of integers become listpacks then, as in Redis. O(n) then, else O(count).
        """
        remaining = len(self.members) - count
        if remaining * 5 > count:
            popped = self.sample_members(random, count)
            for member in popped:
                self.discard(member)
            return popped
        kept = dict.fromkeys(self.sample_members(random, remaining))
        popped = [member for member in self.ordered() if member not in kept]
        rest = Set.of(kept, limits, INTSET if self.kind is INTSET else LISTPACK)
        self.kind, self.members, self._is_sorted, self._index = rest.kind, rest.members, rest._is_sorted, None
        return popped

    def random_member(self, random: Random) -> bytes:
        """A uniformly random member; the set must not be empty. O(1) for a hash table, once it is indexed."""
        members = self.members
        if self.kind is HASHTABLE:
            return self.index().random(random)
        return next(islice(members, random.randrange(len(members)), None))

    def random_members(self, random: Random, count: int) -> list[bytes]:
        """`count` random members, each picked independently of the others. O(n) at worst the first time."""
        order = self.index().order if self.kind is HASHTABLE else list(self.members)
        fraction = random.random
        size = len(order)
        return [order[int(fraction() * size)] for _ in range(count)]

    def sample_members(self, random: Random, count: int) -> list[bytes]:
        """`count` (fewer than all) different random members; a listpack gives them in its order."""
        if self.kind is HASHTABLE:
            return random.sample(self.index().order, count)
        order = list(self.members)
        return [order[place] for place in sorted(random.sample(range(len(order)), count))]

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor and members of a walk; small encodings give all at once, whatever the cursor."""
        if self.kind is HASHTABLE:
            return self.index().scan(cursor, count)
        return 0, list(self.ordered())

    def index(self) -> ScanIndex:
        """The index of a hash table, made when first asked for: O(n) then, O(1) after."""
        if self._index is None:
            self._index = ScanIndex(self.members)
        return self._index

    def copy(self) -> Self:
        """An independent copy of the same encoding. O(n)."""
        made = type(self)(self.kind)
        made.members = self.members.copy()
        made._is_sorted = self._is_sorted
        return made

    def memory_bytes(self, samples: int = 5) -> int:
        """Intset, listpack, or table with the strings of `samples` members averaged (0: of all)."""
        members = self.members
        if self.kind is INTSET:
            return OBJECT_BYTES + _INTSET_HEADER_BYTES + self._integer_bytes() * len(members)
        if self.kind is LISTPACK:
            return OBJECT_BYTES + listpack_bytes(members)
        sampled = list(islice(members, samples or None))
        strings = sum(map(string_bytes, sampled))
        return OBJECT_BYTES + table_bytes(len(members)) + strings * len(members) // max(len(sampled), 1)

    def _integer_bytes(self) -> int:
        """Bytes that an intset spends on each member: as many as the widest needs."""
        widest = max((number if number >= 0 else ~number for number in map(int, self.members)), default=0)
        return 2 if widest < 1 << 15 else 4 if widest < 1 << 31 else 8

    def _check(self, limits: EncodingLimits | None = None) -> None:
        """Assert all invariants; with `limits` also that a small encoding is within them."""
        members = self.ordered()
        assert self._index is None or self.kind is HASHTABLE
        if self._index is not None:
            assert sorted(self._index.order) == sorted(members)
            assert all(self._index.order[place] == member for member, place in self._index.position.items())
        if self.kind is INTSET:
            numbers = [integer_or_none(member) for member in members]
            assert None not in numbers
            assert numbers == sorted(numbers, key=lambda number: number or 0)
        if limits is not None and self.kind is INTSET:
            assert len(members) <= limits.set_max_intset_entries
        if limits is not None and self.kind is LISTPACK:
            assert len(members) <= limits.set_max_listpack_entries
            assert all(len(member) <= limits.set_max_listpack_value for member in members)
