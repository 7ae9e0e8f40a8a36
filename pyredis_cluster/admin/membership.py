"""`add-node` and `del-node`."""

from __future__ import annotations

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.describe import node_as_json
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError
from pyredis_cluster.admin.joining import meet_words, wait_until_joined
from pyredis_cluster.admin.link import Link
from pyredis_cluster.admin.live import LiveCluster, connect_node, loaded, require_empty
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.topology import Node


def add_node(
    environment: Environment,
    new: Address,
    existing: Address,
    *,
    as_replica: bool,
    primary_id: str | None = None,
) -> Outcome:
    """Have a new, empty node join; as a replica of that primary or of any. Raises AdminError."""
    console = environment.console
    console.info(f">>> Adding node {new} to cluster {existing}")
    with loaded(environment, existing) as cluster:
        findings = check_cluster(environment, cluster)
        if not findings.is_clean:
            return Outcome(ok=False, details=findings.as_json())
        primary = _primary_for(environment, cluster, primary_id) if as_replica else None
        first = cluster.first
        node, link = _connect_new(environment, new)
        cluster.add(node, link)
        require_empty(link, new)
        if primary is None:
            # A replica gets them from its primary.
            _copy_functions(environment, cluster.links[first], link, new)
        console.info(f">>> Send CLUSTER MEET to node {new} to make it join the cluster.")
        link.call(*meet_words(first))
        if primary is not None:
            wait_until_joined(environment, cluster, {node: primary})
            console.info(f">>> Configure node as replica of {primary}.")
            link.call("CLUSTER", "REPLICATE", primary.node_id)
        console.success("[OK] New node added correctly.")
        replicates = None if primary is None else primary.node_id
        return Outcome(details={"node": {**node_as_json(node), "replicate": replicates}})


def _primary_for(environment: Environment, cluster: LiveCluster, primary_id: str | None) -> Node:
    if primary_id is not None:
        found = cluster.by_id(primary_id)
        if found is None:
            raise AdminError(f"[ERR] No such master ID {primary_id}")
        return found
    found = cluster.with_fewest_replicas()
    if found is None:
        raise AdminError("[ERR] The cluster has no master that could be asked")
    environment.console.write(f"Automatically selected master {found}\n")
    return found


def _connect_new(environment: Environment, address: Address) -> tuple[Node, Link]:
    try:
        return connect_node(environment, address)
    except UnreachableError as error:
        environment.console.complain(str(error))
        raise AdminError(f"[ERR] Sorry, can't connect to node {address}") from None


def _copy_functions(environment: Environment, source: Link, target: Link, new: Address) -> None:
    console = environment.console
    console.info(">>> Getting functions from cluster")
    try:
        functions = source.call("FUNCTION", "DUMP")
    except ReplyError as error:
        console.info(
            ">>> Failed retrieving Functions from the cluster, skip this step as Redis version do not "
            f"support function command (error = '{error.text}')"
        )
        return
    console.info(f">>> Send FUNCTION LIST to {new} to verify there is no functions in it")
    try:
        present = target.call("FUNCTION", "LIST")
    except ReplyError as error:
        raise AdminError(f">>> Failed on CLUSTER LIST (error = '{error.text}')") from None
    if present:
        raise AdminError(
            ">>> New node already contains functions and can not be added to the cluster. Use FUNCTION FLUSH "
            "and try again."
        )
    console.info(f">>> Send FUNCTION RESTORE to {new}")
    try:
        target.call("FUNCTION", "RESTORE", functions if isinstance(functions, bytes) else b"")
    except ReplyError as error:
        raise AdminError(f">>> Failed loading functions to the new node (error = '{error.text}')") from None


def del_node(environment: Environment, address: Address, node_id: str) -> Outcome:
    """Have all forget a node without slots, and reset it; its replicas follow others. Raises AdminError."""
    console = environment.console
    console.info(f">>> Removing node {node_id} from cluster {address}")
    with loaded(environment, address) as cluster:
        leaving = cluster.by_id(node_id)
        if leaving is None:
            raise AdminError(f"[ERR] No such node ID {node_id}")
        if leaving.slots:
            raise AdminError(f"[ERR] Node {leaving} is not empty! Reshard data away and try again.")
        console.info(">>> Sending CLUSTER FORGET messages to the cluster...")
        for node in cluster.nodes:
            if node is leaving:
                continue
            if node.primary_id == leaving.node_id:
                _give_to_another(environment, cluster, node, leaving)
            cluster.call(node, "CLUSTER", "FORGET", leaving.node_id)
        console.info(">>> Sending CLUSTER RESET SOFT to the deleted node.")
        cluster.call(leaving, "CLUSTER", "RESET", "SOFT")
        return Outcome(details={"node": node_as_json(leaving)})


def _give_to_another(environment: Environment, cluster: LiveCluster, replica: Node, leaving: Node) -> None:
    primary = cluster.with_fewest_replicas(other_than=leaving)
    if primary is None:
        raise AdminError(f"[ERR] There is no other master that {replica} could replicate")
    environment.console.info(f">>> {replica} as replica of {primary}")
    cluster.call(replica, "CLUSTER", "REPLICATE", primary.node_id)
    primary.replica_count += 1
