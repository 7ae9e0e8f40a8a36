"""The manifest of an AOF: what is written, and what is refused."""

from __future__ import annotations

import pytest

from pyredis_cluster.persistence.aof.manifest import AofFile, Manifest, ManifestError, parse_manifest

_ALL_KINDS = (
    b"file appendonly.aof.2.base.rdb seq 2 type b\n"
    b"file appendonly.aof.1.base.rdb seq 1 type h\n"
    b"file appendonly.aof.3.incr.aof seq 3 type h\n"
    b"file appendonly.aof.4.incr.aof seq 4 type i\n"
    b"file appendonly.aof.5.incr.aof seq 5 type i\n"
)


def test_reads_what_it_writes() -> None:
    manifest = parse_manifest(_ALL_KINDS)
    assert manifest.encode() == _ALL_KINDS
    assert (manifest.base_sequence, manifest.increment_sequence) == (2, 5)
    assert [each.sequence for each in manifest.to_load()] == [2, 4, 5]


def test_a_rewrite_turns_files_into_history() -> None:
    manifest = Manifest()
    assert manifest.is_empty
    assert manifest.new_base("a.aof", is_rdb=False).name == "a.aof.1.base.aof"
    assert manifest.new_increment("a.aof").name == "a.aof.1.incr.aof"
    manifest.new_increment("a.aof")
    manifest.new_increment("a.aof")
    kept = manifest.copy()
    manifest.new_base("a.aof", is_rdb=True)
    manifest.retire_increments(keep_last=True)
    assert manifest.encode().decode().splitlines() == [
        "file a.aof.2.base.rdb seq 2 type b",
        "file a.aof.1.incr.aof seq 1 type h",
        "file a.aof.2.incr.aof seq 2 type h",
        "file a.aof.1.base.aof seq 1 type h",
        "file a.aof.3.incr.aof seq 3 type i",
    ]
    assert len(kept.increments) == 3
    assert kept.history == []


def test_without_a_file_in_use_all_increments_are_retired() -> None:
    manifest = parse_manifest(_ALL_KINDS)
    manifest.retire_increments(keep_last=False)
    assert manifest.increments == []
    assert [each.sequence for each in manifest.history] == [4, 5, 1, 3]


@pytest.mark.parametrize("name", ["a b", 'q"', "é", "tab\t", "plain"])
def test_odd_names_are_quoted(name: str) -> None:
    line = AofFile(name, 1, "b").encode()
    assert (b'"' in line) == (name != "plain")
    base = parse_manifest(line).base
    assert base is not None
    assert base.name == name


def test_keywords_may_come_in_any_order_and_case_with_unknown_ones() -> None:
    manifest = parse_manifest(b"# a comment\n  TYPE i new thing Seq 7x file 'x y'\r\n")
    assert manifest.increments == [AofFile("x y", 7, "i")]


@pytest.mark.parametrize(
    ("content", "reason", "has_line"),
    [
        (b"", "Found an empty AOF manifest", False),
        (b"\n", "Invalid AOF manifest file format", False),
        (b"file a seq 1 type b", "The AOF manifest file contains too long line", False),
        (b"file " + b"a" * 1024 + b" seq 1 type b\n", "The AOF manifest file contains too long line", False),
        (b"file a seq 1\n", "Invalid AOF manifest file format", True),
        (b"file a seq 1 type b extra\n", "Invalid AOF manifest file format", True),
        (b'file "a seq 1 type b\n', "Invalid AOF manifest file format", True),
        (b"file a seq 0 type b\n", "Invalid AOF manifest file format", True),
        (b"file a seq x type b\n", "Invalid AOF manifest file format", True),
        (b"file '' seq 1 type b\n", "Invalid AOF manifest file format", True),
        (b"file a seq 99999999999999999999 type i\n", "Invalid AOF manifest file format", True),
        (b"file d/a seq 1 type b\n", "File can't be a path, just a filename", True),
        (b"file a seq 1 type x\n", "Unknown AOF file type", True),
        (b"file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information", True),
        (b"file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number", True),
    ],
)
def test_refusals(content: bytes, reason: str, has_line: bool) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(content)
    assert caught.value.reason == reason
    assert (caught.value.line is not None) == has_line
    assert caught.value.number == len(content.splitlines())
