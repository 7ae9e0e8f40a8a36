"""How a server ends: in order, for all clients, and not where data that was to be saved would be lost."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.disk_errors import FULL
from tests.support.inloop import peer, serving, until

CANNOT_END = "Errors trying to shut down the server. Check the logs for more information."


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

    async def test_nothing_to_call_off(self) -> None:
        async with serving() as server:
            assert not server.abort_shutdown()


class TestFailure:
    """The end at once, since what was promised cannot be kept."""

    async def test_lets_go_of_links_and_files(self) -> None:
        disk = SimulatedDisk(asyncio.get_running_loop(), sync_s=0.0)
        async with (
            serving(repl_diskless_sync_delay=0) as primary,
            serving(disk=disk, appendonly=True, appendfsync="always") as replica,
            peer(primary) as client,
            peer(replica) as observer,
        ):
            await observer.call("REPLICAOF", "127.0.0.1", primary.port)
            await until(lambda: replica.replication_roles.is_link_up)
            await client.call("SET", "k", "v")
            await until(lambda: replica.append_only.synced_offset > 0)
            await observer.call("CONFIG", "SET", "rdb-key-save-delay", 10**8)
            await observer.call("BGSAVE")
            await until(lambda: any(name.startswith("temp-") for name in disk.names("/")))
            disk.failures["write"] = FULL
            await client.call("SET", "k", "w")
            await until(lambda: not len(primary.replicas))
            assert replica.stopped.is_set()
            assert not [name for name in disk.names("/") if name.startswith("temp-")]
            assert "Failure" not in replica.log_text()


async def test_threads_of_the_disk_end_with_the_server(tmp_path: Path) -> None:
    before = threading.active_count()
    async with serving(dir=tmp_path, appendonly=True, appendfsync="always") as server, peer(server) as client:
        await client.call("SET", "k", "v")
        assert threading.active_count() > before
    await until(lambda: threading.active_count() == before)


class TestLastSnapshot:
    @pytest.mark.parametrize(
        ("save_points", "save", "is_saved"),
        [("3600 1", None, True), ("3600 1", False, False), ("", None, False), ("", True, True)],
    )
    async def test_is_taken_as_asked_or_as_save_points_have_it(
        self, tmp_path: Path, save_points: str, save: bool | None, is_saved: bool
    ) -> None:
        async with serving(dir=tmp_path, save=save_points) as server:
            assert server.stopping.shutdown(save=save, now=False, force=False)
            assert os.listdir(tmp_path) == (["dump.rdb"] if is_saved else [])
            assert ("Saving the final RDB snapshot before exiting." in server.logged()) == is_saved

    async def test_ends_one_that_is_being_written(self, tmp_path: Path) -> None:
        async with serving(dir=tmp_path) as server, peer(server) as client:
            await client.call("CONFIG", "SET", "rdb-key-save-delay", "1000000")
            await client.call("DEBUG", "POPULATE", "10")
            await client.call("BGSAVE")
            assert server.stopping.shutdown(save=True, now=False, force=False)
            assert os.listdir(tmp_path) == ["dump.rdb"]
            assert server.logged()[-6:] == [
                "User requested shutdown...",
                "There is a child saving an .rdb. Killing it!",
                "Background saving terminated by signal 10",
                "Saving the final RDB snapshot before exiting.",
                "DB saved on disk",
                "Redis is now ready to exit, bye bye...",
            ]

    @pytest.mark.parametrize(("name", "words"), [("SIGTERM", "save"), ("SIGINT", "save now")])
    async def test_that_fails_keeps_the_server(self, tmp_path: Path, name: str, words: str) -> None:
        directive = f"shutdown_on_{name.lower()}"
        where = tmp_path / "gone"
        where.mkdir()
        async with serving(dir=where, **{directive: words}) as server, peer(server) as client:  # type: ignore[arg-type]
            where.rmdir()
            assert not server.stopping.by_signal(name)
            assert await client.call("PING") == b"+PONG\r\n"
            assert server.logged()[-2:] == ["Error trying to save the DB, can't exit.", CANNOT_END]
            assert await client.call("SHUTDOWN", "SAVE") == (
                b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
            )
            server.config.set_many([(b"shutdown-on-" + name.lower().encode(), b"save force")])
            assert server.stopping.by_signal(name)
            assert "Error trying to save the DB. Exit anyway." in server.logged()

    async def test_may_be_kept_from_by_who_has_to_finish_first(self) -> None:
        async with serving() as server:
            asked: list[bool] = []

            def keep(force: bool) -> bool:
                asked.append(force)
                return force

            server.stopping.before_saving.append(keep)
            assert not server.stopping.shutdown(save=None, now=False, force=False)
            assert server.logged()[-1] == CANNOT_END
            assert server.stopping.shutdown(save=None, now=False, force=True)
            assert asked == [False, True]
