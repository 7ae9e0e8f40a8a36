"""CONFIG REWRITE and RESETSTAT, and who may set protected directives."""

from hashlib import sha256

import hiredis
import pytest

from tests.support.inprocess import Harness


def test_rewrite_keeps_comments_and_writes_what_changed() -> None:
    harness = Harness()
    harness.host.config_file = b"# mine\nhz 10\n"
    harness.run("CONFIG SET hz 50 maxmemory 1mb")
    assert harness.run("CONFIG REWRITE") == b"OK"
    assert harness.host.config_file.startswith(b"# mine\nhz 50\n")
    assert b"\nmaxmemory 1mb\n" in harness.host.config_file
    assert harness.host.log.messages == ["CONFIG REWRITE executed with success."]


@pytest.mark.parametrize(
    ("version", "password", "rules"),
    [
        ("7.2", "", b"nopass sanitize-payload"),
        ("7.2", "foo", b"sanitize-payload #%b" % sha256(b"foo").hexdigest().encode()),
        ("7.0", "", b"nopass"),
        ("6.2", "foo", b"#%b" % sha256(b"foo").hexdigest().encode()),
    ],
)
def test_rewrite_writes_the_user(version: str, password: str, rules: bytes) -> None:
    harness = Harness(redis_version=version)
    harness.host.config_file = b""
    if password:
        harness.run(f"CONFIG SET requirepass {password}")
    assert harness.run("CONFIG REWRITE") == b"OK"
    assert b"\nuser default on %b ~* &* +@all\n" % rules in harness.host.config_file


def test_rewrite_without_a_file_is_refused() -> None:
    reply = Harness().run("CONFIG REWRITE")
    assert str(reply) == "ERR The server is running without a config file"


def test_rewrite_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    harness.host.config_file = b""

    def fail(content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(harness.host, "write_config_file", fail)
    assert str(harness.run("CONFIG REWRITE")) == "ERR Rewriting config file: Permission denied"
    assert harness.host.log.messages == ["CONFIG REWRITE failed: Permission denied"]


def test_resetstat_clears_every_counter() -> None:
    harness = Harness()
    for request in ("SET k v", "GET k", "GET missing", "INCR k", "NOSUCH", "GET"):
        harness.run(request)
    state = harness.state
    assert state.table.total_calls() > 0
    assert state.statistics.errors
    harness.run("CONFIG RESETSTAT")
    # CONFIG RESETSTAT itself is counted after it ran, as in Redis.
    assert state.table.total_calls() == 1
    assert not state.statistics.errors
    assert state.statistics.total_error_replies == 0
    assert (state.keyspace.hits, state.keyspace.misses) == (0, 0)
    assert b"cmdstat_get" not in harness.run("INFO commandstats")


@pytest.mark.parametrize(("address", "allowed"), [("127.0.0.1:5", True), ("192.0.2.1:5", False)])
def test_protected_directives_are_for_local_clients(address: str, allowed: bool) -> None:
    harness = Harness(enable_protected_configs="local")
    harness.client.session.address = address
    reply = harness.run("CONFIG SET dbfilename other.rdb")
    assert (reply == b"OK") is allowed
    assert isinstance(reply, hiredis.ReplyError) is not allowed
