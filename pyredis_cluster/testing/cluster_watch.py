"""What changes in a node's view of its cluster, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.bitmap import runs

if TYPE_CHECKING:
    from pyredis_cluster.cluster.node import ClusterNode
    from pyredis_cluster.cluster.state import ClusterState

_RUNS_NAMED: Final = 8


class _Other(NamedTuple):
    """What is known of another node."""

    address: str
    is_suspected: bool
    is_failed: bool
    voted_ms: int


class _View(NamedTuple):
    """What a node knows, as far as it is worth telling."""

    others: dict[str, _Other]
    primary: str
    slots: bytes
    is_ok: bool
    candidate_epoch: int
    migrating: dict[int, str]
    importing: dict[int, str]


class ClusterWatch:
    """Compares the view of a node with what it was when it was last looked at. O(nodes)."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._glimpse = _glimpse(state)
        self._seen = _view(state)

    def changes(self) -> Iterator[str]:
        """What has changed since then, a line each."""
        glimpse = _glimpse(self._state)
        if glimpse == self._glimpse:
            return
        self._glimpse = glimpse
        old, new = self._seen, _view(self._state)
        self._seen = new
        yield from _changes_of_others(old.others, new.others, self._state.current_epoch)
        if new.candidate_epoch and new.candidate_epoch != old.candidate_epoch:
            yield f"asks for votes in epoch {new.candidate_epoch}"
        if new.primary != old.primary:
            epoch = self._state.myself.config_epoch
            yield f"is a replica of {new.primary}" if new.primary else f"is a primary, epoch {epoch}"
        yield from _changes_of_slots(old.slots, new.slots)
        yield from _changes_of_open_slots("goes to", old.migrating, new.migrating)
        yield from _changes_of_open_slots("comes from", old.importing, new.importing)
        if new.is_ok != old.is_ok:
            yield f"cluster state: {'ok' if new.is_ok else 'fail'}"


def _glimpse(state: ClusterState) -> tuple[object, ...]:
    """What is other where the view is: it is taken with each message, so it has to be cheap."""
    return (
        [(node.flags, node.voted_ms) for node in state.nodes.values()],
        state.myself.primary,
        bytes(state.myself.slots),
        state.ok,
        state.candidacy.is_asked and state.candidacy.epoch,
        state.migrating_to.copy(),
        state.importing_from.copy(),
    )


def _view(state: ClusterState) -> _View:
    me = state.myself
    return _View(
        {node.node_id: _other(node) for node in state.nodes.values() if node is not me},
        _address(me.primary) if me.primary is not None else "",
        bytes(me.slots),
        state.ok,
        state.candidacy.epoch if state.candidacy.is_asked else 0,
        {slot: _address(node) for slot, node in state.migrating_to.items()},
        {slot: _address(node) for slot, node in state.importing_from.items()},
    )


def _other(node: ClusterNode) -> _Other:
    return _Other(_address(node), bool(node.flags & wire.PFAIL), bool(node.flags & wire.FAIL), node.voted_ms)


def _address(node: ClusterNode) -> str:
    return f"{node.ip}:{node.tcp_port or node.tls_port}"


def _changes_of_others(old: Mapping[str, _Other], new: Mapping[str, _Other], epoch: int) -> Iterator[str]:
    for node_id, known in new.items():
        before = old.get(node_id)
        if before is None:
            yield f"meets {known.address}"
            continue
        if known.is_failed and not before.is_failed:
            yield f"FAIL of {known.address}"
        elif known.is_suspected and not before.is_suspected:
            yield f"PFAIL of {known.address}"
        elif (before.is_failed or before.is_suspected) and not (known.is_failed or known.is_suspected):
            yield f"hears {known.address} again"
        if known.voted_ms != before.voted_ms:
            yield f"votes for a replica of {known.address} in epoch {epoch}"
    for node_id, before in old.items():
        if node_id not in new:
            yield f"forgets {before.address}"


def _changes_of_slots(old: bytes, new: bytes) -> Iterator[str]:
    if old == new:
        return
    before, after = int.from_bytes(old, "little"), int.from_bytes(new, "little")
    if after & ~before:
        yield f"owns slots {_text(after & ~before)} now"
    if before & ~after:
        yield f"owns slots {_text(before & ~after)} no more"


def _text(slots: int) -> str:
    texts = [f"{first}-{last}" if last > first else f"{first}" for first, last in runs(slots)]
    return " ".join([*texts[:_RUNS_NAMED], "…"] if len(texts) > _RUNS_NAMED else texts)


def _changes_of_open_slots(way: str, old: Mapping[int, str], new: Mapping[int, str]) -> Iterator[str]:
    for slot, address in new.items():
        if old.get(slot) != address:
            yield f"slot {slot} {way} {address}"
    for slot in old.keys() - new.keys():
        yield f"slot {slot} is not open any more"
