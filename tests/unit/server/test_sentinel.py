"""A sentinel as a server: how it starts, what it saves when, its links and scripts, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import re

import pytest

from pyredis_cluster.config.loader import load_text
from pyredis_cluster.sentinel.ready import Exit
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.local_links import LocalAccepting
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.sentinel import SentinelNode
from pyredis_cluster.server.server import Server
from pyredis_cluster.testing.simulation.world import ConfiguredHost
from tests.support.inloop import TestServer
from tests.support.virtual import VirtualPeer, World, run, until
from tests.support.wire import frame_end, parse

NOT_SAVED = b"-ERR Failed to save config file. Check server logs.\r\n"
PRIMARY = "10.9.9.9"
MONITOR = f"sentinel monitor m {PRIMARY} 6379 1\nsentinel down-after-milliseconds m 2000\n"


INFO = b"# Server\r\nrun_id:" + b"a" * 40 + b"\r\n# Replication\r\nrole:master\r\n"
SUBSCRIBED = b"*3\r\n$9\r\nsubscribe\r\n$18\r\n__sentinel__:hello\r\n:1\r\n"
PROPER = {b"PING": b"+PONG\r\n", b"INFO": b"$%d\r\n%b\r\n" % (len(INFO), INFO), b"SUBSCRIBE": SUBSCRIBED}


class Instance(VirtualPeer):
    """A server that a test plays: it has a reply for every request, of some commands another one."""

    def __init__(self, replies: dict[bytes, bytes], otherwise: bytes) -> None:
        super().__init__()
        self._replies = replies
        self._otherwise = otherwise
        self.requests: list[list[bytes]] = []

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        while (end := frame_end(self.data)) is not None:
            request = [bytes(item.value) for item in parse(self._take(end)).items]  # type: ignore[arg-type]
            self.requests.append(request)
            reply = self._replies.get(request[0], self._otherwise)
            if reply and not self.is_closed:
                self.transport.write(reply)


class Stage:
    """A sentinel that watches an address where the test decides who answers."""

    def __init__(self, world: World, text: str = MONITOR) -> None:
        self.world = world
        self.host: ConfiguredHost = world.configured_host(f"port 6379\nbind *\n{text}", sentinel=True)
        self.links: list[Instance] = []
        self._answers: tuple[dict[bytes, bytes], bytes] = ({}, b"")
        self._listener: LocalAccepting | None = None

    async def begin(self) -> VirtualPeer:
        """Start it; a client."""
        server = await self.host.start()
        assert isinstance(server, TestServer)
        server.lines = self.host.log_lines
        return await self.world.peer(server)

    def listen(self, replies: dict[bytes, bytes] = PROPER, *, otherwise: bytes = b"+OK\r\n") -> None:
        """Accept its connections, and answer them so."""
        self._answers = (replies, otherwise)
        network = self.world.network.host(PRIMARY)
        self._listener = network.listen("*", 6379, 511, self._accept, lambda error: None)

    def refuse(self) -> None:
        """Accept no more."""
        assert self._listener is not None
        self._listener.close()

    def _accept(self) -> Instance:
        link = Instance(*self._answers)
        self.links.append(link)
        return link

    @property
    def node(self) -> SentinelNode:
        """The sentinel."""
        server = self.host.server
        assert server is not None
        assert server.sentinel is not None
        return server.sentinel

    @property
    def log(self) -> str:
        """What it has logged."""
        return b"".join(self.host.log_lines).decode()

    @property
    def file(self) -> str:
        """Its sentinel.conf."""
        return self.host.config_text

    async def flags(self, client: VirtualPeer) -> str:
        """The flags of the primary."""
        reply = parse(await client.call("SENTINEL", "MASTER", "m"))
        words = [item.value for item in reply.items]
        flags = words[words.index(b"flags") + 1]
        assert isinstance(flags, bytes)
        return flags.decode()


def test_it_starts_with_an_id_that_is_saved_first() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        client = await stage.begin()
        my_id = re.findall(r"^sentinel myid ([0-9a-f]{40})$", stage.file, re.M)
        assert len(my_id) == 1
        assert await client.call("SENTINEL", "MYID") == f"$40\r\n{my_id[0]}\r\n".encode()
        messages = [line.split(" ", 6)[-1] for line in stage.log.splitlines()]
        assert messages[:4] == [
            "Running mode=sentinel, port=6379.",
            "Sentinel new configuration saved on disk",
            f"Sentinel ID is {my_id[0]}",
            f"+monitor master m {PRIMARY} 6379 quorum 1",
        ]
        assert ":X " in stage.log
        stage.host.kill()
        await stage.begin()
        assert stage.file.count(my_id[0]) == 1

    run(scenario)


def test_only_what_a_sentinel_has() -> None:
    async def scenario(world: World) -> None:
        client = await Stage(world).begin()
        assert (await client.call("GET", "k")).startswith(b"-ERR unknown command 'GET'")
        assert (await client.call("CONFIG", "GET", "*")).startswith(b"-ERR unknown command")
        assert await client.call("ROLE") == b"*2\r\n$8\r\nsentinel\r\n*1\r\n$1\r\nm\r\n"
        assert (await client.call("PUBLISH", "a", "b")).startswith(b"-ERR Only HELLO messages")
        assert await client.call("PUBLISH", "__sentinel__:hello", "rubbish") == b":1\r\n"
        hello = await client.call("HELLO", 3)
        assert b"$4\r\nmode\r\n$8\r\nsentinel\r\n" in hello
        assert b"role" not in hello

    run(scenario)


@pytest.mark.parametrize(
    ("words", "sections"),
    [
        ((), ["Server", "Clients", "Stats", "CPU", "Sentinel"]),
        (("everything",), ["Server", "Clients", "Stats", "CPU", "Sentinel"]),
        (("CPU", "sentinel"), ["CPU", "Sentinel"]),
        (("clients", "keyspace"), ["Clients"]),
        (("modules",), []),
    ],
)
def test_info_has_the_sections_of_a_sentinel(words: tuple[str, ...], sections: list[str]) -> None:
    async def scenario(world: World) -> None:
        client = await Stage(world).begin()
        text = await client.call("INFO", *words)
        assert re.findall(r"^# (\w+)\r$", text.decode(), re.M) == sections
        assert (b"redis_mode:sentinel\r\n" in text) is ("Server" in sections)
        assert (b"master0:name=m,status=" in text) is ("Sentinel" in sections)

    run(scenario)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (MONITOR + "sentinel quorum m 2\n", "Unrecognized sentinel configuration statement."),
        (MONITOR + "cluster-enabled yes\n", "A sentinel is neither a cluster node nor a replica"),
        (MONITOR + "replicaof 127.0.0.1 1\n", "A sentinel is neither a cluster node nor a replica"),
    ],
)
def test_what_it_cannot_start_with(text: str, reason: str) -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world, text)
        with pytest.raises(StartError):
            await stage.begin()
        assert reason in stage.log
        assert not stage.host.is_up

    run(scenario)


async def test_it_needs_a_file() -> None:
    lines: list[bytes] = []
    config = load_text(b"port 1\n", is_sentinel=True)
    server = Server(config, asyncio.get_running_loop(), log=Log(SystemClock(), lines.append))
    with pytest.raises(StartError):
        await server.start()
    assert b"Sentinel needs config file on disk to save state. Exiting..." in b"".join(lines)


# sentinel.conf


def test_a_vote_is_on_the_disk_when_it_is_told() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        client = await stage.begin()
        candidate = "c" * 40
        reply = await client.call("SENTINEL", "IS-MASTER-DOWN-BY-ADDR", PRIMARY, 6379, 5, candidate)
        assert reply == f"*3\r\n:0\r\n$40\r\n{candidate}\r\n:5\r\n".encode()
        stage.host.lose_power()
        assert "sentinel leader-epoch m 5\nsentinel current-epoch 5\n" in stage.file
        client = await stage.begin()
        reply = await client.call("SENTINEL", "IS-MASTER-DOWN-BY-ADDR", PRIMARY, 6379, 5, "d" * 40)
        assert candidate.encode() not in reply
        assert b"d" * 40 not in reply

    run(scenario)


@pytest.mark.parametrize("operation", ["open", "write", "sync", "replace", "sync_directory"])
def test_a_file_that_cannot_be_written_is_told_of_and_life_goes_on(operation: str) -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        client = await stage.begin()
        before = stage.file
        disk = stage.host.disk
        disk.failures[operation] = OSError(errno.EROFS, "Read-only file system")
        assert await client.call("SENTINEL", "FLUSHCONFIG") == NOT_SAVED
        assert await client.call("SENTINEL", "SET", "m", "parallel-syncs", 3) == NOT_SAVED
        assert (
            "WARNING: Sentinel was not able to save the new configuration on disk!!!: Read-only file system"
            in stage.log
        )
        if operation != "sync_directory":
            assert stage.file == before
        assert disk.names("/") == ["redis.conf"]
        assert b"parallel-syncs\r\n$1\r\n3\r\n" in await client.call("SENTINEL", "MASTER", "m")
        disk.failures.clear()
        assert await client.call("SENTINEL", "FLUSHCONFIG") == b"+OK\r\n"
        assert "sentinel parallel-syncs m 3\n" in stage.file

    run(scenario)


def test_what_an_operator_wrote_meanwhile_stays() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        client = await stage.begin()
        with stage.host.disk.append_to("/redis.conf") as file:
            file.write(b"# written by hand\n")
        assert await client.call("SENTINEL", "FLUSHCONFIG") == b"+OK\r\n"
        assert "# written by hand\n" in stage.file
        stage.host.disk.remove("/redis.conf")
        assert await client.call("SENTINEL", "FLUSHCONFIG") == b"+OK\r\n"
        assert f"sentinel monitor m {PRIMARY} 6379 1\n" in stage.file

    run(scenario)


def test_the_default_user_is_written_as_redis_does() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world, MONITOR + "requirepass foo\nuser bob on >x +get\n")
        client = await stage.begin()
        assert (await client.call("SENTINEL", "MYID")).startswith(b"-NOAUTH")
        assert await client.call("AUTH", "foo") == b"+OK\r\n"
        digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        assert f"user default on sanitize-payload #{digest} ~* &* +@all\n" in stage.file
        assert "user bob on >x +get\n" in stage.file
        assert stage.log.count("WARNING: users are configured") == 1
        stage.host.kill()
        await stage.begin()
        assert stage.file.count("user ") == 2

    run(scenario)


def test_a_log_level_is_set_and_saved() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        client = await stage.begin()
        assert await client.call("SENTINEL", "CONFIG", "SET", "loglevel", "debug") == b"+OK\r\n"
        assert "loglevel debug\n" in stage.file
        assert "Rewritten config file (/redis.conf) successfully" in stage.log
        assert b"loglevel\r\n$5\r\ndebug" in await client.call("SENTINEL", "CONFIG", "GET", "loglevel")

    run(scenario)


# Links


def test_an_instance_that_answers_is_well() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        stage.listen()
        client = await stage.begin()
        await asyncio.sleep(5.5)
        assert await stage.flags(client) == "master"
        assert "sdown" not in stage.log
        commands, pubsub = stage.links
        assert [each[0] for each in commands.requests[:3]] == [b"CLIENT", b"PING", b"INFO"]
        assert [each[0] for each in pubsub.requests] == [b"CLIENT", b"SUBSCRIBE"]
        assert sum(each[0] == b"PING" for each in commands.requests) in (5, 6)

    run(scenario)


def test_a_connection_is_tried_again_each_second() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        client = await stage.begin()
        await asyncio.sleep(5)
        assert await stage.flags(client) == "s_down,o_down,master,disconnected"
        stage.listen()
        await asyncio.sleep(1.5)
        assert await stage.flags(client) == "master"
        stage.refuse()
        for link in stage.links:
            link.transport.abort()
        await asyncio.sleep(0.5)
        assert await stage.flags(client) == "master,disconnected"

    run(scenario)


@pytest.mark.parametrize(
    ("replies", "otherwise"),
    [
        ({}, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ({}, b"\x16\x03\x01\x00\xa5\x01"),
        ({}, b"*4294967295\r\n" + b":1\r\n" * 100),
        ({}, b"$10\r\nhalf"),
        ({}, b"-ERR no\r\n"),
        ({}, b"*2\r\n*1\r\n$-1\r\n:5\r\n" * 50),
        ({}, b"$-1\r\n"),
        ({}, b""),
        ({**PROPER, b"PING": b""}, b"+OK\r\n"),
        ({**PROPER, b"PING": b":1\r\n"}, b"+OK\r\n"),
    ],
)
def test_an_instance_that_lies_or_is_silent_is_down(replies: dict[bytes, bytes], otherwise: bytes) -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        stage.listen(replies, otherwise=otherwise)
        client = await stage.begin()
        await until(lambda: "+sdown master m" in stage.log, 20)
        await asyncio.sleep(20)
        assert (await stage.flags(client)).startswith("s_down")
        assert len(stage.links) < 60
        stage.refuse()
        for link in stage.links:
            link.transport.abort()
        stage.listen()
        await until(lambda: "-sdown master m" in stage.log, 60)

    run(scenario)


def test_a_sentinel_that_stood_still_does_nothing_meanwhile_and_doubts_its_clock() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        stage.listen()
        client = await stage.begin()
        await asyncio.sleep(3)
        lines, requests = len(stage.host.log_lines), sum(len(link.requests) for link in stage.links)
        stage.host.pause(10)
        await asyncio.sleep(9)
        assert len(stage.host.log_lines) == lines
        assert sum(len(link.requests) for link in stage.links) == requests
        await asyncio.sleep(2)
        assert "+tilt #tilt mode entered" in stage.log
        await asyncio.sleep(35)
        assert "-tilt #tilt mode exited" in stage.log
        assert await stage.flags(client) == "master"

    run(scenario)


def test_an_end_in_order_closes_all() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        stage.listen()
        client = await stage.begin()
        await asyncio.sleep(1)
        client.send("SHUTDOWN")
        await client.closed()
        assert "Sentinel is now ready to exit, bye bye..." in stage.log
        assert "RDB" not in stage.log
        await until(lambda: all(link.is_closed for link in stage.links), 1)
        connections = len(stage.links)
        await asyncio.sleep(5)
        assert len(stage.links) == connections

    run(scenario)


def test_an_end_that_was_asked_for_by_the_core_is_at_once() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world)
        await stage.begin()
        server, node = stage.host.server, stage.node
        assert server is not None
        node.core.state.do(Exit(99))
        node.flush()
        assert server.stopped.is_set()
        assert server.stopping.exit_code == 99

    run(scenario)


# Scripts


NOTIFIES = MONITOR + "sentinel notification-script m /notify\n"
NO_SCRIPTS = b"*0\r\n"


def test_a_script_is_told_of_events_and_run_again_if_it_asks_for_that() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world, NOTIFIES)
        stage.listen()
        client = await stage.begin()
        started = stage.host.programs.started
        await until(lambda: len(started) == 1, 1)
        assert started[0].arguments == ["/notify", "+monitor", f"master m {PRIMARY} 6379 quorum 1"]
        assert b"%d" % started[0].pid in await client.call("SENTINEL", "PENDING-SCRIPTS")
        started[0].end(1)
        await asyncio.sleep(29)
        assert len(started) == 1
        await asyncio.sleep(2)
        assert len(started) == 2
        started[1].end(0)
        await asyncio.sleep(1)
        assert await client.call("SENTINEL", "PENDING-SCRIPTS") == NO_SCRIPTS

    run(scenario)


def test_a_script_that_takes_too_long_is_killed() -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world, NOTIFIES)
        stage.listen()
        await stage.begin()
        await asyncio.sleep(59)
        (process,) = stage.host.programs.started
        assert process.poll() is None
        await asyncio.sleep(3)
        assert process.poll() == -9
        assert f"-script-timeout /notify {process.pid}" in stage.log

    run(scenario)


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "-script-error /notify 0 2"),
        (OSError(errno.ENOEXEC, "Exec format error"), "-script-error /notify 0 2"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "-script-error /notify 99 0"),
    ],
)
def test_a_script_that_cannot_be_started(error: OSError, event: str) -> None:
    async def scenario(world: World) -> None:
        stage = Stage(world, NOTIFIES)
        stage.listen()
        stage.host.programs.error = error
        client = await stage.begin()
        await until(lambda: event in stage.log, 1)
        stage.host.programs.error = None
        await asyncio.sleep(1)
        is_tried_again = "99" in event
        assert len(stage.host.programs.started) == is_tried_again
        assert (await client.call("SENTINEL", "PENDING-SCRIPTS") == NO_SCRIPTS) is not is_tried_again

    run(scenario)
