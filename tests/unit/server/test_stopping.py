"""How a server ends: in order, for all clients, and not where data that was to be saved would be lost."""

from __future__ import annotations

import pytest

from tests.support.inloop import peer, serving


class TestShutdown:
    async def test_closes_every_client_and_port(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client:
            await client.call("PING")
            called: list[str] = []
            server.stopping.on_stop.append(lambda: called.append("stop"))
            assert server.stopping.shutdown(save=None, now=False, force=False)
            assert server.stopping.shutdown(save=None, now=False, force=False)
            assert called == ["stop"]
            assert server.stopped.is_set()
            assert await client.read_to_end() == b""
            with pytest.raises(OSError, match="Connect call failed"):
                async with peer(server):
                    pass
            assert server.logged()[-2:] == [
                "User requested shutdown...",
                "Redis is now ready to exit, bye bye...",
            ]

    async def test_failing_callback_keeps_nobody_from_ending(self) -> None:
        async with serving() as server:
            server.stopping.on_stop.append(lambda: [][0])
            assert server.stopping.shutdown(save=None, now=False, force=False)
            assert "Failure while shutting down" in server.logged()
            assert server.stopped.is_set()

    async def test_loss_of_data_is_said(self) -> None:
        async with serving(save="3600 1") as server, peer(server) as client:
            await client.call("SET", "k", "v")
            assert server.stopping.shutdown(save=None, now=False, force=False)
            assert "Snapshots are not supported: the data set is lost." in server.logged()

    @pytest.mark.parametrize(("name", "words"), [("SIGTERM", "save"), ("SIGINT", "save now")])
    async def test_what_cannot_be_saved_keeps_the_server(self, name: str, words: str) -> None:
        directive = f"shutdown_on_{name.lower()}"
        async with serving(**{directive: words}) as server, peer(server) as client:  # type: ignore[arg-type]
            assert not server.stopping.by_signal(name)
            assert await client.call("PING") == b"+PONG\r\n"
            assert server.logged()[-1].startswith("Errors trying to shut down the server.")
            server.config.set_many([(b"shutdown-on-" + name.lower().encode(), b"save force")])
            assert server.stopping.by_signal(name)

    async def test_nothing_to_call_off(self) -> None:
        async with serving() as server:
            assert not server.abort_shutdown()
