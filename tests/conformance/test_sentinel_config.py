"""Files that no sentinel starts with: ours names file, line and directive, in the words of a real one."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from pyredis_cluster.config.command_line import CommandLine
from pyredis_cluster.config.loader import ConfigFileError, load
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.sentinel_loading import check_lines
from tests.conformance.sentinel_lab import oracles
from tests.support.nodes import program
from tests.support.ports import free_port, release_port
from tests.support.program import run
from tests.support.servers import our_program

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

_LIMIT_S = 10.0
_ID = "0123456789012345678901234567890123456789"

BEFORE = "sentinel monitor m 127.0.0.1 6379 2\n"
LINES = f"""
sentinel
sentinel nonsense
sentinel nonsense m 1
sentinel MONITOR
sentinel monitor other 127.0.0.1 6379
sentinel monitor other 127.0.0.1 6379 2 3
sentinel monitor other 127.0.0.1 6379 0
sentinel monitor other 127.0.0.1 6379 -1
sentinel monitor other 127.0.0.1 6379 x
sentinel monitor other 127.0.0.1 0 1
sentinel monitor other 127.0.0.1 65536 1
sentinel monitor other 127.0.0.1 x 1
sentinel monitor other localhost 6379 1
sentinel monitor other 1.2.3 6379 1
sentinel monitor other "" 6379 1
sentinel monitor m 127.0.0.1 6380 2
sentinel monitor m 127.0.0.1 6379 2
sentinel monitor other::1 127.0.0.1 6379 1
sentinel monitor "with space" 127.0.0.1 6379 1
sentinel monitor "unbalanced 127.0.0.1 6379 1
sentinel down-after-milliseconds m
sentinel down-after-milliseconds m 1 2
sentinel down-after-milliseconds m 0
sentinel down-after-milliseconds m -5
sentinel down-after-milliseconds m x
sentinel down-after-milliseconds m 1x
sentinel down-after-milliseconds nobody 1000
sentinel failover-timeout m
sentinel failover-timeout m 0
sentinel failover-timeout m x
sentinel failover-timeout nobody 1
sentinel parallel-syncs m
sentinel parallel-syncs m x
sentinel parallel-syncs m 0
sentinel parallel-syncs nobody 1
sentinel notification-script m /no/such/script
sentinel notification-script m /etc
sentinel notification-script nobody /bin/true
sentinel client-reconfig-script m /no/such/script
sentinel client-reconfig-script nobody /bin/true
sentinel auth-pass m
sentinel auth-pass nobody secret
sentinel auth-user nobody somebody
sentinel current-epoch
sentinel current-epoch x
sentinel myid
sentinel myid short
sentinel myid {_ID}0
sentinel myid {"x" * 40}
sentinel config-epoch m
sentinel config-epoch m x
sentinel config-epoch m -1
sentinel config-epoch nobody 1
sentinel leader-epoch m x
sentinel leader-epoch nobody 1
sentinel known-replica m 127.0.0.1
sentinel known-replica m 127.0.0.1 x
sentinel known-replica m 127.0.0.1 70000
sentinel known-replica nobody 127.0.0.1 6380
sentinel known-slave m 127.0.0.1 70000
sentinel known-slave m nohost 6380
sentinel known-sentinel m 127.0.0.1
sentinel known-sentinel m 127.0.0.1 26380 short
sentinel known-sentinel m 127.0.0.1 x {_ID}
sentinel known-sentinel m 127.0.0.1 70000 {_ID}
sentinel known-sentinel nobody 127.0.0.1 26380 {_ID}
sentinel rename-command m CONFIG
sentinel rename-command m CONFIG ""
sentinel rename-command m "" X
sentinel rename-command nobody CONFIG X
sentinel announce-ip
sentinel announce-ip nohost
sentinel announce-port
sentinel announce-port x
sentinel announce-port 70000
sentinel announce-port -1
sentinel deny-scripts-reconfig
sentinel deny-scripts-reconfig maybe
sentinel resolve-hostnames
sentinel resolve-hostnames maybe
sentinel announce-hostnames maybe
sentinel sentinel-user
sentinel sentinel-user a b
sentinel sentinel-pass
sentinel master-reboot-down-after-period m
sentinel master-reboot-down-after-period m -1
sentinel master-reboot-down-after-period m x
sentinel master-reboot-down-after-period nobody 1
nonsense yes
port x
port 70000
daemonize maybe
loglevel loud
requirepass a b
"""
CASES = LINES.strip().splitlines()


def first_words(output: str) -> str:
    """What is printed of a line that is wrong, without the version and what the log says besides."""
    _, found, rest = output.partition("*** FATAL CONFIG FILE ERROR")
    if not found:
        return "accepted" if "Sentinel ID is" in output else output
    return re.sub(r"^ \(.*?\) ", "", rest)


def real_words(argv: list[str], directory: Path) -> str:
    """What a real sentinel prints until it exits, or says that it runs."""
    output = directory / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=directory)
    deadline = time.monotonic() + _LIMIT_S
    try:
        while process.poll() is None and "Sentinel ID is" not in output.read_text(errors="replace"):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
    return first_words(output.read_text(errors="replace"))


def our_words(config: Path) -> str:
    """What ours would print, but for the file's name, which it adds."""
    log = Log(SystemClock(), lambda data: None)
    try:
        loaded = load(
            CommandLine(config_file=str(config), sentinel=True),
            lambda path: Path(path).read_bytes(),
            directory=str(config.parent),
        )
        check_lines(loaded, log)
    except ConfigFileError as error:
        return first_words(str(error).replace(f"\n(in file {config})\n", "\n"))
    return "accepted"


def test_lines_that_are_wrong(tmp_path: Path) -> None:
    wrong = []
    port = free_port()
    for line in CASES:
        config = tmp_path / "sentinel.conf"
        text = f"port {port}\nbind 127.0.0.1\n{BEFORE}\n# a comment\n  {line}\n"
        config.write_text(text)
        ours = our_words(config)
        real = []
        for oracle in oracles():
            config.write_text(text)
            real.append(real_words([*program(oracle).argv, str(config), "--sentinel"], tmp_path))
        if ours not in real:
            wrong.append(f"{line}\n    ours: {ours!r}\n    real: {real!r}")
    release_port(port)
    assert not wrong, "\n" + "\n".join(wrong)


def test_lines_in_any_order(tmp_path: Path) -> None:
    """What a rewritten file has before the line that names the primary."""
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"sentinel myid {_ID}\nsentinel known-replica m 127.0.0.1 6380\nsentinel config-epoch m 3\n"
        f"sentinel down-after-milliseconds m 5\n{BEFORE}"
    )
    assert our_words(config) == "accepted"


@pytest.mark.parametrize(
    ("name", "content", "options", "said"),
    [
        ("sentinel.conf", BEFORE, [], "sentinel directive while not in sentinel mode"),
        (
            "sentinel.conf",
            "port 1\nsentinel monitor m\n",
            ["--sentinel"],
            "at line 2\n>>> 'sentinel monitor m'",
        ),
        ("missing.conf", None, ["--sentinel"], "can't open config file '{path}': No such file or directory"),
    ],
)
def test_what_the_program_says(
    tmp_path: Path, name: str, content: str | None, options: list[str], said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    code, output = run(our_program(), os.fspath(path), *options, directory=tmp_path)
    assert code == 1
    assert said.format(path=path) in output
    for oracle in oracles():
        assert run(program(oracle), os.fspath(path), *options, directory=tmp_path)[0] == 1


def test_without_a_file(tmp_path: Path) -> None:
    said = "Sentinel needs config file on disk to save state. Exiting..."
    for name in (our_program(), *map(program, oracles())):
        code, output = run(name, "--sentinel", directory=tmp_path)
        assert code == 1
        assert said in output
