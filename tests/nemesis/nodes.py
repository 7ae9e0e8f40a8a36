"""A cluster of processes to which bad things are done."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime

from tests.support.cluster_programs import SLOTS, agree, id_of, is_ok, join, text_of, until, views
from tests.support.clusters import NodeView, parse_nodes
from tests.support.digests import bulk, digest
from tests.support.servers import Program, RunningServer, start_server
from tests.support.wire import ConnectionClosedError

_LINE_TIME = re.compile(r"\d+:[CMSX] (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) . (.*)")
_PROMOTED = "Failover election won"
_WHOLE_LOG = 1 << 30
_LIMIT_S = 60.0
_PATIENCE_S = 0.5


class Nodes:
    """The processes of one cluster; `servers` by number, the first ones being the primaries at first."""

    def __init__(self, servers: list[RunningServer], primaries: int) -> None:
        self.servers = servers
        self.count = primaries
        self._ids = [id_of(server) for server in servers]
        self.calm = threading.Lock()
        """Held while someone is away, and during repairs: redis-cli gives slots of who is away to others."""

    def by_id(self, node_id: str) -> RunningServer:
        """The process that is this node."""
        return self.servers[self._ids.index(node_id)]

    def id(self, server: RunningServer) -> str:
        """A process's node."""
        return self._ids[self.servers.index(server)]

    def view(self) -> dict[str, NodeView]:
        """What the first node that answers says of all. Raises ConnectionError when none does."""
        for server in self.servers:
            with suppress(OSError, ConnectionClosedError), server.connect(timeout_s=_PATIENCE_S) as client:
                return parse_nodes(bulk(client.call("CLUSTER", "NODES")).decode())
        raise ConnectionError("no node answers")

    def primaries(self) -> list[RunningServer]:
        """Those that have slots, in the order of the processes."""
        view = self.view()
        return [server for server in self.servers if view[self.id(server)].slots]

    def replicas_of(self, primary: RunningServer) -> list[RunningServer]:
        """Those that follow it."""
        view = self.view()
        return [server for server in self.servers if view[self.id(server)].primary == self.id(primary)]

    def is_well(self) -> bool:
        """Whether every node finds every other well, all slots served, and every replica in sync.

        Slots may be on their way from node to node.
        """
        return not self.complaint()

    def complaint(self, *, bare: bool = False) -> str:
        """What is not well; the first of all reasons. If `bare`, slots may be without node."""
        for server in self.servers:
            try:
                if complaint := self._complaint(server, bare):
                    return f"{server.port}: {complaint}"
            except (OSError, ConnectionClosedError) as error:
                return f"{server.port}: {error!r}"
        return ""

    def _complaint(self, server: RunningServer, bare: bool) -> str:
        seen = views(server)
        if len(seen) != len(self.servers):
            return f"knows {len(seen)} nodes"
        for view in seen.values():
            # "fail?" is what one node alone finds.
            if view.flags & {"fail", "fail?", "handshake", "noaddr"}:
                return str(view)
        if not (bare or is_ok(server)):
            return text_of(server, "CLUSTER INFO")
        replication = text_of(server, "INFO replication")
        return "" if "role:master" in replication or "master_link_status:up" in replication else replication

    def has_bare_slots(self) -> bool:
        """Whether there are slots that no node says are its own. Raises OSError, ConnectionClosedError."""
        served: set[int] = set()
        for server in self.servers:
            for run in views(server)[self.id(server)].slots:
                # Those in brackets are open: on their way from or to this node.
                if not run.startswith("["):
                    first, _, last = run.partition("-")
                    served |= set(range(int(first), int(last or first) + 1))
        return len(served) < SLOTS

    def agree(self) -> bool:
        """Whether all say the same of everything, slots included."""
        return agree(self.servers)

    def assert_replicas_hold_the_same(self) -> None:
        """Replicas have all that their primaries have. Raises AssertionError."""
        view = self.view()
        for replica in self.servers:
            if not (primary_id := view[self.id(replica)].primary.replace("-", "")):
                continue
            primary = self.by_id(primary_id)
            until(lambda primary=primary, replica=replica: _offset(primary) == _offset(replica))  # type: ignore[misc]
            with primary.connect() as one, replica.connect() as other:
                assert digest(one) == digest(other), (primary.port, replica.port)

    def promotions(self) -> list[tuple[float, int]]:
        """When, in seconds of unix time, which port took over, as the logs have it."""
        found = []
        for server in self.servers:
            for line in server.log(_WHOLE_LOG).splitlines():
                if (match := _LINE_TIME.match(line)) and _PROMOTED in match[2]:
                    found.append((_unix_time_s(match[1]), server.port))
        return sorted(found)

    def assert_no_errors(self) -> None:
        """No node has met a bug of its own. Raises AssertionError."""
        for server in self.servers:
            log = server.log(_WHOLE_LOG)
            assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
            assert "REDIS BUG REPORT" not in log, log

    def pause(self, server: RunningServer) -> None:
        """Stop a process as a debugger would."""
        server.process.send_signal(signal.SIGSTOP)

    def resume(self, server: RunningServer) -> None:
        """Let a stopped process go on."""
        server.process.send_signal(signal.SIGCONT)

    def end(self, server: RunningServer) -> None:
        """Have a process end in order; all its data is saved."""
        server.process.terminate()
        assert server.process.wait(_LIMIT_S) == 0, server.log()

    def key_count(self) -> int:
        """How many keys all primaries have. Raises as connections do."""
        total = 0
        for server in self.primaries():
            with server.connect() as client:
                total += int(client.call("DBSIZE")[1:-2])
        return total

    def story(self, latest: int = 200) -> str:
        """The latest of what all nodes logged, in order."""
        lines = []
        for server in self.servers:
            for line in server.log(_WHOLE_LOG).splitlines():
                if match := _LINE_TIME.match(line):
                    lines.append((_unix_time_s(match[1]), f"{server.port} {line}"))
        return "\n".join(line for _, line in sorted(lines)[-latest:])


def _unix_time_s(text: str) -> float:
    return datetime.strptime(text, "%d %b %Y %H:%M:%S.%f").timestamp()


def _offset(server: RunningServer) -> str:
    match = re.search(r"master_repl_offset:(\d+)", text_of(server, "INFO replication"))
    assert match
    return match[1]


def _finish(server: RunningServer) -> None:
    """End a process whatever it does; stopped ones do not end by themselves."""
    if server.process.poll() is None:
        server.kill()


@contextmanager
def nodes_of(program: Program, *, primaries: int, replicas: int, node_timeout_ms: int) -> Iterator[Nodes]:
    """A cluster whose primaries have so many replicas each; whatever was acknowledged is on disk."""
    options = (
        *("--cluster-node-timeout", str(node_timeout_ms)),
        *("--appendonly", "yes", "--appendfsync", "always"),
        *("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"),
    )
    with ExitStack() as stack:
        servers = []
        for _ in range(primaries * (1 + replicas)):
            server = start_server(program, *options, cluster=True)
            servers.append(stack.enter_context(server))
            stack.callback(_finish, server)
        join(servers[:primaries])
        until(lambda: agree(servers[:primaries]) and all(map(is_ok, servers[:primaries])))
        until(lambda: len({view.epoch for view in views(servers[0]).values()}) == primaries)
        for server in servers[primaries:]:
            with server.connect() as client:
                assert client.call("CLUSTER", "MEET", "127.0.0.1", servers[0].port) == b"+OK\r\n"
        until(lambda: agree(servers))
        for number, server in enumerate(servers[primaries:]):
            with server.connect() as client:
                primary = servers[number % primaries]
                assert client.call("CLUSTER", "REPLICATE", id_of(primary)) == b"+OK\r\n"
        nodes = Nodes(servers, primaries)
        until(lambda: nodes.is_well() and nodes.agree())
        yield nodes
