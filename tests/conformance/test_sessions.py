"""Random sessions of several clients at once: transactions, watched keys, channels, modes of a connection.

After each command every client is asked for all that it has got; what each has must be the same bytes in the
same order on a real server and on ours. That is a Redis 7.2, or a Valkey 8.1 where there is none: it does
here as Redis 7.2 does, but for what it says to MULTI and WATCH within a transaction.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.conformance.conftest import Laboratory
from tests.support.servers import REDIS_7_2, VALKEY_8_1, Program, RunningServer
from tests.support.wire import RawClient

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

CLIENTS = 3
ROUNDS = 25
STEPS = 120

KEYS = ("a", "b", "{t}x")
CHANNELS = ("c1", "c2", "d", "__keyevent@0__:set", "__keyspace@0__:a")
# One pattern only: several are matched in the order of a hash table.
PATTERN = "c*"

Command = tuple[str, ...]


def commands(chance: random.Random) -> list[Callable[[], Command]]:
    """What the clients may say; the more often a line stands here, the more often it is said."""

    def key() -> str:
        return chance.choice(KEYS)

    def channel() -> str:
        return chance.choice(CHANNELS)

    return [
        lambda: ("MULTI",),
        lambda: ("MULTI",),
        lambda: ("EXEC",),
        lambda: ("EXEC",),
        lambda: ("DISCARD",),
        lambda: ("WATCH", key()),
        lambda: ("UNWATCH",),
        lambda: ("EXEC", "x"),
        lambda: ("NOSUCH",),
        lambda: ("GET",),
        lambda: ("CONFIG", "NOSUCH"),
        lambda: ("SET", key(), str(chance.randrange(9))),
        lambda: ("GET", key()),
        lambda: ("DEL", key()),
        lambda: ("INCR", key()),
        lambda: ("LPUSH", "l", "x"),
        lambda: ("RENAME", "a", "b"),
        lambda: ("COPY", "a", "b", "REPLACE"),
        lambda: ("EXPIRE", key(), "100"),
        lambda: ("FLUSHALL",),
        lambda: ("SELECT", chance.choice("01")),
        lambda: ("SWAPDB", "0", "1"),
        lambda: ("SUBSCRIBE", channel()),
        lambda: ("SUBSCRIBE", channel(), channel()),
        lambda: ("UNSUBSCRIBE", channel()),
        lambda: ("PSUBSCRIBE", PATTERN),
        lambda: ("PUNSUBSCRIBE", PATTERN),
        lambda: ("SSUBSCRIBE", channel()),
        lambda: ("SUNSUBSCRIBE", channel()),
        lambda: ("PUBLISH", channel(), "m"),
        lambda: ("PUBLISH", channel(), "n"),
        lambda: ("SPUBLISH", channel(), "s"),
        lambda: ("PUBSUB", "NUMSUB", *CHANNELS),
        lambda: ("PUBSUB", "NUMPAT"),
        lambda: ("RESET",),
        lambda: ("CLIENT", "SETNAME", chance.choice(("me", "a b", ""))),
        lambda: ("CLIENT", "GETNAME"),
        lambda: ("CLIENT", "NO-TOUCH", chance.choice(("on", "off"))),
        lambda: ("HELLO", chance.choice("23"), "NOSUCH"),
        lambda: ("CONFIG", "SET", "notify-keyspace-events", chance.choice(("", "KEA", "Kg"))),
    ]


def all_there(client: RawClient, token: str, replies: int) -> bytes:
    """Everything up to the answer to a PING sent now: the last of `replies`, QUEUED in a transaction."""
    client.send("PING", token)
    received = b""
    while True:
        frame = client.read()
        received += frame
        if token.encode() in frame:
            return received
        if not (frame.startswith(b">") or b"message\r\n" in frame):
            replies -= 1
            if replies <= 0 and frame == b"+QUEUED\r\n":
                return received


class Side:
    """The clients of one server."""

    def __init__(self, server: RunningServer, versions: list[str]) -> None:
        self.clients = [server.connect() for _ in range(CLIENTS)]
        self.clients[0].call("FLUSHALL")
        self.clients[0].call("CONFIG", "SET", "notify-keyspace-events", "")
        for client, version in zip(self.clients, versions, strict=True):
            client.call("HELLO", version)

    def step(self, number: int, speaker: int, command: Command) -> list[bytes]:
        """What all clients have got after one of them said something."""
        self.clients[speaker].send(*command)
        others = [index for index in range(CLIENTS) if index != speaker]
        return [
            all_there(self.clients[index], f"token{number}", 2 if index == speaker else 1)
            for index in (speaker, *others)
        ]

    def close(self) -> None:
        for client in self.clients:
            client.close()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_sessions(seed: int, laboratory: Laboratory, oracles: list[Program], ours: Program) -> None:
    """One random session, step by step."""
    by_name = {program.name: program for program in oracles}
    reference = by_name.get(REDIS_7_2) or by_name.get(VALKEY_8_1)
    if reference is None:
        pytest.skip("no Redis 7.2 and no Valkey 8.1 on this machine")
    chance = random.Random(seed)
    said = commands(chance)
    versions = [chance.choice("23") for _ in range(CLIENTS)]
    sides = [Side(laboratory(program, False).server, versions) for program in (reference, ours)]
    in_transaction: set[int] = set()
    history: list[tuple[int, Command]] = []
    try:
        for number in range(STEPS):
            speaker, command = chance.randrange(CLIENTS), chance.choice(said)()
            if speaker in in_transaction and command[0] in ("MULTI", "WATCH") and reference.is_valkey:
                continue
            if command[0] == "MULTI":
                in_transaction.add(speaker)
            elif command[0] in ("EXEC", "DISCARD", "RESET"):
                in_transaction.discard(speaker)
            history.append((speaker, command))
            wanted, got = (side.step(number, speaker, command) for side in sides)
            assert got == wanted, history[-12:]
    finally:
        sides[0].clients[0].call("CONFIG", "SET", "notify-keyspace-events", "")
        sides[1].clients[0].call("CONFIG", "SET", "notify-keyspace-events", "")
        for side in sides:
            side.close()
