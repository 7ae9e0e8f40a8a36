"""What concerns the process as a whole: pid file, background, supervisors, open files, system log."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.server.log import Log

_RESERVED_FILES = 32
_DEFAULT_PID_FILE = "/var/run/redis.pid"


class PidFile:
    """The file that holds the process id while the server runs; best effort, as in Redis."""

    def __init__(self, path: str, log: Log) -> None:
        self.path = path or _DEFAULT_PID_FILE
        self._log = log

    def write(self) -> None:
        """Write the file; failure is logged."""
        try:
            with open(self.path, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            self._log.warning(f"Failed to write PID file: {error.strerror}")

    def remove(self) -> None:
        """Remove the file."""
        self._log.notice("Removing the pid file.")
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def daemonize() -> None:
    """Go on in the background, without a terminal: the caller returns in the child only.

    Raises OSError where the platform cannot.
    """
    if not hasattr(os, "fork"):
        raise OSError(errno.ENOSYS, "daemonize is not supported on this platform")
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


class Supervisor:
    """upstart or systemd, told how the server fares; tells nobody where there is none."""

    def __init__(self, mode: str, log: Log) -> None:
        """`mode` is what `supervised` says. With upstart, stops the process until it is continued."""
        self._systemd = ""
        self.is_present = False
        if mode in ("upstart", "auto") and (mode == "upstart" or "UPSTART_JOB" in os.environ):
            self._meet_upstart(log)
        elif mode in ("systemd", "auto") and (mode == "systemd" or "NOTIFY_SOCKET" in os.environ):
            self._meet_systemd(log)

    def _meet_upstart(self, log: Log) -> None:
        if "UPSTART_JOB" not in os.environ or not hasattr(signal, "SIGSTOP"):
            log.warning("upstart supervision requested, but UPSTART_JOB not found!")
            return
        log.notice("supervised by upstart, will stop to signal readiness.")
        os.kill(os.getpid(), signal.SIGSTOP)
        del os.environ["UPSTART_JOB"]
        self.is_present = True

    def _meet_systemd(self, log: Log) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        if not address or not hasattr(socket, "AF_UNIX"):
            log.warning("systemd supervision requested or auto-detected, but NOTIFY_SOCKET not found!")
            return
        self._systemd = "\0" + address[1:] if address.startswith("@") else address
        self.is_present = True
        self.tell("STATUS=Redis is loading...\n")
        log.notice(
            "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and "
            "TimeoutStopSec in your service unit."
        )

    def tell(self, state: str) -> None:
        """Send a state to systemd, where that supervises; failure is ignored."""
        if not self._systemd:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), self._systemd)


def monotonic_clock() -> str:
    """What durations are measured with, in Redis's words where it is the same."""
    name = time.get_clock_info("perf_counter").implementation
    return "POSIX clock_gettime" if name.startswith("clock_gettime") else name


def raise_open_files(max_clients: int, log: Log) -> int:
    """Let the process open enough files for so many clients; how many clients it can serve then."""
    try:
        import resource
    except ImportError:
        return max_clients
    wanted = max_clients + _RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return max_clients
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    refused = ""
    for limits in ((wanted, max(wanted, hard)), (allowed, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        except (OSError, ValueError) as error:
            refused = refused or (getattr(error, "strerror", None) or os.strerror(errno.EPERM))
        else:
            break
    reached = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if reached >= wanted:
        log.notice(f"Increased maximum number of open files to {wanted} (it was originally set to {soft}).")
        return max_clients
    served = max(reached - _RESERVED_FILES, 1)
    log.warning(
        f"You requested maxclients of {max_clients} requiring at least {wanted} max file descriptors."
    )
    log.warning(f"Server can't set maximum open files to {wanted} because of OS error: {refused}.")
    log.warning(
        f"Current maximum open files is {reached}. maxclients has been reduced to {served} to compensate for "
        "low ulimit. If you need higher maxclients increase 'ulimit -n'."
    )
    return served


class Syslog:
    """The platform's system logger."""

    def __init__(self, ident: str, facility: str) -> None:
        """Raises ImportError where the platform has none."""
        import syslog

        self._syslog = syslog.syslog
        self._priorities = (syslog.LOG_DEBUG, syslog.LOG_INFO, syslog.LOG_NOTICE, syslog.LOG_WARNING)
        options = syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT
        syslog.openlog(ident, options, getattr(syslog, f"LOG_{facility.upper()}"))

    def write(self, level: int, message: str) -> None:
        """Log one message."""
        self._syslog(self._priorities[level], message)
