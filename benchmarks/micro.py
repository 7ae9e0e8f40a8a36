"""Times the hot modules alone: request parser, key → slot, reply encoder. ``python -m benchmarks.micro``."""

from __future__ import annotations

import timeit
from collections.abc import Callable

import click

from pyredis_cluster.protocol.reply import OK, Reply, encode
from pyredis_cluster.protocol.request import RequestParser, StrictParser
from pyredis_cluster.protocol.slots import key_slot
from tests.support.wire import encode as encode_request

PIPELINE = 64
_GET = encode_request(["GET", "key:000000000001"])
_SET = encode_request(["SET", "key:000000000001", "xxx"])
_LARGE_SET = encode_request(["SET", "key:000000000001", b"x" * 4096])

_REPLIES: dict[str, Reply] = {
    "status": OK,
    "bulk string of 3 bytes": b"xxx",
    "integer": 12345,
    "null": None,
    "double": 3.25,
    "list of 100 bulk strings": [b"element:%012d" % number for number in range(100)],
    "map of 10 fields": {b"field:%d" % number: b"value" for number in range(10)},
}


def _parsing(request: bytes, pipeline: int) -> Callable[[], object]:
    parse = RequestParser().parse
    data = request * pipeline
    return lambda: parse(data)


def _strict_parsing(request: bytes, pipeline: int) -> Callable[[], object]:
    data = request * pipeline

    def parse() -> list[list[bytes]]:
        requests: list[list[bytes]] = []
        StrictParser().feed(data, requests)
        return requests

    return parse


def _encoding(reply: Reply, resp: int) -> Callable[[], object]:
    return lambda: encode(reply, resp)


def _hashing(key: bytes) -> Callable[[], object]:
    return lambda: key_slot(key)


def benchmarks() -> list[tuple[str, Callable[[], object], int]]:
    """What is timed: a name, a function, and how many units one call of it does."""
    found: list[tuple[str, Callable[[], object], int]] = []
    for name, request in (("GET", _GET), ("SET", _SET), ("SET of 4 KB", _LARGE_SET)):
        for pipeline in (1, 16, PIPELINE):
            found.append((f"parse {name}, {pipeline} at once", _parsing(request, pipeline), pipeline))
    found.append((f"parse SET strictly, {PIPELINE} at once", _strict_parsing(_SET, PIPELINE), PIPELINE))
    for key in (b"key:000000000001", b"{user:1000}.following", b"k" * 200):
        found.append((f"slot of {key[:24].decode()}{'…' * (len(key) > 24)}", _hashing(key), 1))
    for resp in (2, 3):
        for name, reply in _REPLIES.items():
            found.append((f"encode {name}, RESP{resp}", _encoding(reply, resp), 1))
    return found


def best_ns(function: Callable[[], object], rounds: int) -> float:
    """Nanoseconds of one call, the best of several rounds of about 20 ms each."""
    timer = timeit.Timer(function)
    calls = max(int(0.02 / max(timer.timeit(10) / 10, 1e-9)), 1)
    return min(timer.repeat(rounds, calls)) / calls * 1e9


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="The best one counts.")
def main(rounds: int) -> None:
    """Print nanoseconds per request, key or reply."""
    for name, function, units in benchmarks():
        click.echo(f"{name:<44} {best_ns(function, rounds) / units:>10,.0f} ns")


if __name__ == "__main__":
    main()
