"""The exact commands that replicas and the AOF must run, collected while commands run.

By default a request that changed data (`keyspace.dirty` moved) is propagated as it came. A handler may
replace it (`SPOP` → `SREM`), and the keyspace adds effects that no request names (DEL of an expired key).
What one request or one EXEC leaves is handed to the sink together, wrapped in MULTI/EXEC if it is more than
one command.
"""

from __future__ import annotations

from collections.abc import Callable

from pyredis_cluster.keyspace.keyspace import Keyspace

Effect = tuple[int, list[bytes]]
"""Index of the database, and the command."""

Sink = Callable[[list[Effect]], None]


class Propagation:
    """Collects effects; `collect` after each command, `flush` when no more can belong together."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._effects: list[Effect] = []
        self._replaced = False
        self._forced = False
        self._settled_dirty = 0
        self.sinks: list[Sink] = []

    def attach(self, sink: Sink) -> None:
        """Send effects to `sink` from now on."""
        if not self.sinks:
            self._settled_dirty = self._keyspace.dirty
            self._keyspace.propagate = self.add
        self.sinks.append(sink)

    def detach(self, sink: Sink) -> None:
        """Send nothing more to `sink`."""
        self.sinks.remove(sink)
        if not self.sinks:
            self._keyspace.propagate = None
            self._effects.clear()

    def add(self, database: int, argv: list[bytes]) -> None:
        """An effect beside that of the running request, if any."""
        self._effects.append((database, argv))
        self._keyspace.unsettled = True

    def replace(self, database: int, argv: list[bytes]) -> None:
        """An effect in place of the request."""
        if self.sinks:
            self._replaced = True
            self.add(database, argv)

    def replace_with_nothing(self) -> None:
        """The request is not propagated."""
        if self.sinks:
            self._replaced = True
            self._keyspace.unsettled = True

    def force(self) -> None:
        """The request is propagated even if it counted no change."""
        if self.sinks:
            self._forced = True
            self._keyspace.unsettled = True

    def collect(self, database: int, argv: list[bytes]) -> None:
        """The request `argv` has run: take it in if it changed data and was not replaced."""
        dirty = self._keyspace.dirty
        if (dirty != self._settled_dirty or self._forced) and not self._replaced and self.sinks:
            self._effects.append((database, argv))
        self._settled_dirty = dirty
        self._replaced = self._forced = False

    @property
    def has_several(self) -> bool:
        """Whether `flush` would hand over more than one effect."""
        return len(self._effects) > 1

    def flush(self, *, as_transaction: bool = True) -> None:
        """Hand what was collected to the sinks; several effects in MULTI and EXEC unless told otherwise."""
        effects = self._effects
        if not effects:
            return
        self._effects = []
        if as_transaction and len(effects) > 1:
            database = effects[0][0]
            effects = [(database, [b"MULTI"]), *effects, (effects[-1][0], [b"EXEC"])]
        for sink in self.sinks:
            sink(effects)
