"""The life of a cluster as a tutorial tells it: built, failed over, grown, resharded, shrunk, repaired.

Everything is done and looked at with redis-cli; clients of several kinds write all along. It is told twice:
of a Redis 7.2, with answers to questions at a terminal and today's go-redis; of a Redis 6.2, with flags and
the go-redis of its time. `PYREDIS_TEST_SLEEP_S=30` is how long the tutorial has a primary sleep,
`PYREDIS_TEST_PORTS=7000-7007` are its ports, `PYREDIS_TEST_TUTORIAL=redis-7.0` tells it of a real server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyredis_cluster.protocol.slots import key_slot
from tests.support.cluster_programs import HAS_REDIS_CLI
from tests.support.nodes import program
from tests.support.prompts import converse
from tests.support.servers import OURS, REDIS_6_2
from tests.support.steady import SteadyWriter, missing
from tests.support.tutorial import CLI_LIMIT_S, Tutorial, fields, redis_cli, tutorial, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli"),
]

SLEEP_S = int(os.environ.get("PYREDIS_TEST_SLEEP_S", "12"))
KIND = os.environ.get("PYREDIS_TEST_TUTORIAL", OURS)
FIRST_SIX = range(6)
MOVED = 4096
# A Redis that wakes up may acknowledge one write to each client that waits, before it hears that it is no
# primary any more; ours hears that first. The Go program has four writers.
LOST_PER_WRITER = 0 if KIND == OURS else 1
GO_WRITERS = 4
GO_BUILD_LIMIT_S = 300
CLEAN = (
    "[OK] All nodes agree about slots configuration.\n>>> Check for open slots...\n"
    ">>> Check slots coverage...\n[OK] All 16384 slots covered.\n"
)
ID = re.compile(r"\b[0-9a-f]{40}\b")

# What CLUSTER SLOTS shows: range and who has it.
Ranges = list[tuple[int, int, list[int]]]

BEFORE: Ranges = [(0, 5460, [3, 0]), (5461, 10922, [1, 4]), (10923, 16383, [5, 2])]
RESHARDED: Ranges = [
    *((0, 1364, [6]), (1365, 5460, [3, 0])),
    *((5461, 6826, [6]), (6827, 10922, [1, 4])),
    *((10923, 12287, [6]), (12288, 16383, [5, 2])),
]
FORGOTTEN = [entry for entry in RESHARDED if entry[2] != [6]]


def options_of(version: str) -> list[str]:
    """What the configuration needs to be told as of this version."""
    if KIND == OURS:
        return [] if version == "7.2" else ["--redis-version", version]
    if KIND == REDIS_6_2:
        return []
    # Redis 7 has no DEBUG unless it is asked for.
    return ["--enable-debug-command", "yes"]


@pytest.fixture(scope="module")
def go_programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tutorial's program for each version; where Go cannot build it, a test of its own says so."""
    if shutil.which("go") is None:
        return {}
    built = {}
    clients = Path(__file__).parents[1] / "clients"
    source = (clients / "go" / "tutorial" / "main.go").read_text()
    for version, module, library in (
        ("6.2", "go-v8", "github.com/go-redis/redis/v8"),
        ("7.2", "go", "github.com/redis/go-redis/v9"),
    ):
        made = tmp_path_factory.mktemp("go")
        (made / "main.go").write_text(source.replace("github.com/redis/go-redis/v9", library))
        seen = {"Replace": {str(clients / module / "tutorial" / "main.go"): str(made / "main.go")}}
        (made / "overlay.json").write_text(json.dumps(seen))
        built[version] = made / module
        overlay, output = f"-overlay={made / 'overlay.json'}", f"-o={built[version]}"
        command = ["go", "build", "-buildvcs=false", overlay, output, "./tutorial"]
        done = subprocess.run(command, cwd=clients / module, check=False, timeout=GO_BUILD_LIMIT_S)
        if done.returncode != 0:
            del built[version]
    return built


@contextmanager
def go_client(nodes: Tutorial, binary: Path | None, *, may_lose: int = 0) -> Iterator[None]:
    """The tutorial's Go program, once as printed, then writing steadily; it must find what it wrote."""
    if binary is None:
        yield
        return
    addresses = [f"localhost:{port}" for port in nodes.ports[:6]]
    done = subprocess.run([binary, *addresses], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "bar\n"), done.stderr
    process = subprocess.Popen(
        [binary, "-steadily", *addresses], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield
        told, _ = process.communicate(timeout=120)
        match = re.fullmatch(r"written (\d+), refused \d+, misread (\d+), lost (\d+)\n", told)
        assert match, told
        assert int(match[1]) > 100
        assert int(match[2]) <= int(match[3]) <= may_lose, told
    finally:
        process.kill()
        process.communicate()


def assert_nodes(nodes: Tutorial, asked: int, expected: list[tuple[int, int | None, int, str]]) -> None:
    """CLUSTER NODES shows these: number, primary's number if it is a replica, epoch, slots."""
    lines = set()
    for number, primary, epoch, slots in expected:
        flags = ("myself," if number == asked else "") + ("master" if primary is None else "slave")
        of = "-" if primary is None else f"ID{primary}"
        port = nodes.ports[number]
        lines.add(
            f"ID{number} 127.0.0.1:{port}@{port + 10000} {flags} {of} 0 T {epoch} connected {slots}".strip()
        )
    seen = nodes_at_rest(nodes, asked)
    for number in nodes.running:
        seen = seen.replace(nodes.node_id(number), f"ID{number}")
    seen = re.sub(r" 0 \d+ (\d+) connected", r" 0 T \1 connected", seen)
    assert set(seen.splitlines()) == lines


def nodes_at_rest(nodes: Tutorial, asked: int) -> str:
    """CLUSTER NODES at a moment at which no ping waits for its reply: the time of one that does is shown."""
    for _ in range(100):
        seen = nodes.cli(asked, "cluster", "nodes")
        if all(line.split()[4] == "0" for line in seen.splitlines()):
            break
    return seen


def assert_info(nodes: Tutorial, expected: dict[str, str]) -> None:
    """CLUSTER INFO of the first node has these fields."""
    info = fields(nodes.cli(0, "cluster", "info"))
    assert {name: info.get(name) for name in expected} == expected


def slots_shown(nodes: Tutorial, ranges: Ranges, version: str) -> str:
    """What redis-cli makes of CLUSTER SLOTS, where 7.0 added a list of more addresses to each node."""
    lines = []
    for n, (first, last, owners) in enumerate(ranges, 1):
        lines += [f"{n}) 1) (integer) {first}", f"   2) (integer) {last}"]
        for m, number in enumerate(owners, 3):
            lines += [f'   {m}) 1) "127.0.0.1"', f"      2) (integer) {nodes.ports[number]}"]
            lines += [f'      3) "{nodes.node_id(number)}"']
            lines += [] if version == "6.2" else ["      4) (empty array)"]
    return "\n".join(lines) + "\n"


def slots_of(nodes: Tutorial, asked: int) -> str:
    return nodes.cli(asked, "--no-raw", "-c", "cluster", "slots")


def create(nodes: Tutorial) -> None:
    nodes.start(*FIRST_SIX)
    addresses = map(nodes.address, FIRST_SIX)
    code, shown = converse(
        ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "1"],
        ("(type 'yes' to accept): ", "yes"),
    )
    assert code == 0, shown
    assert ">>> Sending CLUSTER MEET messages to join the cluster\n" in shown
    assert shown.endswith(CLEAN)
    until(lambda: nodes.agree(*FIRST_SIX))
    renumber(nodes)
    expected = [(0, None, 1, "0-5460"), (1, None, 2, "5461-10922"), (2, None, 3, "10923-16383")]
    assert_nodes(nodes, 0, [*expected, (3, 0, 1, ""), (4, 1, 2, ""), (5, 2, 3, "")])
    until(lambda: all(nodes.replication(n)["master_link_status"] == "up" for n in (3, 4, 5)))
    until(lambda: all(nodes.info(number)["cluster_state"] == "ok" for number in FIRST_SIX))


def renumber(nodes: Tutorial) -> None:
    """Give replicas their numbers by whom they follow: on one machine redis-cli deals them out at random."""
    views = nodes.views(0)
    followed = {number: views[nodes.node_id(number)].primary for number in (3, 4, 5)}
    order = sorted((3, 4, 5), key=lambda number: [nodes.node_id(n) for n in range(3)].index(followed[number]))
    nodes.renumber([0, 1, 2, *order, 6, 7])


def sleep(nodes: Tutorial) -> None:
    """The first node sleeps, and its replica takes its place; clients read and write."""
    at_last = nodes.cli(1, "-c", "set", "{0}last", "before").strip()
    assert at_last == "OK"
    until(lambda: nodes.replication(0)["slave0"].endswith("lag=0"))
    asleep = subprocess.Popen(
        ["redis-cli", "-p", str(nodes.ports[0]), "DEBUG", "sleep", str(SLEEP_S)],
        stdout=subprocess.PIPE,
        text=True,
    )
    start = time.monotonic()
    meanwhile: dict[str, str] = {}
    try:
        while "master" not in nodes.views(1)[nodes.node_id(3)].flags:
            assert asleep.poll() is None
            use_another_part(nodes, meanwhile)
        until(lambda: nodes.info(1)["cluster_state"] == "ok")
        assert nodes.cli(1, "-c", "set", "{0}new", "while it sleeps") == "OK\n"
        assert nodes.cli(1, "-c", "get", "{0}last") == "before\n"
        assert asleep.communicate(timeout=SLEEP_S + 10)[0] == "OK\n"
        assert time.monotonic() - start > SLEEP_S - 1
    finally:
        asleep.kill()
        asleep.communicate()
    until(lambda: nodes.agree(*FIRST_SIX))
    expected = [(3, None, 7, "0-5460"), (1, None, 2, "5461-10922"), (2, None, 3, "10923-16383")]
    assert_nodes(nodes, 0, [*expected, (0, 3, 7, ""), (4, 1, 2, ""), (5, 2, 3, "")])
    until(lambda: nodes.replication(0)["master_link_status"] == "up")
    assert nodes.cli(0, "-c", "get", "{0}new") == "while it sleeps\n"
    assert len(meanwhile) > 10
    assert missing(nodes.ports[1], meanwhile) == []


def use_another_part(nodes: Tutorial, there: dict[str, str]) -> None:
    """Write and read where nothing failed, which is refused while the cluster as a whole is down."""
    key, value = f"{{1}}:{len(there)}", str(len(there))
    assert key_slot(key.encode()) in range(BEFORE[1][0], BEFORE[1][1] + 1)
    if nodes.cli(1, "-c", "set", key, value) == "OK\n":
        there[key] = value
    down = "CLUSTERDOWN The cluster is down\n\n"
    assert nodes.cli(1, "-c", "get", key) in (down, f"{there.get(key, '')}\n")


def hand_over(nodes: Tutorial) -> None:
    """What the tutorial does not tell, but shows from here on: the sixth node in the third's place."""
    assert nodes.cli(5, "cluster", "failover") == "OK\n"
    until(lambda: nodes.agree(*FIRST_SIX) and "master" in nodes.views(0)[nodes.node_id(5)].flags)
    assert_nodes(nodes, 0, six_nodes("0-5460", "5461-10922", "10923-16383"))
    until(lambda: nodes.replication(2)["master_link_status"] == "up")


def six_nodes(*slots: str) -> list[tuple[int, int | None, int, str]]:
    primaries = [(3, None, 7, slots[0]), (1, None, 2, slots[1]), (5, None, 8, slots[2])]
    return [*primaries, (0, 3, 7, ""), (4, 1, 2, ""), (2, 5, 8, "")]


def check_of(*primaries: tuple[int, str, int]) -> set[str]:
    """The nodes that redis-cli lists when it checks the cluster of six; primaries by number, with slots."""
    replicas = ((0, 3), (4, 1), (2, 5))
    primaries = primaries or ((3, "0-5460", 5461), (1, "5461-10922", 5462), (5, "10923-16383", 5461))
    listed = {
        f"S: ID{number} 127.0.0.1:PORT{number}\n   slots: (0 slots) slave\n   replicates ID{primary}\n"
        for number, primary in replicas
    }
    for number, slots, count in primaries:
        listed.add(
            f"M: ID{number} 127.0.0.1:PORT{number}\n"
            f"   slots:[{slots}] ({count} slots) master\n   1 additional replica(s)\n"
        )
    return listed


def listed_nodes(text: str) -> set[str]:
    return set(re.findall(r"^[MS]: .*\n(?: {3}.*\n)+", text, re.MULTILINE))


def add_nodes(nodes: Tutorial) -> None:
    nodes.start(6, 7)
    shown = redis_cli("--cluster", "add-node", nodes.address(6), nodes.address(0))
    shown = nodes.numbered(re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert shown.startswith(
        ">>> Adding node 127.0.0.1:PORT6 to cluster 127.0.0.1:PORT0\n"
        ">>> Performing Cluster Check (using node 127.0.0.1:PORT0)\nS: ID0 127.0.0.1:PORT0\n"
    )
    assert listed_nodes(shown) == check_of()
    assert CLEAN in shown
    assert shown.endswith(
        ">>> Send CLUSTER MEET to node 127.0.0.1:PORT6 to make it join the cluster.\n"
        "[OK] New node added correctly.\n"
    )
    until(lambda: nodes.agree(*FIRST_SIX, 6))
    expected = six_nodes("0-5460", "5461-10922", "10923-16383")
    assert_nodes(nodes, 0, [*expected, (6, None, 0, "")])
    shown = nodes.cli(
        *(0, "--cluster", "add-node", nodes.address(7), nodes.address(0)),
        *("--cluster-slave", "--cluster-master-id", nodes.node_id(6)),
    )
    assert f">>> Configure node as replica of {nodes.address(6)}.\n" in shown
    until(lambda: nodes.agree(*FIRST_SIX, 6, 7))
    # Two primaries of epoch 0 had met: one of them, by its id, took the next epoch.
    epoch = nodes.views(0)[nodes.node_id(6)].epoch
    assert epoch in (0, 9)
    assert_nodes(nodes, 0, [*expected, (6, None, epoch, ""), (7, 6, epoch, "")])


def reshard(nodes: Tutorial, version: str) -> None:
    """A fourth of all slots goes to the new node, and an epoch of its own with them."""
    had = nodes.views(0)[nodes.node_id(6)].epoch
    epoch = had or int(nodes.info(0)["cluster_current_epoch"]) + 1
    if version == "6.2":
        shown = nodes.cli(
            *(0, "--cluster", "reshard", nodes.address(0), "--cluster-from", "all"),
            *("--cluster-to", nodes.node_id(6), "--cluster-slots", str(MOVED), "--cluster-yes"),
        )
    else:
        code, shown = converse(
            ["redis-cli", "-p", str(nodes.ports[0]), "--cluster", "reshard", nodes.address(0)],
            ("How many slots do you want to move (from 1 to 16384)? ", str(MOVED)),
            ("What is the receiving node ID? ", nodes.node_id(6)),
            ("Source node #1: ", "all"),
            ("Do you want to proceed with the proposed reshard plan (yes/no)? ", "yes"),
            limit_s=CLI_LIMIT_S,
        )
        assert code == 0, shown
        assert "  Type 'all' to use all the nodes as source nodes for the hash slots.\n" in shown
    assert f"\nReady to move {MOVED} slots.\n  Source nodes:\n" in shown
    plan, _, work = shown.partition("  Resharding plan:\n")
    sources, _, _ = nodes.numbered(plan).partition("  Destination node:\n")
    assert listed_nodes(
        re.sub("^    ", "", sources.partition("  Source nodes:\n")[2], flags=re.MULTILINE)
    ) == {node for node in check_of() if node.startswith("M")}
    assert (
        f"  Destination node:\n    M: {nodes.node_id(6)} {nodes.address(6)}\n       slots: (0 slots) master\n"
        in plan
    )
    assert work.startswith(
        f"    Moving slot 5461 from {nodes.node_id(1)}\n    Moving slot 5462 from {nodes.node_id(1)}\n"
    )
    assert work.count("    Moving slot ") == MOVED
    assert work.count("\nMoving slot ") >= MOVED - 1
    assert f"Moving slot 5461 from {nodes.address(1)} to {nodes.address(6)}: " in work
    until(lambda: nodes.agree(*FIRST_SIX, 6, 7))
    expected = six_nodes("1365-5460", "6827-10922", "12288-16383")
    taken = "0-1364 5461-6826 10923-12287"
    assert_nodes(nodes, 0, [*expected, (6, None, epoch, taken), (7, 6, epoch, "")])
    assert {nodes.info(number)["cluster_current_epoch"] for number in (*FIRST_SIX, 6, 7)} == {str(epoch)}


def remove_replica(nodes: Tutorial) -> None:
    """The eighth node leaves, which the tutorial does not have any more from here on."""
    until(lambda: nodes.replication(7)["master_link_status"] == "up")
    until(lambda: nodes.replication(6)["master_repl_offset"] == nodes.replication(7)["master_repl_offset"])
    assert nodes.cli(6, "dbsize") == nodes.cli(7, "dbsize") != "0\n"
    redis_cli("--cluster", "del-node", nodes.address(0), nodes.node_id(7))
    nodes.stop(7)
    until(lambda: nodes.agree(*FIRST_SIX, 6))


def forget(nodes: Tutorial, version: str) -> None:
    """The new node is stopped with all that it has, and forgotten."""
    gone = nodes.node_id(6)
    epoch = nodes.info(0)["cluster_current_epoch"]
    nodes.stop(6)
    for number in FIRST_SIX:
        assert nodes.cli(number, "-c", "CLUSTER", "FORGET", gone) == "OK\n"
    until(lambda: nodes.agree(*FIRST_SIX))
    assert_nodes(nodes, 0, six_nodes("1365-5460", "6827-10922", "12288-16383"))
    assert slots_of(nodes, 0) == slots_shown(nodes, FORGOTTEN, version)
    until(lambda: all(nodes.info(number)["cluster_state"] == "fail" for number in FIRST_SIX))
    assert_info(
        nodes,
        {
            "cluster_state": "fail",
            "cluster_slots_assigned": "12288",
            "cluster_slots_ok": "12288",
            "cluster_slots_pfail": "0",
            "cluster_slots_fail": "0",
            "cluster_known_nodes": "6",
            "cluster_size": "3",
            "cluster_current_epoch": epoch,
            "cluster_my_epoch": "7",
        },
    )
    counted = {name.removeprefix("cluster_stats_messages_") for name in nodes.info(0) if "_messages_" in name}
    assert counted >= {f"{kind}_{way}" for kind in ("ping", "pong") for way in ("sent", "received")}
    assert counted >= {"sent", "received", "meet_received", "fail_received", "auth-req_received"}
    # The one line that later versions have more.
    assert ("total_cluster_links_buffer_limit_exceeded" in nodes.info(0)) == (version != "6.2")


def serve_the_rest(nodes: Tutorial, there: dict[str, str]) -> None:
    """Nothing is served, unless the configuration says that a part is better than nothing."""
    key = next(iter(there))
    assert "CLUSTERDOWN The cluster is down" in nodes.cli(1, "-c", "get", key)
    for number in FIRST_SIX:
        assert nodes.cli(number, "config", "set", "cluster-require-full-coverage", "no") == "OK\n"
    until(lambda: all(nodes.info(number)["cluster_state"] == "ok" for number in FIRST_SIX))
    assert nodes.cli(1, "-c", "get", key) == there[key] + "\n"
    assert nodes.cli(1, "-c", "set", key, there[key]) == "OK\n"
    # Its slot is one of those that are gone.
    assert "CLUSTERDOWN Hash slot not served" in nodes.cli(1, "-c", "get", "foo")
    for number in FIRST_SIX:
        assert nodes.cli(number, "config", "set", "cluster-require-full-coverage", "yes") == "OK\n"


def fix(nodes: Tutorial) -> None:
    """Slots that are gone are given to who is there, which redis-cli does not do without asking."""
    code, shown = converse(
        ["redis-cli", "--cluster", "fix", nodes.address(0)],
        ("Fix these slots by covering with a random node? (type 'yes' to accept): ", "yes"),
    )
    assert code == 0, shown
    for number in (3, 1, 5):
        assert re.search(
            rf"^127\.0\.0\.1:{nodes.ports[number]} .* \| 4096 slots \| 1 slaves\.$", shown, re.MULTILINE
        )
    assert re.search(r"^\[OK\] \d+ keys in 3 masters\.$", shown, re.MULTILINE)
    left = ((3, "1365-5460", 4096), (1, "6827-10922", 4096), (5, "12288-16383", 4096))
    assert listed_nodes(nodes.numbered(shown)) == check_of(*left)
    assert "[ERR] Not all 16384 slots are covered by nodes.\n\n" in shown
    assert (
        "The following uncovered slots have no keys across the cluster:\n[0-1364],[5461-6826],[10923-12287]\n"
        in shown
    )
    assert shown.count(">>> Covering slot ") == MOVED


def check(nodes: Tutorial) -> None:
    until(lambda: nodes.agree(*FIRST_SIX))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", redis_cli("--cluster", "check", nodes.address(0)))
    assert shown.endswith(CLEAN), shown
    until(lambda: all(nodes.info(number)["cluster_state"] == "ok" for number in FIRST_SIX))
    assert_info(
        nodes,
        {
            "cluster_state": "ok",
            "cluster_slots_assigned": "16384",
            "cluster_slots_ok": "16384",
            "cluster_slots_pfail": "0",
            "cluster_slots_fail": "0",
            "cluster_known_nodes": "6",
            "cluster_size": "3",
        },
    )


def test_the_tutorials_go_program_is_built(go_programs: dict[str, Path]) -> None:
    """Without it the tutorial is told all the same, by other clients alone."""
    if shutil.which("go") is None:
        pytest.skip("no Go here: its program has no part in the tutorial")
    assert set(go_programs) == {"6.2", "7.2"}


@pytest.mark.parametrize("version", ["7.2", "6.2"])
def test_the_life_of_a_cluster(version: str, tmp_path: Path, go_programs: dict[str, Path]) -> None:
    if KIND != OURS and (KIND == REDIS_6_2) != (version == "6.2"):
        pytest.skip(f"{KIND} is no {version}")
    with tutorial(program(KIND), *options_of(version), count=8, directory=tmp_path) as nodes:
        create(nodes)
        assert nodes.cli(0, "-c", "set", "foo", "bar") == "OK\n"
        with SteadyWriter(nodes.ports[1]) as writer:
            binary = go_programs.get(version)
            with go_client(nodes, binary, may_lose=GO_WRITERS * LOST_PER_WRITER):
                writer.wait_for_more(100)
                sleep(nodes)
            lost = missing(nodes.ports[1], dict(writer.keys))
            assert set(writer.misread) <= set(lost)
            assert len(lost) <= LOST_PER_WRITER, lost
            assert all(key_slot(key.encode()) <= BEFORE[0][1] for key in lost)
            with go_client(nodes, binary):
                hand_over(nodes)
                writer.wait_for_more(100)
                add_nodes(nodes)
                assert slots_of(nodes, 0) == slots_shown(nodes, BEFORE, version)
                reshard(nodes, version)
                writer.wait_for_more(100)
        assert missing(nodes.ports[1], writer.keys) == lost
        remove_replica(nodes)
        assert slots_of(nodes, 0) == slots_shown(nodes, RESHARDED, version)
        living = [range(first, last + 1) for first, last, _ in FORGOTTEN]
        there = {
            key: value
            for key, value in writer.keys.items()
            if key not in lost and any(key_slot(key.encode()) in slots for slots in living)
        }
        assert len(writer.keys) > len(there) > 100
        forget(nodes, version)
        serve_the_rest(nodes, there)
        fix(nodes)
        check(nodes)
        assert missing(nodes.ports[1], there) == []
        assert nodes.cli(0, "-c", "set", "foo", "bar") == "OK\n"
        check_logs(nodes)


def check_logs(nodes: Tutorial) -> None:
    for running in nodes.running.values():
        assert "Traceback" not in running.text()
