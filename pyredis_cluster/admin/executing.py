"""Carrying out the steps of plans."""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import ReplyError
from pyredis_cluster.admin.link import Word
from pyredis_cluster.admin.live import LiveCluster
from pyredis_cluster.admin.moving import MoveOptions, SlotMover
from pyredis_cluster.admin.steps import (
    AssignSlot,
    CloseSlot,
    ForgetSlot,
    ImportSlot,
    MoveSlot,
    Say,
    Step,
    TakeSlot,
    Tone,
)

_NOBODY_HAS_IT = "already unassigned"


class Executor:
    """Does to a cluster, and to our picture of it, what plans say. Raises AdminError where a node refuses."""

    def __init__(self, environment: Environment, cluster: LiveCluster, options: MoveOptions) -> None:
        self._console = environment.console
        self._cluster = cluster
        self._mover = SlotMover(environment, cluster, options)

    def run(self, steps: Iterable[Step]) -> None:
        """Take all steps, or those before the first that fails."""
        for step in steps:
            self._take(step)

    def _take(self, step: Step) -> None:
        call = self._cluster.call
        match step:
            case Say(tone, text):
                self._say(tone, text)
            case TakeSlot():
                self._take_slot(step)
            case AssignSlot(node, slot, owner):
                call(node, "CLUSTER", "SETSLOT", slot, "NODE", owner.node_id)
                node.slots.discard(slot)
            case ImportSlot(node, slot, source):
                call(node, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.node_id)
                node.importing[slot] = source.node_id
            case CloseSlot(node, slot):
                call(node, "CLUSTER", "SETSLOT", slot, "STABLE")
                node.close(slot)
            case ForgetSlot(node, slot):
                self._forget(step)
            case MoveSlot(source, target, slot, keys_only):
                (self._mover.move_keys if keys_only else self._mover.move)(source, target, slot)

    def _say(self, tone: Tone, text: str) -> None:
        match tone:
            case Tone.INFO:
                self._console.info(text)
            case Tone.WARNING:
                self._console.warning(text)
            case Tone.PLAIN:
                self._console.write(f"{text}\n")

    def _take_slot(self, step: TakeSlot) -> None:
        """In one transaction, so that the slot is never without owner; only ADDSLOTS has to succeed."""
        slot = step.slot
        requests: list[tuple[Word, ...]] = [
            ("MULTI",),
            ("CLUSTER", "DELSLOTS", slot),
            ("CLUSTER", "ADDSLOTS", slot),
            *([("CLUSTER", "SETSLOT", slot, "STABLE")] if step.closes else []),
            ("CLUSTER", "BUMPEPOCH"),
            ("EXEC",),
        ]
        *_, results = self._cluster.call_all(step.node, requests)
        if isinstance(results, ReplyError):
            raise results
        if isinstance(results, list) and isinstance(results[1], ReplyError):
            raise results[1]
        step.node.slots.add(slot)
        if step.closes:
            step.node.close(slot)

    def _forget(self, step: ForgetSlot) -> None:
        try:
            self._cluster.call(step.node, "CLUSTER", "DELSLOTS", step.slot)
        except ReplyError as error:
            if _NOBODY_HAS_IT not in error.text:
                raise
        step.node.slots.discard(step.slot)
