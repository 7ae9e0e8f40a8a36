"""Which history of changes this server's data belongs to, and the latest part of it."""

from __future__ import annotations

from pyredis_cluster.ports import Random
from pyredis_cluster.replication.backlog import Backlog

NO_ID = "0" * 40


class ReplicationState:
    """Replication ids, offset and backlog of a server, be it a primary or a replica.

    `replid` names the history, `offset` says how many bytes of it there are. `second_replid` is a history
    that ours continues: it and ours are the same up to byte `second_offset` - 1; -1 where there is none.

    Only a stream that is kept is counted byte by byte: without a backlog the offset stands still, or under an
    AOF counts commands (`Replicas`).
    """

    def __init__(self, random: Random) -> None:
        self.replid = NO_ID
        self.offset = 0
        self.second_replid = NO_ID
        self.second_offset = -1
        self.backlog: Backlog | None = None
        self.change_id(random)

    def change_id(self, random: Random) -> None:
        """Begin a new history: no one can resume from an earlier one."""
        self.replid = _new_id(random)
        self.forget_second_id()

    def forget_second_id(self) -> None:
        """Our history continues no other one."""
        self.second_replid = NO_ID
        self.second_offset = -1

    def shift_id(self, random: Random) -> None:
        """Go on under a new id, as a replica does that is promoted: who has the old history may resume from
        it, up to where it was now.
        """
        self.continue_as(_new_id(random))

    def continue_as(self, replid: str) -> None:
        """The history goes on under another id: that of a primary which was promoted meanwhile."""
        self.second_replid = self.replid
        self.second_offset = self.offset + 1
        self.replid = replid

    def begin_after(self, replid: str, offset: int) -> None:
        """The data that was loaded at start is what a history had come to: who has that may go on with ours.

        Nothing has been changed yet since the server started.
        """
        self.second_replid = replid
        self.second_offset = offset + 1
        self.offset += offset
        if self.backlog is not None:
            self.backlog = Backlog(self.backlog.size, self.offset)

    def adopt(self, replid: str, offset: int) -> None:
        """Our data is another server's from now on: that of `replid`, of which there are `offset` bytes.

        What the backlog holds is of no history any more; it begins anew.
        """
        self.replid = replid
        self.offset = offset
        self.forget_second_id()
        if self.backlog is not None:
            self.backlog = Backlog(self.backlog.size, offset)

    def make_backlog(self, size: int) -> None:
        """Begin to keep the stream from here on, unless it is kept already."""
        if self.backlog is None:
            self.backlog = Backlog(size, self.offset)

    def drop_backlog(self) -> None:
        """Keep nothing of the stream."""
        self.backlog = None

    def append(self, data: bytes) -> None:
        """The history goes on with `data`."""
        self.offset += len(data)
        if self.backlog is not None:
            self.backlog.append(data)


def _new_id(random: Random) -> str:
    return f"{random.getrandbits(160):040x}"
