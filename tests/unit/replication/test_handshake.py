"""What a replica says before data flows, and what it makes of the answers."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.command_stream import encode_request
from pyredis_cluster.replication.handshake import Handshake, Introduction, Stage, Step, Verdict

ID = "a" * 40
OTHER_ID = "b" * 40


def words(*requests: str) -> bytes:
    return b"".join(encode_request(*request.encode().split()) for request in requests)


def at_psync(position: tuple[str, int] | None = None, *, is_failover: bool = False) -> tuple[Handshake, Step]:
    """A handshake whose next reply is that to PSYNC, and the step that sent PSYNC."""
    handshake = Handshake(Introduction(7001), position, is_failover=is_failover)
    handshake.receive(b"+PONG")
    handshake.receive(b"+OK")
    return handshake, handshake.receive(b"+OK")


def test_plain_handshake() -> None:
    handshake = Handshake(Introduction(7001), None)
    assert handshake.hello() == words("PING")
    step = handshake.receive(b"+PONG")
    assert step.send == words("REPLCONF listening-port 7001", "REPLCONF capa eof capa psync2")
    assert step.notices == ["Master replied to PING, replication can continue..."]
    assert handshake.stage.name == "PORT"
    assert handshake.receive(b"+OK") == Step()
    assert handshake.stage.name == "CAPABILITIES"
    step = handshake.receive(b"+OK")
    assert step.send == words("PSYNC ? -1")
    assert step.notices == ["Partial resynchronization not possible (no cached master)"]
    assert handshake.expects_psync_reply


def test_all_that_can_be_told() -> None:
    introduction = Introduction(7001, (b"repl", b"p w"), "10.0.0.7")
    handshake = Handshake(introduction, (ID, 1000))
    step = handshake.receive(b"-NOAUTH Authentication required.")
    assert step.send == encode_request(b"AUTH", b"repl", b"p w") + words(
        "REPLCONF listening-port 7001", "REPLCONF ip-address 10.0.0.7", "REPLCONF capa eof capa psync2"
    )
    stages = []
    for _ in range(4):
        stages.append(handshake.stage)
        step = handshake.receive(b"+OK")
    assert stages == [Stage.AUTH, Stage.PORT, Stage.ADDRESS, Stage.CAPABILITIES]
    # What is asked for is the first byte that is missing.
    assert step.send == words(f"PSYNC {ID} 1001")
    assert step.notices == [f"Trying a partial resynchronization (request {ID}:1001)."]


@pytest.mark.parametrize(
    ("line", "goes_on"),
    [
        (b"+PONG", True),
        (b"+whatever", True),
        (b"-NOAUTH Authentication required.", True),
        (b"-NOPERM this user has no permissions", True),
        (b"-ERR operation not permitted", True),
        (b"-LOADING Redis is loading the dataset in memory", False),
        (b"-ERR unknown", False),
        (b"", False),
        (b"$4", False),
    ],
)
def test_replies_to_ping(line: bytes, goes_on: bool) -> None:
    step = Handshake(Introduction(1), None).receive(line)
    assert (step.verdict is None) == goes_on
    if not goes_on:
        assert step.warnings == [f"Error reply to PING from master: '{line.decode()}'"]
        assert step.verdict is Verdict.FAILED


def test_wrong_password_ends_it() -> None:
    handshake = Handshake(Introduction(1, (b"x",)), None)
    handshake.receive(b"+PONG")
    step = handshake.receive(b"-WRONGPASS invalid username-password pair or user is disabled.")
    assert step.verdict is Verdict.FAILED
    assert step.warnings == [
        "Unable to AUTH to MASTER: -WRONGPASS invalid username-password pair or user is disabled."
    ]


def test_old_primaries_do_not_understand_everything() -> None:
    handshake = Handshake(Introduction(1, announce_ip="::1"), None)
    handshake.receive(b"+PONG")
    for name in ("listening-port", "ip-address", "capa"):
        step = handshake.receive(b"-ERR what?")
        assert step.notices[0] == f"(Non critical) Master does not understand REPLCONF {name}: -ERR what?"
        assert step.verdict is None
    assert handshake.expects_psync_reply


def test_full_resynchronisation() -> None:
    handshake, _ = at_psync()
    assert handshake.receive(b"") == Step()  # a line end keeps the link alive
    step = handshake.receive(f"+FULLRESYNC {OTHER_ID} 4711".encode())
    assert step.verdict is Verdict.FULL
    assert step.notices == [f"Full resync from master: {OTHER_ID}:4711"]
    assert (handshake.replid, handshake.offset) == (OTHER_ID, 4711)


@pytest.mark.parametrize("line", [b"+FULLRESYNC", b"+FULLRESYNC abc 1", b"+FULLRESYNC " + b"a" * 40])
def test_full_resynchronisation_that_cannot_be_resumed_later(line: bytes) -> None:
    handshake, _ = at_psync()
    step = handshake.receive(line)
    assert step.verdict is Verdict.FULL
    assert step.warnings == ["Master replied with wrong +FULLRESYNC syntax."]
    assert (handshake.replid, handshake.offset) == ("", -1)


@pytest.mark.parametrize(("line", "replid"), [("+CONTINUE", ""), (f"+CONTINUE {OTHER_ID}", OTHER_ID)])
def test_partial_resynchronisation(line: str, replid: str) -> None:
    handshake, _ = at_psync((ID, 7))
    step = handshake.receive(line.encode())
    assert step.verdict is Verdict.CONTINUE
    assert handshake.replid == replid


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (b"-NOMASTERLINK Can't SYNC while not connected with my master", Verdict.LATER),
        (b"-LOADING Redis is loading the dataset in memory", Verdict.LATER),
        (b"-ERR unknown command 'PSYNC'", Verdict.UNSUPPORTED),
        (b"-NOAUTH Authentication required.", Verdict.UNSUPPORTED),
        (b"+OK", Verdict.UNSUPPORTED),
    ],
)
def test_refusals_of_psync(line: bytes, verdict: Verdict) -> None:
    handshake, _ = at_psync()
    step = handshake.receive(line)
    assert step.verdict is verdict
    assert line.decode() in (step.notices + step.warnings)[0]


def test_failover_asks_for_the_role() -> None:
    _, step = at_psync((ID, 9), is_failover=True)
    assert step.send == words(f"PSYNC {ID} 10 FAILOVER")
