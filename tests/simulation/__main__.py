"""Live through one seed, or all from the first up to the second.

python -m tests.simulation SEED [SEED]                 a cluster
python -m tests.simulation --sentinels SEED [SEED]     a primary, replicas and sentinels
"""

from __future__ import annotations

import sys
import time

from tests.simulation import life, sentinels


def main() -> int:
    """Exit code 1 where a seed failed."""
    of_sentinels = sys.argv[1] == "--sentinels"
    first, last = int(sys.argv[1 + of_sentinels]), int(sys.argv[-1])
    failed = 0
    for seed in range(first, last + 1):
        started_s = time.process_time()
        try:
            outcome = sentinels.live(seed) if of_sentinels else life.live(seed)
        except AssertionError as error:
            failed += 1
            print(error if first == last else f"seed {seed} failed: {str(error).splitlines()[0]}")
            continue
        print(f"seed {seed}: {outcome} in {time.process_time() - started_s:.2f} s", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
