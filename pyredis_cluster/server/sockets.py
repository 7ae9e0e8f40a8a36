"""Sockets that listen, as `bind` and `unixsocket` name them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys


def tcp_socket(address: str, port: int, backlog: int) -> socket.socket:
    """A socket that listens on one address of `bind`: a name, an IPv4 or IPv6 address, `*` or `::*`.

    Raises OSError; `filename` then names the call that failed.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    host = None if address in ("*", "::*") else address
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(error.errno, error.strerror) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two servers have the same port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind_and_listen(listener, found[0][4], backlog)
    except OSError:
        listener.close()
        raise
    return listener


def unix_socket(path: str, permissions: int, backlog: int) -> socket.socket:
    """A socket that listens at `path`, replacing what is there. Raises OSError as `tcp_socket`."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "Unix sockets do not exist on this platform")
    with contextlib.suppress(OSError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _bind_and_listen(listener, path, backlog, permissions)
    except OSError:
        listener.close()
        raise
    return listener


def _bind_and_listen(listener: socket.socket, address: object, backlog: int, permissions: int = 0) -> None:
    try:
        listener.bind(address)  # type: ignore[arg-type]
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), "bind") from None
    if permissions:
        os.chmod(str(address), permissions)
    try:
        listener.listen(backlog)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "listen") from None
