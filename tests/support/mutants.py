"""Starts servers of ours on damaged files, one after the other in a process whose memory is limited.

`python -m tests.support.mutants SAMPLES COUNT SEED` takes each directory below SAMPLES for a server's files,
and damages a copy for each of COUNT starts. It prints as JSON how often it served, how often it refused, and
what else happened, which is wrong: each with a number from which the start can be repeated.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from tests.support.inloop import TestServer, make_config, peer, until
from tests.support.ports import free_port

MEMORY_BYTES = 1 << 30
SLOW_S = 5.0
STUCK_S = 60.0

_ODD_BYTES = b"\x00\x01\x3f\x40\x7f\x80\x81\xc0\xc3\xf0\xfd\xfe\xff*$\r\n-:"


def damage(rng: random.Random, data: bytes) -> bytes:
    """`data` changed in a few places near each other, cut short, or with a piece moved or doubled."""
    changed = bytearray(data)
    if not changed:
        return rng.randbytes(rng.randrange(20))
    focus = rng.randrange(len(changed))
    for _ in range(rng.randrange(1, 4)):
        place = min(focus + rng.randrange(20), max(len(changed) - 1, 0))
        match rng.randrange(9):
            case 0:
                changed[place : place + 1] = rng.randbytes(1)
            case 1:
                changed[place : place + 1] = bytes([rng.choice(_ODD_BYTES)])
            case 2:
                changed[place : place + 1] = b"9" * rng.randrange(1, 20)
            case 3:
                del changed[place : place + rng.randrange(1, 9)]
            case 4:
                changed[place:place] = rng.randbytes(rng.randrange(1, 9))
            case 5:
                changed[place : place + 8] = b"\xff" * 8
            case 6:
                start = rng.randrange(len(changed) + 1)
                changed[place:place] = changed[start : start + rng.randrange(1, 200)]
            case 7:
                del changed[place:]
            case _:
                changed[place : place + 9] = b"\x81" + rng.randbytes(8)
    return bytes(changed)


def prepare(rng: random.Random, samples: list[Path], directory: Path) -> Path:
    """A damaged copy of one of the samples in `directory`; returns the sample."""
    sample = rng.choice(samples)
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(sample, directory)
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    for path in rng.sample(files, rng.choice((1, 1, 1, len(files)))):
        path.write_bytes(damage(rng, path.read_bytes()))
    return sample


class Mutants:
    """Counts of what happened."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._network = Network(asyncio.get_running_loop())
        self.served = 0
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def try_one(self, number: int, samples: list[Path]) -> None:
        """Start on the files damaged by this number, and use what was loaded."""
        rng = random.Random(number)
        sample = prepare(rng, samples, self._directory)
        config = make_config(
            self._port,
            dir=str(self._directory),
            appendonly=(sample / "appendonlydir").exists() or (sample / "appendonly.aof").exists(),
            aof_load_truncated=rng.random() < 0.5,
            rdbchecksum=rng.random() < 0.3,
            enable_debug_command="yes",
        )
        lines: list[bytes] = []
        server = TestServer(
            config, self._network.loop, network=self._network, log=Log(SystemClock(), lines.append)
        )
        server.lines = lines
        started = time.monotonic()
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        try:
            await server.start()
            await self._use(server)
            self.served += 1
        except StartError:
            self.refused[" / ".join(server.logged()[-2:])[:120]] += 1
        except BaseException as error:
            self._complain(number, sample, f"{type(error).__name__}: {error}")
        finally:
            faulthandler.cancel_dump_traceback_later()
            if not server.stopped.is_set():
                server.shutdown(save=False, now=True, force=True)
        await until(lambda: not server.clients.connections)
        if "Traceback" in server.log_text():
            self._complain(number, sample, server.log_text()[-1500:])
        if time.monotonic() - started > SLOW_S:
            self._complain(number, sample, f"took {time.monotonic() - started:.1f} s")

    async def _use(self, server: TestServer) -> None:
        async with peer(server) as client:
            for words in (("DEBUG", "DIGEST"), ("INFO",), ("SET", "k", "v"), ("SAVE",)):
                reply = await client.call(*words)
                assert not reply.startswith(b"-"), (words, reply)

    def _complain(self, number: int, sample: Path, text: str) -> None:
        self.wrong.append(f"{sample.name}, number {number}: {text}")


async def main(samples: list[Path], count: int, seed: int) -> dict[str, object]:
    """Try `count` starts; see the module."""
    with tempfile.TemporaryDirectory() as directory:
        mutants = Mutants(Path(directory) / "files")
        for number in range(seed, seed + count):
            await mutants.try_one(number, samples)
            if len(mutants.wrong) > 20:
                break
    refused = dict(mutants.refused.most_common(40))
    return {"served": mutants.served, "refused": refused, "wrong": mutants.wrong}


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    directories = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir())
    print(json.dumps(asyncio.run(main(directories, int(sys.argv[2]), int(sys.argv[3])))))
