"""Which history of changes this server's data belongs to."""

from __future__ import annotations

from pyredis_cluster.ports import Random

NO_ID = "0" * 40


class ReplicationState:
    """Replication ids and offsets of a server that is a primary.

    `replid` names the history, `offset` says how many bytes of it there are. `second_replid` is a history
    that ours continues, valid up to `second_offset`; -1 where there is none.
    """

    def __init__(self, random: Random) -> None:
        self.replid = NO_ID
        self.offset = 0
        self.change_id(random)

    def change_id(self, random: Random) -> None:
        """Begin a new history: no one can resume from an earlier one."""
        self.replid = f"{random.getrandbits(160):040x}"
        self.second_replid = NO_ID
        self.second_offset = -1
