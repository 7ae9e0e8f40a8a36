"""What operators do not get to see of a request: passwords, in MONITOR and in SLOWLOG.

A rule hides what the command's own handler would have recognised as secret by the time it replied, so a
request that fails early is shown as it came, as Redis does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyredis_cluster.config.directives import is_sensitive
from pyredis_cluster.protocol.numbers import integer_or_none

_REDACTED = b"(redacted)"


def redacted(argv: list[bytes]) -> list[bytes]:
    """`argv`, or a copy with its secret arguments hidden."""
    find = _FINDERS.get(argv[0].lower())
    if find is None:
        return argv
    secret = set(find(argv))
    return [_REDACTED if index in secret else word for index, word in enumerate(argv)] if secret else argv


def _of_auth(argv: list[bytes]) -> Iterable[int]:
    return range(1, len(argv)) if len(argv) <= 3 else ()


def _of_hello(argv: list[bytes]) -> Iterable[int]:
    if len(argv) < 2 or integer_or_none(argv[1]) not in (2, 3):
        return
    index = 2
    while index < len(argv):
        option = argv[index].upper()
        if option == b"AUTH" and index + 2 < len(argv):
            yield index + 1
            yield index + 2
            index += 3
        elif option == b"SETNAME" and index + 1 < len(argv):
            index += 2
        else:
            return


def _of_config(argv: list[bytes]) -> Iterable[int]:
    if len(argv) < 4 or len(argv) % 2 or argv[1].lower() != b"set":
        return
    for index in range(2, len(argv), 2):
        if is_sensitive(argv[index].lower()):
            yield index + 1


def _of_migrate(argv: list[bytes]) -> Iterable[int]:
    index = 6
    while index < len(argv):
        option = argv[index].lower()
        count = {b"copy": 0, b"replace": 0, b"auth": 1, b"auth2": 2}.get(option, -1)
        if count < 0 or index + count >= len(argv):
            return
        yield from range(index + 1, index + 1 + count)
        index += 1 + count


_FINDERS: dict[bytes, Callable[[list[bytes]], Iterable[int]]] = {
    b"auth": _of_auth,
    b"hello": _of_hello,
    b"config": _of_config,
    b"migrate": _of_migrate,
}
