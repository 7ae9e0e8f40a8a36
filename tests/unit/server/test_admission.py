"""Who is let in: maxclients, protected mode, idle clients, addresses."""

from __future__ import annotations

import os
import socket

from tests.support.inloop import peer, serving, until


class TestMaxClients:
    async def test_one_too_many(self, use_epoll: bool) -> None:
        async with (
            serving(use_epoll=use_epoll, maxclients=2) as server,
            peer(server) as first,
            peer(server) as second,
        ):
            assert await first.call("PING") == await second.call("PING") == b"+PONG\r\n"
            async with peer(server) as third:
                assert await third.read_to_end() == b"-ERR max number of clients reached\r\n"
            assert server.state.statistics.rejected_connections == 1
            assert await first.call("CONFIG", "SET", "maxclients", 3) == b"+OK\r\n"
            async with peer(server) as third:
                assert await third.call("PING") == b"+PONG\r\n"

    async def test_of_a_cluster(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server:
            server.clients.admission.cluster_connections = lambda: 9999
            server.config.put("cluster-enabled", True)
            async with peer(server) as first, peer(server) as second:
                assert await first.call("PING") == b"+PONG\r\n"
                text = b"-ERR max number of clients + cluster connections reached\r\n"
                assert await second.read_to_end() == text


class TestProtectedMode:
    async def test_strangers_are_told_what_to_do(self) -> None:
        async with serving() as server:
            admission = server.clients.admission
            refusal = admission.refusal("192.0.2.1", is_unix=False)
            assert refusal is not None
            assert refusal.message.startswith(
                b"DENIED Redis is running in protected mode because protected mode"
            )
            assert refusal.message.endswith(b"start accepting connections from the outside.")
            for host in ("127.0.0.1", "127.3.2.1", "::1"):
                assert admission.refusal(host, is_unix=False) is None
            assert admission.refusal("", is_unix=True) is None
            server.config.set_many([(b"protected-mode", b"no")])
            assert admission.refusal("192.0.2.1", is_unix=False) is None
            server.config.set_many([(b"protected-mode", b"yes"), (b"requirepass", b"x")])
            assert admission.refusal("192.0.2.1", is_unix=False) is None


class TestIdleClients:
    async def test_are_closed(self, use_epoll: bool) -> None:
        async with (
            serving(use_epoll=use_epoll, timeout=60, loglevel="verbose", hz=100) as server,
            peer(server) as idle,
            peer(server) as subscriber,
            peer(server) as blocked,
        ):
            await idle.call("PING")
            await subscriber.call("SUBSCRIBE", "c")
            blocked.send(b"BLPOP nothing 0\r\n")
            await until(lambda: bool(server.state.blocking.waiting))
            for session in server.state.sessions.values():
                session.last_interaction_ms -= 100_000
            assert await idle.read_to_end() == b""
            assert server.logged().count("Closing idle client") == 1
            assert len(server.clients.connections) == 2


class TestKeepAlive:
    async def test_is_set_on_accepted_sockets(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll, tcp_keepalive=60) as server:
            for wanted in (60, 0):
                assert server.config.integer("tcp-keepalive") == wanted
                async with peer(server) as client:
                    await client.call("PING")
                    ((connection, _),) = server.clients.connections.items()
                    assert connection.session is not None
                    with socket.socket(fileno=os.dup(connection.session.fd)) as accepted:
                        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == bool(wanted)
                        if wanted and hasattr(socket, "TCP_KEEPIDLE"):
                            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
                            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 20
                    assert await client.call("CONFIG", "SET", "tcp-keepalive", 0) == b"+OK\r\n"
                await until(lambda: not server.clients.connections)


class TestAddresses:
    async def test_of_a_session(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll, loglevel="verbose") as server, peer(server) as client:
            await client.call("PING")
            (session,) = server.state.sessions.values()
            host, port = client.writer.get_extra_info("sockname")
            assert session.address == f"{host}:{port}"
            assert session.local_address == f"127.0.0.1:{server.port}"
            assert session.fd > 0
            assert f"Accepted {host}:{port}" in server.logged()
