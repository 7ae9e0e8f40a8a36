r"""A primary that a test plays by hand, in virtual time: what a replica sends, and what it is told.

primary = Primary(world)
link = await primary.accept()                        # the replica has connected
assert await link.until_psync() == ["?", "-1"]
link.full_resync(rdb({"k": "v"}), offset=100)
link.stream(("SET", "k", "2"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.persistence.rdb.form import RdbOptions, rdb_at_once
from tests.support.inprocess import Harness
from tests.support.virtual import PORT, VirtualPeer, until
from tests.support.wire import Arg, encode, parse

if TYPE_CHECKING:
    from pyredis_cluster.testing.settings import DirectiveValue
    from tests.support.inloop import TestServer
    from tests.support.virtual import World

ADDRESS = "10.0.0.9"
REPLID = "a" * 40
MARK = b"m" * 40


def rdb(*commands: str, database: int = 0, replid: str = REPLID, offset: int = 0) -> bytes:
    """The data that these commands lead to, with the notes of a primary."""
    harness = Harness()
    for command in commands:
        harness.run(command)
    notes = [
        (b"redis-ver", b"7.2.4"),
        (b"repl-stream-db", b"%d" % database),
        (b"repl-id", replid.encode()),
        (b"repl-offset", b"%d" % offset),
    ]
    options = RdbOptions(compress=False, checksum=True, notes=notes)
    return b"".join(rdb_at_once(harness.state.keyspace, options))


class Link(VirtualPeer):
    """One connection of the replica."""

    def __init__(self, primary: Primary) -> None:
        super().__init__()
        self._primary = primary
        primary.links.append(self)

    async def request(self) -> list[str]:
        """The next request of the replica; line ends before it are passed over."""
        await self._until(lambda: bool(self.data.lstrip(b"\n")))
        del self.data[: len(self.data) - len(self.data.lstrip(b"\n"))]
        words = [node.value for node in parse(await self.frame()).items]
        return [word.decode() for word in words if isinstance(word, bytes)]

    def reply(self, line: str) -> None:
        """Send a line."""
        self.transport.write(line.encode() + b"\r\n")

    async def until_psync(self) -> list[str]:
        """Answer all that comes before PSYNC; the words after that name."""
        while (request := await self.request())[0] != "PSYNC":
            self.reply("+PONG" if request == ["PING"] else "+OK")
        return request[1:]

    def full_resync(
        self, data: bytes, *, replid: str = REPLID, offset: int = 0, has_mark: bool = True
    ) -> None:
        """Send all data."""
        self.reply(f"+FULLRESYNC {replid} {offset}")
        head, end = (b"$EOF:%b\r\n" % MARK, MARK) if has_mark else (b"$%d\r\n" % len(data), b"")
        self.transport.write(head + data + end)

    def stream(self, *requests: tuple[Arg, ...]) -> int:
        """Send requests; how many bytes they are."""
        wire = b"".join(map(encode, requests))
        self.transport.write(wire)
        return len(wire)

    async def acknowledged(self) -> list[str]:
        """The words after REPLCONF ACK of the next acknowledgement."""
        while (request := await self.request())[:2] != ["REPLCONF", "ACK"]:
            raise AssertionError(request)
        return request[2:]

    async def acknowledges(self, offset: int) -> None:
        """Wait until so much is acknowledged. Raises AssertionError where more is."""
        while (acknowledged := int((await self.acknowledged())[0])) != offset:
            assert acknowledged < offset

    def cut(self) -> None:
        """End the connection."""
        self.transport.abort()


class Primary:
    """Listens where a replica is told that its primary is."""

    def __init__(self, world: World, address: str = ADDRESS) -> None:
        self.links: list[Link] = []
        self._taken = 0
        self._listener = world.network.host(address).listen(address, PORT, 16, lambda: Link(self), _ignore)

    async def accept(self) -> Link:
        """The next connection."""
        await until(lambda: len(self.links) > self._taken)
        self._taken += 1
        return self.links[self._taken - 1]

    async def full_sync(self, data: bytes, *, offset: int = 0) -> Link:
        """The next connection, once the replica has all data."""
        link = await self.accept()
        await link.until_psync()
        link.full_resync(data, offset=offset)
        assert await link.acknowledged() == [str(offset)]
        return link

    def close(self) -> None:
        """Listen no more; connections stay."""
        self._listener.close()


def _fields(reply: bytes) -> dict[str, str]:
    """A section of INFO."""
    lines = reply.decode().split("\r\n")
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


async def info(client: VirtualPeer, section: str = "replication") -> dict[str, str]:
    """The fields of a section of INFO."""
    return _fields(await client.call("INFO", section))


async def following(
    world: World, *commands: str, offset: int = 0, **directives: DirectiveValue
) -> tuple[TestServer, Primary, Link, VirtualPeer]:
    """A replica in sync that has the data of these commands: server, primary, link, client."""
    primary = Primary(world)
    server = await world.serve("10.0.0.1", **directives)
    client = await world.peer(server)
    assert await client.call("REPLICAOF", ADDRESS, 6379) == b"+OK\r\n"
    link = await primary.full_sync(rdb(*commands), offset=offset)
    return server, primary, link, client


def _ignore(error: OSError) -> None:
    pass
