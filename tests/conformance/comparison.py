"""What counts as the same reply, and which real server's reply counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from tests.conformance.transcript import Step
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1
from tests.support.wire import Node, parse_all

Comparable: TypeAlias = object

_MONITOR_STAMP = re.compile(rb"\+\d{10}\.\d{6} (?=\[\d+ )|(?<=\d )127\.0\.0\.1:\d+(?=\])")
_ADDRESS = re.compile(rb"127\.0\.0\.1:\d+$")
_NUMBER = re.compile(rb"-?\d+(\.\d+)?(e[+-]?\d+)?$")


class TranscriptOutdatedError(Exception):
    """The real servers disagree where the transcript has no mark, or agree where it has one."""


def _is_number(node: Node) -> bool:
    return isinstance(node.value, bytes) and node.kind in "$:,(" and bool(_NUMBER.match(node.value))


def _is_address(node: Node) -> bool:
    return isinstance(node.value, bytes) and bool(_ADDRESS.match(node.value))


def _sorted_children(node: Node, width: int, *, deep: bool) -> Comparable:
    children: list[Comparable] = [_unordered(item, width, deep=deep) if deep else item for item in node.items]
    if node.kind == "%":
        width = 2
    groups = [tuple(children[index : index + width]) for index in range(0, len(children), width)]
    return (node.kind, sorted(groups, key=repr))


def _unordered(node: Node, width: int, *, deep: bool) -> Comparable:
    return _sorted_children(node, width, deep=deep) if isinstance(node.value, tuple) else node


def _shape(node: Node) -> Comparable:
    if isinstance(node.value, tuple):
        return (node.kind, [_shape(item) for item in node.items])
    if node.kind == "-":
        return node
    return (node.kind, node.value is None)


def _fields(node: Node, wanted: frozenset[str], *, only: bool) -> Comparable:
    """Per line the field names in order with the values of those wanted; ``only`` leaves the others out."""
    if not isinstance(node.value, bytes) or node.kind not in "$=":
        return node
    lines: list[Comparable] = []
    for line in node.value.decode(errors="replace").splitlines():
        pairs = [part for part in line.split(" ") if "=" in part] if "=" in line.partition(" ")[0] else [line]
        names: list[Comparable] = []
        for pair in pairs:
            name, separator, value = re.match(r"([^:=]*)([:=]?)(.*)", pair).groups()  # type: ignore[union-attr]
            if name in wanted or not only:
                names.append((name, separator, value if name in wanted else ""))
        if names or not only:
            lines.append(names)
    return (node.kind, lines)


def _near(one: Node, other: Node, tolerance: float) -> bool:
    if isinstance(one.value, tuple) and isinstance(other.value, tuple):
        same_form = one.kind == other.kind and len(one.value) == len(other.value)
        return same_form and all(_near(a, b, tolerance) for a, b in zip(one.value, other.value, strict=True))
    if one.kind == other.kind and _is_number(one) and _is_number(other):
        assert isinstance(one.value, bytes)
        assert isinstance(other.value, bytes)
        first, second = float(one.value), float(other.value)
        # Negative numbers are no amounts: TTL says with -1 and -2 what is not there.
        return first == second or (min(first, second) >= 0 and abs(first - second) <= tolerance)
    if _is_address(one) and _is_address(other):
        return True
    return one == other


def _normalised(raw: bytes, comparison: str) -> Comparable:
    nodes = parse_all(raw)
    if comparison == "monitor":
        return _MONITOR_STAMP.sub(rb"+", raw)
    if comparison == "?":
        return [_shape(node) for node in nodes]
    if comparison.startswith("%"):
        wanted = frozenset(comparison.lstrip("%=").split(","))
        return [_fields(node, wanted, only=comparison.startswith("%=")) for node in nodes]
    return [_unordered(node, 2 if comparison == "~2" else 1, deep=comparison == "~~") for node in nodes]


def same_reply(one: bytes, other: bytes, comparison: str) -> bool:
    """Whether two raw replies are equal under a transcript's comparison prefix."""
    if one == other or comparison == "!":
        return True
    if not comparison or one.startswith(b"<") or other.startswith(b"<"):
        return False
    try:
        if comparison[0] == "?" and comparison != "?":
            ours, theirs = parse_all(one), parse_all(other)
            tolerance = float(comparison[1:])
            return len(ours) == len(theirs) and all(
                _near(a, b, tolerance) for a, b in zip(ours, theirs, strict=True)
            )
        return _normalised(one, comparison) == _normalised(other, comparison)
    except ValueError:
        return False


def expected_reply(step: Step, replies: Mapping[str, bytes]) -> bytes | None:
    """The reply that counts, from those of the real servers; None if no server present can tell.

    Raises TranscriptOutdatedError when the marks of the line are not what the real servers do.
    """
    marked = _marked_reply(step, replies)
    exact = replies.get(REDIS_7_2)
    if exact is None:
        return marked
    if marked is not None and not same_reply(exact, marked, step.comparison):
        raise TranscriptOutdatedError("Redis 7.2 itself answers otherwise: the mark is missing or wrong")
    return exact


def _marked_reply(step: Step, replies: Mapping[str, bytes]) -> bytes | None:
    redis, valkey = replies.get(REDIS_7_0), replies.get(VALKEY_8_1)
    if redis is not None and valkey is not None:
        agree = same_reply(redis, valkey, step.comparison)
        if not agree and not step.oracle:
            raise TranscriptOutdatedError("the real servers differ: mark the line =7.0, =8.1 or =7.2")
        if agree and step.oracle in (REDIS_7_0, VALKEY_8_1) and not step.one_of_many:
            raise TranscriptOutdatedError("the real servers agree: remove the mark")
    if step.oracle == "text":
        return step.expected
    if step.oracle:
        return replies.get(step.oracle)
    return redis if redis is not None else valkey
