"""Servers that start on damaged files serve, or end with a message: there is no hang and no crash.

`PYREDIS_TEST_MUTATIONS=10000` makes as many of each kind, in place of a few.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dataset import run_all, small_commands
from tests.support.nodes import started
from tests.support.replicating import info, wait_until
from tests.support.servers import OURS, REDIS_6_2, REDIS_7_0, VALKEY_9_1, find_real_servers

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs a limit of memory")]

COUNT = int(os.environ.get("PYREDIS_TEST_MUTATIONS", "150"))
SEED = int(os.environ.get("PYREDIS_TEST_SEED", "1"))
LIMIT_S = 60 + COUNT


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directories as servers leave them: below `rdb`, and below `aof`."""
    directory = tmp_path_factory.mktemp("samples")
    for name in (OURS, REDIS_6_2, REDIS_7_0, VALKEY_9_1):
        if name != OURS and name not in find_real_servers():
            continue
        for preamble in ("yes", "no"):
            options = ("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", preamble)
            with started(name, options=options) as (node,):
                run_all(node.client, small_commands(seed=1, streams=name != OURS))
                assert node.client.call("BGREWRITEAOF").startswith(b"+")
                wait_until(lambda: info(node.client, "persistence")["aof_rewrite_in_progress"] == "0")
                run_all(node.client, small_commands(seed=2, streams=name != OURS))
                assert node.client.call("SAVE") == b"+OK\r\n"
                found = node.server.directory
                (directory / "rdb" / f"{name}-{preamble}").mkdir(parents=True)
                shutil.copy(found / "dump.rdb", directory / "rdb" / f"{name}-{preamble}")
                target = directory / "aof" / f"{name}-{preamble}"
                target.mkdir(parents=True)
                if (found / "appendonlydir").exists():
                    shutil.copytree(found / "appendonlydir", target / "appendonlydir")
                else:
                    shutil.copy(found / "appendonly.aof", target)
    return directory


@pytest.mark.parametrize("kind", ["rdb", "aof"])
def test_damaged_files_do_no_harm(samples: Path, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.mutants", str(samples / kind), str(COUNT), str(SEED)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    result = json.loads(done.stdout)
    assert not result["wrong"], "\n".join(result["wrong"])
    assert result["served"] > 0, result
    assert sum(result["refused"].values()) > COUNT // 10, result
