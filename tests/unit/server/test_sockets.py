"""Sockets to listen on, one at a time; the program's tests have the rest."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from pyredis_cluster.server.sockets import tcp_socket, unix_socket


class TestTcp:
    @pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "*"])
    def test_listens(self, address: str) -> None:
        with tcp_socket(address, 0, 5) as listener:
            port = listener.getsockname()[1]
            socket.create_connection(("127.0.0.1", port)).close()

    def test_both_families_may_have_one_port(self) -> None:
        if not socket.has_ipv6:
            pytest.skip("no IPv6")
        with tcp_socket("*", 0, 5) as listener:
            port = listener.getsockname()[1]
            try:
                other = tcp_socket("::*", port, 5)
            except OSError as error:
                if error.errno == errno.EAFNOSUPPORT:
                    pytest.skip("no IPv6")
                raise
            assert other.getsockname()[:2] == ("::", port)
            other.close()

    def test_taken(self) -> None:
        with tcp_socket("127.0.0.1", 0, 5) as listener:
            with pytest.raises(OSError, match="Address already in use") as raised:
                tcp_socket("127.0.0.1", listener.getsockname()[1], 5)
            assert raised.value.errno == errno.EADDRINUSE
            assert raised.value.filename == "bind"

    def test_name_that_does_not_exist(self) -> None:
        with pytest.raises(OSError) as raised:  # noqa: PT011
            tcp_socket("no.such.host.invalid", 0, 5)
        assert raised.value.filename is None


class TestUnix:
    def test_listens_with_permissions(self, tmp_path: Path) -> None:
        if not hasattr(socket, "AF_UNIX"):
            pytest.skip("no Unix sockets")
        path = tmp_path / "x.sock"
        with unix_socket(str(path), 0o600, 5), socket.socket(socket.AF_UNIX) as client:
            assert path.stat().st_mode & 0o777 == 0o600
            client.connect(str(path))

    def test_path_too_long(self, tmp_path: Path) -> None:
        if not hasattr(socket, "AF_UNIX"):
            pytest.skip("no Unix sockets")
        with pytest.raises(OSError, match="too long"):
            unix_socket(str(tmp_path / ("x" * 200)), 0, 5)

    def test_platform_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(socket, "AF_UNIX", raising=False)
        with pytest.raises(OSError, match="Unix sockets do not exist on this platform"):
            unix_socket("x.sock", 0, 5)
