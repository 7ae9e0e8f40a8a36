"""Connections to nodes, on redis-py."""

from __future__ import annotations

import inspect
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.errors import ReplyError, UnreachableError

Word: TypeAlias = bytes | str | int
Reply: TypeAlias = "bytes | int | ReplyError | list[Reply] | None"

_CONNECT_LIMIT_S = 10.0
_PARAMETERS = inspect.signature(AbstractConnection.__init__).parameters
_FAILURES = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
_CODE = re.compile(r"[A-Z]+\b")
_CODES = {
    redis.exceptions.AuthenticationError: "WRONGPASS",
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.exceptions.ReadOnlyError: "READONLY",
    redis.exceptions.BusyLoadingError: "LOADING",
    redis.exceptions.ExecAbortError: "EXECABORT",
    redis.exceptions.ClusterDownError: "CLUSTERDOWN",
    redis.exceptions.ClusterCrossSlotError: "CROSSSLOT",
    redis.exceptions.MovedError: "MOVED",
    redis.exceptions.AskError: "ASK",
    redis.exceptions.TryAgainError: "TRYAGAIN",
    redis.exceptions.MasterDownError: "MASTERDOWN",
    redis.exceptions.OutOfMemoryError: "OOM",
    redis.exceptions.NoScriptError: "NOSCRIPT",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who to be at the nodes; without a password nobody."""

    user: str | None = None
    password: str | None = None

    def migrate_words(self) -> list[str]:
        """What MIGRATE needs for the receiving node."""
        if self.password is None:
            return []
        return ["AUTH2", self.user, self.password] if self.user else ["AUTH", self.password]


NOBODY = Credentials()


class Link(Protocol):
    """A connection to one node."""

    def call(self, *words: Word) -> Reply:
        """The reply to a request. Raises ReplyError, UnreachableError."""
        reply = self.call_all([words])[0]
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def call_all(self, requests: Sequence[Sequence[Word]]) -> list[Reply]:
        """Replies to several requests sent at once, errors among them. Raises UnreachableError."""
        self.send(requests)
        return self.receive(len(requests))

    def send(self, requests: Sequence[Sequence[Word]]) -> None:
        """Send requests, whose replies `receive` gets. Raises UnreachableError."""

    def receive(self, count: int) -> list[Reply]:
        """So many replies, errors among them. Raises UnreachableError."""

    def close(self) -> None:
        """End the connection."""


class NodeLink(Link):
    """A connection that exists from the first on. Raises UnreachableError, and ReplyError for credentials.

    A node may be silent for `limit_s`, or as long as it likes.
    """

    def __init__(self, address: Address, credentials: Credentials, limit_s: float | None = None) -> None:
        self._name = str(address)
        # redis-py has no types for it.
        connection_type: Any = redis.Connection
        # It would introduce itself, which a node that wants a password refuses before it is asked anything.
        introduction = ("driver_info",) if "driver_info" in _PARAMETERS else ("lib_name", "lib_version")
        self._connection = connection_type(
            host=address.host,
            port=address.port,
            username=credentials.user if credentials.password is not None else None,
            password=credentials.password,
            protocol=2,
            # Without one a slot's keys may take as long as --cluster-timeout says.
            socket_timeout=limit_s,
            socket_connect_timeout=limit_s or _CONNECT_LIMIT_S,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            **dict.fromkeys(introduction),
        )
        try:
            self._connection.connect()
        except redis.exceptions.AuthenticationError as error:
            raise ReplyError(self._name, _text_of(error)) from None
        except redis.exceptions.ResponseError as error:
            raise ReplyError(self._name, _text_of(error)) from None
        except (redis.exceptions.RedisError, OSError) as error:
            reason = _reason_of(error)
            raise UnreachableError(f"Could not connect to Redis at {self._name}: {reason}") from None

    def send(self, requests: Sequence[Sequence[Word]]) -> None:
        """Send requests, whose replies `receive` gets. Raises UnreachableError."""
        try:
            packed = self._connection.pack_commands(requests)
            self._connection.send_packed_command(packed, check_health=False)
        except _FAILURES as error:
            raise self._lost(error) from None

    def receive(self, count: int) -> list[Reply]:
        """So many replies, errors among them. Raises UnreachableError."""
        try:
            return [self._read() for _ in range(count)]
        except _FAILURES as error:
            raise self._lost(error) from None

    def close(self) -> None:
        """End the connection."""
        self._connection.disconnect()

    def _lost(self, error: BaseException) -> UnreachableError:
        return UnreachableError(f"The connection to Redis at {self._name} was lost: {_reason_of(error)}")

    def _read(self) -> Reply:
        try:
            reply = self._connection.read_response(disable_decoding=True)
        except redis.exceptions.AuthenticationError as error:
            # A kind of ConnectionError for redis-py, but here it is the reply to a request.
            return ReplyError(self._name, _text_of(error))
        except redis.exceptions.ResponseError as error:
            return ReplyError(self._name, _text_of(error))
        return self._plain(reply)

    def _plain(self, reply: object) -> Reply:
        if isinstance(reply, list):
            return [self._plain(each) for each in reply]
        if isinstance(reply, redis.exceptions.RedisError):
            return ReplyError(self._name, _text_of(reply))
        if reply is None or isinstance(reply, (bytes, int)):
            return reply
        raise UnreachableError(f"Redis at {self._name} sent a reply of an unexpected kind.")


def resolve(host: str) -> str:
    """The IP address of a host, which CLUSTER MEET needs. Raises UnreachableError."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        raise UnreachableError(f"Invalid IP address or hostname specified: {host}") from None


def _text_of(error: BaseException) -> str:
    """The error as the node sent it: redis-py takes the code off of those that it has a class for."""
    text = str(error)
    code = getattr(error, "status_code", None) or _CODES.get(type(error))
    if code:
        return f"{code} {text}"
    return text if _CODE.match(text) else f"ERR {text}"


def _reason_of(error: BaseException) -> str:
    cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
    if isinstance(cause, socket.gaierror):
        return "Name or service not known"
    if isinstance(cause, OSError) and cause.errno:
        return cause.strerror or os.strerror(cause.errno)
    return str(error)
