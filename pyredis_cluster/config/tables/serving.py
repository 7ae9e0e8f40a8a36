"""Directives about listening, clients, security, logging and the process itself."""

from __future__ import annotations

from pyredis_cluster.config import checks
from pyredis_cluster.config.directive import (
    Directive,
    choice,
    count,
    number,
    optional,
    signed_size,
    size,
    special,
    text,
    yes_no,
)
from pyredis_cluster.config.kinds import UINT_MAX, Choices, MemoryOrPercent, Number, Octal
from pyredis_cluster.config.specials import DEFAULT_OUTPUT_LIMITS, Addresses, OutputBufferLimits
from pyredis_cluster.version import NAMES as VERSION_NAMES

_ALLOWED = ("no", "yes", "local")
_UNRESTRICTED = (("7.0.0", "yes"),)
"""Redis 6.2 let every client do it."""
_LOG_LEVELS = ("debug", "verbose", "notice", "warning", "nothing")
_FACILITIES = ("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
_SHUTDOWN = Choices("default", "save", "nosave", "now", "force", check=checks.no_contradiction)

NETWORK: list[Directive] = [
    special("bind", Addresses(), ("*", "-::*"), "Addresses to listen on."),
    optional("bind-source-addr", "Address that outgoing connections come from.", since="7.0.0"),
    yes_no("protected-mode", True, "Refuse other machines while there is neither password nor bind."),
    number("port", 6379, "TCP port for clients; 0 listens on none.", high=65535),
    number("tcp-backlog", 511, "Connections that may wait to be accepted.", immutable=True),
    optional("unixsocket", "Path of a Unix socket to listen on as well.", immutable=True),
    special(
        "unixsocketperm", Octal(0, 0o777, unsigned=True), 0, "Permissions of the socket.", immutable=True
    ),
    number("timeout", 0, "Seconds after which an idle client is closed; 0 never."),
    number("tcp-keepalive", 300, "Seconds between probes of idle connections; 0 sends none."),
]

CLIENTS: list[Directive] = [
    special("maxclients", Number(1, UINT_MAX, unsigned=True), 10000, "Connected clients at most."),
    special(
        "client-output-buffer-limit",
        OutputBufferLimits(),
        DEFAULT_OUTPUT_LIMITS,
        "How much a client may leave unread before it is closed.",
    ),
    size("client-query-buffer-limit", 1 << 30, "Bytes of a client's request held at most.", low=1 << 20),
    special(
        "maxmemory-clients",
        MemoryOrPercent(-100, 2**63 - 1),
        0,
        "Memory of all clients together, from which on the largest are closed; 0 is no limit.",
        since="7.0.0",
    ),
    signed_size("proto-max-bulk-len", 512 << 20, "Length of one string in a request at most.", low=1 << 20),
    count("tracking-table-max-keys", 10**6, "Keys remembered for client-side caching.", acts=False),
]

SECURITY: list[Directive] = [
    optional("requirepass", "Password of the default user.", binary=True, sensitive=True),
    text("aclfile", "", "File with the users and their rights.", immutable=True),
    choice(
        "acl-pubsub-default",
        "resetchannels",
        ("allchannels", "resetchannels"),
        "Channels that a new user may use.",
        acts=False,
        before=(("7.0.0", "allchannels"),),
    ),
    number("acllog-max-len", 128, "Entries in the log of refused commands.", high=2**63 - 1, acts=False),
    choice(
        "enable-protected-configs",
        "no",
        _ALLOWED,
        "Who may set protected directives.",
        immutable=True,
        since="7.0.0",
        before=_UNRESTRICTED,
    ),
    choice(
        "enable-debug-command",
        "local",
        _ALLOWED,
        "Who may use DEBUG.",
        immutable=True,
        since="7.0.0",
        before=_UNRESTRICTED,
    ),
    choice(
        "enable-fault-command",
        "no",
        _ALLOWED,
        "Who may use FAULT, which Redis does not have; with `no` there is no such command.",
        immutable=True,
        hidden=True,
    ),
    choice(
        "enable-module-command",
        "no",
        _ALLOWED,
        "Who may use MODULE.",
        immutable=True,
        acts=False,
        since="7.0.0",
        before=_UNRESTRICTED,
    ),
]

GENERAL: list[Directive] = [
    choice(
        "redis-version",
        VERSION_NAMES[-1],
        VERSION_NAMES,
        "Version of Redis that this server is to its clients.",
        immutable=True,
        hidden=True,
    ),
    yes_no("daemonize", False, "Run in the background.", immutable=True),
    choice(
        "supervised",
        "no",
        ("upstart", "systemd", "auto", "no"),
        "Supervisor to tell when ready.",
        immutable=True,
    ),
    optional("pidfile", "File that holds the process id while the server runs.", immutable=True),
    choice("loglevel", "notice", _LOG_LEVELS, "How much is logged."),
    text("logfile", "", "File to log to; the empty string is standard output.", immutable=True),
    yes_no("syslog-enabled", False, "Log to the system logger as well.", immutable=True),
    text("syslog-ident", "redis", "Name in the system log.", immutable=True),
    choice("syslog-facility", "local0", _FACILITIES, "Facility of the log.", immutable=True),
    yes_no("crash-log-enabled", True, "Print a report when the process crashes.", acts=False),
    yes_no("crash-memcheck-enabled", True, "Test memory when the process crashes.", acts=False),
    yes_no(
        "use-exit-on-panic", False, "Leave a panic by exit.", hidden=True, hidden_since="7.0.0", acts=False
    ),
    number("databases", 16, "Databases that SELECT can choose; 1 in a cluster.", low=1, immutable=True),
    yes_no("always-show-logo", False, "Print the logo whatever standard output is.", immutable=True),
    yes_no(
        "set-proc-title", True, "Show address and mode in the process's title.", immutable=True, acts=False
    ),
    text(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        "What the process's title says.",
        check=checks.title_template,
        acts=False,
    ),
    text("locale-collate", "", "Locale by which SORT ALPHA compares.", acts=False, since="7.2.0"),
    special("hz", Number(0, 2**31 - 1, clamp=(1, 500)), 10, "Rounds of background work a second."),
    yes_no("dynamic-hz", True, "More rounds with many clients.", acts=False),
    number(
        "watchdog-period", 0, "Report stalls longer than this.", hidden=True, hidden_since="7.0.0", acts=False
    ),
    number("shutdown-timeout", 10, "Seconds to wait for replicas at shutdown.", since="7.0.0"),
    special("shutdown-on-sigint", _SHUTDOWN, (), "How SIGINT shuts down.", since="7.0.0"),
    special("shutdown-on-sigterm", _SHUTDOWN, (), "How SIGTERM shuts down.", since="7.0.0"),
]
