"""Strings: what is propagated, told and held, beside the replies that the conformance tests compare."""

import pytest

from tests.support.inprocess import START_US, Harness

NOW_MS = START_US // 1000
IN_100_S = b"%d" % (NOW_MS + 100_000)


@pytest.fixture
def harness() -> Harness:
    return Harness()


@pytest.mark.parametrize(
    ("request_", "effects"),
    [
        ("SET k v", [b"SET k v"]),
        ("set k v", [b"set k v"]),
        ("SET k v EX 100", [b"SET k v PXAT " + IN_100_S]),
        ("SET k v PX 100000 XX GET", [b"SET k v PXAT " + IN_100_S]),
        ("SET k v EXAT 9999999999", [b"SET k v PXAT 9999999999000"]),
        ("SET k v PXAT 9999999999000 GET", [b"SET k v PXAT 9999999999000 GET"]),
        ("SET k v get KEEPTTL", [b"SET k v KEEPTTL"]),
        ("SET k v NX", []),
        ("SET k v NX GET", []),
        ("SET new v NX GET", [b"SET new v NX"]),
        ("SETEX k 100 v", [b"SET k v PXAT " + IN_100_S]),
        ("PSETEX k 100000 v", [b"SET k v PXAT " + IN_100_S]),
        ("SETNX k v", []),
        ("SETNX new v", [b"SETNX new v"]),
        ("GETSET k v", [b"SET k v"]),
        ("GETDEL k", [b"DEL k"]),
        ("GETDEL missing", []),
        ("GETEX k", []),
        ("GETEX k EX 100", [b"PEXPIREAT k " + IN_100_S]),
        ("GETEX k PXAT 1", [b"DEL k"]),
        ("GETEX k PERSIST", []),
        ("GETEX volatile PERSIST", [b"PERSIST volatile"]),
        ("INCR n", [b"INCR n"]),
        ("INCRBYFLOAT n 0.5", [b"SET n 5.5 KEEPTTL"]),
        ("APPEND k x", [b"APPEND k x"]),
        ("SETRANGE missing 0 x", [b"SETRANGE missing 0 x"]),
        ("MSET a 1 b 2", [b"MSET a 1 b 2"]),
        ("MSETNX a 1 k 2", []),
        ("GET k", []),
    ],
)
def test_effects(harness: Harness, request_: str, effects: list[bytes]) -> None:
    harness.run("SET k v")
    harness.run("SET n 5")
    harness.run("SET volatile v EX 100")
    assert harness.propagated(request_) == effects


def test_an_expired_key_is_deleted_before_the_write_that_finds_it(harness: Harness) -> None:
    harness.run("SET k 5 PX 10")
    harness.record_effects()
    harness.advance(10)
    assert harness.propagated("INCR k") == [b"MULTI", b"DEL k", b"INCR k", b"EXEC"]


def test_incrbyfloat_leaves_text_even_where_it_spells_an_integer(harness: Harness) -> None:
    harness.run("SET k 1")
    assert harness.run("OBJECT ENCODING k") == b"int"
    harness.run("INCRBYFLOAT k 1")
    assert harness.run("OBJECT ENCODING k") == b"embstr"
    harness.run("COPY k copy")
    assert harness.run("OBJECT ENCODING copy") == b"embstr"
    assert harness.run("INCR k") == 3
    assert harness.run("OBJECT ENCODING k") == b"int"


def test_incrbyfloat_and_incr_keep_the_expiry(harness: Harness) -> None:
    harness.run("SET k 1 EX 100")
    harness.run("INCRBYFLOAT k 1.5")
    assert harness.run("TTL k") == 100
    harness.run("SET k 1 EX 100")
    harness.run("INCR k")
    assert harness.run("TTL k") == 100


def test_an_old_reply_is_not_changed_by_what_comes_after_it(harness: Harness) -> None:
    harness.run("APPEND k abc")
    harness.run("APPEND k def")
    assert harness.run("SET k new GET") == b"abcdef"
    assert harness.run("GETRANGE k 0 1") == b"ne"


def test_strings_may_not_outgrow_proto_max_bulk_len() -> None:
    harness = Harness(proto_max_bulk_len=1024 * 1024)
    assert harness.run("SETRANGE", "k", "1048575", "x") == 1048576
    for request in (("SETRANGE", "k", "1048576", "x"), ("APPEND", "k", "x")):
        assert "exceeds maximum allowed size" in str(harness.run(*request))
    assert harness.run("STRLEN k") == 1048576
    harness.state.config.set_many([(b"proto-max-bulk-len", b"2mb")])
    assert harness.run("APPEND k x") == 1048577


def test_lcs_of_texts_too_large_for_a_table_is_refused(harness: Harness) -> None:
    harness.run("SETRANGE", "a", "200000", "x")
    harness.run("SETRANGE", "b", "100000", "x")
    assert str(harness.run("LCS a b")).startswith("ERR Insufficient memory")
    assert harness.run("GET missing") is None


def test_get_in_lfu_mode_counts_the_use() -> None:
    harness = Harness(maxmemory_policy="allkeys-lfu", lfu_log_factor=0)
    harness.run("SET k v")
    assert harness.run("OBJECT FREQ k") == 5
    for request in ("GET k", "MGET k", "SET k w", "MSET k w", "STRLEN k"):
        harness.run(request)
    assert harness.run("OBJECT FREQ k") == 10
    for request in ("EXISTS k", "TTL k", "TYPE k", "OBJECT ENCODING k"):
        harness.run(request)
    assert harness.run("OBJECT FREQ k") == 10
