"""The manifest: which files make up an AOF, and in which order.

A line each, in words as redis.conf has them (quoted where they need it), keywords in any order and case:

    file appendonly.aof.2.base.rdb seq 2 type b     the base, at most one: a whole dataset
    file appendonly.aof.1.incr.aof seq 1 type h     history: replaced by the base, and about to be removed
    file appendonly.aof.3.incr.aof seq 3 type i     increments: what changed since, in ascending order

Lines that begin with `#` are skipped, pairs with other keywords ignored. Written in this order.

Source: getAofManifestAsString, aofLoadManifestFromFile of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from pyredis_cluster.protocol.words import UnbalancedQuotes, quote_word, split_words

Kind = Literal["b", "h", "i"]

BASE: Final = "b"
HISTORY: Final = "h"
INCREMENT: Final = "i"

_MAX_LINE_BYTES = 1024
_BLANKS = b" \t\r\n"
_INVALID = "Invalid AOF manifest file format"


class ManifestError(Exception):
    """A manifest that cannot be read: `reason`, and the number and text of the line if there is one."""

    def __init__(self, reason: str, number: int, line: bytes | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.number = number
        self.line = line


@dataclass(frozen=True)
class AofFile:
    """One file of an AOF; `name` has no directory."""

    name: str
    sequence: int
    kind: Kind

    def encode(self) -> bytes:
        """Its line."""
        name = self.name.encode("utf-8", "surrogateescape")
        if any(byte <= 0x20 or byte >= 0x7F or byte in b'\\"' for byte in name):
            name = quote_word(name)
        return b"file %b seq %d type %b\n" % (name, self.sequence, self.kind.encode())


@dataclass
class Manifest:
    """The files of one AOF. Sequence numbers only grow, also across the files that are gone."""

    base: AofFile | None = None
    increments: list[AofFile] = field(default_factory=list)
    history: list[AofFile] = field(default_factory=list)
    base_sequence: int = 0
    increment_sequence: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to load."""
        return self.base is None and not self.increments

    def to_load(self) -> list[AofFile]:
        """The files that make up the dataset, in order."""
        return ([self.base] if self.base is not None else []) + self.increments

    def encode(self) -> bytes:
        """The content of the manifest's file."""
        files = ([self.base] if self.base is not None else []) + self.history + self.increments
        return b"".join(each.encode() for each in files)

    def copy(self) -> Manifest:
        """One that can be changed, and thrown away if what belongs to the changes fails."""
        return Manifest(
            self.base,
            self.increments.copy(),
            self.history.copy(),
            self.base_sequence,
            self.increment_sequence,
        )

    def set_old_style_base(self, file_name: str) -> None:
        """The base is a single file as Redis 6 wrote it, under its old name."""
        self.base_sequence = 1
        self.base = AofFile(file_name, 1, BASE)

    def new_base(self, file_name: str, *, is_rdb: bool) -> AofFile:
        """Add a base, named after `file_name`; the one before becomes history."""
        if self.base is not None:
            self.history.insert(0, AofFile(self.base.name, self.base.sequence, HISTORY))
        self.base_sequence += 1
        suffix = "rdb" if is_rdb else "aof"
        self.base = AofFile(f"{file_name}.{self.base_sequence}.base.{suffix}", self.base_sequence, BASE)
        return self.base

    def new_increment(self, file_name: str) -> AofFile:
        """Add an increment, named after `file_name`."""
        self.increment_sequence += 1
        name = f"{file_name}.{self.increment_sequence}.incr.aof"
        made = AofFile(name, self.increment_sequence, INCREMENT)
        self.increments.append(made)
        return made

    def retire_increments(self, *, keep_last: bool) -> None:
        """The base has what increments had; the last one may be still written to."""
        kept = self.increments[-1:] if keep_last else []
        for each in reversed(self.increments[: len(self.increments) - len(kept)]):
            self.history.insert(0, AofFile(each.name, each.sequence, HISTORY))
        self.increments = kept


def parse_manifest(data: bytes) -> Manifest:
    """Read the content of a manifest's file. Raises `ManifestError`."""
    if not data:
        raise ManifestError("Found an empty AOF manifest", 0, None)
    manifest = Manifest()
    for number, raw in _lines(data):
        if raw.startswith(b"#"):
            continue
        if b"\n" not in raw.partition(b"\0")[0]:
            raise ManifestError("The AOF manifest file contains too long line", number, None)
        line = raw.partition(b"\0")[0].strip(_BLANKS)
        try:
            _take(manifest, _parse_line(line))
        except ValueError as error:
            raise ManifestError(str(error), number, line or None) from None
    return manifest


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines with their ends, numbered from 1; those that are too long in pieces, as fgets gives them."""
    position = number = 0
    while position < len(data):
        number += 1
        end = data.find(b"\n", position, position + _MAX_LINE_BYTES) + 1 or position + _MAX_LINE_BYTES
        yield number, data[position:end]
        position = end


def _parse_line(line: bytes) -> AofFile:
    """One file. Raises ValueError with Redis's reason."""
    try:
        words = split_words(line)
    except UnbalancedQuotes:
        raise ValueError(_INVALID) from None
    if len(words) < 6 or len(words) % 2:
        raise ValueError(_INVALID)
    name = kind = b""
    sequence = 0
    for keyword, value in zip(words[::2], words[1::2], strict=True):
        match keyword.lower():
            case b"file":
                name = value
                if b"/" in name or b"\\" in name:
                    raise ValueError("File can't be a path, just a filename")
            case b"seq":
                sequence = _leading_integer(value)
            case b"type":
                kind = value[:1]
    if not name or not sequence or not kind:
        raise ValueError(_INVALID)
    if kind not in (b"b", b"h", b"i"):
        raise ValueError("Unknown AOF file type")
    known: Kind = BASE if kind == b"b" else HISTORY if kind == b"h" else INCREMENT
    return AofFile(name.decode("utf-8", "surrogateescape"), sequence, known)


def _leading_integer(text: bytes) -> int:
    """What C's atoll makes of it; 0 beyond 64 bits, where nothing sensible can be meant."""
    text = text.lstrip(b" \t\n\v\f\r")
    end = start = int(text[:1] in (b"-", b"+"))
    while text[end : end + 1].isdigit():
        end += 1
    if not 0 < end - start <= 19:
        return 0
    value = int(text[:end])
    return value if -(1 << 63) <= value < 1 << 63 else 0


def _take(manifest: Manifest, found: AofFile) -> None:
    if found.kind == BASE:
        if manifest.base is not None:
            raise ValueError("Found duplicate base file information")
        manifest.base = found
        manifest.base_sequence = found.sequence
    elif found.kind == HISTORY:
        manifest.history.append(found)
    else:
        if found.sequence <= manifest.increment_sequence:
            raise ValueError("Found a non-monotonic sequence number")
        manifest.increments.append(found)
        manifest.increment_sequence = found.sequence
