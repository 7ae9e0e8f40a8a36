"""Random and mutated bytes on the client port: the server stays up, small, and there for others."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port, release_port
from tests.support.program import Running, connect, log_lines, started
from tests.support.servers import our_program
from tests.support.wire import RawClient, encode

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="needs Unix sockets, which leave no port in TIME_WAIT"),
]

STRINGS = 100_000
LOGGED_STRINGS = 5_000
TCP_STRINGS = 4_000
"""Each connection leaves a port in TIME_WAIT, hence a small part of all."""
STRINGS_PER_CONNECTION = 4
GROWTH_LIMIT_BYTES = 64 << 20
WITNESS_LIMIT_S = 5.0

SEEDS = [
    encode(words.split())
    for words in (
        "PING",
        "ECHO hello",
        "SET key value EX 100",
        "SET key value PX -1",
        "GET key",
        "MGET key other third",
        "INCRBY counter 5",
        "INCRBYFLOAT counter 1.5e3",
        "APPEND key more",
        "LPUSH list a b c",
        "LRANGE list 0 -1",
        "BLPOP list nothing 0.01",
        "HSET hash field value other 1",
        "HGETALL hash",
        "SADD set 1 2 3 four",
        "SINTERCARD 2 set set LIMIT 1",
        "ZADD zset NX 1 a 2 b",
        "ZRANGE zset 0 -1 WITHSCORES",
        "SCAN 0 MATCH k* COUNT 10",
        "EXPIRE key 100 NX",
        "SUBSCRIBE channel",
        "PUBLISH channel message",
        "MULTI",
        "EXEC",
        "WATCH key",
        "HELLO 3 SETNAME me",
        "CLIENT SETNAME x",
        "CLIENT LIST",
        "COMMAND INFO get",
        "CONFIG GET max*",
        "OBJECT ENCODING key",
        "SORT list BY nosort ALPHA",
        "INFO server",
    )
] + [
    b"PING\r\nGET key\r\n",
    b"SET \"quoted key\" 'v\\n'\r\n",
    b"*0\r\n*-1\r\n\r\n",
    b"$5\r\nhello\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n",
    b"*1000000\r\n$4\r\nPING\r\n",
    b"+OK\r\n:1\r\n-ERR\r\n_\r\n%1\r\n",
]
ALPHABET = b"*$+-:%_#,(=~>|!\r\n 0123456789\"'\\x\x00\xff"


def garbage(source: random.Random) -> bytes:
    """One string: noise, RESP-like noise, or requests with a few bytes changed, lost, doubled or moved."""
    kind = source.random()
    if kind < 0.15:
        return source.randbytes(source.randrange(1, 200))
    if kind < 0.35:
        return bytes(source.choices(ALPHABET, k=source.randrange(1, 60)))
    data = bytearray(b"".join(source.choices(SEEDS, k=source.randrange(1, 4))))
    for _ in range(source.randrange(4)):
        at = source.randrange(len(data) + 1)
        match source.randrange(5):
            case 0:
                data[at : at + 1] = source.randbytes(1)
            case 1:
                del data[at : at + source.randrange(1, 8)]
            case 2:
                data[at:at] = bytes(source.choices(ALPHABET, k=source.randrange(1, 4)))
            case 3:
                data[at:at] = data[at : at + source.randrange(1, 30)]
            case _:
                data[at : at + 3] = data[at : at + 3][::-1]
        if not data:
            break
    return bytes(data)


class Attacker:
    """Sends strings, several on each connection, and reads nothing."""

    def __init__(self, address: str | tuple[str, int], source: random.Random) -> None:
        self._address = address
        self._source = source
        self._socket: socket.socket | None = None
        self.sent = 0

    def send(self, count: int) -> None:
        """Send so many strings; one that the server no longer takes is not counted."""
        end = self.sent + count
        left = 0
        while self.sent < end:
            if self._socket is None or not left:
                self._reconnect()
                left = self._source.randrange(1, STRINGS_PER_CONNECTION + 1)
            assert self._socket is not None
            left -= 1
            try:
                self._socket.sendall(garbage(self._source) or b"\n")
                self.sent += 1
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                self.close()

    def _reconnect(self) -> None:
        self.close()
        self._socket = socket.socket(socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET)
        # A timeout would make a full backlog an error instead of a wait.
        self._socket.connect(self._address)
        self._socket.settimeout(5)

    def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@pytest.fixture
def port() -> Iterator[int]:
    number = free_port()
    yield number
    release_port(number)


def resident_bytes(process: Running) -> int:
    """Memory of the server, 0 where the platform does not tell."""
    with contextlib.suppress(OSError):
        pages = Path(f"/proc/{process.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


def check_served(witness: RawClient) -> None:
    """Another client gets its reply soon."""
    started_s = time.monotonic()
    assert witness.call("PING") == b"+PONG\r\n"
    assert time.monotonic() - started_s < WITNESS_LIMIT_S


@pytest.mark.parametrize("seed", [1])
def test_garbage_costs_one_log_line_at_most(tmp_path: Path, port: int, seed: int) -> None:
    path = tmp_path / "fuzz.sock"
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--unixsocket", str(path))
    with started(our_program(), *options, directory=tmp_path) as process, connect(port) as witness:
        source = random.Random(seed)
        over_tcp = Attacker(("127.0.0.1", port), source)
        over_tcp.send(TCP_STRINGS)
        over_tcp.close()
        attacker = Attacker(str(path), source)
        attacker.send(STRINGS // 20)
        check_served(witness)
        witness.call("FLUSHALL")
        small_bytes = resident_bytes(process)
        while attacker.sent < STRINGS - TCP_STRINGS - LOGGED_STRINGS:
            attacker.send(500)
            check_served(witness)
        assert witness.call("CONFIG", "SET", "loglevel", "verbose") == b"+OK\r\n"
        attacker.send(LOGGED_STRINGS)
        attacker.close()
        check_served(witness)
        witness.call("FLUSHALL")
        assert resident_bytes(process) - small_bytes < GROWTH_LIMIT_BYTES
        assert process.process.poll() is None
        text = process.text()
    lines = log_lines(text)
    assert {role for role, _, _ in lines} == {"C", "M"}, [line for line in lines if not line[0]][:20]
    assert {level for _, level, _ in lines} <= set("*-"), [line for line in lines if line[1] == "#"][:20]
    errors = [message for _, _, message in lines if message.startswith("Protocol error")]
    assert len(errors) > LOGGED_STRINGS // 20
    assert all(re.fullmatch(r"[ -~]+", message) for message in errors)
