"""Checks of single values beyond their kind; each raises `BadValue` with Redis's text."""

from __future__ import annotations

import re

from pyredis_cluster.config.kinds import BadValue

_LONGEST_HOSTNAME = 255
_NOT_IN_HOSTNAME = re.compile(r"[^A-Za-z0-9.-]").search
_NOT_IN_NODENAME = re.compile(r"[!#$%&()*+:;<>?@\[\]^{|}~]").search
_TEMPLATE_PIECE = re.compile(r"\{\{|\{(?P<variable>[^}]*)\}|(?P<text>[^{]+)")

# True where the variable is never empty; the others may all be, and an empty title is refused.
_TITLE_VARIABLES = {
    "title": False,
    "listen-addr": True,
    "server-mode": False,
    "port": True,
    "tls-port": True,
    "unixsocket": False,
    "config-file": False,
}


def database_file(name: str) -> None:
    """A file name without directory."""
    if not _is_base_name(name):
        raise BadValue("dbfilename can't be a path, just a filename")


def append_file(name: str) -> None:
    """A file name without directory, and not empty."""
    if not name:
        raise BadValue("appendfilename can't be empty")
    if not _is_base_name(name):
        raise BadValue("appendfilename can't be a path, just a filename")


def append_directory(name: str) -> None:
    """A directory's name alone, and not empty."""
    if not name:
        raise BadValue("appenddirname can't be empty")
    if not _is_base_name(name):
        raise BadValue("appenddirname can't be a path, just a dirname")


def hostname(name: str) -> None:
    """At most 255 letters, digits, hyphens and dots."""
    if len(name) > _LONGEST_HOSTNAME:
        raise BadValue("Hostnames must be less than 256 characters")
    if _NOT_IN_HOSTNAME(name):
        raise BadValue("Hostnames may only contain alphanumeric characters, hyphens or dots")


def human_nodename(name: str) -> None:
    """A name that can stand in nodes.conf."""
    if _NOT_IN_NODENAME(name):
        raise BadValue("Announced human node name contained invalid character")


def title_template(template: str) -> None:
    """Text with `{variable}`s that all exist, and that gives a title."""
    at = 0
    title_is_empty = True
    while at < len(template):
        match = _TEMPLATE_PIECE.match(template, at)
        variable = match["variable"] if match else None
        if match is None or (variable is not None and variable not in _TITLE_VARIABLES):
            raise BadValue("template format is invalid or contains unknown variables")
        filled = _TITLE_VARIABLES[variable] if variable is not None else bool(match[0].strip(" "))
        title_is_empty = title_is_empty and not filled
        at = match.end()
    if title_is_empty:
        raise BadValue("template format is invalid or contains unknown variables")


def no_contradiction(flags: tuple[str, ...]) -> None:
    """Shutdown flags of which not both `save` and `nosave` are given."""
    if "save" in flags and "nosave" in flags:
        raise BadValue("shutdown options SAVE and NOSAVE can't be used simultaneously")


def _is_base_name(name: str) -> bool:
    return "/" not in name and "\\" not in name
