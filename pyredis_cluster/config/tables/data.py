"""Directives about memory, the forms in which values are held, observation, and scripts."""

from __future__ import annotations

from pyredis_cluster.config.directive import (
    Directive,
    choice,
    count,
    number,
    size,
    special,
    yes_no,
)
from pyredis_cluster.config.events import KeyspaceEvents
from pyredis_cluster.config.kinds import INT_MIN, LLONG_MAX, ULLONG_MAX
from pyredis_cluster.config.specials import BacklogSize, Percentiles

_POLICIES = (
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
)

MEMORY: list[Directive] = [
    size("maxmemory", 0, "Memory for data, from which on keys are evicted; 0 is no limit.", high=ULLONG_MAX),
    choice("maxmemory-policy", "noeviction", _POLICIES, "Which keys are evicted."),
    number("maxmemory-samples", 5, "Keys looked at to find one to evict.", low=1),
    number("maxmemory-eviction-tenacity", 10, "How long evicting may take, from 0 to 100.", high=100),
    number("lfu-log-factor", 10, "How slowly the counter of uses grows."),
    number("lfu-decay-time", 1, "Minutes after which the counter of uses falls."),
    number("active-expire-effort", 1, "How much time goes into finding expired keys.", low=1, high=10),
    yes_no("lazyfree-lazy-eviction", False, "Free evicted values in the background.", acts=False),
    yes_no("lazyfree-lazy-expire", False, "Free expired values in the background.", acts=False),
    yes_no("lazyfree-lazy-server-del", False, "Free overwritten values in the background."),
    yes_no("lazyfree-lazy-user-del", False, "Let DEL free in the background.", acts=False),
    yes_no("lazyfree-lazy-user-flush", False, "Let FLUSHALL free in the background."),
]

ENCODINGS: list[Directive] = [
    count(
        "hash-max-listpack-entries",
        512,
        "Largest compact hash.",
        alias="hash-max-ziplist-entries",
        since="7.0.0",
    ),
    size(
        "hash-max-listpack-value", 64, "Longest value in one.", alias="hash-max-ziplist-value", since="7.0.0"
    ),
    number(
        "list-max-listpack-size",
        -2,
        "Entries in a list's node, or as a negative number its size class.",
        low=INT_MIN,
        alias="list-max-ziplist-size",
        since="7.0.0",
    ),
    number(
        "list-compress-depth", 0, "Nodes at each end that are not compressed; 0 compresses none.", acts=False
    ),
    count("set-max-intset-entries", 512, "Largest set held as integers."),
    count("set-max-listpack-entries", 128, "Largest compact set.", before=(("7.2.0", 0),), since="7.2.0"),
    count("set-max-listpack-value", 64, "Longest member of one.", since="7.2.0"),
    count(
        "zset-max-listpack-entries",
        128,
        "Largest compact sorted set.",
        alias="zset-max-ziplist-entries",
        since="7.0.0",
    ),
    size(
        "zset-max-listpack-value", 64, "Longest member of one.", alias="zset-max-ziplist-value", since="7.0.0"
    ),
    size("hll-sparse-max-bytes", 3000, "Largest sparse HyperLogLog.", acts=False),
    size("stream-node-max-bytes", 4096, "Bytes in a stream's node; 0 is no limit.", acts=False),
    number("stream-node-max-entries", 100, "Entries in a stream's node.", high=LLONG_MAX, acts=False),
]

OBSERVATION: list[Directive] = [
    number(
        "slowlog-log-slower-than",
        10000,
        "Microseconds from which on a command is logged as slow; -1 logs none.",
        low=-1,
        high=LLONG_MAX,
    ),
    number("slowlog-max-len", 128, "Entries in the slow log.", high=LLONG_MAX),
    number(
        "latency-monitor-threshold",
        0,
        "Milliseconds from which on an event is recorded; 0 records none.",
        high=LLONG_MAX,
    ),
    yes_no("latency-tracking", True, "Keep the distribution of each command's time.", since="7.0.0"),
    special(
        "latency-tracking-info-percentiles",
        Percentiles(),
        (50.0, 99.0, 99.9),
        "Percentiles that INFO shows.",
        since="7.0.0",
    ),
    special("notify-keyspace-events", KeyspaceEvents(), 0, "Kinds of events that are published."),
]

SCRIPTS: list[Directive] = [
    number(
        "busy-reply-threshold",
        5000,
        "Milliseconds after which a script that runs on makes others get BUSY.",
        high=LLONG_MAX,
        alias="lua-time-limit",
        acts=False,
        since="7.0.0",
    ),
]

REPLICATION_BACKLOG: list[Directive] = [
    special(
        "repl-backlog-size",
        BacklogSize(1, LLONG_MAX, least=16384),
        1 << 20,
        "Bytes kept for a replica that returns.",
    ),
    number("repl-backlog-ttl", 3600, "Seconds it is kept without replicas.", high=LLONG_MAX),
]
