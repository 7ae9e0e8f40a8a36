"""`pyredis-cluster status`: how a cluster fares, once or as it changes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.link import Credentials, Link, NodeLink
from pyredis_cluster.admin.observing import Observer
from pyredis_cluster.admin.status import Status
from pyredis_cluster.admin.status_drawing import Line, Span, draw, plain
from pyredis_cluster.admin.status_report import as_json
from pyredis_cluster.cli.keys import pressed_keys

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LIMIT_S = 2.0
"""How long a node may take to connect, and to answer."""

_WIDTH_ELSEWHERE = 100
_STYLES = {
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "dim": "bright_black",
    "head": "bold",
    "lost": "white on red",
    "owner0": "black on cyan",
    "owner1": "black on yellow",
    "owner2": "black on green",
    "owner3": "black on magenta",
    "owner4": "black on blue",
    "owner5": "black on white",
}


def show(address: Address, credentials: Credentials, *, is_json: bool) -> int:
    """Show it once; the exit code, 0 where there is nothing to look at."""
    with contextlib.closing(_observer(address, credentials)) as observer:
        try:
            status = observer.look()
        except AdminError as error:
            if is_json:
                click.echo(json.dumps({"ok": False, "error": str(error)}))
            click.echo(error, err=True)
            return 1
    if is_json:
        click.echo(json.dumps(as_json(status)))
    else:
        _print(draw(status, _width()))
    return 1 if status.problems else 0


def watch(address: Address, credentials: Credentials, *, interval_s: float, is_json: bool) -> int:
    """Show it anew until Ctrl-C or q; the exit code."""
    with (
        contextlib.closing(_observer(address, credentials)) as observer,
        contextlib.suppress(KeyboardInterrupt),
    ):
        if is_json or not sys.stdout.isatty():
            _watch_lines(observer, interval_s, is_json=is_json)
        else:
            _watch_screen(observer, interval_s)
    return 0


def _observer(address: Address, credentials: Credentials) -> Observer:
    def dial(to: Address) -> Link:
        return NodeLink(to, credentials, LIMIT_S)

    return Observer(dial, address)


def _look(observer: Observer) -> Status | str:
    """How all fare, or why that cannot be told."""
    try:
        return observer.look()
    except AdminError as error:
        return str(error)


def _watch_lines(observer: Observer, interval_s: float, *, is_json: bool) -> None:
    with pressed_keys() as wait:
        while True:
            status = _look(observer)
            if is_json:
                shown = {"ok": False, "error": status} if isinstance(status, str) else as_json(status)
                click.echo(json.dumps(shown))
            else:
                text = f"{status}\n" if isinstance(status, str) else plain(draw(status, _width()))
                click.echo(text)
            if wait(interval_s) in ("q", "Q"):
                return


def _watch_screen(observer: Observer, interval_s: float) -> None:
    from rich.live import Live

    console = _console()
    last: list[Line] = []
    with (
        Live(console=console, screen=True, auto_refresh=False) as live,
        pressed_keys() as wait,
    ):
        while True:
            status = _look(observer)
            if isinstance(status, str):
                said = [[Span(text, "bad")] for text in textwrap.wrap(status, console.width)]
                lines: list[Line] = [*said, [], *last]
            else:
                lines = last = draw(status, console.width)
            live.update(_as_text(_cut(lines, console.height, interval_s)), refresh=True)
            if wait(interval_s) in ("q", "Q"):
                return


def _cut(lines: Sequence[Line], height: int, interval_s: float) -> list[Line]:
    """What fits the screen, and how to leave it."""
    hint: Line = [Span(f"every {interval_s:g} s; q ends", "dim")]
    room = max(height - 2, 1)
    if len(lines) <= room:
        return [*lines, [], hint]
    more: Line = [Span(f"{len(lines) - room + 1} more lines; ", "dim"), *hint]
    return [*lines[: room - 1], [], more]


def _print(lines: Sequence[Line]) -> None:
    if not sys.stdout.isatty():
        click.echo(plain(lines), nl=False)
        return
    _console().print(_as_text(lines), end="\n", no_wrap=True, overflow="crop")


def _as_text(lines: Sequence[Line]) -> Text:
    from rich.text import Text

    text = Text(no_wrap=True, overflow="crop")
    for at, line in enumerate(lines):
        if at:
            text.append("\n")
        for span in line:
            text.append(span.text, _STYLES.get(span.style, ""))
    return text


def _console() -> Console:
    # It takes a tenth of a second to import.
    from rich.console import Console

    return Console(highlight=False, no_color="NO_COLOR" in os.environ)


def _width() -> int:
    return shutil.get_terminal_size((_WIDTH_ELSEWHERE, 0)).columns
