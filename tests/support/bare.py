"""Run something where this package finds another platform: `bare.py (windows | macos) WHAT [ARGUMENT ...]`.

WHAT is `program`, or a file of Python. What the platform does not have is not there for the modules of this
package; the standard library and other packages, which know where they are, keep it.
"""

from __future__ import annotations

import asyncio
import builtins
import io
import os
import runpy
import select
import signal
import socket
import sys
import time
import types
from collections.abc import Mapping, Sequence
from typing import Any

OURS = "pyredis_cluster"

WINDOWS_SIGNALS = frozenset({"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM"})
WINDOWS_LACKS_MODULES = "fcntl grp posix pty pwd readline resource syslog termios tty uvloop"
LINUX_OF_OS = """
    O_DIRECT O_TMPFILE copy_file_range eventfd fdatasync getrandom getxattr memfd_create pidfd_open pipe2
    posix_fadvise posix_fallocate prlimit sched_getaffinity sched_setaffinity setxattr splice unshare
"""
POSIX_OF_OS = """
    O_CLOEXEC O_DIRECTORY O_DSYNC O_NOFOLLOW O_NONBLOCK O_SYNC WEXITSTATUS WIFEXITED WIFSIGNALED WNOHANG
    WTERMSIG chown chroot confstr ctermid fchdir fchmod fchown fork forkpty fstatvfs getegid geteuid
    getgid getgroups getloadavg getpgid getpgrp getpriority getsid getuid initgroups killpg lchown lockf
    major makedev minor mkfifo mknod nice openpty posix_spawn posix_spawnp pread preadv pwrite pwritev
    readv register_at_fork sched_yield sendfile setegid seteuid setgid setgroups setpgid setpriority
    setsid setuid statvfs sync sysconf sysconf_names tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4
    waitid writev
"""
POSIX_OF_SIGNAL = """
    alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigtimedwait sigwait
"""
LINUX_OF_SIGNAL = "SIGPOLL SIGPWR SIGRTMAX SIGRTMIN SIGSTKFLT"
LINUX_OF_SOCKET = """
    SOCK_CLOEXEC SOCK_NONBLOCK SO_BINDTODEVICE SO_MARK TCP_KEEPIDLE TCP_QUICKACK TCP_USER_TIMEOUT
"""
POSIX_OF_SOCKET = "AF_UNIX CMSG_LEN SO_REUSEPORT recv_fds send_fds sethostname"
POSIX_OF_TIME = "clock_gettime clock_settime pthread_getcpuclockid tzset"


class Shim(types.ModuleType):
    """A module without some names, and with others that have another value."""

    def __init__(self, real: types.ModuleType, lacks: str = "", **values: object) -> None:
        super().__init__(real.__name__)
        self._real = real
        self._lacks = frozenset(lacks.split())
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name in self._lacks:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} here")
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            setattr(self._real, name, value)


def windows() -> dict[str, Shim | None]:
    """The modules as there, None for those that are not."""
    # The loop there tells of no sockets that are ready.
    for name in ("add_signal_handler", "remove_signal_handler", "add_reader", "add_writer"):
        setattr(asyncio.SelectorEventLoop, name, refuse)
    signals = {name for name in dir(signal) if name.startswith("SIG")} - WINDOWS_SIGNALS
    ready = {name for name in dir(select) if not name.startswith("_")} - {"select"}
    return {
        **dict.fromkeys(WINDOWS_LACKS_MODULES.split()),
        "os": Shim(os, LINUX_OF_OS + POSIX_OF_OS, name="nt"),
        "sys": Shim(sys, platform="win32"),
        "signal": Shim(signal, POSIX_OF_SIGNAL + " ".join(signals)),
        "select": Shim(select, " ".join(ready)),
        "socket": Shim(socket, LINUX_OF_SOCKET + POSIX_OF_SOCKET, SO_EXCLUSIVEADDRUSE=socket.SO_REUSEADDR),
        "time": Shim(time, POSIX_OF_TIME),
    }


def macos() -> dict[str, Shim | None]:
    """The modules as there."""
    return {
        "os": Shim(os, LINUX_OF_OS),
        "sys": Shim(sys, platform="darwin"),
        "signal": Shim(signal, LINUX_OF_SIGNAL),
        "select": Shim(select, " ".join(name for name in dir(select) if name.lower().startswith("epoll"))),
        "socket": Shim(socket, LINUX_OF_SOCKET, TCP_KEEPALIVE=0x10),
    }


def refuse(self: object, *_: object) -> None:
    """What a loop that cannot do it does."""
    raise NotImplementedError


def hide(shims: Mapping[str, Shim | None]) -> None:
    """From now on modules of this package that are imported see these, and nobody finds /proc."""
    real_import, real_open = builtins.__import__, io.open

    def shimmed(
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        importer = str((globals or {}).get("__name__", ""))
        if not level and name in shims and importer.partition(".")[0] == OURS:
            if shims[name] is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return shims[name]
        return real_import(name, globals, locals, fromlist, level)

    def without_proc(file: Any, *arguments: Any, **options: Any) -> Any:
        if str(file).startswith("/proc"):
            raise FileNotFoundError(file)
        return real_open(file, *arguments, **options)

    builtins.__import__ = shimmed  # type: ignore[assignment]
    builtins.open = io.open = without_proc


def main(platform: str, what: str, *arguments: str) -> None:
    """See the module."""
    if any(name.partition(".")[0] == OURS for name in sys.modules):
        raise RuntimeError("too late: it is imported")
    hide({"windows": windows, "macos": macos}[platform]())
    if what == "program":
        sys.argv[1:] = arguments
        from pyredis_cluster.cli.main import main as program

        sys.exit(program())
    sys.argv = [what, *arguments]
    runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    # Not this directory: its modules have names that others have too.
    del sys.path[0]
    main(*sys.argv[1:])
