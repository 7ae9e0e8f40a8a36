"""Slots that redis-cli moves from node to node all along, and repairs where a node failed meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from random import Random

from tests.nemesis.nodes import Nodes
from tests.support.background import Background
from tests.support.cluster_programs import redis_cli
from tests.support.wire import ConnectionClosedError

_MOST_SLOTS = 60
_FIX_LIMIT_S = 120.0
_QUESTIONS = 10
"""More than redis-cli ever asks; it takes no option for an answer to some."""
_LIMIT_S = 180.0
_PAUSE_S = 0.2
_MOVING = re.compile(r"Moving slot (\d+) from [\w.]+:(\d+) to [\w.]+:(\d+): ")


@dataclass(slots=True)
class Move:
    """A slot that is being moved."""

    slot: int
    ports: tuple[int, int]
    """Of the one that has it, and the one that gets it."""
    start_s: float
    end_s: float = float("inf")
    """Unix time. Where redis-cli failed, that of the repair."""


class Mover(Background):
    """A thread that moves slots, repairs what went wrong, and moves on."""

    def __init__(self, nodes: Nodes, seed: int) -> None:
        super().__init__(limit_s=_LIMIT_S)
        self.moves: list[Move] = []
        self.failed = 0
        """How many times redis-cli could not do what it was asked for."""
        self.bare_slots = 0
        """How many slots were left without node, and given one again."""
        self._current: Move | None = None
        self._is_broken = False
        self._nodes = nodes
        self._random = Random(seed)

    def repair(self) -> str:
        """Mend whatever is open; what redis-cli then finds. It is not asked where a node is not well.

        Slots without node get one; keys that any node still had of them are gone then.
        """
        with self._nodes.calm:
            return "" if self._nodes.complaint(bare=True) else self._repair()

    def _repair(self) -> str:
        address = f"127.0.0.1:{self._nodes.servers[0].port}"
        try:
            answers = "yes\n" * _QUESTIONS if self._nodes.has_bare_slots() else ""
            done = redis_cli("--cluster", "fix", address, stdin=answers, limit_s=_FIX_LIMIT_S)
            self.bare_slots += done.count(">>> Covering slot ")
            found = redis_cli("--cluster", "check", address)
        except (AssertionError, subprocess.TimeoutExpired, OSError, ConnectionClosedError) as error:
            return f"[ERR] {error}"
        if is_clean(found):
            self._is_broken = False
            for move in self.moves:
                move.end_s = min(move.end_s, time.time())
        return found

    def _work(self) -> None:
        while not self._ending.wait(_PAUSE_S):
            if not self._is_broken:
                self._is_broken = not self._move_some()
            else:
                self.repair()

    def _move_some(self) -> bool:
        """A few slots from one primary to another. False when that was not to be."""
        try:
            primaries = self._nodes.primaries()
        except ConnectionError:
            return False
        source, target = self._random.sample(primaries, 2)
        count = self._random.randrange(1, _MOST_SLOTS)
        process = subprocess.Popen(
            [
                *("redis-cli", "--cluster", "reshard", f"127.0.0.1:{self._random.choice(primaries).port}"),
                *("--cluster-from", self._nodes.id(source), "--cluster-to", self._nodes.id(target)),
                *("--cluster-slots", str(count), "--cluster-yes"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with process:
            self._follow(process)
        if process.returncode != 0:
            self._current = None
            self.failed += 1
            return False
        self._end_current()
        return True

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Note each move as it begins: redis-cli says so before it does anything."""
        assert process.stdout is not None
        text = ""
        while more := os.read(process.stdout.fileno(), 65536):
            text += more.decode(errors="replace")
            done = 0
            for match in _MOVING.finditer(text):
                self._end_current()
                slot, source, target = map(int, match.groups())
                self._current = Move(slot, (source, target), time.time())
                self.moves.append(self._current)
                done = match.end()
            text = text[done:]

    def _end_current(self) -> None:
        if self._current is not None:
            self._current.end_s = time.time()
            self._current = None


def is_clean(found: str) -> bool:
    """Whether redis-cli has nothing to say against a cluster."""
    return "[OK] All 16384 slots covered." in found and "[ERR]" not in found and "[WARNING]" not in found
