"""New clusters: what their nodes are told of each other before they start."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pyredis_cluster.cluster.founding import Founder, found
from pyredis_cluster.server.cluster_settings import cluster_settings

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.ports import Disk, Random

_WILDCARDS = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1", "::*": "::1"}


def founding_texts(configs: Iterable[Config], primary_count: int, random: Random) -> list[str]:
    """A nodes.conf for each server; the first `primary_count` are primaries, the others replicas in turn."""
    return found([_founder(config) for config in configs], primary_count, random)


def _founder(config: Config) -> Founder:
    settings = cluster_settings(config)
    address = settings.announce_ip or config.words("bind")[0].removeprefix("-")
    return Founder(
        _WILDCARDS.get(address, address),
        settings.announced_tcp_port,
        settings.announced_bus_port,
        settings.announced_tls_port,
        settings.announce_hostname,
    )


def write_nodes_conf(
    places: Iterable[tuple[Disk, str]], texts: Sequence[str], *, where_empty: bool = False
) -> bool:
    """Give each node its nodes.conf; False where all were to be empty and one is not. Raises OSError."""
    with contextlib.ExitStack() as closing:
        files = []
        for disk, path in places:
            files.append(closing.enter_context(contextlib.closing(disk.lock(path))))
        if where_empty and any(file.read() for file in files):
            return False
        for file, text in zip(files, texts, strict=True):
            file.replace(text.encode(), sync=False)
    return True
