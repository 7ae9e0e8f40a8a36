"""python -m tests.simulation SEED [SEED]: live through one seed, or all from the first up to the second."""

from __future__ import annotations

import sys
import time

from tests.simulation.life import live


def main() -> int:
    """Exit code 1 where a seed failed."""
    first, last = int(sys.argv[1]), int(sys.argv[-1])
    failed = 0
    for seed in range(first, last + 1):
        started_s = time.process_time()
        try:
            outcome = live(seed)
        except AssertionError as error:
            failed += 1
            print(error if first == last else f"seed {seed} failed: {str(error).splitlines()[0]}")
            continue
        print(f"seed {seed}: {outcome} in {time.process_time() - started_s:.2f} s", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
