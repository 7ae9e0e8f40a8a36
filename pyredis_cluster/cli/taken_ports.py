"""Who listens on a port that was wanted, as far as this system tells."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_LSOF_LIMIT_S = 3.0
_LISTENING = "0A"
_AIRPLAY_PORTS = (5000, 7000)
AIRPLAY = (
    "macOS uses it for AirPlay Receiver: to switch that off, see System Settings, General, AirDrop & Handoff."
)


class Owner(NamedTuple):
    """A process, as far as it is known."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})" if self.name else f"process {self.pid}"


def taken(address: str, ports: Iterable[int]) -> list[int]:
    """Those of `ports` on which others listen."""
    return [port for port in ports if not _is_free(address, port)]


def describe_taken(ports: Iterable[int], bus_ports: range | tuple[()] = ()) -> str:
    """A line for each of `ports`, which are taken: by whom, and what to do about it where that is known."""
    lines = []
    for port in ports:
        what = f" (the bus of node {port - 10000})" if port in bus_ports else ""
        owner = owner_of(port)
        lines.append(f"Port {port}{what} is taken" + (f" by {owner}." if owner else "."))
        if sys.platform == "darwin" and port in _AIRPLAY_PORTS and _is_airplay(owner):
            lines.append(AIRPLAY)
    return "\n".join(lines)


def _is_airplay(owner: Owner | None) -> bool:
    return owner is None or owner.name.startswith("ControlCe")


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections in TIME_WAIT do not keep a server from listening.
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            probe.listen(1)
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True


def owner_of(port: int) -> Owner | None:
    """The process that listens on a port; None where the system does not say."""
    try:
        inodes = set(_listening_inodes(port))
    except OSError:
        return _ask_lsof(port)
    return next(_processes_with(inodes), None)


def _listening_inodes(port: int) -> Iterator[str]:
    """Inodes of the sockets that listen on `port`. Raises OSError where there is no such table."""
    # Fields of a row: slot, own and other address, state, queues, timer, retransmits, user, timeout, inode.
    tables = [Path("/proc/net/tcp").read_text()]
    with contextlib.suppress(OSError):
        tables.append(Path("/proc/net/tcp6").read_text())
    for table in tables:
        for row in table.splitlines()[1:]:
            fields = row.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _processes_with(inodes: set[str]) -> Iterator[Owner]:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        # Those of others cannot be looked into, and any may end meanwhile.
        with contextlib.suppress(OSError):
            if any(os.readlink(each) in wanted for each in _open_files(process)):
                yield Owner(int(process.name), _name_of(process))


def _open_files(process: Path) -> Iterator[str]:
    with os.scandir(process / "fd") as files:
        for file in files:
            yield file.path


def _name_of(process: Path) -> str:
    words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    names = [os.path.basename(word.decode(errors="replace")) for word in words[:2]]
    # An interpreter alone says little.
    return " ".join(names if names[0].startswith("python") else names[:1])


def _ask_lsof(port: int) -> Owner | None:
    lsof = shutil.which("lsof")
    if lsof is None:
        return None
    try:
        found = subprocess.run(
            [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LSOF_LIMIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = {line[0]: line[1:] for line in reversed(found.splitlines()) if line}
    return Owner(int(fields["p"]), fields.get("c", "")) if fields.get("p", "").isdecimal() else None
