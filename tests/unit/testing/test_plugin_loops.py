"""Fixtures for users' tests with event loops of all kinds, and in runs that end early."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

pytestmark = pytest.mark.slow

OPTIONS = ("-q", "-W", "error", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")


def test_loops(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_anyio="""
        import pytest
        from pyredis_cluster import Server

        pytestmark = pytest.mark.anyio

        @pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
        def anyio_backend(request):
            return "asyncio", {"use_uvloop": request.param}

        async def test_fixture(async_redis_cluster):
            async with async_redis_cluster.client() as client:
                await client.set("key", "value")
                (replica,) = async_redis_cluster.replicas_for("key")
                await async_redis_cluster.fail_over(replica)
                assert await client.get("key") == b"value"

        async def test_server_in_the_loop():
            async with Server() as server, server.client() as client:
                assert await client.ping()
        """,
        test_trio="""
        import pytest
        import trio
        from pyredis_cluster import Server

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def anyio_backend():
            return "trio"

        async def test_in_threads(redis_cluster):
            def use():
                with redis_cluster.client() as client:
                    return client.ping()
            assert await trio.to_thread.run_sync(use)
            await trio.to_thread.run_sync(redis_cluster.wait_ready)

        async def test_what_needs_asyncio_says_so(async_redis_cluster):
            with pytest.raises(RuntimeError, match="no running loop of asyncio"):
                await async_redis_cluster.wait_ready()
            with pytest.raises(RuntimeError, match="no running loop of asyncio"):
                async with Server():
                    pass
        """,
        test_pytest_asyncio="""
        import pytest
        import pytest_asyncio
        from pyredis_cluster import Cluster

        @pytest_asyncio.fixture(scope="session", loop_scope="session")
        async def shared():
            async with Cluster(primaries=1) as cluster:
                yield cluster

        @pytest_asyncio.fixture(loop_scope="session")
        async def cluster(shared):
            yield shared
            await shared.reset()

        @pytest.mark.parametrize("turn", range(2))
        @pytest.mark.asyncio(loop_scope="session")
        async def test_session(cluster, async_redis_server, turn):
            async with cluster.client() as client, async_redis_server.client() as other:
                assert await client.incr("key") == await other.incr("key") == 1

        @pytest.mark.asyncio
        async def test_function(async_redis_server):
            async with async_redis_server.client() as client:
                assert await client.incr("key") == 1
        """,
        test_unittest="""
        import unittest
        import uvloop
        from pyredis_cluster import Cluster, Server

        class Test(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.server = await self.enterAsyncContext(Server())

            async def test_asyncio(self):
                async with self.server.client() as client:
                    self.assertTrue(await client.ping())

            def test_blocking_within(self):
                with Server() as server:
                    self.assertTrue(server.client().ping())

        def test_uvloop():
            async def main():
                async with Cluster() as cluster, cluster.client() as client:
                    assert await client.set("key", "value")
            uvloop.run(main())
        """,
    )
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(passed=12)


def test_interrupted_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken(redis_cluster):
            redis_cluster.nodes[0].kill()
            raise LookupError("this fixture is broken")

        def test_broken(broken): ...

        def test_next(redis_cluster):
            with redis_cluster.client() as client:
                assert client.set("key", "value")

        def test_interrupted(redis_cluster, redis_server):
            raise KeyboardInterrupt
        """
    )
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*this fixture is broken*", "*KeyboardInterrupt*"])
    assert "Warning" not in result.stdout.str() + result.stderr.str()
