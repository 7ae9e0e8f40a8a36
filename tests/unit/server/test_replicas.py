"""What replicas get from a server, byte for byte, in virtual time."""

from __future__ import annotations

import asyncio
import errno

from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.virtual import World, run, until


def fields(reply: bytes) -> dict[str, str]:
    """A section of INFO."""
    lines = reply.decode().split("\r\n")
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


class TestFullSynchronisation:
    def test_data_then_what_was_changed_since(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair()
            await client.call("SET", "before", "1")
            await replica.introduce()
            await replica.begin_full_sync()
            assert replica.offset == 0
            await client.call("SELECT", 3)
            await client.call("SET", "during", "2")
            data = await replica.data_with_mark()
            assert data.startswith(b"REDIS")
            assert b"before" in data
            assert b"during" not in data
            await asyncio.sleep(0.1)
            assert not replica.data, "nothing may follow the mark before the replica has seen it"
            replica.acknowledge()
            await client.call("SET", "after", "3")
            await replica.stream(("SELECT", 3), ("SET", "during", "2"), ("SET", "after", "3"))
            replica.acknowledge()
            await asyncio.sleep(0.1)
            shown = fields(await client.call("INFO", "replication"))
            assert shown["slave0"] == f"ip=127.0.0.1,port=6380,state=online,offset={replica.offset},lag=0"
            assert shown["master_repl_offset"] == str(replica.offset)
            assert shown["repl_backlog_histlen"] == str(replica.offset)
            assert fields(await client.call("INFO", "stats"))["sync_full"] == "1"

        run(scenario)

    def test_several_share_one_snapshot_when_they_come_in_time(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=5)
            replicas = [await world.replica(server) for _ in range(3)]
            for replica in replicas[:2]:
                await replica.introduce()
                replica.send("PSYNC", "?", -1)
            await asyncio.sleep(3)
            assert set(replicas[0].data) == {ord("\n")}, "it is told that we are alive"
            for replica in replicas[:2]:
                await replica.take_full_resync()
            marks = [await replica.data_with_mark() for replica in replicas[:2]]
            assert marks[0] == marks[1]
            assert server.logged().count("Starting BGSAVE for SYNC with target: replicas sockets") == 1

        run(scenario)

    def test_enough_of_them_are_not_delayed(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=100, repl_diskless_sync_max_replicas=2)
            replicas = [await world.replica(server) for _ in range(2)]
            for replica in replicas:
                await replica.introduce()
                replica.send("PSYNC", "?", -1)
            start_s = world.now_s
            for replica in replicas:
                await replica.take_full_resync()
            assert world.now_s - start_s < 3

        run(scenario)

    def test_who_comes_while_one_is_sent_data_waits_for_the_next(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client = await world.peer(server)
            await client.call("DEBUG", "POPULATE", 1000, "key", 1000)
            first, second = await world.replica(server), await world.replica(server)
            await first.introduce()
            await first.begin_full_sync()
            first.transport.pause_reading()
            await second.introduce()
            second.send("PSYNC", "?", -1)
            await asyncio.sleep(10)
            assert not second.data.strip()
            assert "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC" in server.logged()
            first.transport.resume_reading()
            await first.data_with_mark()
            await second.take_full_resync()
            assert len(await second.data_with_mark()) > 1_000_000

        run(scenario)

    def test_the_snapshot_ends_when_nobody_wants_it_any_more(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client = await world.peer(server)
            await client.call("DEBUG", "POPULATE", 1000, "key", 1000)
            replica = await world.replica(server)
            await replica.introduce()
            await replica.begin_full_sync()
            replica.transport.pause_reading()
            await asyncio.sleep(1)
            assert server.background.kind == "replication"
            replica.transport.abort()
            await until(lambda: not server.background.is_active)
            assert "Diskless rdb transfer, last replica dropped, killing fork child." in server.logged()
            assert "Background transfer terminated by signal 10" in server.logged()

        run(scenario)

    def test_flushing_everything_ends_it_too(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client = await world.peer(server)
            await client.call("DEBUG", "POPULATE", 1000, "key", 1000)
            replica = await world.replica(server)
            await replica.introduce()
            await replica.begin_full_sync()
            replica.transport.pause_reading()
            await asyncio.sleep(1)
            await client.call("FLUSHALL")
            replica.transport.resume_reading()
            await replica.closed()
            assert "SYNC failed. BGSAVE child returned an error" in server.logged()

        run(scenario)

    def test_from_a_file(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(repl_diskless_sync=False, rdb_del_sync_files=True)
            await client.call("SET", "before", "1")
            await replica.introduce()
            await replica.begin_full_sync()
            await client.call("SET", "during", "2")
            data = await replica.data_with_length()
            assert b"before" in data
            assert data == server.disk.read(server.config.path("dbfilename"))
            # The length tells where it ends, so the stream follows at once.
            await replica.stream(("SELECT", 0), ("SET", "during", "2"))
            await until(lambda: not server.disk.exists(server.config.path("dbfilename")))

        run(scenario)

    def test_the_file_is_found_under_the_name_that_it_was_begun_under(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(
                repl_diskless_sync=False,
                rdb_del_sync_files=True,
                rdb_key_save_delay=100_000,
                enable_protected_configs=True,
            )
            path = server.config.path("dbfilename")
            await client.call("CONFIG", "SET", "dbfilename", "old.rdb")
            await client.call("SET", "old", "1")
            await client.call("SAVE")
            await client.call("CONFIG", "SET", "dbfilename", "dump.rdb")
            await client.call("SET", "new", "1")
            await replica.introduce()
            await replica.begin_full_sync()
            await client.call("CONFIG", "SET", "dbfilename", "old.rdb")
            assert b"new" in await replica.data_with_length()
            await until(lambda: not server.disk.exists(path))
            assert server.disk.exists(server.config.path("dbfilename"))

        run(scenario)

    def test_who_comes_while_the_file_is_written_shares_it_with_its_stream(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync=False, rdb_key_save_delay=1000)
            client = await world.peer(server)
            await client.call("DEBUG", "POPULATE", 100)
            first, second, third = [await world.replica(server) for _ in range(3)]
            await first.introduce()
            await first.begin_full_sync()
            await client.call("SET", "during", "2")
            await second.introduce()
            await second.begin_full_sync()
            assert "Waiting for end of BGSAVE for SYNC" in server.logged()
            assert second.offset == first.offset == 0
            await third.introduce(capabilities=())
            third.send("PSYNC", "?", -1)
            for replica in (first, second):
                await replica.data_with_length()
                await replica.stream(("SELECT", 0), ("SET", "during", "2"))
            # It cannot do what the other one can, which a snapshot might make use of.
            assert (
                "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC"
                in server.logged()
            )
            await third.take_full_resync()
            assert third.offset == first.offset
            assert b"during" in await third.data_with_length()

        run(scenario)

    def test_a_file_that_cannot_be_written_ends_the_connection(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync=False)
            assert isinstance(server.disk, SimulatedDisk)
            server.disk.error = OSError(errno.EROFS, "Read-only file system")
            replica = await world.replica(server)
            await replica.introduce()
            await replica.begin_full_sync()
            await replica.closed()
            assert "SYNC failed. BGSAVE child returned an error" in server.logged()
            assert server.state.replicas is not None
            assert len(server.state.replicas) == 0

        run(scenario)

    def test_old_replicas_get_no_word_before_the_data(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair()
            replica.transport.write(b"SYNC\r\n")
            await replica.data_with_length()
            await client.call("SET", "k", "v")
            await replica.stream(("SELECT", 0), ("SET", "k", "v"))
            await asyncio.sleep(100)
            assert not replica.is_closed, "it does not know how to acknowledge"

        run(scenario)

    def test_who_wants_only_data_is_sent_away_with_it(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair()
            await client.call("SET", "k", "v")
            await replica.introduce()
            assert await replica.call("REPLCONF", "rdb-only", 1) == b"+OK\r\n"
            await replica.begin_full_sync()
            await replica.data_with_mark()
            assert await replica.closed() == b""

        run(scenario)


class TestPartialSynchronisation:
    def test_a_replica_that_comes_back_gets_what_it_missed(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair()
            await replica.full_sync()
            await client.call("SET", "a", "1")
            await replica.stream(("SELECT", 0), ("SET", "a", "1"))
            replica.transport.abort()
            await client.call("SET", "b", "2")
            again = await world.replica(server)
            await again.introduce()
            again.send("PSYNC", replica.replid, replica.offset + 1)
            assert await again.line() == b"+CONTINUE " + replica.replid.encode()
            await again.stream(("SET", "b", "2"))
            await client.call("SET", "c", "3")
            await again.stream(("SET", "c", "3"))
            old = await world.replica(server)
            await old.introduce(capabilities=())
            old.send("PSYNC", replica.replid.upper(), replica.offset + 1)
            assert await old.line() == b"+CONTINUE"
            await old.stream(("SET", "b", "2"), ("SET", "c", "3"))
            stats = fields(await client.call("INFO", "stats"))
            assert (stats["sync_full"], stats["sync_partial_ok"], stats["sync_partial_err"]) == (
                "1",
                "2",
                "0",
            )

        run(scenario)

    def test_one_that_is_too_old_or_from_elsewhere_gets_everything(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(repl_backlog_size="16kb")
            await replica.full_sync()
            for _ in range(50):
                await client.call("SET", "k", "x" * 1000)
            for replid, offset in ((replica.replid, 1), ("f" * 40, 1), (replica.replid, 10**9)):
                other = await world.replica(server)
                await other.introduce()
                other.send("PSYNC", replid, offset)
                await other.take_full_resync()
                await other.data_with_mark()
            assert fields(await client.call("INFO", "stats"))["sync_partial_err"] == "3"

        run(scenario)

    def test_an_offset_that_is_none_is_refused(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve()
            replica = await world.replica(server)
            reply = await replica.call("PSYNC", "f" * 40, "x")
            assert reply == b"-ERR value is not an integer or out of range\r\n"
            assert await replica.call("PING") == b"+PONG\r\n"

        run(scenario)


class TestReplicaConnection:
    def test_a_reply_would_be_taken_for_stream_so_it_ends_the_connection(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            for request in (("PING",), ("GET", "k"), ("NOTHING",), ("SUBSCRIBE", "c")):
                replica = await world.replica(server)
                await replica.full_sync()
                replica.send(*request)
                assert await replica.closed() == b""
            lines = [line for line in server.logged() if "generated a reply" in line]
            assert [line.partition(", disconnecting it: id=")[0] for line in lines] == [
                "Replica generated a reply to command 'ping'",
                "Replica generated a reply to command 'get'",
                "Replica generated a reply to command '<unknown>'",
                "Replica generated a reply to command 'subscribe'",
            ]

        run(scenario)

    def test_messages_would_be_taken_for_stream_too(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair()
            await replica.call("HELLO", 3)
            await replica.call("SUBSCRIBE", "channel")
            await replica.full_sync()
            assert await client.call("PUBLISH", "channel", "message") == b":1\r\n"
            assert b"message" not in (await replica.closed()).partition(b"PUBLISH")[0]
            assert any("Replica generated a reply" in line for line in server.logged())

        run(scenario)

    def test_asking_twice_or_with_replies_pending_begins_nothing(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            replica = await world.replica(server)
            replica.transport.write(b"PING\r\nSYNC\r\n")
            assert await replica.frame() == b"+PONG\r\n"
            assert await replica.frame() == b"-ERR SYNC and PSYNC are invalid with pending output\r\n"
            await replica.full_sync()
            replica.send("PSYNC", "?", -1)
            await asyncio.sleep(1)
            assert not replica.data
            assert not replica.is_closed

        run(scenario)

    def test_it_is_shown_and_ended_as_a_replica(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair()
            await replica.full_sync()
            await asyncio.sleep(0.1)
            listed = await client.call("CLIENT", "LIST", "TYPE", "replica")
            assert listed.count(b"id=") == 1
            assert b" flags=S " in listed
            assert (await client.call("CLIENT", "LIST", "TYPE", "normal")).count(b"id=") == 1
            assert fields(await client.call("INFO", "clients"))["connected_clients"] == "1"
            assert await client.call("CLIENT", "KILL", "TYPE", "slave") == b":1\r\n"
            await replica.closed()
            assert "Connection with replica 127.0.0.1:6380 lost." in server.logged()
            assert fields(await client.call("INFO", "replication"))["connected_slaves"] == "0"

        run(scenario)

    def test_one_that_takes_nothing_is_ended_by_its_output_limit(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(
                repl_backlog_size="16kb",
                client_output_buffer_limit="replica 100kb 0 0",
            )
            await replica.full_sync()
            replica.transport.pause_reading()
            for _ in range(400):
                await client.call("SET", "k", "x" * 1000)
            assert fields(await client.call("INFO", "replication"))["connected_slaves"] == "0"
            assert any("overcoming of output buffer limits" in line for line in server.logged())
            backlog = server.state.replication.backlog
            assert backlog is not None
            assert backlog.length < 100_000, "nobody needs more than the size"
            # And it can begin anew.
            again = await world.replica(server)
            assert b"xxxx" in await again.full_sync()

        run(scenario)

    def test_a_slow_one_gets_everything_and_others_do_not_wait(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0, repl_backlog_size="16kb")
            client = await world.peer(server)
            slow, fast = await world.replica(server), await world.replica(server)
            for replica in (slow, fast):
                await replica.full_sync()
            slow.transport.pause_reading()
            await client.call("SET", "k", "first")
            for number in range(1000):
                await client.call("SET", "k", f"{number:01000}")
            sent = [("SELECT", 0), ("SET", "k", "first")] + [("SET", "k", f"{n:01000}") for n in range(1000)]
            await fast.stream(*sent)
            slow.transport.resume_reading()
            # The second full synchronisation has had a SELECT of its own.
            await slow.stream(*sent)

        run(scenario)


class TestTime:
    def test_pings_and_the_timeout_of_silent_replicas(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(
                repl_diskless_sync_delay=0, repl_ping_replica_period=3, repl_timeout=10
            )
            silent, alive = await world.replica(server), await world.replica(server)
            for replica in (silent, alive):
                await replica.full_sync()
            for _ in range(4):
                await alive.stream(("PING",))
                alive.acknowledge()
            assert silent.is_closed
            assert not alive.is_closed
            assert "Disconnecting timedout replica (streaming sync): 127.0.0.1:6380" in server.logged()

        run(scenario)

    def test_one_that_loads_is_alive_while_it_sends_line_ends(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0, repl_timeout=5)
            replica = await world.replica(server)
            await replica.introduce()
            await replica.begin_full_sync()
            await replica.data_with_mark()
            for _ in range(20):
                replica.transport.write(b"\n")
                await asyncio.sleep(1)
            assert not replica.is_closed
            await asyncio.sleep(8)
            assert replica.is_closed

        run(scenario)

    def test_one_that_takes_nothing_of_the_data_is_timed_out(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(repl_timeout=5)
            await client.call("DEBUG", "POPULATE", 1000, "key", 1000)
            await replica.introduce()
            await replica.begin_full_sync()
            replica.transport.pause_reading()
            await asyncio.sleep(8)
            assert "Disconnecting timedout replica (full sync): 127.0.0.1:6380" in server.logged()
            assert not server.background.is_active

        run(scenario)

    def test_one_that_does_not_take_the_end_of_the_data_is_timed_out(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=2, repl_timeout=5)
            replica = await world.replica(server)
            await replica.introduce()
            replica.transport.pause_reading()
            replica.send("PSYNC", "?", -1)
            await until(lambda: len(server.replicas) == 1)
            (output,) = server.replicas._outputs.values()
            write = output._transport.write

            def fill_up(data: bytes) -> None:
                write(data)
                if len(data) == 40:  # the mark
                    output.paused()

            output._transport.write = fill_up  # type: ignore[method-assign, assignment]
            await asyncio.sleep(5)
            assert server.background.kind == "replication", "it waits for the replica"
            await asyncio.sleep(8)
            assert "Disconnecting timedout replica (full sync): 127.0.0.1:6380" in server.logged()
            assert not server.background.is_active

        run(scenario)

    def test_the_backlog_goes_when_nobody_has_wanted_it_for_long(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(repl_backlog_ttl=60)
            await replica.full_sync()
            await client.call("SET", "k", "v")
            replica.transport.abort()
            await asyncio.sleep(59)
            assert fields(await client.call("INFO", "replication"))["repl_backlog_active"] == "1"
            await asyncio.sleep(4)
            before = fields(await client.call("INFO", "replication"))
            assert before["repl_backlog_active"] == "0"
            assert before["master_replid"] != replica.replid
            assert "Replication backlog freed after 60 seconds without connected replicas." in server.logged()
            await client.call("SET", "k", "w")
            assert not server.state.propagation.sinks, "changes cost nothing again"
            after = fields(await client.call("INFO", "replication"))
            assert after["master_repl_offset"] == before["master_repl_offset"]

        run(scenario)

    def test_nothing_is_sent_while_the_server_is_frozen(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair(repl_ping_replica_period=1)
            await replica.full_sync()
            await replica.stream(("PING",))
            client.send("DEBUG", "SLEEP", 30)
            await asyncio.sleep(1.5)
            replica.data.clear()
            await asyncio.sleep(25)
            assert not replica.data
            await until(lambda: bool(replica.data))

        run(scenario)


class TestGoodReplicas:
    def test_writes_stop_while_there_are_too_few(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair(min_replicas_to_write=1, min_replicas_max_lag=3)
            refusal = b"-NOREPLICAS Not enough good replicas to write.\r\n"
            assert await client.call("SET", "k", "v") == refusal
            await replica.full_sync()
            await asyncio.sleep(0.1)
            assert await client.call("SET", "k", "v") == b"+OK\r\n"
            assert fields(await client.call("INFO", "replication"))["min_slaves_good_slaves"] == "1"
            await asyncio.sleep(6)
            assert await client.call("SET", "k", "v") == refusal
            replica.acknowledge()
            await asyncio.sleep(1.5)
            assert await client.call("SET", "k", "v") == b"+OK\r\n"
            assert await client.call("CONFIG", "SET", "min-replicas-to-write", 2) == b"+OK\r\n"
            assert await client.call("SET", "k", "v") == refusal
            assert await client.call("CONFIG", "SET", "min-replicas-max-lag", 0) == b"+OK\r\n"
            assert await client.call("SET", "k", "v") == b"+OK\r\n"

        run(scenario)


class TestWait:
    def test_counts_those_that_have_the_writes_of_this_client(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client, other = await world.peer(server), await world.peer(server)
            replicas = [await world.replica(server) for _ in range(2)]
            for replica in replicas:
                await replica.full_sync()
            await asyncio.sleep(0.1)
            assert await other.call("WAIT", 0, 0) == b":2\r\n"
            await client.call("SET", "k", "v")
            assert await other.call("WAIT", 2, 0) == b":2\r\n", "it has written nothing"
            client.send("WAIT", 2, 0)
            for replica in replicas:
                await replica.stream(("SELECT", 0), ("SET", "k", "v"), ("REPLCONF", "GETACK", "*"))
            await asyncio.sleep(1)
            assert not client.data
            replicas[0].acknowledge()
            await asyncio.sleep(1)
            assert not client.data
            replicas[1].acknowledge()
            assert await client.frame() == b":2\r\n"

        run(scenario)

    def test_is_told_how_many_there_are_when_its_time_is_up(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair()
            await replica.full_sync()
            await client.call("SET", "k", "v")
            client.send("WAIT", 2, 5000)
            await replica.stream(("SELECT", 0), ("SET", "k", "v"))
            replica.acknowledge()
            start_s = world.now_s
            assert await client.frame() == b":1\r\n"
            assert 4 < world.now_s - start_s < 5.1
            client.send("MULTI")
            client.send("WAIT", 5, 0)
            client.send("EXEC")
            assert [await client.frame() for _ in range(3)] == [b"+OK\r\n", b"+QUEUED\r\n", b"*1\r\n:1\r\n"]

        run(scenario)

    def test_one_question_serves_all_who_wait_in_a_turn_and_none_comes_in_a_pause(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0, repl_ping_replica_period=1000)
            clients = [await world.peer(server) for _ in range(3)]
            replica = await world.replica(server)
            await replica.full_sync()
            await clients[0].call("SET", "k", "v")
            await clients[0].call("CLIENT", "PAUSE", 5000, "WRITE")
            clients[0].send("WAIT", 1, 0)
            await replica.stream(("SELECT", 0), ("SET", "k", "v"))
            await asyncio.sleep(4)
            assert not replica.data, "the end of the stream stands still"
            await replica.stream(("REPLCONF", "GETACK", "*"))
            replica.acknowledge()
            assert await clients[0].frame() == b":1\r\n"
            for client in clients:
                client.send("SET", "k", "v")
                client.send("WAIT", 1, 0)
            one = ("SET", "k", "v")
            await replica.stream(one, one, one, ("REPLCONF", "GETACK", "*"))
            await asyncio.sleep(1)
            assert not replica.data
            replica.acknowledge()
            for client in clients:
                assert [await client.frame() for _ in range(2)] == [b"+OK\r\n", b":1\r\n"]

        run(scenario)

    def test_waits_for_the_disks_of_replicas(self) -> None:
        async def scenario(world: World) -> None:
            _, client, replica = await world.pair()
            await replica.full_sync()
            await client.call("SET", "k", "v")
            client.send("WAITAOF", 0, 1, 0)
            await replica.stream(("SELECT", 0), ("SET", "k", "v"), ("REPLCONF", "GETACK", "*"))
            replica.acknowledge()
            await asyncio.sleep(1)
            assert not client.data
            replica.send("REPLCONF", "ACK", replica.offset, "FACK", replica.offset)
            assert await client.frame() == b"*2\r\n:0\r\n:1\r\n"

        run(scenario)

    def test_waits_for_the_own_disk_however_the_aof_came_to_be(self) -> None:
        async def scenario(world: World) -> None:
            for directives in ({"appendonly": True}, {}):
                server = await world.serve(f"10.0.0.{len(world.hosts) + 1}", **directives)
                client = await world.peer(server)
                if not directives:
                    reply = await client.call("WAITAOF", 1, 0, 0)
                    assert reply.startswith(b"-ERR WAITAOF cannot be used when numlocal is set but")
                    await client.call("CONFIG", "SET", "appendonly", "yes")
                    await asyncio.sleep(1)
                for number in range(3):
                    await client.call("SET", "k", number)
                    assert await client.call("WAITAOF", 1, 0, 3000) == b"*2\r\n:1\r\n:0\r\n"
                shown = fields(await client.call("INFO", "replication"))
                assert shown["repl_backlog_active"] == "0"
                assert shown["master_repl_offset"] == "3", "commands are counted"
                client.send("SET", "k", "last")
                client.send("WAITAOF", 1, 1, 0)
                assert await client.frame() == b"+OK\r\n"
                await asyncio.sleep(3)
                assert not client.data
                other = await world.peer(server)
                assert await other.call("CONFIG", "SET", "appendonly", "no") == b"+OK\r\n"
                assert (await client.frame()).startswith(b"-ERR WAITAOF cannot be used when numlocal")

        run(scenario)

    def test_what_a_client_got_by_waiting_for_it_is_its_own(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client, other = await world.peer(server), await world.peer(server)
            replica = await world.replica(server)
            await replica.full_sync()
            client.send("BLPOP", "list", 0)
            await asyncio.sleep(0.1)
            await other.call("RPUSH", "list", "x")
            assert await client.frame() == b"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n"
            assert await client.call("WAIT", 1, 100) == b":0\r\n"

        run(scenario)


class TestShutdown:
    def test_waits_until_replicas_have_everything(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client, other = await world.peer(server), await world.peer(server)
            replica = await world.replica(server)
            await replica.full_sync()
            await client.call("SET", "k", "v")
            client.send("SHUTDOWN", "NOSAVE")
            await replica.stream(("SELECT", 0), ("SET", "k", "v"), ("REPLCONF", "GETACK", "*"))
            other.send("SET", "k", "late")
            await asyncio.sleep(3)
            assert not server.stopped.is_set()
            assert not other.data, "writes wait"
            replica.acknowledge()
            await until(server.stopped.is_set)
            assert await client.closed() == await other.closed() == b""
            assert "1 of 1 replicas are in sync when shutting down." in server.logged()

        run(scenario)

    def test_gives_up_waiting_after_a_while(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair(shutdown_timeout=7)
            await replica.full_sync()
            await client.call("SET", "k", "v")
            start_s = world.now_s
            client.send("SHUTDOWN")
            await until(server.stopped.is_set)
            assert 6.9 < world.now_s - start_s < 7.3
            behind = server.state.replication.offset - replica.offset
            assert (
                f"Lagging replica 127.0.0.1:6380 reported offset {behind} behind master, lag=7, state=online."
                in server.logged()
            )
            assert "0 of 1 replicas are in sync when shutting down." in server.logged()

        run(scenario)

    def test_can_be_called_off(self) -> None:
        async def scenario(world: World) -> None:
            server = await world.serve(repl_diskless_sync_delay=0)
            client, other = await world.peer(server), await world.peer(server)
            replica = await world.replica(server)
            await replica.full_sync()
            await client.call("SET", "k", "v")
            client.send("SHUTDOWN")
            await asyncio.sleep(1)
            assert 8000 < int(fields(await other.call("INFO", "server"))["shutdown_in_milliseconds"]) <= 9000
            assert await other.call("SHUTDOWN", "ABORT") == b"+OK\r\n"
            assert await client.frame() == b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
            assert await client.call("SET", "k", "w") == b"+OK\r\n"
            assert await other.call("SHUTDOWN", "ABORT") == b"-ERR No shutdown in progress.\r\n"
            assert "Shutdown manually aborted." in server.logged()

        run(scenario)

    def test_waits_for_nobody_when_told_to_end_now(self) -> None:
        async def scenario(world: World) -> None:
            server, client, replica = await world.pair()
            await replica.full_sync()
            client.send("SET", "k", "v")
            client.send("SHUTDOWN", "NOW")
            await replica.stream(("SELECT", 0), ("SET", "k", "v"))
            await replica.closed()
            assert server.stopped.is_set()

        run(scenario)
