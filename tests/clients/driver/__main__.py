"""Run the programs of all client libraries: python -m tests.clients.driver; see `tests/clients/README.md`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.clients.driver.libraries import LANGUAGES
from tests.clients.driver.run import Run


def main() -> int:
    """0 if no program failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.driver", description=__doc__)
    parser.add_argument(
        "--real", metavar="REDIS-SERVER", help="follow and fault clusters of this program instead"
    )
    parser.add_argument("--only", metavar="LANGUAGE", nargs="+", help="of those that libraries.py has")
    options = parser.parse_args()
    sources = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory(prefix="clients-") as directory:
        # Builds leave nothing in the checkout.
        work = Path(directory) / "clients"
        shutil.copytree(sources, work, ignore=shutil.ignore_patterns("node_modules", "target", "__pycache__"))
        run = Run(work, real_server=options.real)
        run.all([each for each in LANGUAGES if not options.only or each.name in options.only])
    print(f"{run.passed} passed, {run.failed} failed, {run.skipped} skipped")
    return min(run.failed, 1)


sys.exit(main())
