"""Nodes as redis-cli shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pyredis_cluster.admin.topology import Node, slot_ranges


def describe_slots(slots: Iterable[int]) -> str:
    """`[0-5460],[7000]`."""
    return ",".join(
        [f"[{first}]" if first == last else f"[{first}-{last}]" for first, last in slot_ranges(slots)]
    )


def describe_flags(node: Node) -> str:
    """The flags, without the one that says who was asked."""
    return ",".join([flag for flag in node.flags if flag != "myself"])


def describe_node(node: Node, indent: int = 0, *, will_be_replica: bool = False) -> str:
    """Two or three lines on one node; of one that is to become a replica, only of whom."""
    space = " " * indent
    if will_be_replica:
        lines = [f"{space}S: {node.node_id} {node}"]
    else:
        lines = [
            f"{space}{'S' if node.is_replica else 'M'}: {node.node_id} {node}",
            f"{space}   slots:{describe_slots(node.slots)} ({len(node.slots)} slots) {describe_flags(node)}",
        ]
    if node.primary_id is not None:
        lines.append(f"{space}   replicates {node.primary_id}")
    elif node.replica_count:
        lines.append(f"{space}   {node.replica_count} additional replica(s)")
    return "\n".join(lines)


def node_as_json(node: Node) -> dict[str, object]:
    """One node for `--json`: the fields of redis-cli's backup."""
    return {
        "name": node.node_id,
        "host": node.address.host,
        "port": node.address.port,
        "replicate": node.primary_id,
        "slots": [[first] if first == last else [first, last] for first, last in slot_ranges(node.slots)],
        "slots_count": len(node.slots),
        "flags": describe_flags(node),
        "current_epoch": node.config_epoch,
        **({"migrating": _by_text(node.migrating)} if node.migrating else {}),
        **({"importing": _by_text(node.importing)} if node.importing else {}),
    }


def backup_text(nodes: Iterable[Node], error_count: int) -> str:
    """The file `nodes.json` of a backup, laid out as redis-cli has it."""
    objects = []
    for node in nodes:
        fields = {}
        for name, value in node_as_json(node).items():
            fields[name] = json.dumps(value, separators=(",", ":"))
            if name == "current_epoch" and error_count:
                fields["cluster_errors"] = str(error_count)
        for name in fields.keys() & {"migrating", "importing"}:
            fields[name] = json.dumps(json.loads(fields[name]), separators=(",", ": "))
        lines = [f'    "{name}": {text}' for name, text in fields.items()]
        objects.append("  {\n" + ",\n".join(lines) + "\n  }")
    return "[\n" + ",\n".join(objects) + "\n]"


def _by_text(table: Mapping[int, str]) -> dict[str, str]:
    return {str(slot): other for slot, other in table.items()}
