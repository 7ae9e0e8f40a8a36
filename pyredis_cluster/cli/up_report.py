"""What `pyredis-cluster up` says once all are ready: a table with how to connect, or a line of JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from pyredis_cluster.cli.up_options import MASTER_NAME, UpOptions
from pyredis_cluster.cluster.bitmap import ranges

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server

_MOST_ROWS = 24
PRIMARY, REPLICA, SENTINEL = "primary", "replica", "sentinel"


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node: `role` is primary, replica or sentinel; `primary_port` is that of a replica's primary."""

    port: int
    role: str
    pid: int
    node_id: str = ""
    slots: tuple[tuple[int, int], ...] = ()
    primary_port: int = 0
    has_password: bool = False


def report_of(server: Server) -> NodeReport:
    """What a running server is now."""
    report = NodeReport(
        server.config.integer("port"),
        PRIMARY,
        os.getpid(),
        has_password=bool(server.config.data("requirepass")),
    )
    if server.sentinel is not None:
        return replace(report, role=SENTINEL, node_id=server.sentinel.my_id.decode())
    if server.cluster is not None:
        myself = server.cluster.core.state.myself
        report = replace(report, node_id=myself.node_id, slots=tuple(ranges(myself.slots)))
        followed = myself.primary.tcp_port if myself.primary is not None else 0
    else:
        primary = server.replication_roles.primary
        followed = primary[1] if primary is not None else 0
    return replace(report, role=REPLICA, primary_port=followed) if followed else report


def report_from(fields: dict[str, object]) -> NodeReport:
    """A report that came as JSON."""
    slots = fields.pop("slots")
    assert isinstance(slots, list)
    return NodeReport(slots=tuple((first, last) for first, last in slots), **fields)  # type: ignore[arg-type]


def json_line(options: UpOptions, reports: Sequence[NodeReport]) -> str:
    """One line. `url` and `startup_nodes` are for clients, `sentinels` for those that ask sentinels."""
    host = options.host
    nodes = []
    for report in reports:
        fields = asdict(report)
        primary_port = fields.pop("primary_port")
        del fields["has_password"]
        fields["id"] = fields.pop("node_id")
        fields |= {
            "host": host,
            "address": f"{host}:{report.port}",
            "url": f"redis://{_in_url(host)}:{report.port}",
        }
        fields["primary"] = f"{host}:{primary_port}" if primary_port else None
        nodes.append(fields)
    data = [node for node in nodes if node["role"] != SENTINEL]
    watching = [node for node in nodes if node["role"] == SENTINEL]
    result: dict[str, object] = {
        "url": data[0]["url"],
        "startup_nodes": [node["address"] for node in data],
        "nodes": data,
    }
    if watching:
        result |= {"master_name": MASTER_NAME, "sentinels": watching}
    return json.dumps(result | {"directory": options.directory})


def table(options: UpOptions, reports: Sequence[NodeReport]) -> str:
    """A table of the nodes, how to connect, and how it ends."""
    shows_pids = len({report.pid for report in reports}) > 1
    password = any(report.has_password for report in reports)
    parts = [_headline(options), "", *_table(options, reports, shows_pids=shows_pids), ""]
    parts += _connecting(options, reports[0].port, password=password)
    parts += ["", *_notes(options, password=password), "Ctrl-C ends it."]
    return "\n".join(parts)


def _headline(options: UpOptions) -> str:
    shape = options.shape
    replicas = shape.primaries * shape.replicas
    counts = [_count(shape.primaries, "primary", "primaries")]
    counts += [_count(replicas, "replica", "replicas")] if replicas else []
    counts += [_count(shape.sentinels, "sentinel", "sentinels")] if shape.sentinels else []
    counts += ["all slots"] if shape.is_cluster else []
    return f"The {'cluster' if shape.is_cluster else 'group'} is ready: {', '.join(counts)}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _table(options: UpOptions, reports: Sequence[NodeReport], *, shows_pids: bool) -> list[str]:
    host = options.host

    def name(report: NodeReport) -> str:
        return f"{host}:{report.port}" + (f" (pid {report.pid})" if shows_pids else "")

    rows = [["primary", "slots" if options.shape.is_cluster else "", "replicas"]]
    for primary in reports:
        if primary.role != PRIMARY:
            continue
        replicas = [name(each) for each in reports if each.primary_port == primary.port]
        rows.append([name(primary), _slots(primary), ", ".join(replicas) or "–"])
    hidden = len(rows) - 1 - _MOST_ROWS
    if hidden > 0:
        rows = rows[: _MOST_ROWS + 1]
    lines = [line.rstrip() for line in _aligned(rows)]
    if hidden > 0:
        lines.append(f"  and {hidden} more")
    sentinels = [name(each) for each in reports if each.role == SENTINEL]
    if sentinels:
        lines += ["", "  sentinels of " + MASTER_NAME, *[f"  {each}" for each in sentinels]]
    return lines


def _slots(report: NodeReport) -> str:
    return ", ".join([str(first) if first == last else f"{first}-{last}" for first, last in report.slots])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "".join([cell.ljust(width + 3) for cell, width in zip(row, widths, strict=True) if width])
        for row in rows
    ]


def _connecting(options: UpOptions, port: int, *, password: bool) -> list[str]:
    host, shape = options.host, options.shape
    asks = " --askpass" if password else ""
    login = ", password=..." if password else ""
    cli = f"-h {host} -p"
    if shape.is_cluster:
        rows = [
            ("redis-cli", f"redis-cli -c {cli} {port}{asks}"),
            ("redis-py", f'RedisCluster("{host}", {port}{login})'),
            ("look", f"pyredis-cluster status {host}:{port} --watch{asks}"),
        ]
    else:
        sentinel_port = shape.ports[shape.server_count]
        rows = [
            ("redis-cli", f"redis-cli {cli} {port}{asks}"),
            ("sentinel", f"redis-cli {cli} {sentinel_port} sentinel get-master-addr-by-name {MASTER_NAME}"),
            ("redis-py", f'Sentinel([("{host}", {sentinel_port})]).master_for("{MASTER_NAME}"{login})'),
        ]
    return [f"  {name:<12}{text}" for name, text in rows]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _notes(options: UpOptions, *, password: bool) -> list[str]:
    notes = []
    if not options.is_local and not password:
        notes.append("Whoever reaches this host can use it: --requirepass sets a password.")
    if options.directory is not None:
        notes.append(f"Data and logs are in {options.directory}: with that it comes back.")
    else:
        notes.append("Nothing is kept; with --dir DIRECTORY it comes back.")
    return notes
