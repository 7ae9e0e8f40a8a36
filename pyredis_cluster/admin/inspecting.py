"""`info`, `check` and `fix`."""

from __future__ import annotations

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import ReplyError
from pyredis_cluster.admin.fixing import Fixer
from pyredis_cluster.admin.live import LiveCluster, loaded
from pyredis_cluster.admin.moving import MoveOptions
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.protocol.slots import SLOT_COUNT


def info(environment: Environment, address: Address) -> Outcome:
    """Keys, slots and replicas of each primary. Raises AdminError."""
    with loaded(environment, address) as cluster:
        return _show_info(environment, cluster)


def check(environment: Environment, address: Address, *, searches_owners: bool) -> Outcome:
    """`info`, and whether all is as it should be. Raises AdminError."""
    with loaded(environment, address) as cluster:
        outcome = _show_info(environment, cluster)
        findings = check_cluster(environment, cluster, searches_owners=searches_owners)
        return Outcome(findings.is_clean, outcome.details | findings.as_json())


def fix(
    environment: Environment,
    address: Address,
    options: MoveOptions,
    *,
    searches_owners: bool,
    forces: bool,
) -> Outcome:
    """`check`, and mend what is wrong; `forces` even with primaries missing. Raises AdminError."""
    with loaded(environment, address) as cluster:
        outcome = _show_info(environment, cluster)
        fixer = Fixer(environment, cluster, options, forces=forces)
        findings, is_mended = fixer.fix(searches_owners=searches_owners)
        return Outcome(is_mended, outcome.details | findings.as_json() | {"fixed": is_mended})


def _show_info(environment: Environment, cluster: LiveCluster) -> Outcome:
    console = environment.console
    primaries: list[dict[str, object]] = []
    total = 0
    for node in cluster.primaries:
        try:
            reply = cluster.call(node, "DBSIZE")
        except ReplyError as error:
            console.error(str(error))
            return Outcome(details={"masters": primaries})
        keys = reply if isinstance(reply, int) else 0
        total += keys
        console.write(
            f"{node} ({node.node_id[:8]}...) -> {keys} keys | {len(node.slots)} slots | "
            f"{node.replica_count} slaves.\n"
        )
        primaries.append(
            {
                "name": node.node_id,
                "host": node.address.host,
                "port": node.address.port,
                "keys": keys,
                "slots_count": len(node.slots),
                "slaves": node.replica_count,
            }
        )
    console.success(f"[OK] {total} keys in {len(primaries)} masters.")
    console.write(f"{total / SLOT_COUNT:.2f} keys per slot on average.\n")
    return Outcome(details={"masters": primaries, "keys": total})
