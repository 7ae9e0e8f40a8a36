"""What commands were before, made from declarations."""

from __future__ import annotations

import pytest

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import FAST, LOADING, READONLY, STALE, Command, Group, Handler
from pyredis_cluster.execution.personality import commands_as_of
from pyredis_cluster.execution.syntax import argument_tree
from pyredis_cluster.protocol.reply import Reply
from pyredis_cluster.version import RELEASES, Version


@pytest.fixture
def group() -> Group:
    """A group with a command of 1.0.0 and one of 7.2.0."""
    made = Group("test")

    @made.command(
        "OLD",
        arity=-2,
        flags=READONLY | FAST,
        syntax="key [NX@7.0.0] [XX@6.2.0]",
        history=(("6.2.0", "XX"), ("7.0.0", "NX"), ("7.2.0", "more")),
        deprecated_since="7.2.0",
        replaced_by="NEW",
    )
    def old(call: Call, argv: list[bytes]) -> Reply:
        """OLD"""
        return b"now"

    @made.command("NEW", arity=1, since="7.2.0")
    def new(call: Call, argv: list[bytes]) -> Reply:
        """NEW"""
        return b"new"

    return made


def run(command: Command) -> Reply:
    """What the handler says to no arguments; none of those here looks at its call."""
    assert command.handler is not None
    return command.handler(None, [])  # type: ignore[arg-type]


def as_of(group: Group, version: Version) -> Command:
    """OLD in a server of that version."""
    return commands_as_of(group.commands, version)[b"old"]


def bracketed(handler: Handler) -> Handler:
    """Its reply in brackets."""
    return lambda call, argv: b"<%b>" % handler(call, argv)


def test_what_came_later_is_not_there(group: Group) -> None:
    assert set(commands_as_of(group.commands, (7, 2))) == {b"old", b"new"}
    assert set(commands_as_of(group.commands, (7, 0))) == {b"old"}


def test_documentation_ends_with_the_version(group: Group) -> None:
    found = as_of(group, (6, 2))
    assert found.docs.history == (("6.2.0", "XX"),)
    assert found.docs.deprecated_since == found.docs.replaced_by == ""
    assert [argument.name for argument in argument_tree(found)] == ["key", "xx"]
    assert [argument.name for argument in argument_tree(as_of(group, (7, 0)))] == ["key", "nx", "xx"]


def test_another_handler_before_a_version(group: Group) -> None:
    @group.before("7.0.0", "OLD", arity=3)
    def older(call: Call, argv: list[bytes]) -> Reply:
        """OLD"""
        return b"before"

    assert (run(as_of(group, (6, 2))), as_of(group, (6, 2)).arity) == (b"before", 3)
    assert (run(as_of(group, (7, 0))), as_of(group, (7, 0)).arity) == (b"now", -2)


def test_the_oldest_difference_has_the_last_word(group: Group) -> None:
    group.before("7.0.0", "OLD", arity=4)
    group.before("7.2.0", "OLD", arity=3, adds=LOADING | STALE, drops=FAST)
    assert as_of(group, (7, 0)).arity == 3
    assert as_of(group, (6, 2)).arity == 4
    assert as_of(group, (6, 2)).flags == READONLY | LOADING | STALE
    assert as_of(group, (7, 2)).flags == READONLY | FAST


def test_wraps_add_up(group: Group) -> None:
    group.before("7.2.0", "OLD", wrap=bracketed)
    group.before("7.0.0", "OLD", wrap=bracketed)
    assert run(as_of(group, (7, 0))) == b"<now>"
    assert run(as_of(group, (6, 2))) == b"<<now>>"


def test_only_what_is_declared_can_have_been_otherwise(group: Group) -> None:
    with pytest.raises(ValueError, match="NOSUCH is not declared here"):
        group.before("7.0.0", "NOSUCH", arity=1)
    with pytest.raises(ValueError, match="OLD SUB is not declared here"):
        group.before("7.0.0", "OLD SUB", arity=1)


@pytest.mark.parametrize("version", RELEASES)
def test_every_version_of_all_commands_is_whole(version: Version) -> None:
    commands = commands_as_of(COMMANDS, version)
    assert len(commands) > 150
    for command in commands.values():
        argument_tree(command)
        assert command.handler is not None or command.subcommands
        for subcommand in command.subcommands.values():
            assert subcommand.handler is not None
