"""Patterns after BY and GET of SORT: they name a key, or a field of a hash, for each element."""

from __future__ import annotations

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.string import String


class SortPattern:
    """`weight_*` is the string at a key, `object_*->name` a field of a hash; `#` is the element itself.

    The element takes the place of the first `*`. A pattern without one finds nothing.
    """

    __slots__ = ("_field", "_is_element", "_prefix", "_suffix")

    def __init__(self, text: bytes) -> None:
        self._is_element = text == b"#"
        self._field: bytes | None = None
        # Redis looks for the star in a C string.
        star = text.partition(b"\0")[0].find(b"*")
        if star < 0:
            self._prefix: bytes | None = None
            self._suffix = b""
            return
        arrow = text.find(b"->", star + 1)
        if 0 <= arrow < len(text) - 2:
            self._field = text[arrow + 2 :]
            text = text[:arrow]
        self._prefix, self._suffix = text[:star], text[star + 1 :]

    def look_up(self, db: Database, element: bytes) -> bytes | None:
        """What the pattern finds for an element, or None."""
        if self._is_element:
            return element
        if self._prefix is None:
            return None
        value = db.read_any(self._prefix + element + self._suffix)
        if self._field is not None:
            return value.fields.get(self._field) if isinstance(value, Hash) else None
        return bytes(value.data) if isinstance(value, String) else None
