"""What `pyredis-cluster up` was asked for, and the configuration of each node that follows from it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis_cluster.cli.configuration import load_config
from pyredis_cluster.cli.up_shape import Shape, UpError
from pyredis_cluster.config.command_line import CommandLine, parse_command_line
from pyredis_cluster.config.directives import find
from pyredis_cluster.config.loader import ConfigFileError, ConfigFileUnreadableError, load_text
from pyredis_cluster.protocol.words import quote_word, split_words

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config

HIGHEST_PORT = 65535
BUS_PORT_OFFSET = 10000
MASTER_NAME = "mymaster"
READY_S = 60.0
"""How long nodes may take until they are ready, and a second more for each of them."""

_LOG_FILE = "server.log"
_LOOPBACK = ("127.", "localhost")
ALL_ADDRESSES = frozenset(("*", "0.0.0.0", "::", "::*"))
"""What stands for all addresses of this host."""
_DECIDED = frozenset(
    [
        "port",
        "bind",
        "dir",
        "tls-port",
        "unixsocket",
        "cluster-enabled",
        "cluster-port",
        "cluster-announce-port",
        "cluster-announce-tls-port",
        "cluster-announce-bus-port",
        "replica-announce-port",
        "replicaof",
        "slaveof",
        "daemonize",
        "supervised",
        "pidfile",
        "logfile",
    ]
)
"""Directives that differ from node to node, or that `up` answers for."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `up` was asked for: without a directory nothing is kept, without `bind` only this host connects.

    `directives` are configuration lines for all nodes, which override those of the file.
    """

    shape: Shape
    bind: tuple[str, ...] = ()
    directory: str | None = None
    config_file: str | None = None
    directives: bytes = b""
    announce: str = ""
    announce_port: int = 0

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to listen on."""
        return self.bind or ("127.0.0.1",)

    @property
    def is_local(self) -> bool:
        """Whether this host alone can connect."""
        return all(address == "::1" or address.startswith(_LOOPBACK) for address in self.addresses)

    @property
    def host(self) -> str:
        """An address at which clients on this host reach the nodes."""
        address = self.addresses[0].removeprefix("-")
        if address in ALL_ADDRESSES:
            return "::1" if address.startswith("::") else "127.0.0.1"
        return address


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node that is to be: `home` is its directory, `log_file` empty where it logs to the terminal."""

    port: int
    home: str
    log_file: str
    is_sentinel: bool = False

    @property
    def conf_file(self) -> str:
        """The file that says which role a node has that is part of no cluster."""
        return os.path.join(self.home, "sentinel.conf" if self.is_sentinel else "redis.conf")


def directives_of(words: Sequence[str]) -> bytes:
    """Configuration lines from `--directive value …`. Raises UpError for any that cannot be."""
    if not words:
        return b""
    if not words[0].startswith("--"):
        raise UpError(f"Got unexpected extra argument ({words[0]})")
    lines = parse_command_line(list(words)).overrides or b""
    for line in lines.split(b"\n"):
        name = (split_words(line) or [b""])[0]
        text = name.decode("utf-8", "replace")
        directive = find(name)
        if directive is None:
            raise UpError(f"No such option or directive: --{text}.{_similar(text)}")
        if directive.name in _DECIDED:
            raise UpError(f"--{text}: this is not the same for all nodes, so `up` decides it.")
    try:
        load_text(lines, source="the command line")
    except ConfigFileError as error:
        raise UpError(_explained(error)) from None
    return lines


def _similar(name: str) -> str:
    from difflib import get_close_matches

    from pyredis_cluster.config.directives import NAMES

    options = ("primaries", "replicas", "sentinels", "processes", "announce", "config", "json")
    close = get_close_matches(name, [*options, *NAMES], 1)
    return f" Did you mean --{close[0]}?" if close else ""


def plan(options: UpOptions, directory: str) -> list[NodePlan]:
    """All nodes, the primaries first; makes their directories. Raises OSError."""
    plans = []
    for at, port in enumerate(options.shape.ports):
        home = os.path.join(directory, str(port))
        os.makedirs(home, exist_ok=True)
        log_file = os.path.join(home, _LOG_FILE) if options.directory is not None else ""
        plans.append(NodePlan(port, home, log_file, at >= options.shape.server_count))
    return plans


def node_config(options: UpOptions, node: NodePlan) -> Config:
    """The configuration of one node that has data. Raises UpError."""
    overrides = [options.directives] if options.directives else []
    if options.bind:
        overrides.append(b"bind " + " ".join(options.bind).encode())
    overrides += [
        *fixed_lines(node),
        *(name + b" 0" for name in (b"cluster-port", b"cluster-announce-port", b"cluster-announce-bus-port")),
        b"cluster-enabled " + (b"yes" if options.shape.is_cluster else b"no"),
    ]
    own_file = None if options.shape.is_cluster else node.conf_file
    config = _load(options, own_file, b"\n".join(overrides))
    if options.shape.is_cluster:
        # What file there is belongs to all nodes: none may rewrite it.
        config.config_file = ""
    if config.data("requirepass") and not config.data("masterauth"):
        config.set_many([(b"masterauth", config.data("requirepass"))])
    return config


def starts_as_replica(node: NodePlan) -> bool:
    """Whether the files of a node that is about to start say that it is a replica."""
    for path, mark in (
        (os.path.join(node.home, "nodes.conf"), "myself,slave"),
        (node.conf_file, "replicaof "),
    ):
        with contextlib.suppress(OSError), open(path, encoding="latin-1") as file:
            if mark in file.read():
                return True
    return False


def fixed_lines(node: NodePlan) -> list[bytes]:
    """Configuration lines of any one node."""
    return [
        b"port %d" % node.port,
        b"dir " + quote_word(os.fsencode(node.home)),
        *(name + b' ""' for name in (b"pidfile", b"logfile", b"unixsocket")),
        b"daemonize no",
        b"supervised no",
    ]


def _load(options: UpOptions, own_file: str | None, overrides: bytes) -> Config:
    defaults = _defaults(options)
    config_file = options.config_file
    if own_file is not None:
        if config_file is not None:
            defaults += b"\ninclude " + quote_word(os.fsencode(os.path.abspath(config_file)))
        config_file = own_file
    try:
        return load_config(CommandLine(config_file=config_file, overrides=overrides), defaults=defaults)
    except ConfigFileError as error:
        raise UpError(_explained(error)) from None
    except ConfigFileUnreadableError as error:
        raise UpError(f"{error.path}: {error.reason}") from None


def _defaults(options: UpOptions) -> bytes:
    lines = [
        "bind " + " ".join(options.addresses),
        # Replicas come all at once or not at all: there is nothing to wait for.
        "repl-diskless-sync-delay 0",
    ]
    if options.shape.is_cluster:
        lines += ["databases 1", f"cluster-announce-to-clients {announce_rules(options)}"]
    if options.directory is None:
        lines += ['save ""', "loglevel warning"]
    if not options.is_local:
        # Who asks for it by name wants to be reached from elsewhere.
        lines.append("protected-mode no")
    return "\n".join(lines).encode()


def announce_rules(options: UpOptions) -> str:
    """What `cluster-announce-to-clients` is, unless it is given."""
    if options.announce:
        shift = options.announce_port - options.shape.port if options.announce_port else 0
        told = options.announce + (f":{shift:+}" if shift else "")
        return f"127.0.0.1 same ::1 same * {told}"
    has_one = len(options.addresses) == 1 and options.addresses[0] not in ALL_ADDRESSES
    return '""' if has_one else "* same"


def _explained(error: ConfigFileError) -> str:
    if error.line is None:
        return error.reason
    text = error.line.text.decode("utf-8", "replace")
    if error.line.source == "the command line":
        return f"--{text}: {error.reason}"
    source = error.line.source.removeprefix("file ")
    return f"{source}, line {error.line.number}: {text}: {error.reason}"
