"""CONFIG SET and CONFIG GET, typed reading, and hooks."""

from __future__ import annotations

import pytest

from pyredis_cluster.config.config import ApplyError, Config
from pyredis_cluster.config.loader import load_text
from pyredis_cluster.protocol.errors import CommandError


def set_error(config: Config, *words: bytes, is_local: bool = False, is_loading: bool = False) -> str:
    """The error of a CONFIG SET that has to fail, having checked that nothing changed."""
    before = config.get_matching([b"*"])
    with pytest.raises(CommandError) as error:
        config.set_many(
            list(zip(words[::2], words[1::2], strict=True)), is_local=is_local, is_loading=is_loading
        )
    assert config.get_matching([b"*"]) == before
    return str(error.value)


def test_typed_reading() -> None:
    config = load_text(
        b"save 10 20\nreplicaof h 1\nmaxmemory-clients 7%\nrequirepass \xff\nlogfile x.log\ndir /d\n"
    )
    assert config.flag("protected-mode") is True
    assert config.integer("port") == 6379
    assert config.integer("maxmemory-clients") == -7
    assert config.text("maxmemory-policy") == "noeviction"
    assert config.data("requirepass") == b"\xff"
    assert config.words("bind") == ("*", "-::*")
    assert config.integers("oom-score-adj-values") == (0, 200, 800)
    assert config.save_points == ((10, 20),)
    assert config.save_points[0].seconds == 10
    assert config.output_limits["pubsub"].soft_seconds == 60
    assert config.latency_percentiles == (50.0, 99.0, 99.9)
    assert config.replica_of == ("h", 1)
    assert config.path("logfile") == "/d/x.log"
    assert config.path("pidfile") == ""
    assert config.in_directory("/abs") == "/abs"


def test_wrong_type_or_name() -> None:
    config = Config()
    with pytest.raises(TypeError):
        config.integer("protected-mode")
    with pytest.raises(TypeError):
        config.text("port")
    with pytest.raises(KeyError):
        config.integer("slave-priority")
    with pytest.raises(KeyError):
        config.on_change("nonsense", lambda: None)


def test_servers_share_nothing() -> None:
    first, second = Config(), Config()
    first.set_many([(b"maxmemory", b"1"), (b"client-output-buffer-limit", b"normal 1 2 3")])
    first.users.append((b"bob",))
    assert second.integer("maxmemory") == 0
    assert second.output_limits["normal"].hard_bytes == 0
    assert second.users == []


def test_set_many_takes_all() -> None:
    config = Config()
    config.set_many([(b"MaxMemory", b"1mb"), (b"slave-priority", b"5"), (b"save", b"1 2 3 4")])
    assert config.integer("maxmemory") == 1 << 20
    assert config.integer("replica-priority") == 5
    assert config.save_points == ((1, 2), (3, 4))
    config.set_many([(b"slave-priority", b"6"), (b"replica-priority", b"7")])
    assert config.integer("replica-priority") == 7


def test_set_errors() -> None:
    config = Config()
    failed = "ERR CONFIG SET failed (possibly related to argument '{}') - {}".format
    assert (
        set_error(config, b"timeout", b"1", b"Foo\xff", b"2")
        == "ERR Unknown option or number of arguments for CONFIG SET - 'Foo\ufffd'"
    )
    assert set_error(config, b"Daemonize", b"yes") == failed("Daemonize", "can't set immutable config")
    assert set_error(config, b"dir", b"/") == failed("dir", "can't set protected config")
    assert set_error(config, b"timeout", b"1", b"TIMEOUT", b"2") == failed("TIMEOUT", "duplicate parameter")
    assert set_error(config, b"hz", b"1", b"Slave-Priority", b"x") == failed(
        "slave-priority", "argument couldn't be parsed into an integer"
    )
    loading = set_error(config, b"appendonly", b"yes", is_loading=True)
    assert loading == "LOADING Redis is loading the dataset in memory"


def test_protected_directives() -> None:
    local = load_text(b"enable-protected-configs local\n")
    assert "protected" in set_error(local, b"dbfilename", b"x")
    local.set_many([(b"dbfilename", b"x")], is_local=True)
    load_text(b"enable-protected-configs yes\n").set_many([(b"dbfilename", b"x")])
    assert not Config().allows("enable-module-command", is_local=True)
    assert Config().allows("enable-debug-command", is_local=True)
    assert not Config().allows("enable-debug-command", is_local=False)


def test_directory_is_entered_and_may_refuse() -> None:
    def enter(current: str, wanted: str) -> str:
        if wanted == "absent":
            raise FileNotFoundError(2, "No such file or directory")
        return f"{current}/{wanted}"

    config = Config(directory="/data", change_directory=enter)
    config.put("enable-protected-configs", "yes")
    config.set_many([(b"dir", b"sub")])
    assert config.text("dir") == "/data/sub"
    error = set_error(config, b"timeout", b"3", b"dir", b"absent")
    assert error.endswith("'dir') - No such file or directory")


def test_hooks_run_once_and_only_for_changes() -> None:
    config = Config()
    calls: list[int] = []

    def hook() -> None:
        calls.append(config.integer("maxmemory"))

    config.on_change("maxmemory", hook)
    config.on_change("maxmemory-samples", hook)
    config.set_many([(b"maxmemory", b"0")])
    assert calls == []
    config.set_many([(b"maxmemory", b"5"), (b"maxmemory-samples", b"6")])
    assert calls == [5]
    config.put("maxmemory", 7)
    assert calls == [5, 7]


def test_certificates_are_applied_again() -> None:
    config = Config()
    calls: list[str] = []
    config.on_change("tls-cert-file", lambda: calls.append("again"))
    config.set_many([(b"tls-cert-file", b"")])
    assert calls == ["again"]


def test_a_hook_that_refuses_brings_everything_back() -> None:
    warnings: list[str] = []
    config = Config(log_warning=warnings.append)
    seen: list[int] = []

    def listen() -> None:
        if config.integer("port") == 1:
            raise ApplyError("Unable to listen on this port. Check server logs.")

    config.on_change("timeout", lambda: seen.append(config.integer("timeout")))
    config.on_change("port", listen)
    error = set_error(config, b"timeout", b"9", b"port", b"1")
    assert error == (
        "ERR CONFIG SET failed (possibly related to argument 'port') - "
        "Unable to listen on this port. Check server logs."
    )
    assert seen == [9, 0]
    assert warnings == [
        "Failed applying new configuration. Possibly related to new port setting. "
        "Restoring previous settings."
    ]


def test_a_hook_that_cannot_go_back_is_logged() -> None:
    warnings: list[str] = []
    config = Config(log_warning=warnings.append)

    def listen() -> None:
        raise ApplyError("in use")

    config.on_change("port", listen)
    set_error(config, b"port", b"1")
    assert warnings[1] == "Failed applying restored failed CONFIG SET command: in use"


def test_a_bug_in_a_hook_is_no_error_reply() -> None:
    config = Config()

    def broken() -> None:
        raise ZeroDivisionError

    config.on_change("port", broken)
    with pytest.raises(ZeroDivisionError):
        config.set_many([(b"port", b"1")])
    assert config.integer("port") == 6379


def test_put_wants_the_right_type() -> None:
    config = Config()
    config.put("replicaof", ("h", 1))
    config.put("replicaof", None)
    with pytest.raises(TypeError):
        config.put("port", "6379")


def test_get_matching() -> None:
    config = Config()
    assert config.get_matching([b"MaxMemory", b"maxmemory", b"nonsense", b"maxmem?ry"]) == [
        (b"MaxMemory", b"0")
    ]
    found = dict(config.get_matching([b"*slave-p*", b"REPLICA-PRI*"]))
    assert found == {b"slave-priority": b"100", b"replica-priority": b"100", b"repl-ping-slave-period": b"10"}
    assert config.get_matching([b"key-load*"]) == []
    assert config.get_matching([b"key-load-delay"]) == [(b"key-load-delay", b"0")]
    assert config.get_matching([b"save"]) == [(b"save", b"3600 1 300 100 60 10000")]
    assert config.get_matching([]) == []
    assert len(config.get_matching([b"*", b"*"])) > 190


def test_defaults_of_an_older_version_take_the_place_of_what_nobody_set() -> None:
    config = load_text(b"repl-diskless-sync yes\nredis-version 6.2\n")
    assert config.version == (6, 2)
    assert config.release == "6.2.14"
    assert config.text("enable-debug-command") == "yes"
    assert config.integer("set-max-listpack-entries") == 0
    assert config.flag("repl-diskless-sync") is True
    assert load_text(b"redis-version 6.2\n").flag("repl-diskless-sync") is False
    assert load_text(b"redis-version 7.0\n").flag("repl-diskless-sync") is True
    assert Config().text("enable-debug-command") == "local"


def test_clients_of_an_older_version_do_not_see_later_directives() -> None:
    config = load_text(b"redis-version 7.0\n")
    assert config.get_matching([b"set-max-listpack-entries", b"locale-collate"]) == []
    assert config.get_matching([b"hash-max-listpack-value"]) == [(b"hash-max-listpack-value", b"64")]
    older = load_text(b"redis-version 6.2\nshutdown-timeout 3\n")
    assert older.integer("shutdown-timeout") == 3
    assert older.get_matching([b"shutdown*", b"hash-max-*-value"]) == [(b"hash-max-ziplist-value", b"64")]
    assert b"watchdog-period" in dict(older.get_matching([b"*"]))
