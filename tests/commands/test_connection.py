"""Connections: passwords, CLIENT, and what MONITOR and SLOWLOG show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.inprocess import Client, Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def fields(client: Client, *request: str) -> dict[str, str]:
    """The one line of CLIENT LIST or INFO."""
    text = client.run(*(request or ("CLIENT INFO",))).decode()
    (line,) = text.splitlines()
    return dict(field.split("=", 1) for field in line.split(" "))


class TestPassword:
    def test_gate_and_parser_hear_of_it(self, harness: Harness) -> None:
        told: list[bool] = []
        early = harness.client
        harness.run("CONFIG SET requirepass secret")
        late = harness.connect()
        late.session.on_authentication = told.append
        assert early.run("PING") == b"PONG"
        assert str(late.run("PING")) == "NOAUTH Authentication required."
        assert str(late.run("AUTH wrong")).startswith("WRONGPASS")
        assert told == []
        assert late.run("AUTH secret") == b"OK"
        assert late.run("RESET") == b"RESET"
        assert told == [True, False]
        early.run("CONFIG", "SET", "requirepass", "")
        assert told == [True, False, True]
        assert late.run("PING") == b"PONG"
        assert late.session.gate == 0

    def test_hello_asks_whether_the_client_ever_authenticated(self, harness: Harness) -> None:
        harness.run("CONFIG SET requirepass secret")
        late = harness.connect()
        harness.run("CONFIG", "SET", "requirepass", "")
        assert late.run("PING") == b"PONG"
        assert str(late.run("HELLO 3")).startswith("NOAUTH HELLO must be called")
        late.run("AUTH default anything")
        assert late.run("HELLO 3")[b"proto"] == 3

    def test_failures_are_counted(self, harness: Harness) -> None:
        harness.run("AUTH nobody x")
        assert harness.state.statistics.acl_denied_auth == 1


def test_http_closes_the_connection_and_is_logged_once_a_minute(harness: Harness) -> None:
    log = harness.host.log.messages
    for request, logged in (("POST / HTTP/1.1", 1), ("Host: a", 1), ("post", 2)):
        client = harness.connect()
        client.session.address = "127.0.0.1:5000"
        client.session.execute([[b"PING"], request.encode().split(), [b"PING"]])
        assert client.closed
        assert client.read_all() == []
        assert len(log) == logged
        harness.advance(40_000)
    assert log[0].startswith("Possible SECURITY ATTACK")
    assert log[0].endswith("Connection from 127.0.0.1:5000 aborted.")


class TestReset:
    def test_it_takes_everything_back_but_the_library(self, harness: Harness) -> None:
        client = harness.client
        for request in (
            "HELLO 3 SETNAME me", "SELECT 4", "CLIENT SETINFO LIB-NAME lib", "CLIENT NO-TOUCH ON",
            "CLIENT NO-EVICT ON", "WATCH k", "MULTI",
        ):  # fmt: skip
            client.run(request)
        client.send("MONITOR")
        client.send("RESET")
        client.read_all()
        found = fields(client)
        assert (found["flags"], found["db"], found["resp"], found["name"]) == ("N", "0", "2", "")
        assert found["lib-name"] == "lib"
        assert client.session.gate == 0
        assert not harness.state.watches.sessions


class TestClientLine:
    def test_of_the_caller(self, harness: Harness) -> None:
        session = harness.client.session
        session.address, session.local_address, session.fd = "127.0.0.1:5000", "127.0.0.1:6379", 8
        harness.advance(3500)
        found = fields(harness.client)
        assert " ".join(found) == (
            "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem "
            "rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver"
        )
        expected = {
            "id": str(session.id), "addr": "127.0.0.1:5000", "laddr": "127.0.0.1:6379", "fd": "8", "age": "3",
            "idle": "0", "flags": "N", "multi": "-1", "qbuf": "26", "argv-mem": "10", "events": "r",
            "cmd": "client|info", "user": "default", "redir": "-1", "resp": "2",
        }  # fmt: skip
        assert expected.items() <= found.items()

    def test_of_others(self, harness: Harness) -> None:
        other = harness.connect()

        def seen() -> dict[str, str]:
            return fields(harness.client, "CLIENT", "LIST", "ID", str(other.session.id))

        assert seen()["cmd"] == "NULL"
        other.run("MULTI")
        other.run("SET key value")
        found = seen()
        assert (found["flags"], found["multi"], found["multi-mem"]) == ("x", "1", str(11 + 3 * 8))
        assert found["cmd"] == "set"
        other.run("DISCARD")
        other.send("BLPOP l 0")
        harness.advance(5000)
        found = seen()
        assert (found["flags"], found["cmd"], found["argv-mem"], found["idle"]) == ("b", "blpop", "7", "5")
        harness.run("RPUSH l a")
        other.read_all()
        other.send("SUBSCRIBE a b")
        assert (seen()["flags"], seen()["sub"]) == ("P", "2")
        other.send("NOSUCH")
        assert seen()["cmd"] == "NULL"

    def test_exec_is_the_command_of_a_transaction(self, harness: Harness) -> None:
        harness.run("MULTI")
        harness.run("CLIENT INFO")
        (line,) = harness.run("EXEC")
        assert b" flags=x " in line
        assert b" multi=1 " in line
        assert b" cmd=exec " in line


class TestKill:
    def test_the_dead_are_gone_at_once(self, harness: Harness) -> None:
        other = harness.connect()
        other.send("BLPOP l 0")
        assert harness.run("CLIENT", "KILL", "ID", str(other.session.id)) == 1
        assert other.closed
        assert harness.run("CLIENT LIST").count(b"\n") == 1
        assert harness.run("RPUSH l a") == 1
        assert harness.run("LLEN l") == 1

    def test_who_ends_itself_gets_the_reply_and_nothing_more(self, harness: Harness) -> None:
        client = harness.client
        number = b"%d" % client.session.id
        client.session.execute([[b"CLIENT", b"KILL", b"ID", number, b"SKIPME", b"no"], [b"PING"]])
        assert client.read_all() == [1]
        assert client.closed


class TestReply:
    @pytest.mark.parametrize(
        ("requests", "replies"),
        [
            ("CLIENT REPLY SKIP|PING|ECHO a", [b"a"]),
            ("CLIENT REPLY SKIP|NOSUCH|ECHO a", [b"a"]),
            ("CLIENT REPLY SKIP|CLIENT REPLY SKIP|PING|ECHO a", [b"a"]),
            ("CLIENT REPLY SKIP|CLIENT REPLY ON|ECHO a", [b"OK", b"a"]),
            ("CLIENT REPLY OFF|PING|NOSUCH|CLIENT REPLY ON|ECHO a", [b"OK", b"a"]),
            ("CLIENT REPLY OFF|CLIENT REPLY SKIP|CLIENT REPLY ON|PING", [b"OK", b"PONG"]),
            ("CLIENT REPLY OFF|PING|RESET|PING", [b"RESET", b"PONG"]),
            ("CLIENT REPLY SKIP|MULTI|ECHO a|EXEC", [b"QUEUED", [b"a"]]),
        ],
    )
    def test_modes(self, harness: Harness, requests: str, replies: list[Any]) -> None:
        argvs = [request.encode().split() for request in requests.split("|")]
        harness.client.session.execute(argvs)
        assert harness.client.read_all() == replies
        assert harness.client.session.gate == 0

    def test_a_skipped_request_that_waits(self, harness: Harness) -> None:
        client = harness.client
        client.session.execute([[b"CLIENT", b"REPLY", b"SKIP"], [b"BLPOP", b"l", b"0"], [b"ECHO", b"a"]])
        assert client.read_all() == []
        harness.connect().run("RPUSH l x")
        assert client.read_all() == [b"a"]
        harness.connect().run("CLIENT PAUSE 100")
        client.session.execute([[b"PING"], [b"CLIENT", b"REPLY", b"SKIP"], [b"PING"], [b"ECHO", b"b"]])
        harness.advance(100)
        assert client.read_all() == [b"PONG", b"b"]


class TestNoTouch:
    def test_accesses_leave_no_trace(self, harness: Harness) -> None:
        harness.run("SET k v")
        harness.advance(100_000)
        harness.run("CLIENT NO-TOUCH ON")
        for request in ("GET k", "STRLEN k", "APPEND k x", "MULTI", "GET k", "EXEC"):
            harness.run(request)
        assert harness.run("OBJECT IDLETIME k") == 100
        harness.run("SET new v")
        assert harness.run("OBJECT IDLETIME new") == 0
        harness.run("TOUCH k")
        assert harness.run("OBJECT IDLETIME k") == 0
        harness.advance(5000)
        harness.run("CLIENT NO-TOUCH OFF")
        harness.run("GET k")
        assert harness.run("OBJECT IDLETIME k") == 0


class TestPause:
    def test_requests_wait_in_order_and_a_longer_pause_wins(self, harness: Harness) -> None:
        other = harness.connect()
        harness.run("CLIENT PAUSE 100")
        other.session.execute([[b"SET", b"a", b"1"], [b"INCR", b"a"]])
        other.send("GET a")
        harness.client.send("CLIENT PAUSE 500 WRITE")
        harness.advance(99)
        assert other.read_all() == []
        harness.advance(1)
        assert harness.client.read_all() == [b"OK"]
        assert other.read_all() == [b"OK", 2, b"2"]

    def test_reads_go_on_while_writes_wait(self, harness: Harness) -> None:
        other = harness.connect()
        harness.run("CLIENT PAUSE 100 WRITE")
        assert other.run("GET a") is None
        other.send("PUBLISH c m")
        assert other.read_all() == []
        assert harness.run("CLIENT UNPAUSE") == b"OK"
        assert other.read_all() == [0]
        assert harness.client.session.gate == 0

    def test_nothing_waits_for_0_ms(self, harness: Harness) -> None:
        harness.run("CLIENT PAUSE 0")
        assert harness.run("SET a 1") == b"OK"


class TestMonitor:
    def lines(self, client: Client) -> list[bytes]:
        return [line.partition(b"] ")[2] for line in client.read_all()]

    def test_what_is_shown(self, harness: Harness) -> None:
        monitor = harness.connect()
        assert monitor.run("MONITOR") == b"OK"
        harness.client.session.address = "127.0.0.1:5000"
        harness.run("SELECT 3")
        (line,) = monitor.read_all()
        assert line == b'1700000000.000000 [3 127.0.0.1:5000] "SELECT" "3"'
        harness.run("ECHO", b'\x00"\n')
        for request in ("NOSUCH", "GET", "CONFIG GET port", "MULTI", "INCR n", "EXEC", "EXEC x"):
            harness.run(request)
        assert self.lines(monitor) == [
            b'"ECHO" "\\x00\\"\\n"', b'"MULTI"', b'"INCR" "n"', b'"EXEC"', b'"EXEC" "x"',
        ]  # fmt: skip

    def test_passwords_are_hidden(self, harness: Harness) -> None:
        monitor = harness.connect()
        monitor.run("MONITOR")
        for request in (
            "AUTH a", "AUTH a b", "AUTH a b c", "HELLO 2 SETNAME n AUTH u p", "HELLO 9 AUTH u p",
            "HELLO 2 AUTH u p FOO", "HELLO", "HELLO 2 FOO AUTH u p",
        ):  # fmt: skip
            harness.run(request)
        assert self.lines(monitor) == [
            b'"AUTH" "(redacted)"', b'"AUTH" "(redacted)" "(redacted)"', b'"AUTH" "a" "b" "c"',
            b'"HELLO" "2" "SETNAME" "n" "AUTH" "(redacted)" "(redacted)"', b'"HELLO" "9" "AUTH" "u" "p"',
            b'"HELLO" "2" "AUTH" "(redacted)" "(redacted)" "FOO"', b'"HELLO"',
            b'"HELLO" "2" "FOO" "AUTH" "u" "p"',
        ]  # fmt: skip

    def test_a_request_that_waits_is_shown_when_it_came(self, harness: Harness) -> None:
        monitor, other = harness.connect(), harness.connect()
        monitor.run("MONITOR")
        other.send("BLPOP l 0")
        harness.run("RPUSH l a")
        assert self.lines(monitor) == [b'"BLPOP" "l" "0"', b'"RPUSH" "l" "a"']

    def test_a_monitor_reads_no_keys_and_costs_nothing_afterwards(self, harness: Harness) -> None:
        monitor = harness.connect()
        monitor.run("MONITOR")
        assert str(monitor.run("GET a")) == "ERR Replica can't interact with the keyspace"
        monitor.send("MONITOR")
        assert monitor.read_all() == []
        assert harness.client.session.gate
        monitor.session.leave()
        assert harness.client.session.gate == 0


class TestSlowLog:
    def entries(self, harness: Harness) -> list[list[bytes]]:
        return [entry[3] for entry in harness.run("SLOWLOG GET -1")]

    def test_what_is_kept_of_a_request(self, harness: Harness) -> None:
        client = harness.client
        client.session.address = "127.0.0.1:5000"
        client.run("CONFIG SET slowlog-log-slower-than 0")
        client.run("SLOWLOG RESET")
        client.run("CLIENT SETNAME me")
        client.run("ECHO", "x" * 130)
        client.run("DEL", *map(str, range(40)))
        client.run("CONFIG SET masterauth x")
        client.run("MULTI")
        client.run("NOSUCH")
        client.run("EXEC")
        found = self.entries(harness)
        assert found[:-2] == [
            [b"MULTI"],
            [b"CONFIG", b"SET", b"masterauth", b"(redacted)"],
            [b"DEL", *(b"%d" % n for n in range(30)), b"... (10 more arguments)"],
            [b"ECHO", b"x" * 128 + b"... (2 more bytes)"],
        ]
        number, time_s, elapsed_us, _, address, name = harness.run("SLOWLOG GET 1")[0]
        assert (time_s, elapsed_us, address, name) == (1_700_000_000, 0, b"127.0.0.1:5000", b"me")
        assert harness.run("SLOWLOG GET 1")[0][0] > number

    def test_limits(self, harness: Harness) -> None:
        harness.run("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 2")
        for number in range(5):
            harness.run(f"ECHO {number}")
        assert harness.run("SLOWLOG LEN") == 2
        harness.run("CONFIG SET slowlog-log-slower-than -1")
        assert harness.client.session.gate == 0
        harness.run("SLOWLOG RESET")
        harness.run("PING")
        assert harness.run("SLOWLOG GET") == []

    def test_slow_requests_are_found_without_the_gate(self, harness: Harness) -> None:
        keys = harness.state.table.entries[b"keys"]
        handler = keys.handler

        def slowly(call: Any, argv: list[bytes]) -> Any:
            harness.clock.now_us += 20_000
            return handler(call, argv)

        keys.handler = slowly
        assert harness.client.session.gate == 0
        harness.client.session.execute([[b"PING"], [b"KEYS", b"*"], [b"PING"]])
        harness.client.read_all()
        assert self.entries(harness) == [[b"KEYS", b"*"]]
