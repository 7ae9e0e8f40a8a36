"""Directives about the files that data is kept in."""

from __future__ import annotations

from pyredis_cluster.config import checks
from pyredis_cluster.config.directive import Directive, choice, number, signed_size, special, text, yes_no
from pyredis_cluster.config.kinds import INT_MAX, INT_MIN
from pyredis_cluster.config.specials import Directory, SavePoint, SavePoints

SNAPSHOTS: list[Directive] = [
    special(
        "dir",
        Directory(),
        "",
        "Directory of all files with relative names.",
        protected=True,
        not_while_loading=True,
    ),
    special(
        "save",
        SavePoints(),
        (SavePoint(3600, 1), SavePoint(300, 100), SavePoint(60, 10000)),
        "When a snapshot is made.",
    ),
    text(
        "dbfilename",
        "dump.rdb",
        "File of snapshots.",
        check=checks.database_file,
        protected=True,
    ),
    yes_no("rdbcompression", True, "Compress strings in snapshots."),
    yes_no("rdbchecksum", True, "End a snapshot with a checksum.", immutable=True),
    yes_no("rdb-del-sync-files", False, "Delete snapshots made only for replicas."),
    yes_no("rdb-save-incremental-fsync", True, "Flush a snapshot to disk as it grows."),
    yes_no("stop-writes-on-bgsave-error", True, "Refuse writes after a failed snapshot."),
    choice(
        "sanitize-dump-payload", "no", ("no", "yes", "clients"), "Whose data is checked in depth.", acts=False
    ),
    number(
        "rdb-key-save-delay",
        0,
        "Microseconds to wait per key saved.",
        low=INT_MIN,
        hidden=True,
        hidden_since="7.0.0",
    ),
    number(
        "key-load-delay",
        0,
        "Microseconds to wait per key loaded.",
        low=INT_MIN,
        hidden=True,
        hidden_since="7.0.0",
    ),
    number(
        "loading-process-events-interval-bytes",
        2 << 20,
        "Bytes loaded between looking at clients.",
        low=1024,
        high=INT_MAX,
        hidden=True,
    ),
]

APPEND_ONLY_FILE: list[Directive] = [
    yes_no("appendonly", False, "Log every change to a file.", not_while_loading=True),
    text(
        "appendfilename",
        "appendonly.aof",
        "What the log's files are called.",
        check=checks.append_file,
        immutable=True,
    ),
    text(
        "appenddirname",
        "appendonlydir",
        "Directory of the log's files.",
        check=checks.append_directory,
        immutable=True,
        since="7.0.0",
    ),
    choice("appendfsync", "everysec", ("everysec", "always", "no"), "When it is forced to disk."),
    yes_no("no-appendfsync-on-rewrite", False, "Force nothing to disk during a rewrite."),
    number("auto-aof-rewrite-percentage", 100, "Growth that starts a rewrite; 0 none."),
    signed_size("auto-aof-rewrite-min-size", 64 << 20, "Size below which none starts."),
    yes_no("aof-load-truncated", True, "Load a log whose end is missing."),
    yes_no("aof-use-rdb-preamble", True, "Begin a rewritten log with a snapshot."),
    yes_no("aof-timestamp-enabled", False, "Note the time in the log.", since="7.0.0"),
    yes_no("aof-rewrite-incremental-fsync", True, "Flush a rewritten log as it grows."),
    yes_no(
        "aof-disable-auto-gc", False, "Keep replaced files.", hidden=True, hidden_since="7.2.0", since="7.0.0"
    ),
]
