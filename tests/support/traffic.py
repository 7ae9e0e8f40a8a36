"""Clients that write steadily in the background, and know what was acknowledged.

with Traffic(server.port, per_second=2000) as traffic:
    ...
print(traffic.acknowledged)
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.support.background import Background
from tests.support.wire import ConnectionClosedError, RawClient

Request = list[bytes]

_BATCH_S = 0.01
_SHARE_OF_TRANSACTIONS = 0.05
_LIMIT_S = 30.0


def mixed_writes(rng: random.Random) -> list[Request]:
    """One write, or now and then a few in a transaction; see `one_write`."""
    if rng.random() > _SHARE_OF_TRANSACTIONS:
        return [one_write(rng)]
    return [[b"MULTI"], *(one_write(rng) for _ in range(rng.randrange(4))), [b"EXEC"]]


def one_write(rng: random.Random) -> Request:
    """One write to one of a few hundred keys: of any type, some with random effects, some expiring soon."""
    n = rng.randrange(200)
    value = rng.randbytes(rng.randrange(1, 60))
    match rng.randrange(18):
        case 0:
            return [b"INCR", b"t:counter:%d" % n]
        case 1:
            return [b"INCRBYFLOAT", b"t:float:%d" % n, b"0.1"]
        case 2:
            return [b"RPUSH", b"t:list:%d" % n, value, value]
        case 3:
            return [b"LPOP", b"t:list:%d" % n]
        case 4:
            return [b"SADD", b"t:set:%d" % n, value, b"%d" % n]
        case 5:
            return [b"SPOP", b"t:set:%d" % n]
        case 6:
            return [b"HSET", b"t:hash:%d" % n, b"f%d" % rng.randrange(50), value]
        case 7:
            return [b"HINCRBY", b"t:hash:n:%d" % n, b"f%d" % rng.randrange(9), b"3"]
        case 8:
            return [b"ZADD", b"t:zset:%d" % n, b"%d" % rng.randrange(1000), value]
        case 9:
            return [b"ZPOPMIN", b"t:zset:%d" % n]
        case 10:
            return [b"DEL", b"t:list:%d" % n, b"t:set:%d" % n]
        case 11:
            return [b"SET", b"t:short:%d" % n, value, b"PX", b"%d" % rng.randrange(1, 500)]
        case 12:
            return [b"PEXPIRE", b"t:hash:%d" % n, b"%d" % rng.randrange(1, 2000)]
        case 13:
            return [b"GETDEL", b"t:string:%d" % n]
        case 14:
            return [b"LMOVE", b"t:list:%d" % n, b"t:list:%d" % rng.randrange(200), b"LEFT", b"RIGHT"]
        case 15:
            return [b"APPEND", b"t:long:%d" % n, value]
        case _:
            return [b"SET", b"t:string:%d" % n, value]


class Traffic(Background):
    """A thread that sends what `make` makes, so many a second, on a connection of its own.

    `acknowledged` counts replies that are no error, `refused` those that are, by their first word. When the
    connection ends, so does the traffic, and `lost` says so.
    """

    def __init__(
        self,
        port: int,
        *,
        per_second: float,
        seed: int = 0,
        make: Callable[[random.Random], list[Request]] = mixed_writes,
    ) -> None:
        super().__init__(limit_s=_LIMIT_S)
        self._port = port
        self._per_second = per_second
        self._rng = random.Random(seed)
        self._make = make
        self.sent = 0
        self.acknowledged = 0
        self.refused: dict[str, int] = {}
        self.lost = False
        self.took_s = 0.0

    def _work(self) -> None:
        start = time.monotonic()
        try:
            with RawClient(self._port, timeout_s=_LIMIT_S) as client:
                while not self._ending.is_set():
                    due = int((time.monotonic() - start) * self._per_second) - self.sent
                    if due > 0:
                        self._send(client, min(due, 1000))
                    self._ending.wait(_BATCH_S)
        except (ConnectionClosedError, ConnectionError):
            self.lost = True
        finally:
            self.took_s = time.monotonic() - start

    def _send(self, client: RawClient, count: int) -> None:
        batch = [request for _ in range(count) for request in self._make(self._rng)]
        self.sent += count
        for reply in client.pipeline(batch):
            if reply.startswith(b"-"):
                word = reply[1:].split()[0].decode()
                self.refused[word] = self.refused.get(word, 0) + 1
            else:
                self.acknowledged += 1
