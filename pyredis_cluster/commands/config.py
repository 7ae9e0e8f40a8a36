"""CONFIG: directives read, set, and written back to the file."""

from __future__ import annotations

from pyredis_cluster.config.config import RefusedSettingError
from pyredis_cluster.config.rewrite import rewritten
from pyredis_cluster.execution.authentication import user_lines
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, STALE, Category, CommandFlag, Group
from pyredis_cluster.execution.gate import GATE_LOADING
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.execution.protection import is_local
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.reply import OK, Reply

config = Group("server")

_FLAGS: CommandFlag = ADMIN | NOSCRIPT | LOADING | STALE
_ON_ALL_NODES = ("request_policy:all_nodes", "response_policy:all_succeeded")

config.container(
    "CONFIG", since="2.0.0", summary="Groups the commands that read and change the configuration."
)
config.before(
    "7.0.0",
    "CONFIG",
    adds=_FLAGS,
    categories=Category.ADMIN | Category.SLOW | Category.DANGEROUS,
)


@config.command(
    "CONFIG GET",
    arity=-3,
    flags=_FLAGS,
    since="2.0.0",
    complexity="O(N) when N is the number of configuration parameters provided",
    syntax="parameter [parameter ...]",
    summary="Answers the values of directives.",
    history=(("7.0.0", "Added the ability to pass multiple pattern parameters in one call"),),
)
def config_get(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG GET parameter [parameter ...]

    A map of name and value for every directive that one of the glob patterns names.
    """
    return dict(call.server.config.get_matching(argv[2:]))


@config.before("7.0.0", "CONFIG GET", arity=3)
def config_get_lower(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG GET parameter

    As later, but with one pattern, and all names in lower case.
    """
    return {name.lower(): value for name, value in call.server.config.get_matching(argv[2:])}


@config.command(
    "CONFIG SET",
    arity=-4,
    flags=_FLAGS,
    since="2.0.0",
    complexity="O(N) when N is the number of configuration parameters provided",
    syntax="parameter value [parameter value ...]",
    summary="Sets directives of the running server.",
    history=(("7.0.0", "Added the ability to set multiple parameters in one call."),),
    tips=_ON_ALL_NODES,
)
def config_set(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG SET parameter value [parameter value ...]

    `OK` where all were taken. Raises an error and changes nothing where one was not.
    """
    if len(argv) % 2:
        raise SYNTAX_ERROR
    call.server.config.set_many(
        list(zip(argv[2::2], argv[3::2], strict=True)),
        is_local=is_local(call.session),
        is_loading=bool(call.server.gate & GATE_LOADING),
    )
    return OK


_TEXTS_OF_7_0 = reworded("notice, warning, nothing$", "notice, warning")
config.before("7.2.0", "CONFIG SET", wrap=_TEXTS_OF_7_0)


@config.before("7.0.0", "CONFIG SET", arity=4)
def config_set_one(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG SET parameter value

    As later, but with one parameter, other errors, and no event `n`.
    """
    if argv[2].lower() == b"notify-keyspace-events" and b"n" in argv[3]:
        raise _refused(RefusedSettingError(b"", argv[2], "-"), argv[3])
    try:
        return config_set(call, argv)
    except RefusedSettingError as refusal:
        raise _refused(refusal, argv[3]) from None


_WITHOUT_REASON = frozenset({b"client-output-buffer-limit", b"notify-keyspace-events", b"save"})


def _refused(refusal: RefusedSettingError, value: bytes) -> CommandError:
    """A refusal as 6.2 words it."""
    if not refusal.reason:
        return CommandError(b"ERR Unsupported CONFIG parameter: " + refusal.name)
    text = b"ERR Invalid argument '%b' for CONFIG SET '%b'" % (value, refusal.name)
    if refusal.name.lower() in _WITHOUT_REASON or refusal.reason == "wrong number of arguments":
        return CommandError(text)
    reason = refusal.reason.replace("argument(s) must", "argument must").removesuffix(", nothing")
    return CommandError(b"%b - %b" % (text, reason.encode()))


@config.command(
    "CONFIG REWRITE",
    arity=2,
    flags=_FLAGS,
    since="2.8.0",
    summary="Writes the directives as they are now to the configuration file.",
    tips=_ON_ALL_NODES,
)
def config_rewrite(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG REWRITE

    `OK`. Raises an error where the server was started without a file, or the file cannot be written. Tried,
    it is logged either way.
    """
    server = call.server
    try:
        content = server.host.read_config_file()
        if content is None:
            raise CommandError("ERR The server is running without a config file")
        server.host.write_config_file(rewritten(content, server.config, user_lines(server.config)))
    except OSError as error:
        server.host.log.warning(f"CONFIG REWRITE failed: {error.strerror}")
        raise CommandError(f"ERR Rewriting config file: {error.strerror}") from None
    server.host.log.notice("CONFIG REWRITE executed with success.")
    return OK


@config.command(
    "CONFIG RESETSTAT",
    arity=2,
    flags=_FLAGS,
    since="2.0.0",
    summary="Sets the counters of INFO back to zero.",
    tips=_ON_ALL_NODES,
)
def config_resetstat(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG RESETSTAT

    `OK`.
    """
    call.server.reset_statistics()
    return OK


@config.command(
    "CONFIG HELP", arity=2, flags=LOADING | STALE, since="5.0.0", summary="Lists the subcommands."
)
def config_help(call: Call, argv: list[bytes]) -> Reply:
    """CONFIG HELP

    An array of status lines.
    """
    return help_lines(argv[0], _HELP)


config.before("7.2.0", "CONFIG RESETSTAT", "CONFIG REWRITE", tips=())

_HELP = """
GET <pattern>
    Return parameters matching the glob-like <pattern> and their values.
SET <directive> <value>
    Set the configuration <directive> to <value>.
RESETSTAT
    Reset statistics reported by the INFO command.
REWRITE
    Rewrite the configuration file.
"""
