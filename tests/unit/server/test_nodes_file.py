"""nodes.conf on disk: locked, and replaced as a whole."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pyredis_cluster.server.disk import SystemDisk
from pyredis_cluster.server.nodes_file import NodesFile, NodesFileError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="files are not locked there")


LOOP = SimpleNamespace(call_soon=lambda call: call())
DISK = SystemDisk(cast(asyncio.AbstractEventLoop, LOOP))


def open_file(directory: Path) -> NodesFile:
    return NodesFile(DISK, str(directory / "nodes.conf"), "nodes.conf")


def refused(directory: Path) -> str:
    with pytest.raises(NodesFileError) as caught:
        open_file(directory)
    return str(caught.value)


def test_a_new_file_is_empty_and_what_is_written_is_read(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    assert file.read() == ""
    for text, fsync in (("one\n", True), ("é\r\n", False)):
        file.write(text, fsync=fsync)
        assert file.read() == text
    file.close()
    file.close()
    assert os.listdir(tmp_path) == ["nodes.conf"]


def test_a_second_node_is_refused_before_and_after_saving(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    message = (
        "Sorry, the cluster configuration file nodes.conf is already used by a different Redis Cluster node. "
        "Please make sure that different nodes use different cluster configuration files."
    )
    assert refused(tmp_path) == message
    file.write("text", fsync=True)
    assert refused(tmp_path) == message
    file.close()
    other = open_file(tmp_path)
    assert other.read() == "text"
    other.close()


def test_a_file_replaced_while_it_was_being_locked_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyredis_cluster.server import locked_file

    lock = locked_file._lock
    calls = []

    def replace_then_lock(fd: int) -> None:
        calls.append(fd)
        if len(calls) == 1:
            (tmp_path / "nodes.conf").unlink()
        elif len(calls) == 2:
            (tmp_path / "new").write_text("new")
            (tmp_path / "new").rename(tmp_path / "nodes.conf")
        lock(fd)

    monkeypatch.setattr(locked_file, "_lock", replace_then_lock)
    file = open_file(tmp_path)
    assert len(calls) == 3
    assert file.read() == "new"
    file.close()


def test_a_file_that_cannot_be_made_or_read(tmp_path: Path) -> None:
    assert refused(tmp_path / "missing") == (
        "Can't open nodes.conf in order to acquire a lock: No such file or directory"
    )
    file = open_file(tmp_path)
    (tmp_path / "nodes.conf").unlink()
    with pytest.raises(NodesFileError, match=r"Loading the cluster node config from nodes\.conf: No such"):
        file.read()
    file.close()


def test_a_lock_that_cannot_be_had_for_another_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("pyredis_cluster.server.locked_file._lock", fail)
    assert refused(tmp_path) == "Impossible to lock nodes.conf: No locks available"


def test_a_failed_save_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = open_file(tmp_path)
    file.write("old", fsync=False)

    def fail(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        file.write("new", fsync=True)
    assert file.read() == "old"
    assert os.listdir(tmp_path) == ["nodes.conf"]
    assert "already used" in refused(tmp_path)
    file.close()
