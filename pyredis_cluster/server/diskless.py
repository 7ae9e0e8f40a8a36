r"""A full synchronisation without a file: a snapshot is sent to several replicas while it is made.

Since its length is not known before, it is sent as

    $EOF:<mark>\r\n<data><mark>

with a mark of 40 random characters. The slowest replica sets the pace.

Source: rdbSaveRioWithEOFMark and rdbPipeReadHandler of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.server.background import BackgroundJobs, Done
    from pyredis_cluster.server.log import Log
    from pyredis_cluster.server.replica_output import ReplicaOutput


class DisklessTransfer:
    """What the background job that makes the snapshot writes to. `outputs` are those who are still there."""

    def __init__(
        self,
        jobs: BackgroundJobs,
        outputs: Sequence[ReplicaOutput],
        mark: bytes,
        log: Log,
        now_ms: Callable[[], int],
    ) -> None:
        self._jobs = jobs
        self._mark = mark
        self._log = log
        self._now_ms = now_ms
        self._settle: Done | None = None
        self._taken: set[ReplicaOutput] = set()
        """Those that have acknowledged all."""
        self.outputs = dict.fromkeys(outputs)
        for output in outputs:
            output.send(b"$EOF:%b\r\n" % mark)

    def write(self, piece: bytes) -> None:
        """Send a piece of the data; no more is asked for until everyone has taken it."""
        self._send(piece)
        if not self._all_ready():
            self._jobs.pause()

    def finish(self, settle: Done) -> None:
        """All data was sent: send the mark, and end when everyone has taken all."""
        self._settle = settle
        self._send(self._mark)
        self._log.notice(
            f"Diskless rdb transfer, done reading from pipe, {len(self.outputs)} replicas still up."
        )
        self._go_on()

    def _send(self, data: bytes) -> None:
        for output in self.outputs:
            output.send(data)
            if not output.is_ready:
                output.replica.stuck_since_ms = self._now_ms()

    def drained(self, output: ReplicaOutput) -> None:
        """A replica can take more."""
        output.replica.stuck_since_ms = 0
        self._go_on()

    def acknowledged(self, output: ReplicaOutput) -> None:
        """A replica says that it has the data, which it cannot have before all was sent."""
        if self._settle is not None:
            self._taken.add(output)
            self._go_on()

    def left(self, output: ReplicaOutput) -> None:
        """A replica is gone."""
        del self.outputs[output]
        if self.outputs:
            self._go_on()
        else:
            self._log.warning("Diskless rdb transfer, last replica dropped, killing fork child.")
            self._jobs.cancel()

    def _all_ready(self) -> bool:
        return all(output.is_ready or output in self._taken for output in self.outputs)

    def _go_on(self) -> None:
        if not self._all_ready():
            return
        if self._settle is None:
            self._jobs.resume()
        else:
            settle, self._settle = self._settle, None
            settle(None)
