"""How a server becomes a replica or a primary, in virtual time, beside a primary that the test plays."""

from __future__ import annotations

import asyncio

from tests.support.virtual import World, run, until
from tests.support.virtual_primary import ADDRESS, REPLID, Primary, following, info, rdb

OTHER_ID = "b" * 40


def test_promotion_and_demotion() -> None:
    async def scenario(world: World) -> None:
        server, primary, link, client = await following(world, "SET k v", offset=50)
        assert await client.call("SET", "a", "1") == (
            b"-READONLY You can't write against a read only replica.\r\n"
        )
        assert await client.call("REPLICAOF", "NO", "ONE") == b"+OK\r\n"
        await until(lambda: link.is_closed)
        shown = await info(client)
        assert shown["role"] == "master"
        assert (shown["master_replid2"], shown["second_repl_offset"]) == (REPLID, "51")
        assert shown["master_replid"] != REPLID
        assert await client.call("SET", "a", "1") == b"+OK\r\n"
        assert await client.call("REPLICAOF", ADDRESS, 6379) == b"+OK\r\n"
        link = await primary.accept()
        # What was written meanwhile is in its history: the primary can tell that it is not its own.
        replid, offset = await link.until_psync()
        assert replid == shown["master_replid"]
        assert int(offset) > 51
        assert server.config.replica_of == (ADDRESS, 6379)

    run(scenario)


def test_another_id_is_passed_on_to_replicas() -> None:
    async def scenario(world: World) -> None:
        server, primary, link, client = await following(world, offset=10, repl_diskless_sync_delay=0)
        replica = await world.replica(server)
        await replica.full_sync()
        await asyncio.sleep(0.1)
        link.cut()
        link = await primary.accept()
        await link.until_psync()
        link.reply(f"+CONTINUE {OTHER_ID}")
        await until(lambda: replica.is_closed)
        shown = await info(client)
        assert (shown["master_replid"], shown["master_replid2"]) == (OTHER_ID, REPLID)
        assert shown["second_repl_offset"] == "11"
        again = await world.replica(server)
        await again.introduce()
        again.send("PSYNC", REPLID, 11)
        assert await again.line() == b"+CONTINUE " + OTHER_ID.encode()

    run(scenario)


def test_new_data_means_new_data_for_replicas() -> None:
    async def scenario(world: World) -> None:
        server, primary, link, client = await following(world, repl_diskless_sync_delay=0)
        replica = await world.replica(server)
        await replica.full_sync()
        link.cut()
        link = await primary.accept()
        await link.until_psync()
        assert not replica.is_closed
        link.full_resync(rdb("SET k v"), replid=OTHER_ID, offset=5)
        await link.acknowledges(5)
        await until(lambda: replica.is_closed, limit_s=1)
        assert (await info(client))["repl_backlog_first_byte_offset"] == "6"

    run(scenario)


def test_blocked_clients_are_let_go() -> None:
    async def scenario(world: World) -> None:
        server = await world.serve()
        client, blocked = await world.peer(server), await world.peer(server)
        blocked.send("BLPOP", "q", 0)
        await asyncio.sleep(0.1)
        await client.call("REPLICAOF", ADDRESS, 6379)
        assert await blocked.closed() == (
            b"-UNBLOCKED force unblock from blocking operation, "
            b"instance state changed (master -> replica?)\r\n"
        )

    run(scenario)


def test_the_same_primary_again_changes_nothing() -> None:
    async def scenario(world: World) -> None:
        _, _, link, client = await following(world)
        assert await client.call("REPLICAOF", ADDRESS.upper(), 6379) == (
            b"+OK Already connected to specified master\r\n"
        )
        assert not link.is_closed

    run(scenario)


def test_configured_replica_connects_at_start() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve(
            replicaof=f"{ADDRESS} 6379",
            masteruser="repl",
            masterauth="secret",
            replica_announce_ip="1.2.3.4",
            replica_announce_port=7777,
        )
        link = await primary.accept()
        assert await link.request() == ["PING"]
        link.reply("-NOAUTH Authentication required.")
        assert await link.request() == ["AUTH", "repl", "secret"]
        assert await link.request() == ["REPLCONF", "listening-port", "7777"]
        assert await link.request() == ["REPLCONF", "ip-address", "1.2.3.4"]
        assert await link.request() == ["REPLCONF", "capa", "eof", "capa", "psync2"]
        link.reply("-WRONGPASS no")
        link.reply("+OK")
        await until(lambda: link.is_closed)
        assert "Unable to AUTH to MASTER: -WRONGPASS no" in server.logged()
        assert (await primary.accept()) is not link

    run(scenario)


def test_unreachable_primary_is_tried_each_second() -> None:
    async def scenario(world: World) -> None:
        server = await world.serve()
        client = await world.peer(server)
        await client.call("REPLICAOF", ADDRESS, 6379)
        await asyncio.sleep(5)
        tries = server.logged().count("Error condition on socket for SYNC: Connection refused")
        assert 4 <= tries <= 6
        shown = await info(client)
        assert shown["master_link_status"] == "down"
        assert shown["master_link_down_since_seconds"] == "-1"
        assert shown["slave_repl_offset"] == "0"

    run(scenario)


def test_silent_primaries_are_given_up() -> None:
    async def scenario(world: World) -> None:
        server, primary, link, client = await following(world, repl_timeout=5)
        await asyncio.sleep(8)
        assert link.is_closed
        assert "MASTER timeout: no data nor PING received..." in server.logged()
        link = await primary.accept()
        await asyncio.sleep(8)
        assert link.is_closed
        assert "Timeout connecting to the MASTER..." in server.logged()
        down_s = int((await info(client))["master_link_down_since_seconds"])
        assert 8 <= down_s <= 12

    run(scenario)


def test_stale_data_is_not_served_if_it_may_not_be() -> None:
    async def scenario(world: World) -> None:
        _, primary, link, client = await following(world, "SET k v", replica_serve_stale_data=False)
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"
        primary.close()
        link.cut()
        await asyncio.sleep(0.5)
        down = b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"
        assert await client.call("GET", "k") == down
        assert (await client.call("INFO", "server")).startswith(b"$")
        assert await client.call("CONFIG", "SET", "replica-serve-stale-data", "yes") == b"+OK\r\n"
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"
        await client.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        assert await client.call("GET", "k") == down
        await client.call("REPLICAOF", "NO", "ONE")
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"

    run(scenario)


def test_a_replica_that_takes_writes_expires_what_they_made() -> None:
    async def scenario(world: World) -> None:
        _, _, link, client = await following(world, replica_read_only=False)
        link.stream(("SET", "theirs", "1", "PX", 100))
        await client.call("SET", "mine", "1", "PX", 100)
        assert (await info(client, "stats"))["slave_expires_tracked_keys"] == "1"
        await asyncio.sleep(1)
        assert await client.call("KEYS", "*") == b"*0\r\n"
        assert await client.call("DBSIZE") == b":1\r\n"
        # Whoever writes to an expired key begins anew.
        assert await client.call("INCR", "theirs") == b":1\r\n"
        assert await client.call("TTL", "theirs") == b":-1\r\n"

    run(scenario)


def test_memory_limit_is_the_primary_s_concern_unless_told_otherwise() -> None:
    async def scenario(world: World) -> None:
        _, _, link, client = await following(world, maxmemory=4_000_000, maxmemory_policy="allkeys-random")
        size = sum(link.stream(("SET", f"k{number}", "x" * 100_000)) for number in range(60))
        await link.acknowledges(size)
        assert await client.call("GET", "nothing") == b"$-1\r\n"
        assert await client.call("DBSIZE") == b":60\r\n"
        await client.call("CONFIG", "SET", "replica-ignore-maxmemory", "no")
        await client.call("GET", "nothing")
        assert int((await client.call("DBSIZE"))[1:]) < 60

    run(scenario)


def test_to_a_replica_and_back() -> None:
    async def scenario(world: World) -> None:
        first = await world.serve("10.0.0.1", repl_diskless_sync_delay=0)
        second = await world.serve("10.0.0.2", repl_diskless_sync_delay=0)
        one, two = await world.peer(first), await world.peer(second)
        await one.call("SET", "k", "v")
        await two.call("REPLICAOF", "10.0.0.1", 6379)
        await until(lambda: second.replication_roles.is_link_up)
        writer = await world.peer(first)
        assert await one.call("FAILOVER", "TO", "10.0.0.2", 6379) == b"+OK\r\n"
        assert (await info(one))["master_failover_state"] == "waiting-for-sync"
        writer.send("SET", "late", "1")
        await until(lambda: second.replication_roles.primary is None)
        await until(lambda: first.replication_roles.is_link_up)
        assert await writer.frame() == b"-READONLY You can't write against a read only replica.\r\n"
        assert (await info(one))["master_failover_state"] == "no-failover"
        assert await two.call("SET", "k", "2") == b"+OK\r\n"
        await asyncio.sleep(0.1)
        assert await one.call("GET", "k") == b"$1\r\n2\r\n"
        assert (await info(two, "stats"))["sync_full"] == "0"
        assert await two.call("FAILOVER") == b"+OK\r\n"
        await until(lambda: second.replication_roles.is_link_up)
        assert first.replication_roles.primary is None

    run(scenario)


def test_nobody_catches_up() -> None:
    async def scenario(world: World) -> None:
        server = await world.serve(repl_diskless_sync_delay=0)
        client = await world.peer(server)
        replica = await world.replica(server)
        await replica.full_sync()
        await client.call("SET", "k", "v")
        assert await client.call("FAILOVER", "TIMEOUT", 2000) == b"+OK\r\n"
        writer = await world.peer(server)
        writer.send("SET", "k", "2")
        await asyncio.sleep(1)
        assert not writer.data
        assert await writer.frame() == b"+OK\r\n"
        assert "FAILOVER to any replica aborted: Replica never caught up before timeout" in server.logged()
        assert await client.call("FAILOVER") == b"+OK\r\n"
        assert await client.call("FAILOVER", "ABORT") == b"+OK\r\n"
        assert await client.call("SET", "k", "3") == b"+OK\r\n"

    run(scenario)


def test_target_does_not_want_to() -> None:
    async def scenario(world: World) -> None:
        target = Primary(world)
        server = await world.serve(repl_diskless_sync_delay=0)
        client = await world.peer(server)
        replica = await world.replica(server)
        await replica.call("REPLCONF", "ip-address", ADDRESS)
        await replica.introduce(6379)
        await replica.begin_full_sync()
        await replica.data_with_mark()
        replica.acknowledge()
        await asyncio.sleep(0.1)
        request = ("FAILOVER", "TO", ADDRESS, 6379, "TIMEOUT", 100, "FORCE")
        assert await client.call(*request) == b"+OK\r\n"
        link = await target.accept()
        assert (await link.until_psync())[2:] == ["FAILOVER"]
        assert (await info(client))["master_failover_state"] == "failover-in-progress"
        link.reply("-ERR PSYNC FAILOVER replid must match my replid.")
        await until(lambda: server.replication_roles.primary is None)
        assert await client.call("SET", "k", "v") == b"+OK\r\n"
        assert (await info(client))["master_failover_state"] == "no-failover"

    run(scenario)


def test_a_replica_that_slept_while_it_connected_goes_on_when_it_wakes() -> None:
    async def scenario(world: World) -> None:
        primary = await world.serve("10.0.0.1", repl_diskless_sync_delay=0)
        server = await world.serve("10.0.0.2")
        client = await world.peer(server)
        assert await client.call("REPLICAOF", "10.0.0.1", 6379) == b"+OK\r\n"
        assert not primary.clients.connections
        server.freeze(2000)
        await asyncio.sleep(1)
        assert primary.clients.connections
        await asyncio.sleep(2)
        assert (await info(client))["master_link_status"] == "up"

    run(scenario)
