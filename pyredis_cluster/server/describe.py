"""A client in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session


def describe_client(session: Session) -> str:
    """The fields of CLIENT LIST that tell who a client is."""
    now_ms = session.server.keyspace.now_ms
    name = session.name.decode("utf-8", "replace")
    return (
        f"id={session.id} addr={session.address} laddr={session.local_address} fd={session.fd} name={name} "
        f"age={(now_ms - session.created_ms) // 1000} idle={(now_ms - session.last_interaction_ms) // 1000} "
        f"user={session.user.decode('utf-8', 'replace')} resp={session.resp}"
    )
