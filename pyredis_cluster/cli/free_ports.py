"""Neighbouring ports that are free: what `--port auto` finds."""

from __future__ import annotations

import contextlib

from pyredis_cluster.cli.up_shape import Shape, UpError
from pyredis_cluster.testing.ports import PORTS, PortReservation

_FIRST = 7000
_STEP = 10


def first_free(shape: Shape) -> PortReservation:
    """As many ports in a row as `shape` needs, with those of the bus; the first that are free.

    Others that look for ports take others while they are reserved. Raises UpError.
    """
    count = len(shape.ports)
    for first in range(_FIRST, PORTS.stop - count, _STEP):
        with contextlib.suppress(RuntimeError):
            row = range(first, first + count)
            return PortReservation(count, with_bus=shape.is_cluster, among=row)
    raise UpError(f"There are no {count} free ports in a row.")
