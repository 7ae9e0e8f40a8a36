"""`call` and `set-timeout`: the same for all nodes."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError, UsageError
from pyredis_cluster.admin.link import Reply
from pyredis_cluster.admin.live import LiveCluster, loaded
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.topology import Node

LOWEST_TIMEOUT_MS = 100


def call(
    environment: Environment,
    address: Address,
    words: Sequence[str],
    *,
    only_primaries: bool = False,
    only_replicas: bool = False,
    errors_count: bool = False,
) -> Outcome:
    """Send a request to all nodes and show what they reply. Raises AdminError.

    Ends well though nodes refuse, as with redis-cli, unless `errors_count`.
    """
    console = environment.console
    with loaded(environment, address) as cluster:
        console.info(">>> Calling " + " ".join(words))
        replies: list[dict[str, object]] = []
        failed = False
        for node in cluster.nodes:
            if (only_primaries and node.is_replica) or (only_replicas and not node.is_replica):
                continue
            entry: dict[str, object] = {"name": node.node_id, "address": str(node)}
            try:
                reply = cluster.call(node, *words)
                console.write(f"{node}: {raw_text(reply)}\n")
                entry["reply"] = as_json(reply)
            except ReplyError as error:
                console.write(f"{node}: {raw_text(error)}\n")
                entry["error"] = error.text
                failed = True
            except UnreachableError:
                console.write(f"{node}: Failed!\n")
                entry["error"] = "Failed!"
                failed = True
            replies.append(entry)
        return Outcome(not (failed and errors_count), {"replies": replies})


def set_timeout(environment: Environment, address: Address, timeout_ms: int) -> Outcome:
    """Set `cluster-node-timeout` in all nodes and their files. Raises AdminError; a node may refuse."""
    console = environment.console
    if timeout_ms < LOWEST_TIMEOUT_MS:
        raise UsageError(
            f"Setting a node timeout of less than {LOWEST_TIMEOUT_MS} milliseconds is a bad idea."
        )
    with loaded(environment, address) as cluster:
        console.info(">>> Reconfiguring node timeout in every cluster node...")
        refused = {}
        for node in cluster.nodes:
            try:
                _configure(cluster, node, timeout_ms)
                console.warning(f"*** New timeout set for {node}")
            except AdminError as error:
                text = error.text if isinstance(error, ReplyError) else str(error)
                console.error(f"ERR setting node-timeout for {node}: {text}")
                refused[str(node)] = text
        done = len(cluster.nodes) - len(refused)
        console.info(f">>> New node timeout set. {done} OK, {len(refused)} ERR.")
        return Outcome(details={"done": done, "refused": refused})


def _configure(cluster: LiveCluster, node: Node, timeout_ms: int) -> None:
    cluster.call(node, "CONFIG", "SET", "cluster-node-timeout", timeout_ms)
    cluster.call(node, "CONFIG", "REWRITE")


def raw_text(reply: Reply) -> str:
    """A reply as redis-cli prints it into a pipe; elements are on lines of their own."""
    match reply:
        case None:
            return ""
        case ReplyError():
            return f"{reply.text}\n"
        case bytes():
            return reply.decode(errors="backslashreplace")
        case list():
            return "\n".join([raw_text(each) for each in reply])
        case _:
            return str(reply)


def as_json(reply: Reply) -> object:
    """A reply for `--json`."""
    match reply:
        case ReplyError():
            return {"error": reply.text}
        case list():
            return [as_json(each) for each in reply]
        case bytes():
            return raw_text(reply)
        case _:
            return reply
