"""FAULT: servers that do wrong on request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import hiredis
import pytest

from pyredis_cluster.protocol.slots import key_slot
from pyredis_cluster.testing.node import Node
from pyredis_cluster.testing.server import Server
from tests.support.inloop import Peer, peer
from tests.support.wire import ConnectionClosedError


@pytest.fixture
async def server() -> AsyncIterator[Node]:
    async with Server(config={"enable-fault-command": "yes"}, seed=1) as node:
        yield node


@pytest.fixture
async def client(server: Node) -> AsyncIterator[Peer]:
    async with peer(server.port) as client:
        yield client


async def test_error_so_often(client: Peer) -> None:
    assert await client.call("FAULT", "REPLY", "ERROR", "LOADING not yet", "TIMES", "2") == b":1\r\n"
    assert await client.call("GET", "key") == b"-LOADING not yet\r\n"
    assert await client.call("SET", "key", "value") == b"-LOADING not yet\r\n"
    assert await client.call("GET", "key") == b"$-1\r\n"
    assert await client.call("FAULT", "LIST") == b"*0\r\n"


async def test_some_commands_only(client: Peer) -> None:
    await client.call("FAULT", "REPLY", "ERROR", "BUSY later", "COMMAND", "get", "COMMAND", "CONFIG|SET")
    assert await client.call("SET", "key", "value") == b"+OK\r\n"
    assert await client.call("GET", "key") == b"-BUSY later\r\n"
    assert await client.call("CONFIG", "SET", "maxmemory", "1mb") == b"-BUSY later\r\n"
    assert (await client.call("CONFIG", "GET", "maxmemory")).startswith(b"*2")


async def test_some_keys_only(client: Peer) -> None:
    await client.call("FAULT", "REPLY", "ERROR", "ERR no", "KEY", "user:*")
    assert await client.call("MGET", "a", "user:1") == b"-ERR no\r\n"
    assert await client.call("GET", "a") == b"$-1\r\n"
    assert await client.call("PING") == b"+PONG\r\n"


async def test_some_slots_only(client: Peer) -> None:
    slot = str(key_slot(b"a"))
    await client.call("FAULT", "REPLY", "ERROR", "ERR no", "SLOT", slot, slot)
    assert await client.call("GET", "{a}b") == b"-ERR no\r\n"
    assert await client.call("GET", "b") == b"$-1\r\n"


async def test_redirections_that_are_wrong(client: Peer) -> None:
    await client.call("FAULT", "REPLY", "MOVED", "127.0.0.1:7009", "COMMAND", "GET")
    await client.call("FAULT", "REPLY", "ASK", "127.0.0.1:7009", "COMMAND", "SET")
    slot = key_slot(b"key")
    assert await client.call("GET", "key") == b"-MOVED %d 127.0.0.1:7009\r\n" % slot
    assert await client.call("SET", "key", "value") == b"-ASK %d 127.0.0.1:7009\r\n" % slot


async def test_half_a_reply(server: Node, client: Peer) -> None:
    await client.call("SET", "key", "0123456789")
    await client.call("FAULT", "REPLY", "CUT", "COMMAND", "GET", "TIMES", "1")
    with pytest.raises(ConnectionClosedError) as closed:
        await client.call("GET", "key")
    assert closed.value.args == ("connection closed after " + repr(b"$10\r\n012"),)
    async with peer(server.port) as other:
        assert await other.call("GET", "key") == b"$10\r\n0123456789\r\n"


async def test_no_reply_of_what_was_done_nor_any_later_one(server: Node, client: Peer) -> None:
    await client.call("FAULT", "REPLY", "SILENCE", "COMMAND", "INCR", "TIMES", "1")
    client.send(b"PING\r\nINCR n\r\nINCR n\r\n")
    client.send(b"INCR n\r\n")
    assert await client.read() == b"+PONG\r\n"
    async with peer(server.port) as other:
        assert await other.call("GET", "n") == b"$1\r\n1\r\n"
        with pytest.raises(TimeoutError):
            await client.read(limit_s=0.02)
        await other.call("FAULT", "HEAL")
    assert await client.read_to_end() == b""


async def test_connection_closed_with_nothing_done(server: Node, client: Peer) -> None:
    await client.call("FAULT", "REPLY", "CLOSE", "COMMAND", "INCR", "TIMES", "1")
    with pytest.raises(ConnectionClosedError):
        await client.call("INCR", "n")
    async with peer(server.port) as other:
        assert await other.call("INCR", "n") == b":1\r\n"


async def test_chance_comes_from_the_seed() -> None:
    async def told() -> list[bytes]:
        async with Server(config={"enable-fault-command": "yes"}, seed=7) as node, peer(node.port) as client:
            await client.call("FAULT", "REPLY", "ERROR", "ERR no", "COMMAND", "GET", "PROBABILITY", "0.3")
            return [await client.call("GET", "key") for _ in range(200)]

    replies = await told()
    assert 30 < Counter(replies)[b"-ERR no\r\n"] < 90
    assert await told() == replies


async def test_a_transaction_is_doomed(client: Peer) -> None:
    await client.call("FAULT", "REPLY", "ERROR", "TRYAGAIN later", "COMMAND", "SET")
    assert await client.call("MULTI") == b"+OK\r\n"
    assert await client.call("SET", "key", "value") == b"-TRYAGAIN later\r\n"
    assert (await client.call("EXEC")).startswith(b"-EXECABORT")


def fields(flat: list[bytes | int]) -> dict[bytes | int, bytes | int]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


async def test_list_and_heal(server: Node) -> None:
    assert server.run("FAULT", "REPLY", "SILENCE", "COMMAND", "NOSUCH") == 1
    assert server.run("FAULT", "REPLY", "ERROR", "ERR x", "KEY", "k*", "SLOT", 0, 9, "TIMES", 3) == 2
    first, second = server.run("FAULT", "LIST")
    assert fields(first) == {
        b"id": 1,
        b"reply": b"silence",
        b"commands": b"nosuch",
        b"probability": b"1",
        b"hits": 0,
    }
    assert fields(second) == {
        b"id": 2,
        b"reply": b"error",
        b"argument": b"ERR x",
        b"key": b"k*",
        b"slots": b"0-9",
        b"times-left": 3,
        b"probability": b"1",
        b"hits": 0,
    }
    assert server.run("FAULT", "HEAL", 2, 7) == 1
    assert server.run("FAULT", "HEAL") == 1
    assert server.run("FAULT", "LIST") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("NOSUCH", "syntax error"),
        ("ERROR", "wrong number|syntax error"),
        ("MOVED nowhere", "an address is"),
        ("CUT KEY", "syntax error"),
        ("CUT COLOR red", "syntax error"),
        ("CUT TIMES 0", "TIMES takes"),
        ("CUT PROBABILITY 1.5", "PROBABILITY takes"),
        ("CUT PROBABILITY nan", "PROBABILITY takes"),
        ("CUT SLOT 5 16384", "out of range slot"),
        ("CUT SLOT 6 5", "out of range slot"),
    ],
)
async def test_bad_arguments(server: Node, arguments: str, message: str) -> None:
    with pytest.raises(hiredis.ReplyError, match=message):
        server.run("FAULT", "REPLY", *arguments.split())
    assert server.run("FAULT", "LIST") == []


async def test_no_such_command_unless_it_is_enabled() -> None:
    async with Server() as node:
        with pytest.raises(hiredis.ReplyError, match="unknown command 'FAULT'"):
            node.run("FAULT", "LIST")
        assert node.run("COMMAND", "INFO", "fault") == [None]


async def test_help_is_there(server: Node) -> None:
    assert b"HEAL [<id> ...]" in server.run("FAULT", "HELP")


async def test_the_manual_has_what_help_has(server: Node) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
    told = b" ".join(server.run("FAULT", "HELP")[1:]).decode()
    words = set(re.findall(r"\b[A-Z]{2,}\b", told))
    assert {"REPLY", "TOPOLOGY", "WIRE", "NODE", "PARTITION", "ONEWAY"} < words
    assert words - set(re.findall(r"\b[A-Z]{2,}\b", manual)) == set()
    commands = {each.decode() for each in server.run("COMMAND", "LIST", "FILTERBY", "PATTERN", "fault|*")}
    documented = {f"fault|{name.lower()}" for name in re.findall(r"\bFAULT ([A-Z]+)", manual)}
    assert documented == commands
