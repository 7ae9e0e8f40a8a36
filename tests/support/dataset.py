"""A dataset with every type and encoding, made from a seed by commands that every server knows.

    with server.connect() as client:
        fill(client, keys=20_000, seed=1)

The first keys have one value of each shape, whatever `keys` is, so that a small dataset is as varied as a
large one. Streams are made where asked for, since they are for servers that have XADD; so are scores of which
not all versions have the same digest.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.shapes import COMMON, ODD_SCORES, ONCE, RARE, STREAMS, Command, Shape, number, small_string
from tests.support.wire import RawClient

BATCH_BYTES = 200_000
EXPIRE_AT_MS = 4_000_000_000_000
"""All expiries are after this, in the year 2096."""

_SHARE_WITH_EXPIRY = 0.1
_SHARE_OF_SMALL_STRINGS = 0.75
_DATABASES = (0, 1, 9)
_RARITY = 200


def _shape_of(rng: random.Random, n: int, once: tuple[Shape, ...]) -> Shape:
    if n < len(once):
        return once[n]
    if rng.random() < _SHARE_OF_SMALL_STRINGS:
        return small_string
    return rng.choice(COMMON if rng.randrange(_RARITY) else RARE)


def commands(
    *,
    keys: int,
    seed: int,
    streams: bool = False,
    odd_scores: bool = False,
    databases: Iterable[int] = _DATABASES,
) -> Iterator[Command]:
    """The commands that make the dataset: about `keys` keys, a tenth of which expire in a far future.

    Those of all databases but the first make up a tenth; `databases=(0,)` for a cluster.
    """
    rng = random.Random(seed)
    once = ONCE + (STREAMS if streams else ()) + ((ODD_SCORES,) if odd_scores else ())
    first, *others = databases
    shares = [(first, keys - keys // 10 if others else keys)]
    shares += [(database, keys // 10 // len(others)) for database in others]
    for database, count in shares:
        if others:
            yield [b"SELECT", number(database)]
        for n in range(count):
            key = b"%d:%s" % (n, b"user:" * (n % 3))
            made = _shape_of(rng, n, once)(rng, key)
            for command in made:
                yield command
            if rng.random() < _SHARE_WITH_EXPIRY:
                yield [b"PEXPIREAT", command[1], number(EXPIRE_AT_MS + rng.randrange(1 << 36))]
    if others:
        yield [b"SELECT", number(first)]


def small_commands(*, seed: int, streams: bool) -> list[Command]:
    """The commands for a few kB of data: one small value of each type and encoding."""
    rng = random.Random(seed)
    small = (small_string, *COMMON, *(STREAMS[3:4] if streams else ()))
    made = [list(shape(rng, b"%d:%d" % (seed, n))) for n, shape in enumerate(small)]
    long = [[b"SADD", b"long", rng.randbytes(70)], [b"HSET", b"long hash", b"f", b"x" * 80]]
    return [
        *(command for commands in made for command in commands),
        *long,
        [b"ZADD", b"long zset", b"1.5", b"z" * 80],
        [b"PEXPIREAT", b"long", number(EXPIRE_AT_MS)],
        [b"SELECT", b"3"],
        [b"SET", b"there", b"ab" * 30],
        [b"SELECT", b"0"],
    ]


def fill(client: RawClient, *, keys: int, seed: int, **options: Any) -> None:
    """Make the dataset of `commands` on a server. Raises AssertionError when a command is refused."""
    # Real servers give an element of a list a node of its own beyond a gigabyte only, unless told so.
    client.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "8192b")
    batch: list[Command] = []
    size = 0
    for command in commands(keys=keys, seed=seed, **options):
        batch.append(command)
        size += sum(map(len, command)) + 40
        if size > BATCH_BYTES:
            run_all(client, batch)
            batch, size = [], 0
    run_all(client, batch)


def run_all(client: RawClient, batch: list[Command]) -> list[bytes]:
    """Pipeline commands; their raw replies. Raises AssertionError when one is refused."""
    replies = client.pipeline(batch)
    for command, reply in zip(batch, replies, strict=True):
        assert not reply.startswith(b"-"), (command[:3], reply)
    return replies
