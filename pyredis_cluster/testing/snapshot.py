"""What servers of a test hold, to be had again as often as wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET
from pyredis_cluster.execution.host import NoConnection
from pyredis_cluster.execution.obedient import ObedientSession
from pyredis_cluster.persistence.rdb.dump import dump_payload

if TYPE_CHECKING:
    from pyredis_cluster.protocol.errors import CommandError
    from pyredis_cluster.server.server import Server

_SESSION_ID = 0


@dataclass(frozen=True, slots=True)
class Data:
    """The keys of one server by database, each with its value as DUMP has it, and how long it has to live.

    That is in milliseconds, 0 for those that live for ever: keys that are restored have the time left that
    they had then, however long ago that was.
    """

    databases: Mapping[int, Sequence[tuple[bytes, bytes, int]]]

    @property
    def key_count(self) -> int:
        """How many keys there are."""
        return sum(len(entries) for entries in self.databases.values())


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """A whole cluster: by node its port, its nodes.conf, and (of a primary) its data."""

    ports: tuple[int, ...]
    nodes_conf: tuple[str, ...]
    data: tuple[Data | None, ...]

    def nodes_conf_at(self, ports: Sequence[int]) -> list[str]:
        """The nodes.conf files of the same cluster on these ports."""
        new = dict(zip(self.ports, ports, strict=True))

        def moved(match: re.Match[str]) -> str:
            port = new.get(int(match[1]), int(match[1]))
            return f":{port}@{port + BUS_PORT_OFFSET},"

        return [re.sub(r":(\d+)@\d+,", moved, text) for text in self.nodes_conf]


def has_same_owners(text: str, other: str) -> bool:
    """Whether two nodes.conf files of the same node have the same nodes, roles and slots, open ones too."""
    return _owners(text) == _owners(other)


def _owners(text: str) -> set[tuple[str, ...]]:
    lines = [line.split() for line in text.splitlines() if not line.startswith("vars ")]
    return {(line[0], line[2], line[3], *line[8:]) for line in lines}


def take(server: Server) -> Data:
    """What a server holds. O(data): some microseconds a key."""
    keyspace = server.state.keyspace
    server.state.update_time()
    now_ms = keyspace.now_ms
    databases = {}
    for number, database in enumerate(keyspace.databases):
        entries = []
        for key, value in database.values.items():
            expires_ms = database.expires.get(key, 0)
            if not expires_ms or expires_ms > now_ms:
                payload = dump_payload(value, compress=False)
                entries.append((key, payload, expires_ms and expires_ms - now_ms))
        if entries:
            databases[number] = entries
    return Data(databases)


def put_back(server: Server, data: Data) -> None:
    """Have a server hold `data` and nothing else. Its replicas, and its append-only file, are told.

    Raises RuntimeError for a replica, and for a database that this server does not have.
    """
    if server.replication_roles.primary is not None:
        raise RuntimeError("a replica has the data of its primary: restore that")
    # Not as a client: slots may be open, keys may be where they do not belong, and memory may be short.
    session = ObedientSession(server.state, NoConnection(), _SESSION_ID, _failed)
    server.work(session.apply, (list(_requests(data)),))


def _requests(data: Data) -> Iterator[list[bytes]]:
    yield [b"FLUSHALL", b"SYNC"]
    for number, entries in data.databases.items():
        yield [b"SELECT", b"%d" % number]
        for key, payload, left_ms in entries:
            yield [b"RESTORE", key, b"%d" % left_ms, payload]


def _failed(argv: list[bytes], error: CommandError) -> None:
    raise RuntimeError(f"{argv[0].decode()} of a snapshot: {error}")
