"""python -m tests.nemesis SEED SECONDS [NAME...]: the same happens to clusters of these servers, at once.

Names are those of `tests.support.servers`: ours, redis-7.0 and so on; ours by default. Clusters run beside
each other, so that all have the same machine.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.nemesis.life import live
from tests.support.servers import OURS, find_real_servers, our_program


def main() -> int:
    """Exit code 1 where a write is lost that nothing explains."""
    seed, seconds, *names = sys.argv[1:]
    programs = {OURS: our_program(), **find_real_servers()}
    chosen = [programs[name] for name in names or [OURS]]
    sound = True
    with ProcessPoolExecutor(len(chosen)) as pool:
        for run in as_completed(pool.submit(live, program, int(seed), float(seconds)) for program in chosen):
            report = run.result()
            print(report, flush=True)
            for write in report.verdict.unexplained:
                print(f"  {write}")
            sound = sound and not report.verdict.unexplained
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
