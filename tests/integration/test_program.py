"""The program as a process: command lines, log, signals and files; the log also against a real server's."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyredis_cluster.server.process import monotonic_clock
from pyredis_cluster.version import REDIS_VERSION
from tests.support.ports import free_port, free_ports, release_port
from tests.support.program import connect, log_lines, messages, run, started, wait_until
from tests.support.servers import REDIS_7_2, find_real_servers, our_program
from tests.support.wire import ConnectionClosedError, RawClient

pytestmark = pytest.mark.slow
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals or Unix sockets")

OURS = our_program()


@pytest.fixture
def port() -> Iterator[int]:
    number = free_port()
    yield number
    release_port(number)


def plain(port: int, *options: str) -> list[str]:
    """Options of a server that leaves no files behind."""
    return ["--port", str(port), "--save", "", "--bind", "127.0.0.1", *options]


def normalized(text: str, directory: Path) -> list[tuple[str, str, str]]:
    """The lines of a log without what differs between any two starts."""
    lines = []
    for role, level, message in log_lines(text):
        message = re.sub(r"pid=\d+", "pid=N", message)
        message = re.sub(r"Redis version=[\d.]+", "Redis version=V", message)
        message = re.sub(r"^\d+:signal-handler \(\d+\)", "N:signal-handler (T)", message)
        message = message.replace(str(directory), "DIR")
        if not message.startswith(("WARNING Memory overcommit", "Increased maximum")):
            lines.append((role, level, message))
    return lines


class TestStartAndEnd:
    @pytest.mark.real_server
    def test_the_whole_log_is_that_of_redis(self, tmp_path: Path, port: int) -> None:
        real = find_real_servers().get(REDIS_7_2)
        if real is None:
            pytest.skip("no Redis 7.2")
        logs = []
        for program in (real, OURS):
            with started(program, *plain(port, "--pidfile", "x.pid"), directory=tmp_path) as process:
                connect(port).close()
                process.signal(signal.SIGTERM)
                assert process.wait() == 0
                logs.append(normalized(process.text(), tmp_path))
        assert logs[1] == logs[0]

    def test_lines_to_wait_for(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port), directory=tmp_path) as process:
            process.wait_for("* Ready to accept connections tcp")
            connect(port).close()
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
            pid = process.process.pid
            assert normalized(process.text(), tmp_path) == [
                ("C", "*", "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"),
                ("C", "*", "Redis version=V, bits=64, commit=00000000, modified=0, pid=N, just started"),
                ("C", "*", "Configuration loaded"),
                ("M", "*", f"monotonic clock: {monotonic_clock()}"),
                ("M", "*", f"Running mode=standalone, port={port}."),
                ("M", "*", "Server initialized"),
                ("M", "*", "Ready to accept connections tcp"),
                ("", "", "N:signal-handler (T) Received SIGTERM scheduling shutdown..."),
                ("M", "*", "User requested shutdown..."),
                ("M", "#", "Redis is now ready to exit, bye bye..."),
            ]
            assert {line.split(":", 1)[0] for line in process.text().splitlines()} == {str(pid)}
            assert f"Redis version={REDIS_VERSION}," in process.text()

    def test_first_pong_is_early(self, tmp_path: Path) -> None:
        # The time itself is a benchmark's business, machines that run tests being busy. What it depends on is
        # that nothing is imported that a plain server does without.
        script = (
            "import sys, pyredis_cluster.cli.redis_server, pyredis_cluster.server.server; print(*sys.modules)"
        )
        code, output = run(type(OURS)("script", (sys.executable, "-c", script), ""), directory=tmp_path)
        assert code == 0
        spared = {"click", "redis", "uvloop", "argparse", "tempfile", "platform", "glob", "shutil", "json"}
        spared |= {
            "pyredis_cluster.cluster.core",
            "pyredis_cluster.server.bus",
            "pyredis_cluster.commands.sentinel",
            "pyredis_cluster.sentinel.core",
            "pyredis_cluster.server.sentinel",
            "pyredis_cluster.cli.commands",
        }
        assert not spared & set(output.split())

    def test_logo_where_it_is_asked_for(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port, "--always-show-logo"), directory=tmp_path) as process:
            process.wait_for("Ready to accept")
            assert f"Port: {port}\n" in process.text()
            assert "Running mode=" not in process.text()

    @posix_only
    def test_sigint_ends_with_success(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port), directory=tmp_path) as process:
            process.wait_for("Ready to accept")
            process.signal(signal.SIGINT)
            assert process.wait() == 0
            assert "Received SIGINT scheduling shutdown..." in process.text()

    @posix_only
    def test_sighup_is_ignored(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port), directory=tmp_path) as process:
            process.wait_for("Ready to accept")
            process.signal(signal.SIGHUP)
            with connect(port) as client:
                assert client.call("PING") == b"+PONG\r\n"

    def test_shutdown_command(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port), directory=tmp_path) as process:
            client, other = connect(port), connect(port)
            with client, other:
                with pytest.raises(ConnectionClosedError) as closed:
                    client.call("SHUTDOWN", "NOSAVE")
                assert closed.value.partial == b""
                with pytest.raises(ConnectionClosedError):
                    other.read()
            assert process.wait() == 0
            assert process.text().endswith("# Redis is now ready to exit, bye bye...\n")

    def test_no_arguments_at_all(self, tmp_path: Path) -> None:
        try:
            connect_probe = socket.create_server(("127.0.0.1", 6379))
        except OSError:
            pytest.skip("port 6379 is taken")
        connect_probe.close()
        with started(OURS, directory=tmp_path) as process:
            process.wait_for("port=6379.")
            warning = [line for line in log_lines(process.text()) if line[1] == "#"]
            assert warning[0][0] == "C"
            assert warning[0][2].startswith(
                "Warning: no config file specified, using the default config. In order to specify a config "
                "file use "
            )
            assert warning[0][2].endswith(" /path/to/redis.conf")


class TestCommandLine:
    def test_version(self, tmp_path: Path) -> None:
        for option in ("-v", "--version"):
            code, output = run(OURS, option, directory=tmp_path)
            assert code == 0
            assert output.startswith(
                f"Redis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits=64 build="
            )

    def test_help(self, tmp_path: Path) -> None:
        for option in ("-h", "--help"):
            code, output = run(OURS, option, directory=tmp_path)
            assert code == 1
            assert output.startswith("Usage: pyredis-cluster [/path/to/redis.conf] [options] [-]\n")

    def test_what_is_not_supported_says_so(self, tmp_path: Path) -> None:
        assert run(OURS, "--test-memory", "4", directory=tmp_path)[0] == 1
        assert run(OURS, "--check-system", directory=tmp_path)[0] == 0

    def test_file_options_and_stdin(self, tmp_path: Path, port: int) -> None:
        (tmp_path / "redis.conf").write_text(f"port 1\nmaxclients 50\ntimeout 7\nport {port}\n")
        options = ("redis.conf", "--timeout", "8", "--cluster-enabled", "no", "-")
        stdin = b'save ""\nmaxclients 60\ntimeout 9\n'
        with started(OURS, *options, directory=tmp_path, stdin=stdin), connect(port) as client:
            assert client.ask("CONFIG", "GET", "maxclients").items[1].value == b"60"
            assert client.ask("CONFIG", "GET", "timeout").items[1].value == b"8"
            assert client.ask("CONFIG", "GET", "dir").items[1].value == str(tmp_path.resolve()).encode()

    def test_config_error_names_file_line_and_directive(self, tmp_path: Path) -> None:
        (tmp_path / "redis.conf").write_text("port 7000\n\nnonsense 3\n")
        code, output = run(OURS, "redis.conf", directory=tmp_path)
        assert code == 1
        assert output == (
            f"\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n"
            "Reading the configuration file, at line 3\n"
            ">>> 'nonsense 3'\n"
            "Bad directive or wrong number of arguments\n"
            f"(in file {tmp_path.resolve() / 'redis.conf'})\n"
        )

    def test_missing_config_file(self, tmp_path: Path) -> None:
        code, output = run(OURS, "absent.conf", directory=tmp_path)
        path = tmp_path.resolve() / "absent.conf"
        assert code == 1
        expected = f"Fatal error, can't open config file '{path}': No such file or directory"
        assert log_lines(output) == [("C", "#", expected)]

    def test_directory_that_is_none(self, tmp_path: Path) -> None:
        code, output = run(OURS, "--dir", str(tmp_path / "absent"), directory=tmp_path)
        assert code == 1
        assert "No such file or directory" in output
        assert "Traceback" not in output

    def test_log_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        code, output = run(OURS, "--logfile", str(tmp_path / "absent" / "x"), directory=tmp_path)
        assert code == 1
        assert "Can't open the log file: No such file or directory" in output


class TestListening:
    def test_port_in_use(self, tmp_path: Path, port: int) -> None:
        with socket.create_server(("127.0.0.1", port)):
            code, output = run(OURS, *plain(port), directory=tmp_path)
        assert code == 1
        assert log_lines(output)[-2:] == [
            (
                "M",
                "#",
                f"Warning: Could not create server TCP listening socket 127.0.0.1:{port}: "
                "bind: Address already in use",
            ),
            ("M", "#", f"Failed listening on port {port} (tcp), aborting."),
        ]

    def test_address_of_no_interface(self, tmp_path: Path, port: int) -> None:
        code, output = run(OURS, "--port", str(port), "--bind", "192.0.2.1", directory=tmp_path)
        assert code == 1
        assert f"192.0.2.1:{port}: bind: Cannot assign requested address" in output
        options = ("--port", str(port), "--save", "", "--bind", "127.0.0.1", "-192.0.2.1")
        with started(OURS, *options, directory=tmp_path), connect(port) as client:
            assert client.call("PING") == b"+PONG\r\n"

    def test_several_addresses_of_both_families(self, tmp_path: Path, port: int) -> None:
        if not socket.has_ipv6:
            pytest.skip("no IPv6")
        options = ("--port", str(port), "--save", "", "--bind", "127.0.0.1", "::1")
        with started(OURS, *options, directory=tmp_path):
            for host in ("127.0.0.1", "::1"):
                try:
                    client = connect(port, host=host)
                except AssertionError:
                    if host == "::1":
                        pytest.skip("no IPv6 loopback")
                    raise
                with client:
                    assert client.call("PING") == b"+PONG\r\n"

    def test_listening_nowhere(self, tmp_path: Path) -> None:
        code, output = run(OURS, "--port", "0", directory=tmp_path)
        assert code == 1
        assert messages(output)[-1] == "Configured to not listen anywhere, exiting."

    @posix_only
    def test_unix_socket_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "r.sock"
        path.write_text("left over")
        options = ("--port", "0", "--save", "", "--unixsocket", str(path), "--unixsocketperm", "700")
        with started(OURS, *options, directory=tmp_path) as process:
            process.wait_for("* Ready to accept connections unix")
            assert path.stat().st_mode & 0o777 == 0o700
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(path))
                client.sendall(b"PING\r\n")
                assert client.recv(100) == b"+PONG\r\n"
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
            assert "* Removing the unix socket file." in process.text()
        assert not path.exists()

    def test_port_and_bind_change_at_run_time(self, tmp_path: Path) -> None:
        first, second, taken = free_ports(3)
        with (
            socket.create_server(("127.0.0.1", taken)),
            started(OURS, *plain(first), directory=tmp_path) as process,
            connect(first) as client,
        ):
            assert client.call("CONFIG", "SET", "port", second) == b"+OK\r\n"
            connect(second).close()
            with pytest.raises(OSError, match="refused"):
                RawClient(first)
            assert client.call("CONFIG", "SET", "port", taken) == (
                b"-ERR CONFIG SET failed (possibly related to argument 'port') - "
                b"Unable to listen on this port. Check server logs.\r\n"
            )
            connect(second).close()
            assert client.call("CONFIG", "SET", "bind", "192.0.2.1") == (
                b"-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified "
                b"addresses.\r\n"
            )
            connect(second).close()
            assert "Failed applying new configuration" in process.text()
        for port in (first, second, taken):
            release_port(port)


class TestFiles:
    def test_log_file(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port, "--logfile", "r.log"), directory=tmp_path) as process:
            log = tmp_path / "r.log"
            connect(port).close()
            wait_until(lambda: "Ready to accept" in log.read_text())
            assert process.text() == ""
            # A log that was moved away is begun anew, as log rotation expects.
            log.rename(tmp_path / "old.log")
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
            assert messages(log.read_text())[-1] == "Redis is now ready to exit, bye bye..."

    def test_log_level(self, tmp_path: Path, port: int) -> None:
        with (
            started(OURS, *plain(port, "--loglevel", "warning"), directory=tmp_path) as process,
            connect(port) as client,
        ):
            assert process.text() == ""
            assert client.call("CONFIG", "SET", "loglevel", "verbose") == b"+OK\r\n"
            with connect(port) as other:
                process.wait_for(f" - Accepted {other.local_address}\n")

    def test_pid_file(self, tmp_path: Path, port: int) -> None:
        with started(OURS, *plain(port, "--pidfile", "r.pid"), directory=tmp_path) as process:
            process.wait_for("Ready to accept")
            assert (tmp_path / "r.pid").read_text() == f"{process.process.pid}\n"
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
            assert "* Removing the pid file." in process.text()
        assert not (tmp_path / "r.pid").exists()

    @posix_only
    def test_daemonize(self, tmp_path: Path, port: int) -> None:
        options = plain(port, "--daemonize", "yes", "--pidfile", "r.pid", "--logfile", "r.log")
        assert run(OURS, *options, directory=tmp_path) == (0, "")
        with connect(port) as client:
            pid = int((tmp_path / "r.pid").read_text())
            assert os.getsid(pid) == pid
            client.send("SHUTDOWN", "NOSAVE")
            with pytest.raises(ConnectionClosedError):
                client.read()
        wait_until(lambda: not (tmp_path / "r.pid").exists())
        wait_until(lambda: "bye bye" in (tmp_path / "r.log").read_text())

    def test_config_rewrite(self, tmp_path: Path, port: int) -> None:
        file = tmp_path / "redis.conf"
        file.write_text(f'# mine\nport {port}\nsave ""\nmaxclients 77\n')
        file.chmod(0o640)
        with started(OURS, "redis.conf", directory=tmp_path), connect(port) as client:
            assert client.call("CONFIG", "SET", "maxclients", 78) == b"+OK\r\n"
            assert client.call("CONFIG", "REWRITE") == b"+OK\r\n"
        lines = file.read_text().splitlines()
        assert lines[:4] == ["# mine", f"port {port}", 'save ""', "maxclients 78"]
        assert file.stat().st_mode & 0o777 == 0o640
        assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".conf") == ["redis.conf"]

    @posix_only
    def test_systemd_is_told(self, tmp_path: Path, port: int) -> None:
        path = str(tmp_path / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(path)
            supervisor.settimeout(10)
            options = plain(port, "--supervised", "systemd", "--daemonize", "yes")
            with started(OURS, *options, directory=tmp_path, environment={"NOTIFY_SOCKET": path}) as process:
                told = [supervisor.recv(1000) for _ in range(3)]
                assert told == [
                    b"STATUS=Redis is loading...\n",
                    b"STATUS=Ready to accept connections\n",
                    b"READY=1\n",
                ]
                # Under a supervisor the process stays in the foreground.
                process.signal(signal.SIGTERM)
                assert process.wait() == 0
                assert supervisor.recv(1000) == b"STOPPING=1\n"


class TestSecondSigint:
    @posix_only
    def test_exits_at_once(self, tmp_path: Path, port: int) -> None:
        # A handler that never ends stands for a shutdown that takes its time.
        script = (
            "import sys, asyncio, signal, os\n"
            "from pyredis_cluster.cli.redis_server import handle_signals, run_loop\n"
            "from pyredis_cluster.server.log import Log, write_to_stdout\n"
            "from pyredis_cluster.server.ports import SystemClock\n"
            "async def work(loop):\n"
            "    handle_signals(loop, Log(SystemClock(), write_to_stdout), lambda name: True)\n"
            "    print('ready', flush=True)\n"
            "    await asyncio.sleep(30)\n"
            "    return 0\n"
            "run_loop(work)\n"
        )
        program = type(OURS)("script", (sys.executable, "-c", script), "")
        with started(program, directory=tmp_path) as process:
            process.wait_for("ready")
            process.signal(signal.SIGINT)
            process.wait_for("Received SIGINT scheduling shutdown...")
            process.signal(signal.SIGINT)
            assert process.wait() == 1
            assert "You insist... exiting now." in process.text()
