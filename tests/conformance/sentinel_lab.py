"""Sentinels to compare: the same scenario with each program, with names for what no two runs share."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

from tests.support.sentinels import Watched
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, find_real_servers
from tests.support.wire import Node, parse

_T = TypeVar("_T")

DIFFERENCES = Path(__file__).with_name("sentinel_differences.txt")

_MOVING = re.compile(
    r"last-(ok-)?ping-(sent|reply)|last-hello-message|.*-time|info-refresh|slave-repl-offset|.*-commands"
)
_ID = re.compile(r"\b[0-9a-f]{40}\b")


def oracles() -> list[str]:
    """Who says what is right: Redis 7.2, or where it is missing those before and after it."""
    real = find_real_servers()
    return [REDIS_7_2] if REDIS_7_2 in real else [name for name in (REDIS_7_0, VALKEY_8_1) if name in real]


def differences(kind: str) -> Callable[[str], bool]:
    """Whether the list of what may differ has a line of this kind (`reply`, `event`, `file`) that matches."""
    lines = DIFFERENCES.read_text(encoding="utf-8").splitlines()
    patterns = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    chosen = [pattern for name, pattern in patterns if name == kind]
    return lambda text: any(fnmatch.fnmatchcase(text, pattern) for pattern in chosen)


def with_each(names: Sequence[str], do: Callable[[str], _T]) -> dict[str, _T]:
    """What `do` returns for each program; all at once, since most of it is waiting."""
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(do, names), strict=True))


class Names:
    """Names for ports and ids, learned from a running scenario."""

    def __init__(self, watched: Watched) -> None:
        self._names = {str(server.port): f"P{n}" for n, server in enumerate(watched.servers)}
        for n, sentinel in enumerate(watched.sentinels):
            self._names[str(sentinel.port)] = f"S{n}"
            self._names[sentinel.ask("SENTINEL", "MYID")] = f"ID{n}"

    def fill(self, text: str) -> str:
        """A request with its `$names` replaced by what they stand for here."""
        for actual, name in sorted(self._names.items(), key=lambda item: item[1], reverse=True):
            text = text.replace(f"${name}", actual)
        return text

    def of(self, text: str) -> str:
        """A text with names in it."""
        text = re.sub(r"\b(\d{4,5}|[0-9a-f]{40})\b", lambda found: self._names.get(found[0], found[0]), text)
        return _ID.sub("ID", text)

    def comparable(self, raw: bytes) -> object:
        """A reply as a tree with names. What counts milliseconds is N, the order of instances nothing."""
        return self._tree(parse(raw))

    def _tree(self, node: Node) -> object:
        if isinstance(node.value, tuple):
            return self._aggregate(node.kind, [self._tree(item) for item in node.items])
        if node.value is None:
            return (node.kind, None)
        return (node.kind, self.of(node.value.decode(errors="replace")))

    def _aggregate(self, kind: str, items: list[object]) -> object:
        if items[:1] in ([("$", "name")], [("$", "server")]):
            pairs = zip(items[::2], items[1::2], strict=True)
            items = [each for name, value in pairs for each in (name, _steady(name[1], value))]  # type: ignore[index]
        if items and all(isinstance(item, tuple) and item[0] in "*%" for item in items):
            items = sorted(items, key=repr)
        return (kind, items)


def _steady(name: str, value: object) -> object:
    """The value of a field, or less of it where two runs have not the same."""
    kind, text = cast("tuple[str, str]", value)
    if name in ("server", "version", "id") or (_MOVING.fullmatch(name) and text.isdigit()):
        return (kind, "N")
    # A link that has just been told to begin anew is down for a moment.
    return (kind, text.replace(",disconnected", "")) if name == "flags" else value
