"""INFO: the server in figures."""

from __future__ import annotations

from pyredis_cluster.commands.info_sections import SECTIONS
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import LOADING, STALE, Category, Group
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
    wanted: set[str] = set()
    for word in argv[1:] or (b"default",):
        name = word.decode("utf-8", "replace").lower()
        wanted |= _GROUPS.get(name, {name})
    server = call.server
    facts = server.host.information()
    texts = []
    for title, describe in SECTIONS.items():
        if title.lower() in wanted:
            lines = [f"{field}:{value}\r\n" for field, value in describe(server, facts)]
            texts.append(f"# {title}\r\n" + "".join(lines))
    return Verbatim("\r\n".join(texts).encode("utf-8", "surrogateescape"))
