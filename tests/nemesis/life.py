"""One run: a cluster, clients, slots on the move, and a nemesis."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.nemesis.mover import Mover, is_clean
from tests.nemesis.nodes import Nodes, nodes_of
from tests.nemesis.schedule import Fault, Step, schedule
from tests.nemesis.verdict import Absence, Verdict, judge
from tests.nemesis.writers import Write, Writer
from tests.support.cluster_programs import until
from tests.support.servers import Program, RunningServer
from tests.support.wire import RawClient

_IMPATIENT_WRITERS = 4
_PATIENT_WRITERS = 2
_RECOVERY_LIMIT_S = 60.0
_HAND_OVER_LIMIT_S = 10.0
_POLL_S = 0.05
_BATCH = 500
_LEAST_SHARE = 0.95
_STORY_LINES = 1000
_WHOLE_STORY_LINES = 1_000_000
_REPAIRS = 5


@dataclass(slots=True)
class Report:
    """What happened and what came of it."""

    name: str
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    absences: list[Absence] = field(default_factory=list)
    recoveries_s: list[float] = field(default_factory=list)
    """From the end of each fault until all nodes found the cluster well."""
    moves: int = 0
    interrupted: int = 0
    bare_slots: int = 0
    """Slots that had no node any more, and got one again."""
    writes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    story: str = ""
    """What the nodes logged, where something is unexplained."""
    strays: int = 0
    """Lost writes that a node still has, of slots that are not its own."""

    @property
    def failovers(self) -> int:
        """How often a replica took the place of a primary that was away."""
        return sum(bool(one.successor) and one.fault is not Fault.HAND_OVER for one in self.absences)

    def __str__(self) -> str:
        """All figures, a line each."""
        verdict = self.verdict
        slowest = max(self.recoveries_s, default=0.0)
        return "\n".join(
            (
                f"{self.name}, seed {self.seed}",
                f"  faults: {', '.join(f'{name} {count}' for name, count in sorted(self.faults.items()))}",
                f"  failovers: {self.failovers}; slowest recovery {slowest:.1f} s",
                f"  slots moved: {self.moves}, {self.interrupted} times interrupted;"
                f" {self.bare_slots} had no node for a while",
                f"  writes acknowledged: {self.writes}; refused: {dict(self.refused)}",
                f"  lost: {len(verdict.failover)} in failovers, {len(verdict.moved)} of slots on their way,"
                f" {len(verdict.unexplained)} unexplained; {self.strays} of them still on some node",
            )
        )


class Life:
    """A run under way."""

    def __init__(self, nodes: Nodes, report: Report) -> None:
        self._nodes = nodes
        self._report = report
        self._ports = [server.port for server in nodes.servers]
        self._random = Random(report.seed)

    def befall(self, step: Step) -> None:
        """Have it happen and be over. Raises AssertionError if the cluster is not well in time then."""
        with self._nodes.calm:
            self._send_away_for_a_while(step)
        self._report.recoveries_s.append(until(self._nodes.is_well, _RECOVERY_LIMIT_S))

    def _send_away_for_a_while(self, step: Step) -> None:
        primaries = self._nodes.primaries()
        victims = [primaries[number] for number in sorted({n % len(primaries) for n in step.victims})]
        if step.fault is Fault.HAND_OVER:
            victims = victims[:1]
        absences = [Absence(server.port, step.fault, time.time()) for server in victims]
        self._report.absences += absences
        self._report.faults[step.fault.value] += len(victims)
        for server in victims:
            self._send_away(server, step.fault)
        if step.fault is not Fault.HAND_OVER:
            time.sleep(step.hold_s)
        for server in victims:
            self._bring_back(server, step.fault)
        for absence in absences:
            absence.end_s = time.time()

    def _send_away(self, server: RunningServer, fault: Fault) -> None:
        match fault:
            case Fault.KILL:
                server.kill()
            case Fault.PAUSE:
                self._nodes.pause(server)
            case Fault.RESTART:
                self._nodes.end(server)
            case Fault.HAND_OVER:
                self._hand_over(server)

    def _bring_back(self, server: RunningServer, fault: Fault) -> None:
        match fault:
            case Fault.KILL | Fault.RESTART:
                server.restart(limit_s=_RECOVERY_LIMIT_S)
            case Fault.PAUSE:
                self._nodes.resume(server)

    def _hand_over(self, server: RunningServer) -> None:
        replicas = self._nodes.replicas_of(server)
        if not replicas:
            return
        replica = self._random.choice(replicas)
        with replica.connect() as client:
            assert client.call("CLUSTER", "FAILOVER") == b"+OK\r\n"
        until(lambda: replica in self._nodes.primaries(), _HAND_OVER_LIMIT_S)

    def name_successors(self) -> None:
        """Tell from the logs which absence has cost which primary its place."""
        promotions = self._nodes.promotions()
        for absence in self._report.absences:
            for time_s, port in promotions:
                if port != absence.port and absence.covers(time_s):
                    absence.successor = port

    def lost(self, writes: list[Write]) -> list[Write]:
        """The writes that nobody serves."""
        by_slot: dict[int, RawClient] = {}
        view = self._nodes.view()
        clients = {server.port: server.connect() for server in self._nodes.servers}
        for server in self._nodes.servers:
            for run in view[self._nodes.id(server)].slots:
                first, _, last = run.partition("-")
                by_slot |= dict.fromkeys(range(int(first), int(last or first) + 1), clients[server.port])
        asked: dict[RawClient, list[Write]] = {}
        for write in writes:
            asked.setdefault(by_slot[write.slot], []).append(write)
        lost = []
        for client, some in asked.items():
            for start in range(0, len(some), _BATCH):
                batch = some[start : start + _BATCH]
                replies = client.pipeline([("GET", write.key) for write in batch])
                for write, reply in zip(batch, replies, strict=True):
                    assert not reply.startswith(b"-"), reply
                    if reply.split(b"\r\n")[1:2] != [write.key.encode()]:
                        lost.append(write)
        for client in clients.values():
            client.close()
        return lost

    def strays(self, writes: list[Write]) -> int:
        """How many of these are on some node that does not serve them."""
        return len(_held(self._nodes.servers, {write.key for write in writes}))


def _held(servers: list[RunningServer], names: set[str]) -> set[str]:
    found: set[str] = set()
    for server in servers if names else ():
        with server.connect() as client:
            cursor = b"0"
            while True:
                cursor_node, keys = client.ask("SCAN", cursor, "COUNT", 1000).items
                found |= names & {key.value.decode() for key in keys.items if isinstance(key.value, bytes)}
                assert isinstance(cursor_node.value, bytes)
                cursor = cursor_node.value
                if cursor == b"0":
                    break
    return found


def live(
    program: Program,
    seed: int,
    seconds: float,
    *,
    primaries: int = 3,
    replicas: int = 1,
    node_timeout_ms: int = 1000,
) -> Report:
    """A run of so many seconds. Raises AssertionError if the cluster does not recover or copies differ."""
    report = Report(program.name, seed)
    with nodes_of(program, primaries=primaries, replicas=replicas, node_timeout_ms=node_timeout_ms) as nodes:
        try:
            _live(nodes, report, seconds, node_timeout_ms)
        except BaseException as error:
            error.add_note(f"{report}\n{nodes.story(_STORY_LINES)}\n{nodes.complaint()}")
            raise
    return report


def _live(nodes: Nodes, report: Report, seconds: float, node_timeout_ms: int) -> None:
    life = Life(nodes, report)
    ports = [server.port for server in nodes.servers]
    count = _IMPATIENT_WRITERS + _PATIENT_WRITERS
    writers = [Writer(number, ports, is_patient=number < _PATIENT_WRITERS) for number in range(count)]
    mover = Mover(nodes, report.seed)
    for writer in writers:
        writer.start()
    mover.start()
    start = time.monotonic()
    for step in schedule(report.seed, seconds, node_timeout_ms):
        time.sleep(max(0.0, start + step.at_s - time.monotonic()))
        life.befall(step)
        # What comes later would bury the cause where much is gone at once.
        acknowledged = sum(len(writer.writes) for writer in writers)
        held = nodes.key_count()
        assert held > _LEAST_SHARE * acknowledged, f"{held} keys of {acknowledged} after {step}"
    mover.stop()
    found = ""
    for _ in range(_REPAIRS):
        until(nodes.is_well, _RECOVERY_LIMIT_S)
        found = mover.repair()
        if is_clean(found):
            break
    assert is_clean(found), found
    for writer in writers:
        writer.stop()
    until(lambda: nodes.is_well() and nodes.agree(), _RECOVERY_LIMIT_S)
    nodes.assert_replicas_hold_the_same()
    life.name_successors()
    writes = [write for writer in writers for write in writer.writes]
    lost = life.lost(writes)
    report.verdict = judge(lost, report.absences, mover.moves)
    report.strays = life.strays(lost)
    if report.verdict.unexplained:
        report.story = nodes.story(_WHOLE_STORY_LINES)
    report.writes = len(writes)
    report.moves, report.interrupted = len(mover.moves), mover.failed
    report.bare_slots = mover.bare_slots
    for writer in writers:
        report.refused += Counter(writer.refused)
    nodes.assert_no_errors()
