"""The link to a primary, step by step: what happens, and what is to be done."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.command_stream import encode_request
from pyredis_cluster.replication.effects import (
    Announce,
    Begin,
    Connect,
    Discard,
    Disconnect,
    Effect,
    End,
    FailoverAnswered,
    Load,
    Log,
    Prepare,
    Send,
    Store,
)
from pyredis_cluster.replication.handshake import Introduction
from pyredis_cluster.replication.replica import Position, ReplicaSide

ID = "a" * 40
OTHER_ID = "b" * 40
HOST = "10.0.0.1"
START_S = 1000
TIMEOUT_S = 60
MARK = b"m" * 40


class Link:
    """A `ReplicaSide`, its clock, and what it has asked for."""

    def __init__(self) -> None:
        self.side = ReplicaSide()
        self.now_s = START_S

    def take(self) -> list[Effect]:
        """What is to be done, but for lines of the log."""
        out: list[Effect] = [effect for effect in self.side.out if not isinstance(effect, Log)]
        self.logged = [effect.text for effect in self.side.out if isinstance(effect, Log)]
        self.side.out.clear()
        return out

    def follow(
        self, host: str = HOST, *, own: Position | None = None, is_failover: bool = False
    ) -> list[Effect]:
        self.side.follow(host, 7000, self.now_s, own=own, is_failover=is_failover)
        return self.take()

    def connected(self) -> list[Effect]:
        self.side.connected(Introduction(7001), self.now_s)
        return self.take()

    def receive(self, *lines: bytes) -> list[Effect]:
        self.side.received(b"".join(lines), self.now_s)
        return self.take()

    def tick(self, seconds: int = 1) -> list[Effect]:
        self.now_s += seconds
        self.side.tick(self.now_s, TIMEOUT_S)
        return self.take()

    def lose(self, reason: str = "Connection reset by peer") -> list[Effect]:
        self.side.lost(reason, self.now_s)
        return self.take()

    def until_psync(self, *, own: Position | None = None, is_failover: bool = False) -> list[Effect]:
        """As far as to where PSYNC has been sent."""
        self.follow(own=own, is_failover=is_failover)
        self.connected()
        return self.receive(b"+PONG\r\n+OK\r\n+OK\r\n")

    def until_connected(self, offset: int = 100) -> None:
        self.until_psync()
        self.receive(b"+FULLRESYNC %b %d\r\n" % (ID.encode(), offset), b"$4\r\nDATA")
        self.side.loaded(0, self.now_s)
        self.take()


@pytest.fixture
def link() -> Link:
    return Link()


def state_of(link: Link) -> str:
    return link.side.state.name


def sent(*words: str) -> Send:
    return Send(encode_request(*[word.encode() for word in words]))


def test_from_nothing_to_the_stream(link: Link) -> None:
    side = link.side
    assert state_of(link) == "NONE"
    assert link.follow() == [Connect(HOST, 7000)]
    assert link.logged[1:] == [f"Connecting to MASTER {HOST}:7000", "MASTER <-> REPLICA sync started"]
    assert state_of(link) == "CONNECTING"
    assert link.connected() == [sent("PING")]
    assert state_of(link) == "HANDSHAKE"
    assert len(link.receive(b"+PO")) == 0
    assert len(link.receive(b"NG\r\n")) == 1
    assert link.receive(b"+OK\r\n+OK\r\n") == [sent("PSYNC", "?", "-1")]
    assert link.receive(b"\n") == []
    assert link.receive(b"+FULLRESYNC %b 100\r\n" % ID.encode()) == [Prepare()]
    assert state_of(link) == "TRANSFER"
    assert side.incoming_replid == ID
    assert link.receive(b"\n$6\r\n") == [Announce()]
    assert link.receive(b"DAT") == [Store(b"DAT")]
    assert link.receive(b"A12*1\r\n") == [Store(b"A12"), Load()]
    assert state_of(link) == "TRANSFER"
    side.loaded(3, link.now_s)
    assert link.take() == [Begin(is_full=True, replid="", data=b"*1\r\n")]
    assert side.is_up
    assert side.position == Position(ID, 100, 3)


def test_all_in_one_packet(link: Link) -> None:
    link.until_psync()
    data = b"+FULLRESYNC %b 5\r\n$EOF:%b\r\nDATA%b" % (ID.encode(), MARK, MARK)
    assert link.receive(data) == [Prepare(), Announce(), Store(b"DATA"), Load()]
    link.side.loaded(0, link.now_s)
    # The primary waits for this, as it cannot know otherwise that the end was seen.
    assert link.take() == [Begin(is_full=True, replid="", data=b""), sent("REPLCONF", "ACK", "5")]


def test_resumes_after_a_cut(link: Link) -> None:
    link.until_connected(100)
    assert link.side.position is not None
    link.side.position.offset = 150
    assert link.lose() == [End(), Disconnect(), Connect(HOST, 7000)]
    assert link.logged == [
        "Connection with master lost.",
        "Caching the disconnected master state.",
        f"Reconnecting to MASTER {HOST}:7000",
        "MASTER <-> REPLICA sync started",
    ]
    assert link.side.down_since_s == link.now_s
    link.connected()
    assert link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")[-1] == sent("PSYNC", ID, "151")
    assert link.receive(b"+CONTINUE\r\n*1\r\n$4\r\nPING\r\n") == [
        Begin(is_full=False, replid="", data=b"*1\r\n$4\r\nPING\r\n")
    ]
    assert link.side.position == Position(ID, 150)
    assert link.side.down_since_s == 0


def test_the_history_goes_on_under_another_id(link: Link) -> None:
    link.until_connected()
    link.lose()
    link.connected()
    link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")
    assert link.receive(b"+CONTINUE %b\r\n" % OTHER_ID.encode()) == [
        Begin(is_full=False, replid=OTHER_ID, data=b"")
    ]
    assert link.side.position == Position(OTHER_ID, 100)
    assert f"Master replication ID changed to {OTHER_ID}" in link.logged


def test_a_primary_may_go_on_from_its_own_history(link: Link) -> None:
    assert link.until_psync(own=Position(ID, 99))[-1] == sent("PSYNC", ID, "100")


def test_another_primary_is_asked_for_the_rest(link: Link) -> None:
    link.until_connected()
    assert link.follow("10.0.0.2") == [End(), Disconnect(), Connect("10.0.0.2", 7000)]
    link.connected()
    assert link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")[-1] == sent("PSYNC", ID, "101")


def test_promotion_forgets_the_primary(link: Link) -> None:
    link.until_connected()
    link.side.unfollow(link.now_s)
    assert link.take() == [End(), Disconnect()]
    assert link.logged[-1] == "Discarding previously cached master state."
    assert state_of(link) == "NONE"
    assert link.side.position is None
    assert link.tick() == []


def test_refused_connection_is_tried_again_each_second(link: Link) -> None:
    link.follow()
    link.side.connect_failed("Connection refused")
    assert link.take() == []
    assert link.logged == ["Error condition on socket for SYNC: Connection refused"]
    assert state_of(link) == "CONNECT"
    assert link.tick() == [Connect(HOST, 7000)]


@pytest.mark.parametrize("line", [b"-LOADING x", b"-NOMASTERLINK x"])
def test_a_primary_that_is_not_ready_is_asked_again(link: Link, line: bytes) -> None:
    link.until_psync()
    assert link.receive(line + b"\r\n") == [Disconnect()]
    assert state_of(link) == "CONNECT"
    assert link.tick() == [Connect(HOST, 7000)]


def test_a_primary_without_psync_is_asked_for_sync(link: Link) -> None:
    link.until_psync()
    assert link.receive(b"-ERR unknown command\r\n") == [Send(b"SYNC\r\n"), Prepare()]
    assert link.receive(b"$4\r\nDATA") == [Announce(), Store(b"DATA"), Load()]
    link.side.loaded(0, link.now_s)
    link.take()
    # Nothing of such a stream can be acknowledged, or resumed.
    link.side.acknowledge(10, None)
    assert link.take() == []
    link.lose()
    link.connected()
    assert link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")[-1] == sent("PSYNC", "?", "-1")


def test_silence_ends_each_stage(link: Link) -> None:
    link.follow()
    assert link.tick(TIMEOUT_S) == []
    assert link.tick() == [Disconnect(), Connect(HOST, 7000)]
    assert link.logged[0] == "Timeout connecting to the MASTER..."
    link.connected()
    assert link.tick(TIMEOUT_S + 1) == [Disconnect(), Connect(HOST, 7000)]
    link.connected()
    link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")
    link.receive(b"+FULLRESYNC %b 1\r\n$100\r\nabc" % ID.encode())
    link.tick(TIMEOUT_S - 1)
    link.receive(b"d")
    assert link.tick(TIMEOUT_S) == []
    assert link.tick() == [Disconnect(), Discard(), Connect(HOST, 7000)]
    assert link.logged[0].startswith("Timeout receiving bulk data from MASTER...")


def test_silence_ends_the_stream(link: Link) -> None:
    link.until_connected()
    assert link.tick(TIMEOUT_S) == []
    assert link.tick() == [End(), Disconnect(), Connect(HOST, 7000)]
    assert link.logged[0] == "MASTER timeout: no data nor PING received..."


def test_while_data_is_loaded_the_primary_sees_that_we_live(link: Link) -> None:
    link.until_psync()
    link.receive(b"+FULLRESYNC %b 1\r\n$4\r\nDATA" % ID.encode())
    for _ in range(3):
        assert link.tick(TIMEOUT_S) == [Send(b"\n")]


def test_a_link_that_is_lost_while_data_is_loaded(link: Link) -> None:
    link.until_psync()
    link.receive(b"+FULLRESYNC %b 1\r\n$4\r\nDATA" % ID.encode())
    assert link.lose("") == []
    link.side.loaded(0, link.now_s)
    effects = link.take()
    assert effects[0] == Begin(is_full=True, replid="", data=b"")
    assert effects[1:] == [End(), Disconnect(), Connect(HOST, 7000)]
    assert link.side.position == Position(ID, 1)


@pytest.mark.parametrize("head", [b"", b"$100\r\nabc"])
def test_a_link_that_is_lost_during_the_transfer(link: Link, head: bytes) -> None:
    link.until_psync()
    link.receive(b"+FULLRESYNC %b 1\r\n" % ID.encode() + head)
    assert link.lose() == [Disconnect(), Discard(), Connect(HOST, 7000)]
    assert link.logged[1] == f"Reconnecting to MASTER {HOST}:7000 after failure"


def test_data_that_cannot_be_kept_or_loaded(link: Link) -> None:
    link.until_psync()
    link.receive(b"+FULLRESYNC %b 1\r\n$4\r\nDATA" % ID.encode())
    link.side.failed(link.now_s)
    assert link.take() == [Disconnect(), Discard(), Connect(HOST, 7000)]


def test_a_primary_that_aborts_the_transfer(link: Link) -> None:
    link.until_psync()
    link.receive(b"+FULLRESYNC %b 1\r\n" % ID.encode())
    assert link.receive(b"-ERR no memory\r\n") == [Disconnect(), Discard(), Connect(HOST, 7000)]
    assert link.logged[0] == "MASTER aborted replication with an error: ERR no memory"


@pytest.mark.parametrize("lines", [[], [b"+PONG\r\n"], [b"+PONG\r\n+OK\r\n+OK\r\n"]])
def test_a_link_that_is_lost_during_the_handshake(link: Link, lines: list[bytes]) -> None:
    link.follow()
    link.connected()
    link.receive(*lines)
    assert link.lose() == [Disconnect()]
    assert link.tick() == [Connect(HOST, 7000)]


def test_an_endless_line_ends_the_handshake(link: Link) -> None:
    link.follow()
    link.connected()
    assert link.receive(b"x" * 5000) == [Disconnect()]


def test_a_broken_stream_cannot_be_resumed(link: Link) -> None:
    link.until_connected()
    link.side.stream_broken(link.now_s)
    assert link.take() == [End(), Disconnect(), Connect(HOST, 7000)]
    link.connected()
    assert link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")[-1] == sent("PSYNC", "?", "-1")


def test_continue_that_nobody_asked_for(link: Link) -> None:
    link.until_psync()
    assert link.receive(b"+CONTINUE\r\n") == [Disconnect()]


def test_acknowledgements(link: Link) -> None:
    link.side.acknowledge(1, None)
    assert link.take() == []
    link.until_connected()
    link.side.acknowledge(110, None)
    link.side.acknowledge(120, 115)
    assert link.take() == [
        sent("REPLCONF", "ACK", "110"),
        sent("REPLCONF", "ACK", "120", "FACK", "115"),
    ]


def test_failover_is_answered(link: Link) -> None:
    assert link.until_psync(own=Position(ID, 5), is_failover=True)[-1] == sent("PSYNC", ID, "6", "FAILOVER")
    assert link.receive(b"+CONTINUE %b\r\n" % OTHER_ID.encode()) == [
        FailoverAnswered(is_accepted=True),
        Begin(is_full=False, replid=OTHER_ID, data=b""),
    ]


@pytest.mark.parametrize("line", [b"-ERR no", b"-LOADING x"])
def test_failover_is_rejected(link: Link, line: bytes) -> None:
    link.until_psync(own=Position(ID, 5), is_failover=True)
    assert link.receive(line + b"\r\n") == [FailoverAnswered(is_accepted=False), Disconnect()]


def test_failover_is_over(link: Link) -> None:
    link.until_psync(own=Position(ID, 5), is_failover=True)
    link.side.failover_is_over()
    link.lose()
    link.take()
    link.tick()
    link.connected()
    assert link.receive(b"+PONG\r\n+OK\r\n+OK\r\n")[-1] == sent("PSYNC", ID, "6")
