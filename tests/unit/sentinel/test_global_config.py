"""SENTINEL CONFIG GET and SET."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.reply import OK
from tests.unit.sentinel.bench import Bench, closed


def test_everything_at_its_default() -> None:
    assert Bench().core.config_get([b"*"]) == {
        b"resolve-hostnames": b"no",
        b"announce-hostnames": b"no",
        b"announce-ip": b"",
        b"announce-port": b"0",
        b"sentinel-user": b"",
        b"sentinel-pass": b"",
        b"loglevel": b"notice",
    }


def test_patterns_match_in_any_case_and_once() -> None:
    reply = Bench().core.config_get([b"LOGLEVEL", b"Announce-*", b"announce-ip", b"none"])
    assert list(reply) == [b"loglevel", b"announce-hostnames", b"announce-ip", b"announce-port"]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (b"resolve-hostnames", b"yes", "sentinel resolve-hostnames yes"),
        (b"announce-hostnames", b"yes", "sentinel announce-hostnames yes"),
        (b"announce-ip", b"10.0.0.1", 'sentinel announce-ip "10.0.0.1"'),
        (b"announce-port", b"77", "sentinel announce-port 77"),
        (b"sentinel-user", b"me", "sentinel sentinel-user me"),
        (b"sentinel-pass", b"secret", "sentinel sentinel-pass secret"),
    ],
)
def test_what_is_set_is_saved(name: bytes, value: bytes, line: str) -> None:
    bench = Bench()
    before = bench.core.config_get([name])
    assert bench.core.config_set([name.upper(), value], bench.now_ms) is OK
    bench.done()
    assert bench.last.rewrite
    assert bench.core.config_get([name]) == {name: value}
    assert line in bench.lines()
    assert bench.core.config_set([name, before[name]], bench.now_ms) is OK
    assert line not in bench.lines()


def test_the_log_level_is_for_the_shell() -> None:
    bench = Bench()
    bench.core.config_set([b"loglevel", b"Debug"], bench.now_ms)
    bench.done()
    assert bench.last.log_level == "debug"
    assert bench.core.config_get([b"loglevel"]) == {b"loglevel": b"debug"}


def test_another_password_drops_the_links_to_sentinels() -> None:
    bench = Bench()
    bench.hello()
    bench.connect()
    bench.core.config_set([b"sentinel-pass", b"x"], bench.now_ms)
    assert closed(bench.done()) == [bench.link(26380)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("foo 1", "ERR Invalid argument 'foo' to SENTINEL CONFIG SET"),
        ("announce-port 1 Announce-Port 2", "ERR Duplicate argument 'Announce-Port' to SENTINEL CONFIG SET"),
        ("announce-port 1 loglevel", "ERR Missing argument 'loglevel' value"),
        ("announce-port x", "ERR Invalid value 'x' to SENTINEL CONFIG SET 'announce-port'"),
        ("announce-port 65536", "ERR Invalid value '65536' to SENTINEL CONFIG SET 'announce-port'"),
        ("loglevel loud", "ERR Invalid value 'loud' to SENTINEL CONFIG SET 'loglevel'"),
        ("resolve-hostnames 1", "ERR Invalid value '1' to SENTINEL CONFIG SET 'resolve-hostnames'"),
        ("announce-hostnames on", "ERR Invalid value 'on' to SENTINEL CONFIG SET 'announce-hostnames'"),
    ],
)
def test_all_or_nothing(words: str, message: str) -> None:
    bench = Bench()
    options = [b"announce-ip", b"10.0.0.1", *words.encode().split()]
    assert bench.refused("config_set", options, 0) == message
    assert bench.core.config_get([b"announce-ip"]) == {b"announce-ip": b""}
    assert not bench.last.rewrite
