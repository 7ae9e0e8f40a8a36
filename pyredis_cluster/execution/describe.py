"""What COMMAND INFO and COMMAND DOCS tell of a command, made from its declaration."""

from __future__ import annotations

from pyredis_cluster.execution.command import MAY_REPLICATE, Category, Command
from pyredis_cluster.execution.keyspec import KeyCount, KeyFlag, KeyRange, KeySpec, KeyWord
from pyredis_cluster.execution.syntax import arguments
from pyredis_cluster.protocol.reply import Reply, SetReply, Status

_ACCESS_KINDS = KeyFlag.RO | KeyFlag.RW | KeyFlag.OW | KeyFlag.RM


def describe(command: Command) -> list[Reply]:
    """The ten fields of COMMAND INFO: name, arity, flags, three of key positions, categories, tips, …"""
    first, last, step = command.key_range
    return [
        command.name,
        command.arity,
        SetReply(Status(name.encode()) for name in command.shown_flags),
        first,
        last,
        step,
        SetReply(Status(b"@" + name) for name in category_names(command.categories)),
        SetReply(command.tips),
        SetReply(_key_spec(spec) for spec in command.keys),
        SetReply(describe(subcommand) for subcommand in command.subcommands.values()),
    ]


def describe_briefly(command: Command) -> list[Reply]:
    """The seven fields of COMMAND INFO before 7.0: name to ACL categories, in terms of that time."""
    return [*describe(command)[:2], SetReply(map(Status, former_flags(command))), *describe(command)[3:7]]


def former_flags(command: Command) -> list[bytes]:
    """Flags by their names before 7.0, when commands without keys for certain had no flag of their own."""
    newer = {"no_async_loading", "no_multi", "allow_busy", "no_mandatory_keys", "blocking"}
    names = [name.encode() for name in command.shown_flags if name not in newer]
    if MAY_REPLICATE in command.flags:
        names.append(b"may_replicate")
    if "nondeterministic_output" in command.tips:
        names.append(b"random")
    if "nondeterministic_output_order" in command.tips:
        names.append(b"sort_for_script")
    return names


def document(command: Command) -> dict[str, Reply]:
    """The map of COMMAND DOCS; what is not known is left out."""
    docs = command.docs
    found: dict[str, Reply] = {}
    if docs.summary:
        found["summary"] = docs.summary
    found["since"] = command.since
    found["group"] = command.group
    if docs.complexity:
        found["complexity"] = docs.complexity
    flags = [Status(b"deprecated")] if docs.deprecated_since else []
    if docs.syscmd:
        flags.append(Status(b"syscmd"))
    if flags:
        found["doc_flags"] = SetReply(flags)
    if docs.deprecated_since:
        found["deprecated_since"] = docs.deprecated_since
    if docs.replaced_by:
        found["replaced_by"] = docs.replaced_by
    if docs.history:
        found["history"] = SetReply([list(change) for change in docs.history])
    if command.docs.syntax:
        found["arguments"] = arguments(command)
    if command.subcommands:
        found["subcommands"] = {each.name: document(each) for each in command.subcommands.values()}
    return found


def category_names(categories: Category) -> list[bytes]:
    """Names of ACL categories, in Redis's order, without `@`."""
    return [each.name.lower().encode() for each in categories if each.name]


def category_named(name: bytes) -> Category:
    """The category with that name in any case; no category where there is none."""
    return Category.__members__.get(name.decode("utf-8", "replace").upper(), Category(0))


def key_flags(flags: KeyFlag) -> SetReply:
    """Flags of a key specification: the kind of access in capitals, the rest in lower case."""
    return SetReply(
        Status((each.name if each & _ACCESS_KINDS else each.name.lower()).encode())
        for each in flags
        if each.name
    )


def _key_spec(spec: KeySpec) -> dict[str, Reply]:
    shown: dict[str, Reply] = {}
    if spec.notes:
        shown["notes"] = spec.notes
    shown["flags"] = key_flags(spec.flags)
    shown["begin_search"] = _begin_search(spec)
    shown["find_keys"] = _find_keys(spec)
    return shown


def _begin_search(spec: KeySpec) -> dict[str, Reply]:
    if isinstance(spec, KeyWord):
        return {"type": "keyword", "spec": {"keyword": spec.word, "startfrom": spec.begin}}
    if isinstance(spec, (KeyRange, KeyCount)):
        return {"type": "index", "spec": {"index": spec.begin}}
    return {"type": "unknown", "spec": {}}


def _find_keys(spec: KeySpec) -> dict[str, Reply]:
    if isinstance(spec, KeyCount):
        place = {"keynumidx": spec.count_at, "firstkey": spec.first, "keystep": spec.step}
        return {"type": "keynum", "spec": place}
    if isinstance(spec, (KeyRange, KeyWord)):
        return {
            "type": "range",
            "spec": {"lastkey": spec.last, "keystep": spec.step, "limit": spec.limit},
        }
    return {"type": "unknown", "spec": {}}
