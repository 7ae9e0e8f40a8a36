"""What every client has to follow: slots that move, and primaries that are replaced."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

from tests.clients.driver.program import Program, check, equal
from tests.clients.driver.stage import HOST, Stage, slot_of, until

_RESHARDED = 25
_ASLEEP_S = 5
"""Longer than it takes to replace a primary, on a busy machine too."""
_MOST_LOST = 5
"""Of one writer. What a primary acknowledged as it ended, or was replaced, its replica may not have."""


class Written(NamedTuple):
    """How writing under trouble ended."""

    acknowledged: int
    refused: int
    lost: int

    def __str__(self) -> str:
        """In words."""
        return f"{self.acknowledged} acknowledged, {self.refused} refused, {self.lost} lost"


def redirects(stage: Stage, program: Program) -> str:
    """Slots that have moved, and one of which one half has."""
    before = {code: stage.errors(code) for code in ("MOVED", "ASK", "TRYAGAIN")}
    _moved(stage, program)
    tried = _half_moved(stage, program)
    seen = {code: stage.errors(code) - count for code, count in before.items()}
    check(all(seen.values()), "it was not redirected", seen)
    return f"redirects: MOVED and ASK followed, of TRYAGAIN made: {tried}"


def _moved(stage: Stage, program: Program) -> None:
    program.tell("set", "moved", "1")
    source = stage.owner("moved")
    target = stage.another(source)
    stage.open_slot(slot_of("moved"), source, target)
    stage.close_slot(slot_of("moved"), source, target)
    equal(program.tell("get", "moved"), "1")
    equal(program.tell("set", "moved", "2"), "OK")
    equal(stage.node(target).ask("GET", "moved"), "2")


def _half_moved(stage: Stage, program: Program) -> str:
    """What the client makes of TRYAGAIN."""
    slot = slot_of("{half}")
    source = stage.owner("{half}")
    target = stage.another(source)
    for name in ("here", "there"):
        program.tell("set", f"{{half}}{name}", name)
    stage.open_slot(slot, source, target)
    stage.move_keys(source, target, "{half}there")
    equal(program.tell("get", "{half}here"), "here")
    equal(program.tell("get", "{half}there"), "there")
    equal(program.tell("set", "{half}new", "new"), "OK")
    equal(stage.owner("{half}"), source)
    tried = program.ask("mget", "{half}here", "{half}there")
    check(tried.startswith("!"), "half a slot was read at once", tried)
    stage.close_slot(slot, source, target)
    equal(program.tell("mget", "{half}here", "{half}there", "{half}new"), "here there new")
    return tried


def reshard(stage: Stage, program: Program) -> str:
    """Slots that move while the client writes: nothing is refused, nothing lost."""
    program.tell("write")
    program.wait_for_streak()
    source = stage.owner("moved")
    target = stage.another(source)
    command = [
        *(sys.executable, "-m", "pyredis_cluster", "cluster", "reshard", f"{HOST}:{source}"),
        *("--cluster-from", stage.id(source), "--cluster-to", stage.id(target)),
        *("--cluster-slots", str(_RESHARDED), "--cluster-yes"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, "slots were not moved:", done.stdout + done.stderr)
    program.wait_for_streak()
    written = _stop(program)
    check(written.lost == 0, "acknowledged writes were lost", written)
    return f"reshard: {written}"


def failover_by_hand(stage: Stage, program: Program) -> str:
    """CLUSTER FAILOVER: nothing is lost."""

    def fail_over(primary: int, replica: int) -> None:
        stage.node(replica).ask("CLUSTER FAILOVER")
        until(lambda: not stage.is_primary(primary), "the old primary follows")

    written = _fail_over(stage, program, fail_over)
    check(written.lost == 0, "acknowledged writes were lost", written)
    return f"failover by hand: {written}"


def failover_of_stopped(stage: Stage, program: Program) -> str:
    """DEBUG SLEEP: the primary does nothing for so long that it is replaced, then comes back as a replica."""

    def stop(primary: int, _replica: int) -> None:
        with stage.node(primary).begin("DEBUG", "SLEEP", _ASLEEP_S):
            pass

    written = _fail_over(stage, program, stop)
    until(stage.is_well, "the old primary is back as a replica")
    check(written.lost <= _MOST_LOST, "acknowledged writes were lost", written)
    return f"failover of a stopped primary: {written}"


def failover_of_ended(stage: Stage, program: Program) -> str:
    """SHUTDOWN NOW: the primary is gone for good."""

    def end(primary: int, _replica: int) -> None:
        with stage.node(primary).begin("SHUTDOWN", "NOSAVE", "NOW"):
            pass

    written = _fail_over(stage, program, end)
    check(written.lost <= _MOST_LOST, "acknowledged writes were lost", written)
    return f"failover of an ended one: {written}"


def _fail_over(stage: Stage, program: Program, begin: Callable[[int, int], None]) -> Written:
    """Have a primary replaced while the client writes, until it writes to all nodes again."""
    until(stage.is_well, "all nodes are well")
    stage.allow_failover()
    primary = stage.owner("moved")
    replica = stage.replica_of(primary)
    until(lambda: stage.is_copied(primary, "moved"), "the replica gets what is new")
    program.tell("write")
    program.wait_for_streak()
    begin(primary, replica)
    until(lambda: stage.is_primary(replica), "the replica takes over")
    program.wait_for_streak()
    return _stop(program)


def _stop(program: Program) -> Written:
    return Written(*map(int, program.tell("stop").split()))
