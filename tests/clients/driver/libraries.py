"""The client libraries: how their programs are built and run, and what each makes of every fault."""

from __future__ import annotations

from dataclasses import dataclass, field

FAULTS = (
    "LOADING",
    "CLUSTERDOWN",
    "BUSY",
    "TRYAGAIN",
    "MASTERDOWN",
    "wrong MOVED",
    "cut",
    "silent",
    "closed",
)

Sight = tuple[str, str]
"""What a library makes of a fault that comes once, and of one that lasts: OK, or a pattern of the error."""


@dataclass(frozen=True)
class Library:
    """One library. Its programs are run where they were built; `{python}` and the like are filled in.

    `plain` uses it as usual, `remote` does what it is told, `faulty` has faults of its own making.
    """

    name: str
    plain: str = ""
    remote: str = ""
    faulty: str = ""
    redis_version: str = "7.2"
    sees: dict[str, Sight] = field(default_factory=dict)


@dataclass(frozen=True)
class Language:
    """What is built at once, by which tools, and the libraries that are used there."""

    name: str
    directory: str
    tools: tuple[str, ...]
    build: tuple[str, ...]
    libraries: tuple[Library, ...]


def _sees(*sights: Sight) -> dict[str, Sight]:
    return dict(zip(FAULTS, sights, strict=True))


def _both(error: str) -> Sight:
    return error, error


_REDIS_PY = _sees(
    _both("BusyLoadingError: "),
    ("OK", "ClusterDownError: "),
    _both("ResponseError: BUSY "),
    ("OK", "ClusterError: TTL exhausted"),
    _both("MasterDownError: "),
    ("OK", "ClusterError: TTL exhausted"),
    ("OK", "ConnectionError: "),
    ("OK", "TimeoutError: "),
    ("OK", "ConnectionError: "),
)
# It tries each node in turn: whichever came last is what it tells of.
_GIVEN_UP = "Too many Cluster redirections|Command timed out"
_IOREDIS = _sees(
    _both("ReplyError: LOADING "),
    ("OK", _GIVEN_UP),
    _both("ReplyError: BUSY "),
    ("OK", _GIVEN_UP),
    _both("ReplyError: MASTERDOWN "),
    ("OK", _GIVEN_UP),
    ("OK", _GIVEN_UP),
    ("OK", _GIVEN_UP),
    ("OK", _GIVEN_UP),
)
_NODE_REDIS = _sees(
    _both("LOADING "),
    _both("CLUSTERDOWN "),
    _both("BUSY "),
    _both("TRYAGAIN "),
    _both("MASTERDOWN "),
    ("OK", "Too many Cluster redirections"),
    _both("Socket closed unexpectedly"),
    _both("Socket timeout"),
    _both("Socket closed unexpectedly|ECONNRESET"),
)
_GO_REDIS = _sees(
    ("OK", "LoadingError: LOADING "),
    ("OK", "ClusterDownError: CLUSTERDOWN "),
    _both("RedisError: BUSY "),
    ("OK", "TryAgainError: TRYAGAIN "),
    ("OK", "MasterDownError: MASTERDOWN "),
    ("OK", "MovedError: MOVED "),
    ("OK", "EOF"),
    ("OK", "i/o timeout"),
    ("OK", "EOF"),
)
_REDIS_RS = _sees(
    ("OK", "BusyLoading"),
    ("OK", "ClusterDown"),
    _both('"BUSY": '),
    ("OK", "TryAgain"),
    ("OK", "MasterDown"),
    ("OK", "Moved"),
    ("OK", "Io: unexpected end of file"),
    _both("Io: Resource temporarily unavailable"),
    ("OK", "Io: unexpected end of file"),
)
_JEDIS = _sees(
    _both("JedisDataException: LOADING "),
    _both("JedisClusterException: CLUSTERDOWN "),
    _both("JedisBusyException: BUSY "),
    _both("JedisDataException: TRYAGAIN "),
    _both("JedisDataException: MASTERDOWN "),
    ("OK", "JedisClusterOperationException: No more cluster attempts left"),
    ("OK", "JedisClusterOperationException: "),
    ("OK", "JedisClusterOperationException: "),
    ("OK", "JedisClusterOperationException: "),
)
_LETTUCE = _sees(
    _both("RedisLoadingException: LOADING "),
    _both("RedisCommandExecutionException: CLUSTERDOWN "),
    _both("RedisBusyException: BUSY "),
    _both("RedisCommandExecutionException: TRYAGAIN "),
    _both("RedisCommandExecutionException: MASTERDOWN "),
    ("OK", "RedisCommandExecutionException: MOVED "),
    ("OK", "RedisCommandTimeoutException: "),
    _both("RedisCommandTimeoutException: "),
    ("OK", "RedisCommandTimeoutException: "),
)
# Sent on twice, it takes the reply of its CLUSTER SLOTS for that of the command, with a real cluster too.
_LIBVALKEY = _sees(
    _both("reply: LOADING "),
    ("OK", "too many cluster retries"),
    _both("reply: BUSY "),
    ("OK", "too many cluster retries"),
    _both("reply: MASTERDOWN "),
    _both("reply of another command"),
    _both("Server closed the connection"),
    _both("Resource temporarily unavailable"),
    _both("Server closed the connection"),
)


def _node(name: str) -> tuple[str, str, str]:
    return f"node with_{name}.mjs", f"node remote_{name}.mjs", f"node faulty_{name}.mjs"


_JAVA = "java -XX:TieredStopAtLevel=1 -cp target/classes:{classpath}"
LANGUAGES = (
    Language(
        "Python",
        "python",
        (),
        (),
        (
            Library("redis-py", "{python} with_sync.py redis", "{python} remote.py redis", sees=_REDIS_PY),
            Library("valkey-py", "{python} with_sync.py valkey"),
            Library(
                "redis-py asyncio",
                "{python} with_asyncio.py",
                "{python} remote_asyncio.py {loop}",
                sees=_REDIS_PY,
            ),
        ),
    ),
    Language(
        "Node",
        "node",
        ("node", "npm"),
        ("npm ci --silent",),
        (
            Library("ioredis", *_node("ioredis"), sees=_IOREDIS),
            Library("node-redis", *_node("node_redis"), sees=_NODE_REDIS),
        ),
    ),
    Language(
        "Go",
        "go",
        ("go",),
        ("go build -o bin/ . ./remote ./faulty", "go -C ../go-v8 build -o plain ."),
        (
            Library("go-redis", "bin/clients", "bin/remote", "bin/faulty", sees=_GO_REDIS),
            Library("go-redis v8", "../go-v8/plain", redis_version="6.2"),
        ),
    ),
    Language(
        "Rust",
        "rust",
        ("cargo",),
        ("cargo build --quiet",),
        (Library("redis-rs", "target/debug/clients", "target/debug/remote", sees=_REDIS_RS),),
    ),
    Language(
        "Java",
        "java",
        ("java", "mvn"),
        (
            "env MAVEN_OPTS=-XX:TieredStopAtLevel=1 mvn -q -B compile"
            " dependency:build-classpath -Dmdep.outputFile=classpath",
        ),
        (
            Library("Jedis", f"{_JAVA} WithJedis", f"{_JAVA} RemoteJedis", sees=_JEDIS),
            Library("Lettuce", f"{_JAVA} WithLettuce", f"{_JAVA} RemoteLettuce", sees=_LETTUCE),
        ),
    ),
    Language(
        "C",
        "c",
        ("cc", "make"),
        ("make --silent PYTHON={python}",),
        (Library("libvalkey", remote="./remote", sees=_LIBVALKEY),),
    ),
)
