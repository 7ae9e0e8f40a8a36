"""Where a command's keys are served: here, elsewhere, or nowhere now.

Asked only where `served[slot]` is 0, or where the session sent ASKING to a slot that is open.
Source: getNodeByQuery and clusterRedirectClient.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from pyredis_cluster.cluster.audience import ANYONE, Audience
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.settings import EndpointType
from pyredis_cluster.cluster.state import ClusterState


class Redirect(Enum):
    """Why a command is not served here."""

    MOVED = "MOVED"
    ASK = "ASK"
    TRYAGAIN = "TRYAGAIN"
    CLUSTERDOWN = "CLUSTERDOWN"


class Redirection(NamedTuple):
    """The error reply, as a code and as the whole text without the leading `-`; `node_id` of a target."""

    kind: Redirect
    text: bytes
    node_id: str = ""


class Query(NamedTuple):
    """What redirection depends on besides the slot.

    `count_missing` looks the keys up and returns (existing, missing); it is called for open slots only.
    """

    is_write: bool = False
    is_shard_pubsub: bool = False
    is_migrate: bool = False
    session_is_readonly: bool = False
    session_is_asking: bool = False
    has_several_keys: bool = False
    count_missing: Callable[[], tuple[int, int]] = lambda: (0, 0)
    audience: Audience = ANYONE


_DOWN = Redirection(Redirect.CLUSTERDOWN, b"CLUSTERDOWN The cluster is down")
_DOWN_FOR_WRITES = Redirection(
    Redirect.CLUSTERDOWN, b"CLUSTERDOWN The cluster is down and only accepts read commands"
)
UNBOUND = Redirection(Redirect.CLUSTERDOWN, b"CLUSTERDOWN Hash slot not served")
_TRY_AGAIN = Redirection(Redirect.TRYAGAIN, b"TRYAGAIN Multiple keys request during rehashing of slot")


def redirect(state: ClusterState, slot: int, query: Query, *, tls: bool = False) -> Redirection | None:
    """Why a command about keys of `slot` is not served here, or None where it is."""
    owner = state.slots[slot]
    if owner is None:
        return UNBOUND
    down = None if state.ok else _refusal_while_down(state, query)
    if down is not None:
        return down
    if slot in state.migrating_to or slot in state.importing_from:
        served, redirection = _redirect_open_slot(state, slot, owner, query, tls=tls)
        if served or redirection is not None:
            return redirection
    if owner is state.myself or _may_read_as_replica(state, owner, query):
        return None
    return _to(Redirect.MOVED, state, slot, owner, query.audience, tls=tls)


def redirect_blocked(
    state: ClusterState,
    slot: int,
    *,
    session_is_readonly: bool,
    is_write: bool,
    tls: bool = False,
    audience: Audience = ANYONE,
) -> Redirection | None:
    """Why a client may no longer wait for keys of `slot` here, or None where it may.

    Source: clusterRedirectBlockedClientIfNeeded.
    """
    if not state.ok:
        return _DOWN
    owner = state.slots[slot]
    query = Query(is_write=is_write, session_is_readonly=session_is_readonly, audience=audience)
    if owner is state.myself or slot in state.importing_from:
        return None
    if owner is None:
        return UNBOUND
    return (
        None
        if _may_read_as_replica(state, owner, query)
        else _to(Redirect.MOVED, state, slot, owner, audience, tls=tls)
    )


def endpoint(state: ClusterState, node: ClusterNode, audience: Audience) -> str:
    """What to name `node` by to clients; "" where they are to use the address they have."""
    match state.settings.preferred_endpoint_type:
        case EndpointType.IP:
            return audience.ip(state, node)
        case EndpointType.HOSTNAME:
            return node.hostname or "?"
        case EndpointType.UNKNOWN:
            return ""


def _refusal_while_down(state: ClusterState, query: Query) -> Redirection | None:
    settings = state.settings
    if query.is_shard_pubsub:
        return None if settings.allow_pubsubshard_when_down else _DOWN
    if not settings.allow_reads_when_down:
        return _DOWN
    return _DOWN_FOR_WRITES if query.is_write else None


def _redirect_open_slot(
    state: ClusterState, slot: int, owner: ClusterNode, query: Query, *, tls: bool
) -> tuple[bool, Redirection | None]:
    """(served here, redirection) for a slot under migration; (False, None): as for any other slot."""
    if query.is_migrate:
        return True, None
    # Channels have no keys to move: they stay with the owner until the slot changes hands.
    if query.is_shard_pubsub:
        return False, None
    target = state.migrating_to.get(slot) if owner is state.myself else None
    if target is not None:
        existing, missing = query.count_missing()
        if not missing:
            return False, None
        if existing:
            return False, _TRY_AGAIN
        if target is state.myself:  # a slot may be marked so, though it makes no sense
            return True, None
        return False, _to(Redirect.ASK, state, slot, target, query.audience, tls=tls)
    if slot in state.importing_from and query.session_is_asking:
        if query.has_several_keys and query.count_missing()[1]:
            return False, _TRY_AGAIN
        return True, None
    return False, None


def _may_read_as_replica(state: ClusterState, owner: ClusterNode, query: Query) -> bool:
    may_read = query.session_is_readonly or query.is_shard_pubsub
    return may_read and not query.is_write and state.myself.is_replica and state.myself.primary is owner


def _to(
    kind: Redirect, state: ClusterState, slot: int, node: ClusterNode, audience: Audience, *, tls: bool
) -> Redirection:
    address = f"{endpoint(state, node, audience)}:{audience.port(state, node, tls=tls)}"
    text = f"{kind.value} {slot} {address}"
    return Redirection(kind, text.encode("latin-1"), node.node_id)
