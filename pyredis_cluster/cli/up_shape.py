"""Which nodes `pyredis-cluster up` has: as they are asked for, and as a directory remembers them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass

_SHAPE_FILE = "cluster.json"


class UpError(Exception):
    """What was asked for cannot be; the text is told to whoever asked."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The nodes that there are: what a directory with their data is bound to.

    `replicas` are per primary. With sentinels there is one primary, which is no cluster node.
    """

    primaries: int
    replicas: int
    sentinels: int
    port: int

    @property
    def server_count(self) -> int:
        """How many nodes have data."""
        return self.primaries * (1 + self.replicas)

    @property
    def ports(self) -> range:
        """Ports of all, the primaries first and sentinels last."""
        return range(self.port, self.port + self.server_count + self.sentinels)

    @property
    def is_cluster(self) -> bool:
        """Whether the nodes are a cluster."""
        return not self.sentinels


def remembered(directory: str | None) -> Shape | None:
    """The nodes that a directory has data of, or None. Raises UpError."""
    if directory is None:
        return None
    path = os.path.join(directory, _SHAPE_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
            return Shape(
                **{name: int(found[name]) for name in ("primaries", "replicas", "sentinels", "port")}
            )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UpError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UpError(f"{path} does not say what nodes there are; it was not written by `up`.") from None


def remember(directory: str | None, shape: Shape) -> None:
    """Note in the directory, if there is one, which nodes it has data of. Raises OSError."""
    if directory is not None:
        with open(os.path.join(directory, _SHAPE_FILE), "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(shape)) + "\n")


def as_before(shape: Shape, before: Shape, given: Collection[str]) -> Shape:
    """`shape` with all that was not `given` as it was before. Raises UpError where the rest differs."""
    for name in sorted(given):
        if getattr(shape, name) != getattr(before, name):
            raise UpError(
                f"The directory holds nodes that were started with --{name} {getattr(before, name)}: leave"
                f" --{name} out, or give another --dir."
            )
    return before
