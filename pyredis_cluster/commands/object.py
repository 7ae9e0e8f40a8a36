"""OBJECT and its subcommands."""

from __future__ import annotations

from pyredis_cluster.commands.generic import generic
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import LOADING, READONLY, STALE, Category
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.keyspec import RO, KeyRange
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

_SHARED_INTEGERS = 10_000
_SHARED_REFCOUNT = 2**31 - 1
_SWITCHING = (
    "Please note that when switching between policies at runtime LRU and LFU data will take some time to "
    "adjust."
)
_IS_LFU = CommandError(f"ERR An LFU maxmemory policy is selected, idle time not tracked. {_SWITCHING}")
_IS_NOT_LFU = CommandError(
    f"ERR An LFU maxmemory policy is not selected, access frequency not tracked. {_SWITCHING}"
)
_KEY = KeyRange(2, flags=RO)
_TIPS = ("nondeterministic_output",)

generic.container("OBJECT", since="2.2.3", summary="Tells how values are held.")
generic.before(
    "7.0.0",
    "OBJECT",
    adds=READONLY,
    keys=_KEY,
    categories=Category.KEYSPACE | Category.READ | Category.SLOW,
    tips=_TIPS,
)


@generic.command(
    "OBJECT ENCODING",
    arity=3,
    flags=READONLY,
    keys=_KEY,
    since="2.2.3",
    tips=_TIPS,
    syntax="key",
    summary="Tells the internal encoding of a value.",
)
def object_encoding(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT ENCODING key

    The name of the encoding, nil where there is no such key.
    """
    value = _value(call, argv[2])
    return None if value is None else value.encoding()


@generic.before("7.2.0", "OBJECT ENCODING")
def object_encoding_of_7_0(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT ENCODING key

    As later, but that every list is a quicklist.
    """
    value = _value(call, argv[2])
    if value is None:
        return None
    return b"quicklist" if isinstance(value, List) else value.encoding()


@generic.before("7.0.0", "OBJECT ENCODING")
def object_encoding_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT ENCODING key

    As in 7.0, but that compact hashes and sorted sets are ziplists.
    """
    name = object_encoding_of_7_0(call, argv)
    return b"ziplist" if name == b"listpack" else name


@generic.command(
    "OBJECT REFCOUNT",
    arity=3,
    flags=READONLY,
    keys=_KEY,
    since="2.2.3",
    tips=_TIPS,
    syntax="key",
    summary="Tells how many references to a value there are.",
)
def object_refcount(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT REFCOUNT key

    1, for a small integer that Redis shares 2147483647; nil where there is no such key.
    """
    value = _value(call, argv[2])
    return None if value is None else refcount(call, value)


def refcount(call: Call, value: Value) -> int:
    """How many references Redis would count to the object that holds `value`."""
    return _SHARED_REFCOUNT if _is_shared(call, value) else 1


def _is_shared(call: Call, value: Value) -> bool:
    """Whether Redis would hold one object for all keys with this value: not where each has access times."""
    if (
        not isinstance(value, String)
        or value.encoding() != b"int"
        or not 0 <= int(value.data) < _SHARED_INTEGERS
    ):
        return False
    config = call.server.config
    return not config.integer("maxmemory") or not config.text("maxmemory-policy").endswith(("lru", "lfu"))


@generic.command(
    "OBJECT IDLETIME",
    arity=3,
    flags=READONLY,
    keys=_KEY,
    since="2.2.3",
    tips=_TIPS,
    syntax="key",
    summary="Tells for how many seconds a value was not accessed.",
)
def object_idletime(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT IDLETIME key

    Seconds, nil where there is no such key. Raises an error under an LFU policy.
    """
    value = _value(call, argv[2])
    if value is None:
        return None
    if call.keyspace.is_lfu:
        raise _IS_LFU
    return call.keyspace.idle_s(value)


@generic.command(
    "OBJECT FREQ",
    arity=3,
    flags=READONLY,
    keys=_KEY,
    since="4.0.0",
    tips=_TIPS,
    syntax="key",
    summary="Tells how often a value is accessed, as a logarithmic counter.",
)
def object_freq(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT FREQ key

    The counter, from 0 to 255; nil where there is no such key. Raises an error unless under an LFU policy.
    """
    value = _value(call, argv[2])
    if value is None:
        return None
    if not call.keyspace.is_lfu:
        raise _IS_NOT_LFU
    return call.keyspace.frequency.count(value.lru, call.now_ms // 1000)


def _value(call: Call, key: bytes) -> Value | None:
    """The value; a hit or a miss is counted, but neither an access nor an event."""
    value = call.db.peek(key)
    if value is None:
        call.keyspace.misses += 1
    else:
        call.keyspace.hits += 1
    return value


_HELP = """
ENCODING <key>
    Return the kind of internal representation used in order to store the value
    associated with a <key>.
FREQ <key>
    Return the access frequency index of the <key>. The returned integer is
    proportional to the logarithm of the recent access frequency of the key.
IDLETIME <key>
    Return the idle time of the <key>, that is the approximated number of
    seconds elapsed since the last access to the key.
REFCOUNT <key>
    Return the number of references of the value associated with the specified
    <key>.
"""


@generic.command(
    "OBJECT HELP",
    arity=2,
    flags=LOADING | STALE,
    since="6.2.0",
    summary="Lists the subcommands.",
)
def object_help(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT HELP

    An array of lines.
    """
    return help_lines(argv[0], _HELP)
