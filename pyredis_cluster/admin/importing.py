"""`import`: the keys of a server that is no cluster node go into a cluster."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError, UsageError
from pyredis_cluster.admin.link import NOBODY, Credentials, Link, Word
from pyredis_cluster.admin.live import info_field, loaded, text_of
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.topology import Node, Topology
from pyredis_cluster.protocol.slots import key_slot

_SCAN_COUNT = 1000


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """Where from, as whom; `copies` leaves the keys there too, `replaces` overwrites those of the cluster."""

    source: Address
    source_credentials: Credentials = NOBODY
    copies: bool = False
    replaces: bool = False
    timeout_ms: int = 60_000


def import_keys(environment: Environment, address: Address, request: ImportRequest) -> Outcome:
    """Have the source move its keys, one by one, each to the node of its slot. Raises AdminError."""
    console = environment.console
    console.info(f">>> Importing data from {request.source} to cluster {address}")
    with loaded(environment, address) as cluster:
        findings = check_cluster(environment, cluster)
        if not findings.is_clean:
            return Outcome(ok=False, details=findings.as_json())
        try:
            dialled = environment.dial(request.source, request.source_credentials)
        except ReplyError as error:
            raise UsageError(f"AUTH failed: {error.text}") from None
        except UnreachableError as error:
            raise UnreachableError(f"{error}.") from None
        try:
            with contextlib.closing(dialled) as source:
                return Outcome(details={"keys": _move_all(environment, source, cluster, request)})
        except ReplyError as error:
            raise AdminError(f"Source {request.source} replied with error:\n{error.text}") from None


def _move_all(environment: Environment, source: Link, cluster: Topology, request: ImportRequest) -> int:
    console = environment.console
    if info_field(text_of(source.call("INFO")), "cluster_enabled") == "1":
        raise AdminError("[ERR] The source node should not be a cluster node.")
    size = source.call("DBSIZE")
    total = size if isinstance(size, int) else 0
    console.warning(f"*** Importing {total} keys from DB 0")
    owner = {slot: node for node in cluster.primaries for slot in node.slots}
    moved = 0
    cursor: Word = 0
    with console.progress("Importing keys", total) as progress:
        while True:
            cursor, keys = _scan(source, cursor)
            for key in keys:
                target = owner[key_slot(key)]
                console.write(f"Migrating {key.decode(errors='backslashreplace')} to {target}: ")
                source.call(*_migrate_words(environment, request, key, target))
                console.success("OK")
                moved += 1
                progress.advance()
            if cursor == b"0":
                return moved


def _scan(source: Link, cursor: Word) -> tuple[bytes, list[bytes]]:
    match source.call("SCAN", cursor, "COUNT", _SCAN_COUNT):
        case [bytes(following), list(keys)]:
            return following, [key for key in keys if isinstance(key, bytes)]
        case _:
            raise AdminError("[ERR] The source node sent an invalid reply to SCAN.")


def _migrate_words(environment: Environment, request: ImportRequest, key: bytes, target: Node) -> list[Word]:
    return [
        *("MIGRATE", target.address.host, target.address.port, key, 0, request.timeout_ms),
        *environment.credentials.migrate_words(),
        *(("COPY",) if request.copies else ()),
        *(("REPLACE",) if request.replaces else ()),
    ]
