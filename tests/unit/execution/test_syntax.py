"""From the manual's notation to the arguments of COMMAND DOCS."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.execution.grammar import parse
from pyredis_cluster.execution.syntax import Argument, argument_tree, arguments
from pyredis_cluster.protocol.reply import Status
from pyredis_cluster.version import NEWEST

LEXEMES = [
    "key",
    "KEY",
    "a~b",
    "x:integer",
    "EX",
    "[",
    "]",
    "<",
    ">",
    "(",
    ")",
    "|",
    "...",
    "n=",
    "@1.0",
    "#1",
    '""',
]


def _command(syntax: str, key_specs: int) -> Any:
    return SimpleNamespace(docs=SimpleNamespace(syntax=syntax, version=NEWEST), keys=(None,) * key_specs)


def _outline(argument: Argument) -> str:
    """An argument in one line: `name:type(parts)` with its token before and flags after."""
    line = f"{argument.name}:{argument.type}"
    if argument.token is not None:
        line = f"{argument.token or repr('')} {line}"
    if argument.key_spec_index is not None:
        line += f"#{argument.key_spec_index}"
    if argument.since:
        line += f"@{argument.since}"
    if argument.arguments:
        line += f"({', '.join(map(_outline, argument.arguments))})"
    flags = ("?" * argument.is_optional, "+" * argument.is_multiple, "+" * argument.is_multiple_token)
    return line + "".join(flags)


def _outlines(syntax: str, key_specs: int = 1) -> list[str]:
    return [_outline(argument) for argument in argument_tree(_command(syntax, key_specs))]


def test_no_arguments() -> None:
    assert arguments(_command("", 0)) == []


def test_types_follow_from_names() -> None:
    assert _outlines("key member count score pattern unix-time-seconds") == [
        "key:key#0",
        "member:string",
        "count:integer",
        "score:double",
        "pattern:pattern",
        "unix-time-seconds:unix-time",
    ]


def test_a_type_may_be_said() -> None:
    assert _outlines("increment:double ip:port") == ["increment:double", "ip:port:string"]


def test_repetition() -> None:
    assert _outlines("key [key ...]") == ["key:key#0+"]
    assert _outlines("[section [section ...]]") == ["section:string?+"]
    assert _outlines("[message]") == ["message:string?"]
    assert _outlines("field value [field value ...]") == ["data:block(field:string, value:string)+"]
    assert _outlines("start-slot end-slot [start-slot end-slot ...]") == [
        "range:block(start-slot:integer, end-slot:integer)+"
    ]
    assert _outlines("channel ...") == ["channel:string+"]


def test_what_looks_like_a_repetition_of_something_else_is_one_of_its_own() -> None:
    assert _outlines("key [member [member ...]]") == ["key:key#0", "member:string?+"]


def test_tokens() -> None:
    assert _outlines("[MATCH pattern] [COUNT count]") == ["MATCH pattern:pattern?", "COUNT count:integer?"]
    assert _outlines("[WITHSCORES]") == ["WITHSCORES withscores:pure-token?"]
    assert _outlines("[CH] [sorted=ALPHA]") == ["CH change:pure-token?", "ALPHA sorted:pure-token?"]
    assert _outlines("[WEIGHTS weight [weight ...]]") == ["WEIGHTS weight:integer?+"]
    assert _outlines("[GET name [GET name ...]]") == ["GET name:string?++"]
    assert _outlines("id-selector=<* | id>") == [
        "id-selector:oneof(* auto-id:pure-token, id:string)",
    ]


def test_a_token_before_several_arguments_is_that_of_their_block() -> None:
    assert _outlines("[LIMIT offset count]") == ["LIMIT limit:block(offset:integer, count:integer)?"]
    assert _outlines("[COUNT count [ANY]]") == [
        "count-block:block(COUNT count:integer, ANY any:pure-token?)?"
    ]
    assert _outlines("STREAMS streams=(key [key ...] id [id ...])") == [
        "STREAMS streams:block(key:key#0+, id:string+)"
    ]


def test_choices_are_named_by_what_they_offer() -> None:
    assert _outlines("[NX | XX] [GT | LT] <LEFT | RIGHT>") == [
        "condition:oneof(NX nx:pure-token, XX xx:pure-token)?",
        "comparison:oneof(GT gt:pure-token, LT lt:pure-token)?",
        "where:oneof(LEFT left:pure-token, RIGHT right:pure-token)",
    ]
    assert _outlines("[EX seconds | KEEPTTL]") == [
        "expiration:oneof(EX seconds:integer, KEEPTTL keepttl:pure-token)?"
    ]
    assert _outlines("[AGGREGATE <SUM | MIN>]") == [
        "AGGREGATE aggregate:oneof(SUM sum:pure-token, MIN min:pure-token)?"
    ]
    assert _outlines("mine=<a | b c>") == ["mine:oneof(a:string, options:block(b:string, c:string))"]


def test_versions() -> None:
    assert _outlines("[count@6.2.0] [NX@2.6.12 | XX]@7.0.0") == [
        "count:integer@6.2.0?",
        "condition:oneof@7.0.0(NX nx:pure-token@2.6.12, XX xx:pure-token)?",
    ]
    (argument,) = argument_tree(_command("<a@-2.8.12 | b>", 0))
    assert [each.deprecated_since for each in argument.arguments] == ["2.8.12", ""]


def test_keys_take_their_specifications_in_order() -> None:
    assert _outlines("destination numkeys key [key ...]", 2)[2] == "key:key#1+"
    assert _outlines("key1 key2", 1) == ["key1:key#0", "key2:key#0"]
    assert _outlines("key name#1 destination", 3) == ["key:key#0", "name:string#1", "destination:key#2"]


def test_without_specifications_a_key_is_a_string() -> None:
    assert _outlines("key", 0) == ["key:string"]


def test_the_map_that_is_replied() -> None:
    reply = arguments(_command("[BY by~shown#1]", 2))
    assert reply == [
        {
            "name": "by",
            "type": "string",
            "display_text": "shown",
            "key_spec_index": 1,
            "token": "BY",
            "flags": [Status(b"optional")],
        }
    ]
    (block,) = arguments(_command("a b [a b ...]", 0))
    assert list(block) == ["name", "type", "flags", "arguments"]


@pytest.mark.parametrize(
    "syntax", ["[", "[]", "a ]", "<a | >", "a [a ...", "(a", "... a", "[a>", "n=[a", "a #1"]
)
def test_what_is_not_of_the_notation_is_refused(syntax: str) -> None:
    with pytest.raises(ValueError, match=r"closed by|out of place|follows nothing"):
        parse(syntax)


def test_the_syntaxes_of_all_commands_are_of_the_notation() -> None:
    for command in COMMANDS.values():
        for each in (command, *command.subcommands.values()):
            assert bool(arguments(each)) == bool(each.docs.syntax)


@given(st.lists(st.sampled_from(LEXEMES), max_size=12).map(" ".join))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        tree = argument_tree(_command(text, 1))
    except ValueError:
        return
    assert all(each.name for top in tree for each in top.walk())
