"""Commands of sets that work on members; those that combine sets are in `set_algebra`."""

from __future__ import annotations

from pyredis_cluster.config.events import NOTIFY_SET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INSERT, RO, RW, KeyRange
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.protocol.reply import Reply, SetReply

sets = Group("set", Category.SET)


@sets.command(
    "SADD",
    arity=-3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    syntax="key member [member ...]",
    summary="Adds members to a set; makes the set if there is none.",
    complexity="O(1) for each element added, so O(N) to add N elements when the command is called with "
    "multiple arguments.",
    history=(("2.4.0", "Accepts multiple `member` arguments."),),
)
def sadd(call: Call, argv: list[bytes]) -> Reply:
    """SADD key member [member ...]

    The number of members that are new. Raises WRONG_TYPE.
    """
    key = argv[1]
    db = call.db
    limits = call.keyspace.limits
    value = db.write(key, Set)
    count = len(argv) - 2
    if value is None:
        value = Set.for_adding(argv[2], count, limits)
        db.add(key, value)
    elif count == 1:
        if not value.add(argv[2], limits):
            return 0
        db.changed(key, NOTIFY_SET, b"sadd")
        return 1
    else:
        value.expect(count, limits)
    before = len(value.members)
    add = value.add
    for member in argv[2:]:
        add(member, limits)
    added = len(value.members) - before
    if added:
        db.changed(key, NOTIFY_SET, b"sadd", added)
    return added


@sets.command(
    "SREM",
    arity=-3,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | DELETE),
    syntax="key member [member ...]",
    summary="Removes members of a set, and the set with the last of them.",
    complexity="O(N) where N is the number of members to be removed.",
    history=(("2.4.0", "Accepts multiple `member` arguments."),),
)
def srem(call: Call, argv: list[bytes]) -> Reply:
    """SREM key member [member ...]

    The number of members removed. Raises WRONG_TYPE.
    """
    key = argv[1]
    db = call.db
    value = db.write(key, Set)
    if value is None:
        return 0
    before = len(value.members)
    discard = value.discard
    for member in argv[2:]:
        discard(member)
    removed = before - len(value.members)
    if removed:
        db.changed(key, NOTIFY_SET, b"srem", removed)
        db.delete_if_empty(key, value)
    return removed


@sets.command(
    "SCARD",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    syntax="key",
    summary="Counts the members of a set.",
)
def scard(call: Call, argv: list[bytes]) -> Reply:
    """SCARD key

    The number of members, 0 if there is no set. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Set)
    return 0 if value is None else len(value.members)


@sets.command(
    "SISMEMBER",
    arity=3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    syntax="key member",
    summary="Tells whether a set has a member.",
)
def sismember(call: Call, argv: list[bytes]) -> Reply:
    """SISMEMBER key member

    1 if it has, else 0. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Set)
    return 1 if value is not None and argv[2] in value.members else 0


@sets.command(
    "SMISMEMBER",
    arity=-3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="6.2.0",
    syntax="key member [member ...]",
    summary="Tells of each of several members whether a set has it.",
    complexity="O(N) where N is the number of elements being checked for membership",
)
def smismember(call: Call, argv: list[bytes]) -> Reply:
    """SMISMEMBER key member [member ...]

    An array of 1 and 0, one for each member. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Set)
    if value is None:
        return [0] * (len(argv) - 2)
    members = value.members
    return [1 if member in members else 0 for member in argv[2:]]


@sets.command(
    "SMEMBERS",
    arity=2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    tips=("nondeterministic_output_order",),
    syntax="key",
    summary="Returns all members of a set.",
    complexity="O(N) where N is the set cardinality.",
)
def smembers(call: Call, argv: list[bytes]) -> Reply:
    """SMEMBERS key

    A set, empty if there is none. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Set)
    return SetReply() if value is None else SetReply(value.ordered())


@sets.command(
    "SMOVE",
    arity=4,
    flags=WRITE | FAST,
    keys=(KeyRange(1, flags=RW | ACCESS | DELETE), KeyRange(2, flags=RW | INSERT)),
    syntax="source destination member",
    summary="Moves a member from one set to another.",
)
def smove(call: Call, argv: list[bytes]) -> Reply:
    """SMOVE source destination member

    1 if it was moved, 0 if the source has no such member. Raises WRONG_TYPE, though not for a destination
    when there is no source.
    """
    _, source_key, destination_key, member = argv
    db = call.db
    source = db.write(source_key, Set)
    if source is None:
        return 0
    destination = db.write(destination_key, Set)
    if source is destination:
        return 1 if member in source.members else 0
    if not source.discard(member):
        return 0
    db.changed(source_key, NOTIFY_SET, b"srem")
    db.delete_if_empty(source_key, source)
    limits = call.keyspace.limits
    if destination is None:
        destination = Set.for_adding(member, 1, limits)
        db.add(destination_key, destination)
    if destination.add(member, limits):
        db.changed(destination_key, NOTIFY_SET, b"sadd")
    return 1
