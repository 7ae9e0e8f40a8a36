"""redis-py or valkey-py against one node of a cluster and one standalone server.

Usage: with_sync.py redis|valkey CLUSTER STANDALONE (each host:port).
"""

import importlib
import sys
import threading
import time
from typing import Any

KEY_COUNT = 1000
library = importlib.import_module(sys.argv[1])
exceptions = importlib.import_module(f"{sys.argv[1]}.exceptions")
Client, ClusterClient = {
    "redis": ("Redis", "RedisCluster"),
    "valkey": ("Valkey", "ValkeyCluster"),
}[sys.argv[1]]


def refusal(function: Any, *arguments: Any) -> str:
    """What kind of error the library raised, and its text; empty for none."""
    try:
        function(*arguments)
    except exceptions.ResponseError as error:
        return f"{type(error).__name__} {error}".upper()
    return ""


def refused(text: str, function: Any, *arguments: Any) -> None:
    """`function` must raise the library's ResponseError with `text` in it."""
    assert text in refusal(function, *arguments)


def data(client: Any, another: Any) -> None:
    """What both kinds of server must do."""
    pipe = client.pipeline(transaction=False)
    for number in range(KEY_COUNT):
        pipe.set(f"key:{number}", number)
    assert pipe.execute() == [True] * KEY_COUNT
    assert [int(client.get(f"key:{number}")) for number in range(KEY_COUNT)] == list(range(KEY_COUNT))
    assert client.get("none") is None

    client.mset({"{tag}a": 1, "{tag}b": 2})
    assert client.mget("{tag}a", "{tag}b") == ["1", "2"]
    refused("WRONGTYPE", client.lpush, "{tag}a", "x")
    client.hset("hash", mapping={"f1": "v1", "f2": "v2"})
    assert client.hgetall("hash") == {"f1": "v1", "f2": "v2"}
    client.zadd("zset", {"a": 1.5, "b": 2})
    assert [tuple(pair) for pair in client.zrange("zset", 0, -1, withscores=True)] == [("a", 1.5), ("b", 2.0)]

    client.set("brief", "x", px=40)
    assert client.pttl("brief") > 0
    deadline = time.monotonic() + 5
    while client.exists("brief"):
        assert time.monotonic() < deadline, "expiry"

    popped: list[Any] = []
    popper = threading.Thread(target=lambda: popped.append(another.blpop("queue", 10)))
    popper.start()
    client.rpush("queue", "job")
    popper.join()
    assert list(popped[0]) == ["queue", "job"], popped


def channels(client: Any, subscriber: Any, sharded: bool) -> None:
    """Each kind of channel delivers one message."""

    def message(get: Any) -> tuple[str, str]:
        deadline = time.monotonic() + 5
        while (got := get()) is None:
            assert time.monotonic() < deadline, "message"
        return got["channel"], got["data"]

    def next_message() -> Any:
        return subscriber.get_message(ignore_subscribe_messages=True, timeout=0.1)

    subscriber.subscribe("news")
    subscriber.psubscribe("pat*")
    for _ in range(2):
        assert subscriber.get_message(timeout=5)["type"] in ("subscribe", "psubscribe")
    for channel in ("news", "pattern"):
        client.publish(channel, "hello")
        assert message(next_message) == (channel, "hello")
    if sharded:
        subscriber.ssubscribe("shard")
        client.spublish("shard", "hello")
        node = client.get_node_from_key("shard")

        def next_sharded() -> Any:
            got = subscriber.get_sharded_message(timeout=0.1, target_node=node)
            return got if got and got["type"] == "smessage" else None

        assert message(next_sharded) == ("shard", "hello")
    subscriber.close()


def cluster(host: str, port: int, protocol: int) -> None:
    """The cluster through its own client, and one node through a client that does not know of it."""
    options: dict[str, Any] = {"host": host, "port": port, "protocol": protocol, "decode_responses": True}
    client, another = (getattr(library, ClusterClient)(**options) for _ in range(2))
    data(client, another)
    channels(client, another.pubsub(), sharded=True)
    assert len(client.get_primaries()) == 3
    assert min(client.dbsize(target_nodes=node) for node in client.get_primaries()) > KEY_COUNT / 6
    assert len(set(client.scan_iter("key:*", count=100))) == KEY_COUNT

    single = getattr(library, Client)(**options)
    refused("CROSSSLOT", single.sunion, "a", "b")
    refusals = [refusal(single.get, f"key:{number}") for number in range(20)]
    assert 0 < sum("MOVED" in each for each in refusals) < 20
    assert all("MOVED" in each or not each for each in refusals), refusals
    client.flushall(target_nodes="primaries")
    for each in (client, another, single):
        each.close()


def standalone(host: str, port: int, protocol: int) -> None:
    """One server."""
    options: dict[str, Any] = {"host": host, "port": port, "protocol": protocol, "decode_responses": True}
    client, another = (getattr(library, Client)(client_name="py", **options) for _ in range(2))
    data(client, another)
    channels(client, another.pubsub(), sharded=False)
    assert client.client_getname() == "py"

    pipe = client.pipeline()
    pipe.watch("watched")
    another.set("watched", 1)
    pipe.multi()
    pipe.get("watched")
    try:
        pipe.execute()
    except exceptions.WatchError:
        pass
    else:
        raise AssertionError("the transaction was not aborted")
    assert client.pipeline().set("n", 5).incr("n").execute() == [True, 6]
    client.flushall()
    for each in (client, another):
        each.close()


def main() -> None:
    """Run with both protocols."""
    addresses = [(host, int(port)) for host, port in (word.rsplit(":", 1) for word in sys.argv[2:4])]
    for protocol in (2, 3):
        cluster(*addresses[0], protocol)
        standalone(*addresses[1], protocol)
        print(f"ok {sys.argv[1]}-py {library.__version__} RESP{protocol}")


main()
