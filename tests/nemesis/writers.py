"""Clients of a cluster that remember each write that was acknowledged: when, and by which node."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from random import Random

from pyredis_cluster.protocol.slots import key_slot
from tests.support.background import Background
from tests.support.wire import ConnectionClosedError, Node, RawClient, parse

_PAUSE_S = 0.005
_IMPATIENCE_S = 0.5
_PATIENCE_S = 30.0
_LIMIT_S = 60.0
_REDIRECTIONS = 5


@dataclass(frozen=True, slots=True)
class Write:
    """A key that was set to its own name."""

    key: str
    slot: int
    sent_s: float
    acknowledged_s: float
    """Both unix time."""
    port: int
    """Of the node that said OK."""


class Writer(Background):
    """A thread that sets one key after the other, each again and again until that is acknowledged.

    A patient writer waits for a reply as long as it takes, so it still stands there when a stopped node goes
    on. Others soon ask another node who has the slot.
    """

    def __init__(self, number: int, ports: list[int], *, is_patient: bool) -> None:
        super().__init__(limit_s=_LIMIT_S)
        self.writes: list[Write] = []
        self.refused: dict[str, int] = {}
        self._number = number
        self._ports = ports
        self._is_patient = is_patient
        self._random = Random(number)
        self._owners: dict[int, int] = {}
        self._clients: dict[int, RawClient] = {}

    def _work(self) -> None:
        for number in itertools.count():
            if self._ending.wait(_PAUSE_S):
                break
            self._write(f"{self._number}:{number}")
        for client in self._clients.values():
            client.close()

    def _write(self, key: str) -> None:
        slot = key_slot(key.encode())
        # Who was asked to end still insists on its last write: a cluster that serves no one is found out.
        while True:
            sent_s = time.time()
            port = self._owners.get(slot) or self._random.choice(self._ports)
            try:
                acknowledged_by = self._set(key, slot, port)
            except (OSError, ConnectionClosedError) as error:
                self._refuse(type(error).__name__)
                self._owners.pop(slot, None)
                continue
            if acknowledged_by:
                self.writes.append(Write(key, slot, sent_s, time.time(), acknowledged_by))
                return

    def _set(self, key: str, slot: int, port: int) -> int:
        """Ask for it, go where one is sent to; the port of who did it, or 0. Raises as `_call`."""
        words: list[tuple[str, ...]] = [("SET", key, key)]
        for _ in range(_REDIRECTIONS):
            reply = self._call(port, words)
            if reply.value == b"OK":
                return port
            assert isinstance(reply.value, bytes), reply
            assert reply.kind == "-", reply
            code, *where = reply.value.decode().split()
            if code == "MOVED":
                port = self._owners[slot] = int(where[1].rpartition(":")[2])
                words = [("SET", key, key)]
            elif code == "ASK":
                port = int(where[1].rpartition(":")[2])
                words = [("ASKING",), ("SET", key, key)]
            else:
                self._refuse(code)
                break
        self._owners.pop(slot, None)
        self._ending.wait(_PAUSE_S)
        return 0

    def _call(self, port: int, words: list[tuple[str, ...]]) -> Node:
        """The reply to the last one. Raises OSError, ConnectionClosedError."""
        client = self._clients.pop(port, None)
        if client is None:
            self._ending.wait(_PAUSE_S)
            client = RawClient(port, timeout_s=_PATIENCE_S if self._is_patient else _IMPATIENCE_S)
        try:
            *_, reply = client.pipeline(words)
        except BaseException:
            client.close()
            raise
        self._clients[port] = client
        return parse(reply)

    def _refuse(self, code: str) -> None:
        self.refused[code] = self.refused.get(code, 0) + 1
