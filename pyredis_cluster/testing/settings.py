"""Configurations made of keywords, as tests like to write them."""

from __future__ import annotations

from collections.abc import Mapping

from pyredis_cluster.config.config import Config
from pyredis_cluster.config.directives import find
from pyredis_cluster.config.kinds import BadValue

DirectiveValue = str | int | bool
"""What a directive may be given as; True and False are `yes` and `no`."""


def set_directives(config: Config, directives: Mapping[str, object]) -> None:
    """Set directives as lines of redis.conf would; in their names `_` may stand for `-`.

    Raises ValueError for a name that is none, and for a value that the directive does not take.
    """
    for name, value in directives.items():
        directive = find(name.replace("_", "-").encode())
        if directive is None:
            raise ValueError(f"there is no directive {name!r}")
        text = directive_text(value)
        try:
            config.set_line(directive, text.encode().split() or [b""])
        except BadValue as error:
            raise ValueError(f"{name} {text!r}: {error}") from None


def directive_text(value: object) -> str:
    """A value as a line of redis.conf has it."""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
