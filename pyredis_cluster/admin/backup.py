"""`backup`: an RDB file of each primary, and what the cluster looks like."""

from __future__ import annotations

import os

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.describe import backup_text
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.live import LiveCluster, loaded
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.rdb_download import download_rdb

_NODES_FILE = "nodes.json"


def backup(environment: Environment, address: Address, directory: str) -> Outcome:
    """Write `redis-node-<host>-<port>-<id>.rdb` and `nodes.json` into a directory. Raises AdminError."""
    console = environment.console
    if not os.path.isdir(directory):
        raise AdminError(f"[ERR] No such directory: {directory}")
    with loaded(environment, address) as cluster:
        findings = check_cluster(environment, cluster)
        try:
            files = _save_data(environment, cluster, directory)
            path = os.path.join(directory, _NODES_FILE)
            console.info(f"Saving cluster configuration to: {path}")
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                file.write(backup_text(cluster.nodes, len(findings.errors)))
        except OSError as error:
            raise AdminError(f"Could not write {error.filename}: {error.strerror}") from None
    if not findings.is_clean:
        console.warning(
            "*** Cluster seems to have some problems, please be aware of it if you're going to restore this "
            "backup."
        )
    console.success(f"[OK] Backup created into: {directory}")
    return Outcome(details={"files": [*files, path], **findings.as_json()})


def _save_data(environment: Environment, cluster: LiveCluster, directory: str) -> list[str]:
    console = environment.console
    paths = []
    with console.progress("Saving", len(cluster.primaries)) as progress:
        for node in cluster.primaries:
            console.info(f">>> Node {node} -> Saving RDB...")
            # A colon of an IPv6 address is not allowed in names of files on Windows.
            host = node.address.host.replace(":", "_")
            name = f"redis-node-{host}-{node.address.port}-{node.node_id}.rdb"
            paths.append(os.path.join(directory, name))
            size = download_rdb(node.address, environment.credentials, paths[-1])
            console.complain(f"SYNC sent to master, writing {size} bytes to '{paths[-1]}'")
            console.complain("Transfer finished with success.")
            progress.advance()
    return paths
