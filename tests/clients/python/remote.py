"""A client of redis-py or valkey-py that does what it is told: see `README.md`.

Usage: remote.py redis|valkey HOST:PORT...
"""

import importlib
import itertools
import sys
import threading
import time
from typing import Any

library = importlib.import_module(sys.argv[1])
TIMEOUT_S = 0.5
Client, ClusterClient, Error = (
    getattr(library, name)
    for name in {
        "redis": ("Redis", "RedisCluster", "RedisError"),
        "valkey": ("Valkey", "ValkeyCluster", "ValkeyError"),
    }[sys.argv[1]]
)


class Writer(threading.Thread):
    """Sets keys of its own, one after the other, until it is to end."""

    run_count = itertools.count()

    def __init__(self, client: Any) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.prefix = f"written:{next(self.run_count)}"
        self.acknowledged: list[int] = []
        self.refused = self.streak = 0
        self.ending = False

    def run(self) -> None:
        """Write."""
        number = 0
        while not self.ending:
            number += 1
            try:
                self.client.set(f"{self.prefix}:{number}", number)
                self.acknowledged.append(number)
                self.streak += 1
            except Error:
                self.refused += 1
                self.streak = 0
            time.sleep(0.002)

    def stop(self) -> str:
        """End, and see what is there of all that was acknowledged."""
        self.ending = True
        self.join()
        got = [self.client.get(f"{self.prefix}:{number}") for number in self.acknowledged]
        lost = sum(value != str(number) for value, number in zip(got, self.acknowledged, strict=True))
        return f"{len(self.acknowledged)} {self.refused} {lost}"


def main() -> None:
    """Answer each line."""
    options: dict[str, Any] = {"decode_responses": True, "socket_timeout": TIMEOUT_S}
    addresses = [word.split(":") for word in sys.argv[2:]]
    nodes = [
        importlib.import_module(f"{library.__name__}.cluster").ClusterNode(host, int(port))
        for host, port in addresses
    ]
    client = ClusterClient(startup_nodes=nodes, **options)
    writer = Writer(client)

    def call(address: str, *words: str) -> object:
        host, port = address.split(":")
        with Client(host=host, port=int(port), **options) as node:
            return node.execute_command(*words)

    def write() -> str:
        nonlocal writer
        writer = Writer(client)
        writer.start()
        return "writing"

    instructions: dict[str, Any] = {
        "get": client.get,
        "set": lambda key, value: "OK" if client.set(key, value) else None,
        "mget": lambda *keys: " ".join(client.mget(*keys)),
        "call": call,
        "write": write,
        "progress": lambda: f"{len(writer.acknowledged)} {writer.refused} {writer.streak}",
        "stop": lambda: writer.stop(),
    }
    print(sys.argv[1] + "-py", library.__version__, flush=True)
    for line in sys.stdin:
        name, *words = line.rstrip("\n").split("\t")
        try:
            answer = str(instructions[name](*words))
        except Exception as error:
            answer = f"! {type(error).__name__}: {error}".replace("\n", " ")
        print(answer, flush=True)


main()
