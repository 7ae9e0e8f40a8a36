"""What happened on the servers of a test, as one time line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis_cluster.testing.cluster_watch import ClusterWatch

if TYPE_CHECKING:
    from pyredis_cluster.cluster.core import ClusterCore
    from pyredis_cluster.execution.table import Entry
    from pyredis_cluster.protocol.errors import CommandError

_EVENTS_KEPT: Final = 1000
_MOST_CHARACTERS: Final = 300


class Event:
    """Something that happened, once or `count` times, first `time_s` seconds after the servers were started.

    `node` is the address of the server that tells of it.
    """

    __slots__ = ("count", "node", "time_s", "what")

    def __init__(self, time_s: float, node: str, what: str) -> None:
        self.time_s = time_s
        self.node = node
        self.what = what
        self.count = 1

    def __str__(self) -> str:
        times = f" (×{self.count})" if self.count > 1 else ""
        return f"{self.time_s:+9.3f}s {self.node} {self.what}{times}"

    def __repr__(self) -> str:
        return f"<Event {str(self).strip()}>"


class Timeline:
    """The latest events of all servers, in order. `now_s` is their time."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._begun_s = now_s()
        self._errors: dict[tuple[str, str], Event] = {}
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)

    def begin(self) -> None:
        """Forget everything, and count time from now on."""
        self._begun_s = self._now_s()
        self._errors.clear()
        self.events.clear()

    def note(self, node: str, what: str) -> None:
        """Something happened."""
        self._errors.clear()
        self._add(node, what)

    def note_error(self, node: str, kind: str, what: str) -> None:
        """Something happened that may happen often: a kind is told once, and counted until others happen."""
        event = self._errors.get((node, kind))
        if event is None:
            self._errors[node, kind] = self._add(node, what)
        else:
            event.count += 1

    def _add(self, node: str, what: str) -> Event:
        event = Event(self._now_s() - self._begun_s, node, what[:_MOST_CHARACTERS])
        self.events.append(event)
        return event

    def __str__(self) -> str:
        return "\n".join(map(str, self.events))


class NodeObserver:
    """Tells the time line of one server; see `Observer`. `core` is its part of a cluster, once it has one."""

    def __init__(self, timeline: Timeline, node: str, core: Callable[[], ClusterCore | None]) -> None:
        self._timeline = timeline
        self._node = node
        self._core = core
        self._watch: ClusterWatch | None = None

    def error_replied(self, entry: Entry | None, error: CommandError) -> None:
        """See `Observer`."""
        name = entry.command.name.replace("|", " ").upper() if entry is not None else "unknown command"
        kind = f"{name} {error.code!r}"
        self._timeline.note_error(self._node, kind, f"error to a client: {name}: {error}")

    def told(self, what: str) -> None:
        """See `Observer`."""
        self._timeline.note(self._node, what)

    def cluster_changed(self) -> None:
        """See `Observer`."""
        core = self._core()
        if core is None:
            return
        if self._watch is None:
            self._watch = ClusterWatch(core.state)
            return
        for what in self._watch.changes():
            self._timeline.note(self._node, what)
