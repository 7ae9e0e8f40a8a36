"""`python -m pyredis_cluster`: the program."""

import sys

from pyredis_cluster.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
