"""Reading, showing and rewriting single values, and round trips of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.config import checks
from pyredis_cluster.config.directives import (
    DIRECTIVES,
    FILE_ONLY,
    IGNORED,
    NAMES,
    SECTIONS,
    find,
    is_sensitive,
)
from pyredis_cluster.config.events import NOTIFY_ALL, NOTIFY_KEYEVENT, NOTIFY_KEYSPACE, NOTIFY_STRING
from pyredis_cluster.config.kinds import BadValue, memory_or_none, memory_text


def parse(name: str, *words: bytes, current: Any = None) -> Any:
    directive = DIRECTIVES[name]
    return directive.kind.parse(words, directive.default if current is None else current)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"0", 0),
        (b"1b", 1),
        (b"1k", 1000),
        (b"1Kb", 1024),
        (b"2m", 2_000_000),
        (b"2MB", 2 << 20),
        (b"3g", 3 * 10**9),
        (b"3gB", 3 << 30),
        (b"", 0),
        (b"kb", 0),
        (b"18446744073709551615", 2**64 - 1),
        (b"99999999999999999999", 2**64 - 1),
        (b"17179869185gb", 1 << 30),
        (b"-1", None),
        (b"1.5gb", None),
        (b"1tb", None),
        (b"1 kb", None),
        (b"9" * 128, None),
    ],
)
def test_memory(text: bytes, number: int | None) -> None:
    assert memory_or_none(text) == number


@given(st.integers(0, 2**64 - 1))
def test_memory_text_comes_back(number: int) -> None:
    assert memory_or_none(memory_text(number)) == number


@pytest.mark.parametrize(
    ("name", "words", "value", "shown"),
    [
        ("appendonly", [b"YES"], True, b"yes"),
        ("port", [b"0"], 0, b"0"),
        ("hz", [b"100000"], 500, b"500"),
        ("maxmemory", [b"1gb"], 1 << 30, b"1073741824"),
        ("maxmemory", [b"18446744073709551615"], 2**64 - 1, b"18446744073709551615"),
        ("maxmemory-clients", [b"5%"], -5, b"5%"),
        ("maxmemory-clients", [b"5k"], 5000, b"5000"),
        ("unixsocketperm", [b"0700"], 0o700, b"700"),
        ("unixsocketperm", [b""], 0, b"0"),
        ("loglevel", [b"VERBOSE"], "verbose", b"verbose"),
        ("oom-score-adj", [b"relative"], "yes", b"yes"),
        ("requirepass", [b"\xff\0x"], "\udcff\0x", b"\xff\0x"),
        ("logfile", [b"a\0b"], "a", b"a"),
        ("shutdown-on-sigint", [b"now", b"NOSAVE"], ("nosave", "now"), b"nosave now"),
        ("shutdown-on-sigint", [b"default"], (), b"default"),
        ("save", [b"5", b"1", b"+7", b""], ((5, 1), (7, 0)), b"5 1 7 0"),
        ("save", [b""], (), b""),
        ("save", [], (), b""),
        ("bind", [b"127.0.0.1", b"-::1"], ("127.0.0.1", "-::1"), b"127.0.0.1 -::1"),
        ("bind", [b""], (), b""),
        ("replicaof", [b"host", b"6379"], ("host", 6379), b"host 6379"),
        ("replicaof", [b"NO", b"one"], None, b""),
        ("notify-keyspace-events", [b"E$K"], NOTIFY_KEYEVENT | NOTIFY_KEYSPACE | NOTIFY_STRING, b"$KE"),
        ("notify-keyspace-events", [b"KA"], NOTIFY_ALL | NOTIFY_KEYSPACE, b"AK"),
        ("notify-keyspace-events", [b"dtexzhsl$gK"], NOTIFY_ALL | NOTIFY_KEYSPACE, b"AK"),
        ("latency-tracking-info-percentiles", [b"50", b"99.990"], (50.0, 99.99), b"50 99.99"),
        ("latency-tracking-info-percentiles", [b"0", b"100"], (0.0, 100.0), b"0 100"),
        ("oom-score-adj-values", [b"-5", b"0", b"2000"], (-5, 0, 2000), b"-5 0 2000"),
    ],
)
def test_values(name: str, words: Sequence[bytes], value: object, shown: bytes) -> None:
    parsed = parse(name, *words)
    assert parsed == value
    assert DIRECTIVES[name].kind.show(parsed) == shown


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        ("appendonly", [b"1"], "argument must be 'yes' or 'no'"),
        ("port", [b"65536"], "argument must be between 0 and 65535 inclusive"),
        ("port", [b"+1"], "argument couldn't be parsed into an integer"),
        ("maxclients", [b"-1"], "argument must be between 1 and 4294967295 inclusive"),
        ("maxmemory", [b"x"], "argument must be a memory value"),
        ("maxmemory-clients", [b"x%"], "argument must be a memory or percent value"),
        ("maxmemory-clients", [b"101%"], "percentage argument must be less or equal to 100"),
        ("unixsocketperm", [b"1000"], "argument must be between 0 and 777 inclusive"),
        ("unixsocketperm", [b"9"], "argument couldn't be parsed as an octal number"),
        ("appendfsync", [b"never"], "argument(s) must be one of the following: everysec, always, no"),
        (
            "shutdown-on-sigint",
            [],
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        ("save", [b"1"], "Invalid save parameters"),
        ("save", [b"0", b"1"], "Invalid save parameters"),
        ("bind", [b"a"] * 17, "Too many bind addresses specified."),
        ("replicaof", [b"a"], "wrong number of arguments"),
        ("replicaof", [b"a", b"70000"], "Invalid master port"),
        ("notify-keyspace-events", [b"\xff"], "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("tls-port", [b"6380"], "this server does not support TLS"),
        ("tls-cluster", [b"yes"], "this server does not support TLS"),
        ("dbfilename", [b"a/b"], "dbfilename can't be a path, just a filename"),
        ("appendfilename", [b""], "appendfilename can't be empty"),
        ("appendfilename", [b"a\\b"], "appendfilename can't be a path, just a filename"),
        ("appenddirname", [b""], "appenddirname can't be empty"),
        ("appenddirname", [b"a/b"], "appenddirname can't be a path, just a dirname"),
        (
            "cluster-announce-hostname",
            [b"a_b"],
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        (
            "cluster-announce-human-nodename",
            [b"a:b"],
            "Announced human node name contained invalid character",
        ),
        (
            "shutdown-on-sigterm",
            [b"save", b"nosave"],
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        (
            "client-output-buffer-limit",
            [b"normal"],
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            [b"master", b"1", b"1", b"1"],
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            [b"normal", b"x", b"1", b"1"],
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("oom-score-adj-values", [b"1", b"2"], "wrong number of arguments"),
        (
            "oom-score-adj-values",
            [b"1", b"2", b"2001"],
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (
            "latency-tracking-info-percentiles",
            [b"x"],
            "Invalid latency-tracking-info-percentiles parameters",
        ),
        (
            "latency-tracking-info-percentiles",
            [b"100.1"],
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("proc-title-template", [b"{no}"], "template format is invalid or contains unknown variables"),
        ("cluster-announce-hostname", [b"a" * 256], "Hostnames must be less than 256 characters"),
    ],
)
def test_refusals(name: str, words: Sequence[bytes], reason: str) -> None:
    with pytest.raises(BadValue) as refusal:
        parse(name, *words)
    assert str(refusal.value) == reason


def test_output_limits_keep_what_is_not_named() -> None:
    limits = parse("client-output-buffer-limit", b"replica", b"1mb", b"2", b"3", b"PUBSUB", b"4", b"5", b"6")
    assert dict(limits) == {"normal": (0, 0, 0), "slave": (1 << 20, 2, 3), "pubsub": (4, 5, 6)}
    kind = DIRECTIVES["client-output-buffer-limit"].kind
    assert kind.show(limits) == b"normal 0 0 0 slave 1048576 2 3 pubsub 4 5 6"


def test_template_may_hold_a_brace() -> None:
    checks.title_template("{{ {title} {port}")
    with pytest.raises(BadValue):
        checks.title_template("{title}")


@pytest.mark.parametrize("name", DIRECTIVES)
def test_every_directive_is_complete(name: str) -> None:
    """Its default survives being shown and read, and it can be described."""
    directive = DIRECTIVES[name]
    assert directive.summary.endswith(".")
    assert directive.kind.describe()
    shown = directive.kind.show(directive.default)
    if shown or not directive.kind.multi:
        words = shown.split(b" ") if directive.kind.multi else [shown]
        assert directive.kind.parse(words, directive.default) == directive.default


def test_table() -> None:
    assert len(NAMES) > len(DIRECTIVES) == sum(map(len, SECTIONS.values()))
    assert find(b"SLAVE-Priority") is DIRECTIVES["replica-priority"]
    assert find(b"\xff") is None
    assert not (FILE_ONLY | IGNORED) & NAMES.keys()
    assert {name for name in DIRECTIVES if DIRECTIVES[name].sensitive} == {
        "requirepass",
        "masterauth",
        "masteruser",
    }
    assert is_sensitive(b"MasterAuth")
    assert not is_sensitive(b"maxmemory")
    assert not is_sensitive(b"nonsense")
