"""What tests of replication wait for and look at."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.support.digests import bulk
from tests.support.wire import RawClient

LIMIT_S = 60.0


def info(client: RawClient, section: str = "replication") -> dict[str, str]:
    """The fields of a section of INFO, in their order."""
    lines = bulk(client.call("INFO", section)).decode().splitlines()
    pairs = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def wait_until(
    holds: Callable[[], bool], say: Callable[[], object] | str = "", *, limit_s: float = LIMIT_S
) -> float:
    """Poll until `holds()`; how many seconds it took. Raises AssertionError with what `say` has to say."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > limit_s:
            raise AssertionError(f"not within {limit_s} s: {say() if callable(say) else say}")
        time.sleep(0.005)
    return time.monotonic() - start


def follow(replica: RawClient, primary_port: int | None) -> None:
    """Make a server a replica of another, or with None of nobody. Raises AssertionError when it refuses."""
    words = ("NO", "ONE") if primary_port is None else ("127.0.0.1", str(primary_port))
    reply = replica.call("REPLICAOF", *words)
    assert reply == b"+OK\r\n", reply


def link_is_up(replica: RawClient) -> bool:
    """Whether a replica says that its link is up."""
    return info(replica).get("master_link_status") == "up"


def wait_for_link(replica: RawClient, *, limit_s: float = LIMIT_S) -> float:
    """Wait until a replica is in sync with its primary. Raises AssertionError."""
    return wait_until(lambda: link_is_up(replica), lambda: info(replica), limit_s=limit_s)


def has_caught_up(primary: RawClient, *replicas: RawClient) -> bool:
    """Whether all replicas have processed all that the primary has sent."""
    offset = info(primary)["master_repl_offset"]
    return all(
        link_is_up(replica) and info(replica)["slave_repl_offset"] == offset for replica in replicas
    ) and (info(primary)["master_repl_offset"] == offset)


def wait_for_replicas(primary: RawClient, *replicas: RawClient, limit_s: float = LIMIT_S) -> None:
    """Wait until all replicas, chained ones too, have all of the primary's stream. Raises AssertionError."""
    wait_until(
        lambda: has_caught_up(primary, *replicas),
        lambda: [info(server) for server in (primary, *replicas)],
        limit_s=limit_s,
    )


def syncs(primary: RawClient) -> tuple[int, int, int]:
    """How many full and how many partial synchronisations a server has served, and how many it refused."""
    stats = info(primary, "stats")
    return int(stats["sync_full"]), int(stats["sync_partial_ok"]), int(stats["sync_partial_err"])
