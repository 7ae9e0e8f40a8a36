"""Fixtures for users' tests, in runs of pytest of their own."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

pytestmark = pytest.mark.slow

OPTIONS = ("-q", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")


def outcomes(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess(*OPTIONS, *options)


def test_each_test_finds_all_as_new(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
        import pytest

        SEEN = []

        @pytest.mark.parametrize("turn", range(3))
        def test_cluster(redis_cluster, turn):
            assert len(redis_cluster.primaries) == len(redis_cluster.replicas) == 3
            with redis_cluster.client() as client:
                assert client.dbsize() == 0
                client.set("key", "value")
            redis_cluster.nodes[0].faults.error("BUSY later")
            SEEN.append(redis_cluster.url)
            assert len(set(SEEN)) == 1

        @pytest.mark.parametrize("turn", range(2))
        def test_server(redis_server, turn):
            with redis_server.client() as client:
                assert client.dbsize() == 0
                client.replicaof("127.0.0.1", 1)

        @pytest.mark.redis_cluster(primaries=1, replicas_per_primary=0, config={"maxmemory": "1mb"})
        def test_options(redis_cluster):
            assert redis_cluster.nodes[0].run("CONFIG", "GET", "maxmemory")[1] == b"1048576"

        @pytest.mark.redis_cluster(primaries=2, replicas_per_primary=1, node_timeout_ms=200)
        @pytest.mark.parametrize("turn", range(2))
        def test_faults_end_with_the_test(redis_cluster, turn):
            assert len(redis_cluster.primaries) == 2
            redis_cluster.nodes[0].kill()
            redis_cluster.nodes[1].pause()

        @pytest.mark.redis_sentinel(replicas=1, sentinels=1, quorum=1)
        @pytest.mark.parametrize("turn", range(2))
        def test_sentinels(redis_sentinel, turn):
            with redis_sentinel.client() as client:
                assert client.dbsize() == 0
                assert client.set("key", "value")
            redis_sentinel.primary.kill()
        """,
    )
    result.assert_outcomes(passed=10)


def test_asynchronous_tests(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
        import asyncio
        import pytest

        @pytest.mark.parametrize("turn", range(2))
        @pytest.mark.redis_cluster(node_timeout_ms=200)
        @pytest.mark.asyncio
        async def test_cluster(async_redis_cluster, turn):
            async with async_redis_cluster.client() as client:
                await client.set("key", "value")
                lost = async_redis_cluster.node_for("key")
                lost.kill()
                await async_redis_cluster.wait_ready()
                assert await client.get("key") == b"value"
                await lost.restart()

        @pytest.mark.asyncio
        async def test_sentinels(async_redis_sentinel):
            async with async_redis_sentinel.client() as client:
                assert await client.set("key", "value")

        def test_any_loop(async_redis_server):
            async def main():
                async with async_redis_server.client() as client:
                    assert await client.ping()
            asyncio.run(main())
        """,
    )
    result.assert_outcomes(passed=4)


def test_report_of_a_failure_has_events_and_logs(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
        import pytest
        from pyredis_cluster import Cluster

        def test_fails(redis_cluster):
            redis_cluster.nodes[0].faults.error("BUSY later")
            redis_cluster.nodes[1].restart()
            assert False

        def test_fails_alone(redis_server):
            assert False

        @pytest.fixture
        def own():
            with Cluster(primaries=1, replicas_per_primary=0) as cluster:
                yield cluster

        def test_fails_with_its_own(own):
            own.nodes[0].faults.error("TRYAGAIN later")
            assert False
        """,
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        ["*- Cluster events -*", "*BUSY later*", "*- Cluster log -*", "*Ready to accept connections*"]
    )
    # Of what happened before the test nothing is told.
    result.stdout.no_fnmatch_line("*- Server *")
    assert result.stdout.str().count("Ready to accept connections") == 2
    result.stdout.fnmatch_lines(["*test_fails_with_its_own*", "*- Cluster events -*", "*TRYAGAIN later*"])


def test_several_processes(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
        import pytest

        @pytest.mark.parametrize("turn", range(4))
        def test_cluster(redis_cluster, turn):
            with redis_cluster.client() as client:
                client.set("key", turn)
                assert client.get("key") == str(turn).encode()
        """,
        "-n",
        "4",
    )
    result.assert_outcomes(passed=4)


def test_options_are_checked(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
        import pytest

        @pytest.mark.redis_cluster(5)
        def test_name(redis_cluster): ...

        @pytest.mark.redis_cluster(replicas=1)
        def test_option(redis_cluster): ...

        @pytest.mark.redis_server(config={"maxmemori": 1})
        def test_directive(redis_server): ...
        """,
    )
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(
        [
            "redis_cluster: the marker takes options by name only",
            "redis_cluster: there is no option 'replicas', but primaries, replicas_per_primary, *",
            "redis_server: there is no directive 'maxmemori'",
        ]
    )
    assert "pool.py" not in result.stdout.str()
