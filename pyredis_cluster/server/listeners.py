"""The sockets that a server listens on: bind, port, unixsocket."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.sockets import unix_socket

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.server.log import Log
    from pyredis_cluster.server.network import Accepting, Network, ProtocolFactory

_FAMILY_MISSING = {errno.ENOPROTOOPT, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT} | {
    getattr(errno, name) for name in ("ESOCKTNOSUPPORT", "EPFNOSUPPORT") if hasattr(errno, name)
}


class ListenError(StartError):
    """A socket cannot be listened on; the log says why."""


class Listeners:
    """All listening sockets for clients of one server."""

    def __init__(self, config: Config, log: Log, network: Network, factory: ProtocolFactory) -> None:
        self._config = config
        self._log = log
        self._network = network
        self._factory = factory
        self._tcp: list[Accepting] = []
        self._unix: list[Accepting] = []
        self._unix_path = ""
        self.tcp_names: list[tuple[str, int]] = []
        """Address and port of each TCP socket, for INFO."""

    @property
    def kinds(self) -> list[str]:
        """What is listened on, in the order in which Redis names it."""
        return [kind for kind, sockets in (("tcp", self._tcp), ("unix", self._unix)) if sockets]

    def open(self) -> None:
        """Listen as the configuration says. Raises `ListenError`."""
        config = self._config
        if config.integer("port"):
            try:
                self._open_tcp()
            except ListenError:
                self._log.warning(f"Failed listening on port {config.integer('port')} (tcp), aborting.")
                raise
        if config.text("unixsocket"):
            self._open_unix(config.path("unixsocket"))
        if not self._tcp and not self._unix:
            self._log.warning("Configured to not listen anywhere, exiting.")
            raise ListenError

    def reopen_tcp(self) -> None:
        """Listen where port and bind now say. Raises `ListenError`, and then listens nowhere."""
        self._close_tcp()
        if self._config.integer("port"):
            self._open_tcp()

    def pause(self) -> None:
        """Accept nobody until `resume`."""
        for each in self._tcp + self._unix:
            each.pause()

    def resume(self) -> None:
        """Accept again."""
        for each in self._tcp + self._unix:
            each.resume()

    def close(self) -> None:
        """Listen no more, and remove the Unix socket's file."""
        self._close_tcp()
        for each in self._unix:
            each.close()
        self._unix.clear()
        if self._unix_path:
            self._log.notice("Removing the unix socket file.")
            with contextlib.suppress(OSError):
                os.unlink(self._unix_path)
            self._unix_path = ""

    def _close_tcp(self) -> None:
        for each in self._tcp:
            each.close()
        self._tcp.clear()
        self.tcp_names.clear()

    def _open_tcp(self) -> None:
        port = self._config.integer("port")
        backlog = self._config.integer("tcp-backlog")
        opened: list[Accepting] = []
        for word in self._config.words("bind"):
            address = word.removeprefix("-")
            try:
                opened.append(self._network.listen(address, port, backlog, self._factory, self._failed))
            except OSError as error:
                self._log.warning(could_not_listen(address, port, error))
                is_optional = word.startswith("-") and error.errno == errno.EADDRNOTAVAIL
                if is_optional or error.errno in _FAMILY_MISSING:
                    continue
                for each in opened:
                    each.close()
                raise ListenError from None
        self._tcp = opened
        self.tcp_names = [each.name for each in opened]

    def _open_unix(self, path: str) -> None:
        try:
            listener = unix_socket(
                path, self._config.integer("unixsocketperm"), self._config.integer("tcp-backlog")
            )
        except OSError as error:
            self._log.warning(f"Failed opening Unix socket: {_reason(error)}")
            raise ListenError from None
        self._unix_path = path
        self._unix.append(self._network.accept(listener, self._factory, self._failed))

    def _failed(self, error: OSError) -> None:
        self._log.warning(f"Accepting client connection: accept: {error.strerror}")


def could_not_listen(address: str, port: int, error: OSError) -> str:
    """What the log says where `tcp_socket` failed."""
    return f"Warning: Could not create server TCP listening socket {address}:{port}: {_reason(error)}"


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text
