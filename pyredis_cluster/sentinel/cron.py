"""What happens by the passing of time alone, and what does not while time itself cannot be trusted."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.sentinel import failover, links, scripts
from pyredis_cluster.sentinel.down import ask_others, check_objectively, check_subjectively
from pyredis_cluster.sentinel.events import tell
from pyredis_cluster.sentinel.instance import FailoverState, Instance, Master
from pyredis_cluster.sentinel.monitor import ask
from pyredis_cluster.sentinel.state import SentinelState

_LEAST_HZ: Final = 13
_SPREAD_HZ: Final = 10


def tick_interval_ms(state: SentinelState) -> int:
    """Between 45 and 76 ms, by chance: sentinels that were started together would else stay in step.

    Asking for votes at the same moment, again and again, none of them would win. The reference takes 52 to
    100 ms; a failover takes some eight ticks, in which this one has to make up for being interpreted.
    """
    return 1000 // (_LEAST_HZ + state.random.randrange(_SPREAD_HZ))


def tick(state: SentinelState) -> None:
    """One round. Source: sentinelTimer."""
    _check_time(state)
    for master in list(state.masters.values()):
        _handle(state, master)
        for instance in (*master.replicas.values(), *master.sentinels.values()):
            _handle(state, instance)
        if master.failover_state == FailoverState.UPDATE_CONFIG:
            failover.switch_to_promoted(state, master)
    scripts.tick(state)


def _check_time(state: SentinelState) -> None:
    """Enter TILT where time went back or too far: the clock was set, or this process was held up.

    Everything would seem to have timed out. For `tilt-period` only information is collected.
    """
    passed_ms = state.now_ms - state.previous_tick_ms
    state.previous_tick_ms = state.now_ms
    if passed_ms < 0 or passed_ms > state.periods.tilt_trigger_ms:
        state.is_tilted = True
        state.tilt_start_ms = state.now_ms
        tell(state, "warning", b"+tilt", None, b"#tilt mode entered")


def _handle(state: SentinelState, instance: Instance) -> None:
    """The work for one instance. Source: sentinelHandleRedisInstance."""
    links.reconnect(state, instance)
    ask(state, instance)
    if state.is_tilted:
        if state.now_ms - state.tilt_start_ms < state.periods.tilt_period_ms:
            return
        state.is_tilted = False
        tell(state, "warning", b"-tilt", None, b"#tilt mode exited")
    check_subjectively(state, instance)
    if isinstance(instance, Master):
        check_objectively(state, instance)
        if failover.start_if_needed(state, instance):
            ask_others(state, instance, at_once=True)
        failover.go_on(state, instance)
        ask_others(state, instance)
