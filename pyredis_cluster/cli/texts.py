"""What the program prints about itself."""

from __future__ import annotations

import sys

from pyredis_cluster.version import REDIS_VERSION, __version__

VERSION = (
    f"Redis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits={64 if sys.maxsize > 1 << 32 else 32} "
    f"build=pyredis-cluster-{__version__}"
)

HELP = """\
Usage: pyredis-cluster [/path/to/redis.conf] [options] [-]
       pyredis-cluster - (read config from stdin)
       pyredis-cluster -v or --version
       pyredis-cluster -h or --help
       pyredis-cluster --check-system
       pyredis-cluster /path/to/sentinel.conf --sentinel
       pyredis-cluster up --help
       pyredis-cluster status --help
       pyredis-cluster cluster --help

Examples:
       pyredis-cluster (run a server with the default configuration)
       echo 'maxmemory 128mb' | pyredis-cluster -
       pyredis-cluster /etc/redis/6379.conf
       pyredis-cluster --port 7777
       pyredis-cluster --port 7000 --cluster-enabled yes
       pyredis-cluster /etc/myredis.conf --loglevel verbose -
       pyredis-cluster up (run a whole cluster on ports 7000 to 7005)
       pyredis-cluster status 127.0.0.1:7000 --watch (show how it fares)
       pyredis-cluster cluster check 127.0.0.1:7000 (what redis-cli --cluster check does)"""

NO_MEMORY_TEST = "--test-memory is not supported: use a tool that tests memory, such as memtester."

SYSTEM_IS_FINE = "Nothing to check: no setting of the system is needed."
