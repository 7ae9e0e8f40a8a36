"""COMMAND: the whole table at once, and keys as particular requests have them."""

import hiredis
import pytest

from pyredis_cluster.commands.registry import COMMANDS
from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_count_list_and_info_agree(harness: Harness) -> None:
    names = harness.run("COMMAND LIST")
    assert harness.run("COMMAND COUNT") == len(names) == len(COMMANDS)
    assert [entry[0] for entry in harness.run("COMMAND")] == names
    assert harness.run("COMMAND INFO") == harness.run("COMMAND")


def test_docs_of_all_is_a_map_of_all(harness: Harness) -> None:
    harness.client.session.resp = 3
    docs = harness.run("COMMAND DOCS")
    assert set(docs) == set(COMMANDS)
    for name, entry in docs.items():
        assert entry[b"summary"], name
        assert entry[b"since"], name
    assert set(docs[b"config"][b"subcommands"]) >= {b"config|get", b"config|set"}


def test_docs_of_a_deprecated_command(harness: Harness) -> None:
    harness.client.session.resp = 3
    docs = harness.run("COMMAND DOCS getset")[b"getset"]
    assert docs[b"doc_flags"] == [b"deprecated"]
    assert docs[b"deprecated_since"] == b"6.2.0"


def test_names_are_found_in_any_case_and_subcommands_by_a_bar(harness: Harness) -> None:
    found = harness.run("COMMAND INFO GeT CONFIG|GET config|nosuch get|x nosuch")
    assert [entry and entry[0] for entry in found] == [b"get", b"config|get", None, None, None]


def test_list_by_category_holds_subcommands(harness: Harness) -> None:
    admin = harness.run("COMMAND LIST FILTERBY ACLCAT ADMIN")
    assert b"config|set" in admin
    assert b"config" not in admin
    assert b"get" not in admin


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        ("SORT a BY nosort GET x STORE b STORE c", [[b"a", [b"RO", b"access"]], [b"c", [b"OW", b"update"]]]),
        ("SET k v get", [[b"k", [b"RW", b"access", b"update"]]]),
        ("SET k v EX 5", [[b"k", [b"OW", b"update"]]]),
        ("MSET a 1 b 2", [[b"a", [b"OW", b"update"]], [b"b", [b"OW", b"update"]]]),
    ],
)
def test_keys_with_what_this_request_does_to_them(
    harness: Harness, request_: str, keys: list[object]
) -> None:
    assert harness.run(f"COMMAND GETKEYSANDFLAGS {request_}") == keys


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("NOSUCH k", "Invalid command specified"),
        ("CONFIG NOSUCH", "Invalid command specified"),
        ("COMMAND NOSUCH", "Invalid command specified"),
        ("PING", "The command has no key arguments"),
        ("SSUBSCRIBE c", "The command has no key arguments"),
        ("GET", "Invalid number of arguments specified for command"),
        ("LMPOP 4 a b LEFT", "Invalid arguments specified for command"),
        ("LMPOP x a b LEFT", "Invalid arguments specified for command"),
    ],
)
def test_requests_without_keys_to_find(harness: Harness, request_: str, message: str) -> None:
    reply = harness.run(f"COMMAND GETKEYS {request_}")
    assert isinstance(reply, hiredis.ReplyError)
    assert str(reply) == f"ERR {message}"


def test_each_call_is_counted_for_the_subcommand(harness: Harness) -> None:
    harness.run("COMMAND")
    harness.run("COMMAND COUNT")
    harness.run("COMMAND COUNT")
    entry = harness.state.table.entries[b"command"]
    assert (entry.calls, entry.subcommands[b"count"].calls) == (1, 2)
