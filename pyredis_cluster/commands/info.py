"""INFO: the server in figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyredis_cluster.commands.info_fields import Facts, Fields, Section, newer_than
from pyredis_cluster.commands.info_sections import SECTIONS
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import LOADING, STALE, Category, Group
from pyredis_cluster.protocol.errors import SYNTAX_ERROR
from pyredis_cluster.protocol.reply import Reply, Verbatim

info = Group("server")

_NOT_BY_DEFAULT = {"Commandstats", "Latencystats"}
_DEFAULT = frozenset(title.lower() for title in SECTIONS if title not in _NOT_BY_DEFAULT)
_ALL = frozenset(title.lower() for title in SECTIONS)
_GROUPS = {"default": _DEFAULT, "all": _ALL, "everything": _ALL, "module_list": frozenset({"modules"})}


@info.command(
    "INFO",
    arity=-1,
    flags=LOADING | STALE,
    categories=Category.DANGEROUS,
    syntax="[section [section ...]]",
    summary="Answers figures about the server.",
    history=(("7.0.0", "Added support for taking multiple section arguments."),),
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)
def info_(call: Call, argv: list[bytes]) -> Reply:
    """INFO [section ...]

    A verbatim string of lines `field:value`, sections under a title `# Section`, an empty line between them.
    `default` stands for most sections, `all` and `everything` for all. One that does not exist is empty.
    """
    sections = [(title, describe(call.server, facts)) for title, describe, facts in _wanted(call, argv)]
    return Verbatim(text_of(sections))


@info.before("7.2.0", "INFO")
def info_of_7_0(call: Call, argv: list[bytes]) -> Reply:
    """INFO [section ...]

    As later, but for fields and sections that were added.
    """
    return Verbatim(text_of(_older(call, argv)))


@info.before("7.0.0", "INFO")
def info_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """INFO [section]

    As in 7.0, but one section only.
    """
    if len(argv) > 2:
        raise SYNTAX_ERROR
    return Verbatim(text_of([(title, _scripts_last(fields)) for title, fields in _older(call, argv)]))


def _scripts_last(fields: list[tuple[str, object]]) -> list[tuple[str, object]]:
    """Fields of Memory in the order of 6.2."""
    names = [name for name, _ in fields]
    if "number_of_cached_scripts" in names:
        count = fields.pop(names.index("number_of_cached_scripts"))
        fields.insert(names.index("used_memory_scripts_human"), count)
    return fields


def _older(call: Call, argv: list[bytes]) -> list[tuple[str, list[tuple[str, object]]]]:
    """The sections without what this server's version has not had yet."""
    newer = newer_than(call.server.version)
    return [
        (title, [pair for pair in describe(call.server, facts) if not _is_of(pair[0], newer)])
        for title, describe, facts in _wanted(call, argv)
        if title not in newer
    ]


def _is_of(field: str, names: frozenset[str]) -> bool:
    return field in names or field.startswith("listener")


def _wanted(call: Call, argv: list[bytes]) -> Iterator[tuple[str, Section, Facts]]:
    wanted: set[str] = set()
    for word in argv[1:] or (b"default",):
        name = word.decode("utf-8", "replace").lower()
        wanted |= _GROUPS.get(name, {name})
    facts = call.server.host.information()
    for title, describe in SECTIONS.items():
        if title.lower() in wanted:
            yield title, describe, facts


def text_of(sections: Sequence[tuple[str, Fields]]) -> bytes:
    """Sections, each a title and its fields, as INFO shows them."""
    texts = [
        f"# {title}\r\n" + "".join([f"{field}:{value}\r\n" for field, value in fields])
        for title, fields in sections
    ]
    return "\r\n".join(texts).encode("utf-8", "surrogateescape")
