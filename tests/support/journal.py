"""A client whose writes tell, after a crash, whether all that was acknowledged is there.

Round `n` sets a key of its own, appends `n` to a list and increments a counter. So the list must hold 1, 2, …
at least up to the last acknowledged number, whatever the crash interrupted.
"""

from __future__ import annotations

import threading
import time

from tests.support.digests import bulk
from tests.support.wire import ConnectionClosedError, RawClient

_LIMIT_S = 30.0


class Journal:
    """Writes under its `name` on a connection of its own, `batch` rounds per pipeline, until that ends.

    With `transactions` each round is one: none may be there in part.
    """

    def __init__(self, name: str, *, batch: int = 5, transactions: bool = False) -> None:
        self.name = name
        self.batch = batch
        self.transactions = transactions
        self.sent = 0
        self.acknowledged = 0
        self.acknowledged_at: list[tuple[float, int]] = []
        self._resumed_at = 0
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def start(self, port: int) -> None:
        """Write on in a thread."""
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the connection. Raises what went wrong otherwise."""
        assert self._thread is not None
        self._thread.join(_LIMIT_S)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure

    def _run(self, port: int) -> None:
        try:
            with RawClient(port, timeout_s=_LIMIT_S) as client:
                while True:
                    self._write(client)
        except (ConnectionClosedError, ConnectionError):
            pass
        except Exception as error:
            self._failure = error

    def _write(self, client: RawClient) -> None:
        first = self.sent + 1
        self.sent += self.batch
        name = self.name
        commands: list[list[str | int]] = []
        for n in range(first, first + self.batch):
            writes: list[list[str | int]] = [
                ["SET", f"{name}:{n}", n],
                ["RPUSH", f"{name}:list", n],
                ["INCR", f"{name}:counter"],
            ]
            commands += [["MULTI"], *writes, ["EXEC"]] if self.transactions else writes
        replies = client.pipeline(commands)
        assert not any(reply.startswith(b"-") for reply in replies), replies
        self.acknowledged = self.sent
        self.acknowledged_at.append((time.monotonic(), self.acknowledged))

    def check(self, client: RawClient, at_least: int | None = None) -> int:
        """All that was acknowledged is there; returns up to which number. Raises AssertionError.

        What was sent and not acknowledged may be there or not; from there the journal goes on.
        """
        least = self.acknowledged if at_least is None else at_least
        entries = _list(client, f"{self.name}:list")
        assert entries == list(range(1, len(entries) + 1)), f"{self.name}: not in a row"
        assert least <= len(entries) <= self.sent, (self.name, least, len(entries), self.sent)
        counter = client.call("GET", f"{self.name}:counter")
        count = int(bulk(counter)) if counter != b"$-1\r\n" else 0
        assert least <= count <= len(entries), (self.name, least, count, len(entries))
        if self.transactions:
            assert client.call("EXISTS", f"{self.name}:{len(entries) + 1}") == b":0\r\n"
            assert count == len(entries), f"{self.name}: a transaction is there in part"
        # All of the last crash, and a few of those before.
        numbers = sorted({*range(1, self._resumed_at, 50), *range(self._resumed_at, least)})
        values = client.pipeline([["GET", f"{self.name}:{n + 1}"] for n in numbers])
        assert [int(bulk(value)) - 1 for value in values] == numbers
        return len(entries)

    def resume(self, client: RawClient) -> None:
        """Bring list, counter and journal to the same number, to write on from there."""
        last = self.check(client)
        client.pipeline([["SET", f"{self.name}:counter", last], ["SET", f"{self.name}:{last}", last]])
        self.sent = self.acknowledged = self._resumed_at = last
        self.acknowledged_at.clear()


def _list(client: RawClient, key: str) -> list[int]:
    items = client.ask("LRANGE", key, 0, -1).items
    return [int(item.value) for item in items if isinstance(item.value, bytes)]
