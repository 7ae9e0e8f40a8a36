"""LATENCY DOCTOR: the recorded spikes in words, and what may help."""

from __future__ import annotations

from pyredis_cluster.config.config import Config
from pyredis_cluster.execution.latency import LatencyMonitor

_DISABLED = (
    "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use "
    '"CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it. If we weren\'t in a deep '
    "space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n"
)
_NOTHING = (
    "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest "
    "bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n"
)
_SPIKES = (
    "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you "
    "Dave?\n\n"
)
_NO_ADVICE = "\nNone of these events is of a kind for which I know a remedy.\n"

_SLOWLOG = "The slow log (SLOWLOG GET) has the commands that took so long, and their arguments.\n"
_LARGE_VALUES = (
    "Deleting, expiring or evicting a very large value takes long: several smaller keys serve better than "
    "one large one.\n"
)
_SCHEDULER = (
    "Commands that hardly have anything to do took long, so the process did not get the processor when it "
    "needed it. Lower the load of the machine, or give the server a machine of its own; 'redis-cli "
    "--intrinsic-latency 100' measures the delays that the system itself causes.\n"
)
_MASS_EVICTION = (
    "Many keys were evicted at once. A sudden change of maxmemory does that, and so do commands that store a "
    "large result.\n"
)


def diagnose(monitor: LatencyMonitor, config: Config) -> str:
    """The report: a line for each event, then what to do about them."""
    if not monitor.events:
        return _NOTHING if monitor.threshold_ms else _DISABLED
    lines = [_SPIKES]
    advice: dict[str, None] = {}
    for number, (event, series) in enumerate(monitor.events.items(), 1):
        figures = monitor.summary(series)
        lines.append(
            f"{number}. {event.decode('utf-8', 'replace')}: {figures.samples} latency spikes "
            f"(average {figures.average_ms}ms, mean deviation {figures.deviation_ms}ms, "
            f"period {figures.period_s / figures.samples:.2f} sec). Worst all time event "
            f"{figures.max_ms}ms.\n"
        )
        advice.update(dict.fromkeys(_advice(event, monitor, config)))
    if not advice:
        return "".join([*lines, _NO_ADVICE])
    return "".join([*lines, "\nI have a few advices for you:\n\n", *(f"- {each}" for each in advice)])


def _advice(event: bytes, monitor: LatencyMonitor, config: Config) -> list[str]:
    if event == b"command":
        return [*_slowlog_advice(monitor, config), _SLOWLOG, _LARGE_VALUES]
    if event == b"fast-command":
        return [_SCHEDULER]
    if event == b"expire-cycle":
        hz = config.integer("hz")
        more = ["Expire keys in smaller portions: 'CONFIG SET hz 100'.\n"] if hz < 100 else []
        return [*more, _LARGE_VALUES]
    if event == b"eviction-del":
        return [_LARGE_VALUES]
    if event == b"eviction-cycle":
        return [_MASS_EVICTION]
    return []


def _slowlog_advice(monitor: LatencyMonitor, config: Config) -> list[str]:
    slow_us = config.integer("slowlog-log-slower-than")
    command = f"'CONFIG SET slowlog-log-slower-than {monitor.threshold_ms * 1000}'"
    if slow_us < 0:
        return [f"The slow log is off, so slow commands cannot be told: {command} turns it on.\n"]
    if slow_us // 1000 > monitor.threshold_ms:
        return [f"The slow log leaves out commands that count as spikes here: {command} has it keep them.\n"]
    return []
