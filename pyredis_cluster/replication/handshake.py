r"""What a replica and its primary say to each other before data flows.

    replica                                         primary
    PING                                            +PONG, or an error that only asks for AUTH
    AUTH [user] password          (if configured)   +OK
    REPLCONF listening-port <port>                  +OK; errors are noted
    REPLCONF ip-address <ip>      (if configured)   +OK; errors are noted
    REPLCONF capa eof capa psync2                   +OK; errors are noted
    PSYNC <id> <offset> [FAILOVER]                  \n …,  then +FULLRESYNC <id> <offset>, +CONTINUE [<id>]
                                                    or an error

Source: `syncWithMaster` of Redis 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pyredis_cluster.protocol.command_stream import encode_request

ID_CHARACTERS: Final = 40
NO_OFFSET: Final = -1

_ASKS_FOR_AUTH: Final = (b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted")
_TRY_LATER: Final = (b"-NOMASTERLINK", b"-LOADING")


class Stage(Enum):
    """Whose reply comes next."""

    PING = "ping"
    AUTH = "auth"
    PORT = "listening-port"
    ADDRESS = "ip-address"
    CAPABILITIES = "capa"
    PSYNC = "psync"


class Verdict(Enum):
    """How it ended."""

    FULL = "full"
    CONTINUE = "continue"
    UNSUPPORTED = "unsupported"
    """The primary does not know PSYNC, or fails at it: SYNC is worth a try."""
    LATER = "later"
    """It cannot serve replicas now."""
    FAILED = "failed"


@dataclass(frozen=True)
class Introduction:
    """What a replica tells of itself. `auth` is the words after AUTH, none where it is not needed."""

    port: int
    auth: tuple[bytes, ...] = ()
    announce_ip: str = ""


@dataclass
class Step:
    """What follows from a reply: what to send, what to log, and the verdict if that was the last one."""

    send: bytes = b""
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    verdict: Verdict | None = None


class Handshake:
    """One attempt; `hello` is sent first, then each line of the primary goes to `receive`.

    `position` is the history and the offset of what the replica has, None where it has nothing of any use.
    After the verdict FULL `replid` and `offset` are those of the data set to come; after CONTINUE `replid` is
    the id under which the history goes on, "" where the primary did not say.
    """

    def __init__(
        self, introduction: Introduction, position: tuple[str, int] | None, *, is_failover: bool = False
    ) -> None:
        self._introduction = introduction
        self._position = position
        self._is_failover = is_failover
        self.stage = Stage.PING
        self.replid = ""
        self.offset = NO_OFFSET

    @property
    def expects_psync_reply(self) -> bool:
        """Whether all has been said but whether data is to come, or only what is missing of it."""
        return self.stage is Stage.PSYNC

    def hello(self) -> bytes:
        """What is sent as soon as the connection is there."""
        return encode_request(b"PING")

    def receive(self, line: bytes) -> Step:
        """Take a reply, given without its line end."""
        match self.stage:
            case Stage.PING:
                return self._pong(line)
            case Stage.AUTH:
                if line[:1] == b"-":
                    return _failed(f"Unable to AUTH to MASTER: {_text(line)}")
                self.stage = Stage.PORT
                return Step()
            case Stage.PORT:
                self.stage = Stage.ADDRESS if self._introduction.announce_ip else Stage.CAPABILITIES
                return _noted("listening-port", line)
            case Stage.ADDRESS:
                self.stage = Stage.CAPABILITIES
                return _noted("ip-address", line)
            case Stage.CAPABILITIES:
                step = _noted("capa", line)
                self.stage = Stage.PSYNC
                self._psync(step)
                return step
            case Stage.PSYNC:
                return self._answer(line)

    def _pong(self, line: bytes) -> Step:
        if line[:1] != b"+" and not line.startswith(_ASKS_FOR_AUTH):
            return _failed(f"Error reply to PING from master: '{_text(line)}'")
        introduction = self._introduction
        requests = [
            encode_request(b"REPLCONF", b"listening-port", b"%d" % introduction.port),
            encode_request(b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"),
        ]
        if introduction.announce_ip:
            requests.insert(1, encode_request(b"REPLCONF", b"ip-address", introduction.announce_ip.encode()))
        self.stage = Stage.PORT
        if introduction.auth:
            requests.insert(0, encode_request(b"AUTH", *introduction.auth))
            self.stage = Stage.AUTH
        return Step(b"".join(requests), ["Master replied to PING, replication can continue..."])

    def _psync(self, step: Step) -> None:
        if self._position is None:
            words = [b"PSYNC", b"?", b"-1"]
            step.notices.append("Partial resynchronization not possible (no cached master)")
        else:
            replid, offset = self._position
            words = [b"PSYNC", replid.encode(), b"%d" % (offset + 1)]
            step.notices.append(f"Trying a partial resynchronization (request {replid}:{offset + 1}).")
        if self._is_failover:
            words.append(b"FAILOVER")
        step.send = encode_request(*words)

    def _answer(self, line: bytes) -> Step:
        if not line:
            return Step()  # it makes sure that we wait
        if line.startswith(b"+FULLRESYNC"):
            return self._full(line)
        if line.startswith(b"+CONTINUE"):
            replid = line[len(b"+CONTINUE ") :]
            self.replid = _text(replid) if len(replid) == ID_CHARACTERS else ""
            return Step(
                notices=["Successful partial resynchronization with master."], verdict=Verdict.CONTINUE
            )
        text = _text(line)
        if line.startswith(_TRY_LATER):
            message = f"Master is currently unable to PSYNC but should be in the future: {text}"
            return Step(notices=[message], verdict=Verdict.LATER)
        if line.startswith(b"-ERR"):
            message = f"Master does not support PSYNC or is in error state (reply: {text})"
            return Step(notices=[message], verdict=Verdict.UNSUPPORTED)
        return Step(warnings=[f"Unexpected reply to PSYNC from master: {text}"], verdict=Verdict.UNSUPPORTED)

    def _full(self, line: bytes) -> Step:
        words = line.split(b" ")
        if len(words) < 3 or len(words[1]) != ID_CHARACTERS or not words[2].isdigit():
            # Without knowing where the stream begins nothing can be resumed later, but data will come.
            self.replid, self.offset = "", NO_OFFSET
            return Step(warnings=["Master replied with wrong +FULLRESYNC syntax."], verdict=Verdict.FULL)
        self.replid, self.offset = _text(words[1]), int(words[2])
        return Step(notices=[f"Full resync from master: {self.replid}:{self.offset}"], verdict=Verdict.FULL)


def _noted(what: str, line: bytes) -> Step:
    if line[:1] != b"-":
        return Step()
    return Step(notices=[f"(Non critical) Master does not understand REPLCONF {what}: {_text(line)}"])


def _failed(warning: str) -> Step:
    return Step(warnings=[warning], verdict=Verdict.FAILED)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
