"""The HELP subcommand of containers, in Redis's layout."""

from __future__ import annotations

from pyredis_cluster.protocol.reply import Status


def help_lines(name: bytes, body: str) -> list[Status]:
    """The reply of `<container> HELP`: header, `body` line by line, and HELP itself.

    `name` is the container's name as the client spelled it (`argv[0]`). `body` has a line per subcommand
    with its arguments, each followed by lines that begin with four blanks; empty lines at its ends go.
    """
    header = b"%b <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" % name.upper()
    lines = [header, *body.strip("\n").encode().split(b"\n"), b"HELP", b"    Print this help."]
    return [Status(line) for line in lines]
