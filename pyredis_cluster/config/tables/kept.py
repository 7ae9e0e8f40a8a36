"""Directives about kernels, threads, allocators and TLS: known, kept and shown, without effect here."""

from __future__ import annotations

from pyredis_cluster.config.directive import Directive, count, number, optional, size, special, text, yes_no
from pyredis_cluster.config.kinds import LLONG_MAX, UINT_MAX, BadValue, Choice, Number, YesNo
from pyredis_cluster.config.specials import Integers

_NO_TLS = "this server does not support TLS"


class _NoTLS(YesNo):
    """A switch that stays off: traffic that was to be encrypted must not silently go out in clear."""

    def parse(self, words: list[bytes], current: bool) -> bool:  # type: ignore[override]
        value = super().parse(words, current)
        if value:
            raise BadValue(_NO_TLS)
        return value


class _NoTLSPort(Number):
    """A port that stays 0, for the same reason."""

    def bounded(self, number: int) -> int:
        port = super().bounded(number)
        if port:
            raise BadValue(_NO_TLS)
        return port


PROCESS: list[Directive] = [
    number("io-threads", 1, "Threads that read and write.", low=1, high=128, immutable=True, acts=False),
    yes_no("io-threads-do-reads", False, "Threads that read as well.", immutable=True, acts=False),
    optional("server_cpulist", "Processors of the main thread.", immutable=True, acts=False),
    optional("bio_cpulist", "Processors of background threads.", immutable=True, acts=False),
    optional("aof_rewrite_cpulist", "Processors of a log's rewrite.", immutable=True, acts=False),
    optional("bgsave_cpulist", "Processors of a snapshot.", immutable=True, acts=False),
    special(
        "oom-score-adj",
        Choice("no", "yes", "relative", "absolute", same={"relative": "yes"}),
        "no",
        "How likely the kernel ends the process when memory is short.",
        acts=False,
    ),
    special("oom-score-adj-values", Integers(3), (0, 200, 800), "The same in figures.", acts=False),
    yes_no("disable-thp", True, "Turn transparent huge pages off.", immutable=True, acts=False),
    count("socket-mark-id", 0, "Mark on sockets.", high=UINT_MAX, immutable=True, acts=False, since="7.0.0"),
    text("ignore-warnings", "", "Warnings at start that do not matter.", acts=False),
]

ALLOCATOR: list[Directive] = [
    yes_no("activerehashing", True, "Resize tables in idle time.", acts=False),
    yes_no("jemalloc-bg-thread", True, "Give memory back in a thread.", acts=False),
    yes_no("activedefrag", False, "Defragment memory.", acts=False),
    size("active-defrag-ignore-bytes", 100 << 20, "Waste below which nothing is done.", low=1, acts=False),
    number("active-defrag-threshold-lower", 10, "Percentage of waste to start at.", high=1000, acts=False),
    number("active-defrag-threshold-upper", 100, "And to do most at.", high=1000, acts=False),
    number("active-defrag-cycle-min", 1, "Percentage of time to spend at least.", low=1, high=99, acts=False),
    number("active-defrag-cycle-max", 25, "And at most.", low=1, high=99, acts=False),
    number(
        "active-defrag-max-scan-fields",
        1000,
        "Elements above which a value is done in parts.",
        low=1,
        high=LLONG_MAX,
        acts=False,
    ),
]

TLS: list[Directive] = [
    special("tls-port", _NoTLSPort(0, 65535), 0, "Port for TLS; only 0 is possible.", acts=False),
    special("tls-cluster", _NoTLS(), False, "TLS between nodes; only no is possible.", acts=False),
    special("tls-replication", _NoTLS(), False, "TLS to primaries; only no is possible.", acts=False),
    special(
        "tls-auth-clients", Choice("no", "yes", "optional"), "yes", "Certificates of clients.", acts=False
    ),
    yes_no("tls-prefer-server-ciphers", False, "Choose the cipher here.", acts=False),
    yes_no("tls-session-caching", True, "Let clients resume.", acts=False),
    number("tls-session-cache-size", 20 << 10, "Sessions to remember.", acts=False),
    number("tls-session-cache-timeout", 300, "Seconds to remember one.", acts=False),
    optional("tls-cert-file", "Certificate.", always_applied=True, acts=False),
    optional("tls-key-file", "Its key.", always_applied=True, acts=False),
    optional("tls-key-file-pass", "The key's password.", acts=False),
    optional("tls-client-cert-file", "Certificate as a client.", always_applied=True, acts=False),
    optional("tls-client-key-file", "Its key.", always_applied=True, acts=False),
    optional("tls-client-key-file-pass", "The key's password.", acts=False),
    optional("tls-dh-params-file", "Diffie-Hellman parameters.", always_applied=True, acts=False),
    optional("tls-ca-cert-file", "Trusted certificates.", always_applied=True, acts=False),
    optional("tls-ca-cert-dir", "Directory of trusted certificates.", always_applied=True, acts=False),
    optional("tls-protocols", "Allowed versions.", acts=False),
    optional("tls-ciphers", "Allowed ciphers.", acts=False),
    optional("tls-ciphersuites", "Allowed cipher suites of TLS 1.3.", acts=False),
]
