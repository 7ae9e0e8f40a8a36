"""What somebody should look at in a cluster, and all that is known of it as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis_cluster.admin.live import info_field
from pyredis_cluster.admin.status import Member, Status, lag_of, some_slots, version_of
from pyredis_cluster.protocol.slots import SLOT_COUNT


def find_problems(status: Status) -> list[str]:
    """What somebody should look at, the worst first."""
    problems = []
    if status.is_cluster:
        if not status.is_ok:
            problems.append("the cluster is down: cluster_state is not ok")
        missing = set(range(SLOT_COUNT)).difference(*[member.node.slots for member in status.members])
        if missing:
            problems.append(f"{len(missing)} slots have no owner: {some_slots(missing)}")
    problems += [
        f"{member.node} {member.state}" + (f": {member.failure}" if member.failure else "")
        for member in status.members
        if member.state
    ]
    for primary in status.primaries:
        for replica in status.replicas_of(primary):
            lag = lag_of(replica, primary)
            if lag is not None and not lag.is_small:
                problems.append(f"{replica.node}: {lag}")
    return problems + _open_slots(status) + _disagreements(status)


def _open_slots(status: Status) -> list[str]:
    lines = []
    for member in status.members:
        itself = member.answers.itself if member.answers is not None else None
        if itself is None:
            continue
        for table, what in ((itself.migrating, "migrating to"), (itself.importing, "importing from")):
            for other in dict.fromkeys(table.values()):
                slots = [slot for slot, node_id in table.items() if node_id == other]
                shown = some_slots(slots)
                lines.append(f"{member.node} has slots {shown} open, {what} {status.name_of(other)}")
    return lines


def _disagreements(status: Status) -> list[str]:
    views: dict[object, list[Member]] = {}
    for member in status.members:
        if member.answers is not None and member.answers.view:
            views.setdefault(member.answers.view, []).append(member)
    if len(views) < 2:
        return []
    groups = sorted(views.values(), key=len, reverse=True)
    others = ", ".join([str(member.node) for group in groups[1:] for member in group])
    return [f"nodes do not agree on who owns which slot: {others} have another view than the rest"]


def as_json(status: Status) -> dict[str, object]:
    """All that is known, for programs."""
    return {
        "ok": not status.problems,
        "asked": str(status.asked),
        "cluster_state": info_field(status.cluster_info, "cluster_state") or None,
        "current_epoch": int(status.epoch) if status.epoch.isdecimal() else None,
        "slots_assigned": status.slot_count,
        "problems": status.problems,
        "nodes": [_member_as_json(status, member) for member in _in_order(status)],
    }


def _in_order(status: Status) -> Sequence[Member]:
    families = [[primary, *status.replicas_of(primary)] for primary in status.primaries]
    return [member for family in families for member in family] + status.strays


def _member_as_json(status: Status, member: Member) -> dict[str, object]:
    node, answers = member.node, member.answers
    result: dict[str, object] = {
        "id": node.node_id,
        "host": node.address.host,
        "port": node.address.port,
        "role": "replica" if node.is_replica else "primary",
        "primary": node.primary_id,
        "flags": list(node.flags),
        "config_epoch": node.config_epoch,
        "slots": [list(run) for run in member.slots],
        "state": member.state or "ok",
    }
    if member.failure:
        result["failure"] = member.failure
    if answers is not None:
        result |= {
            "version": version_of(answers),
            "keys": answers.keys,
            "used_memory": answers.number("used_memory"),
            "ops_per_s": answers.number("instantaneous_ops_per_sec"),
            "clients": answers.number("connected_clients"),
        }
    if node.is_replica:
        primary = next((each for each in status.members if each.node.node_id == node.primary_id), None)
        lag = lag_of(member, primary)
        result |= {"replication": str(lag) if lag else None, "lag_bytes": lag.bytes if lag else None}
    return result
