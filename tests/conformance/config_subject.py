"""What the configuration tests share: a real server with any arguments, and our reading of the same."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyredis_cluster.config.command_line import parse_command_line
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.loader import load
from tests.support.servers import Program
from tests.support.wire import ConnectionClosedError, RawClient, parse

START_LIMIT_S = 30.0


class RefusedStartError(Exception):
    """The server ended instead of serving; `output` is all it printed."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


@contextlib.contextmanager
def real_server(
    program: Program, arguments: Sequence[str], directory: Path, port: int, stdin: bytes = b""
) -> Iterator[RawClient]:
    """A client of a real server started in `directory` with exactly `arguments`; raises RefusedStartError."""
    log = directory / "server.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*program.argv, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
        )
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(stdin)
            process.stdin.close()
        client = _first_client(process, port)
        if client is None:
            raise RefusedStartError(log.read_text(errors="surrogateescape"))
        with client:
            yield client
    finally:
        process.kill()
        process.wait()


def _first_client(process: subprocess.Popen[bytes], port: int) -> RawClient | None:
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ConnectionClosedError):
            client = RawClient(port, timeout_s=5.0)
            if client.call("PING").startswith(b"+PONG"):
                return client
            client.close()
        time.sleep(0.005)
    return None


def our_config(arguments: Sequence[str], directory: Path, stdin: bytes = b"") -> Config:
    """What we make of the same arguments in the same directory; raises what `load` raises."""

    def enter(current: str, wanted: str) -> str:
        path = Path(current, wanted)
        list(path.iterdir())
        return str(path.resolve())

    return load(
        parse_command_line(arguments),
        lambda path: Path(path).read_bytes(),
        lambda: stdin,
        directory=str(directory.resolve()),
        change_directory=enter,
        is_command=lambda name: name.lower() in (b"config", b"get", b"set", b"substr"),
        list_files=lambda pattern: sorted(map(str, Path(pattern).parent.glob(Path(pattern).name))),
    )


def real_values(client: RawClient, pattern: str = "*") -> dict[bytes, bytes]:
    """CONFIG GET of a real server."""
    words = [node.value for node in parse(client.call("CONFIG", "GET", pattern)).items]
    texts = [word for word in words if isinstance(word, bytes)]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def our_values(config: Config, pattern: bytes = b"*") -> dict[bytes, bytes]:
    """CONFIG GET of ours."""
    return dict(config.get_matching([pattern]))
