"""The program. Without a subcommand it behaves as `redis-server` does.

A first word that names a subcommand goes to it; anything else is redis-server's command line. Nothing is
imported before it is needed: a server answers within a fraction of a second of being started.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

SUBCOMMANDS = frozenset({"up", "status", "cluster"})
"""First words that are commands of their own; a configuration file of that name is given as `./up`."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as of a program that the signal has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `sys.argv`, or the words given; its exit code."""
    program, *given = sys.argv
    words = list(given if arguments is None else arguments)
    try:
        if words and words[0] in SUBCOMMANDS:
            from pyredis_cluster.cli.commands import run_subcommand

            return run_subcommand(words)
        from pyredis_cluster.cli.redis_server import run_redis_server

        return run_redis_server(words, program)
    except KeyboardInterrupt:
        # Before there is anything that would have to end in order.
        return INTERRUPTED


def sentinel_main() -> int:
    """The program `pyredis-sentinel`: what `pyredis-cluster --sentinel` does."""
    from pyredis_cluster.cli.redis_server import run_redis_server

    return run_redis_server(sys.argv[1:], "pyredis-sentinel")
