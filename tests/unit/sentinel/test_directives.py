"""Lines of sentinel.conf: which are taken over, what is wrong with others, what is written."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.sentinel.core import SentinelCore
from pyredis_cluster.sentinel.directives import OPTIONS, DirectiveError
from pyredis_cluster.sentinel.settings import SentinelSettings
from tests.unit.sentinel.bench import MY_ID, OTHER_ID, Bench
from tests.unit.sentinel.world import line_of

NO_MASTER = "No such master with specified name."
UNKNOWN = "Unrecognized sentinel configuration statement."


def loaded(*lines: str) -> SentinelCore:
    core = SentinelCore(
        SentinelSettings(),
        random.Random(1),
        now_ms=0,
        resolve=lambda host, by_name: host if host[0].isdigit() else None,
        is_executable=lambda path: path == b"/bin/true",
    )
    core.load([line_of(line.encode(), at) for at, line in enumerate(lines, 1)])
    return core


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("monitor m 127.0.0.1 6379", UNKNOWN),
        ("monitor m 127.0.0.1 6379 0", "Quorum must be 1 or greater."),
        ("monitor m 127.0.0.1 6379 x", "Quorum must be 1 or greater."),
        ("monitor mymaster 127.0.0.1 6379 1", "Duplicate master name."),
        ("monitor m 127.0.0.1 65536 1", "Invalid port number."),
        ("monitor m nowhere 6379 1", "Can't resolve instance hostname."),
        ("frobnicate", UNKNOWN),
        ("myid abc", "Malformed Sentinel id in myid option."),
        ("down-after-milliseconds none 1", NO_MASTER),
        ("down-after-milliseconds mymaster 0", "negative or zero time parameter."),
        ("failover-timeout none 1", NO_MASTER),
        ("failover-timeout mymaster -1", "negative or zero time parameter."),
        ("parallel-syncs none 1", NO_MASTER),
        ("notification-script none /bin/true", NO_MASTER),
        ("notification-script mymaster /none", "Notification script seems non existing or non executable."),
        ("client-reconfig-script none /bin/true", NO_MASTER),
        (
            "client-reconfig-script mymaster /none",
            "Client reconfiguration script seems non existing or non executable.",
        ),
        ("auth-pass none x", NO_MASTER),
        ("auth-user none x", NO_MASTER),
        ("config-epoch none 1", NO_MASTER),
        ("leader-epoch none 1", NO_MASTER),
        ("known-replica none 127.0.0.1 1", NO_MASTER),
        ("known-replica mymaster 127.0.0.1 70000", "Invalid port number."),
        ("known-slave mymaster 127.0.0.1 6380", "Duplicate hostname and port for replica."),
        ("known-sentinel none 127.0.0.1 1 x", NO_MASTER),
        (f"known-sentinel mymaster 127.0.0.1 1 {OTHER_ID.decode()}", "Duplicate runid for sentinel."),
        ("rename-command none a b", NO_MASTER),
        ("rename-command mymaster CONFIG x", "Same command renamed multiple times with rename-command."),
        ("deny-scripts-reconfig maybe", "Please specify yes or no for the deny-scripts-reconfig options."),
        ("resolve-hostnames maybe", "Please specify yes or no for the resolve-hostnames option."),
        ("announce-hostnames maybe", "Please specify yes or no for the announce-hostnames option."),
        ("master-reboot-down-after-period none 1", NO_MASTER),
        ("master-reboot-down-after-period mymaster -1", "negative time parameter."),
    ],
)
def test_a_line_that_is_wrong_is_named(line: str, message: str) -> None:
    good = [
        "sentinel known-replica mymaster 127.0.0.1 6380",
        f"sentinel known-sentinel mymaster 127.0.0.1 26380 {OTHER_ID.decode()}",
        "sentinel rename-command mymaster config y",
        "sentinel monitor mymaster 127.0.0.1 6379 2",
    ]
    with pytest.raises(DirectiveError) as refused:
        loaded(*good, f"sentinel {line}")
    assert str(refused.value) == message
    assert refused.value.line.number == 5


FULL = [
    f"sentinel myid {MY_ID.decode()}",
    "sentinel deny-scripts-reconfig no",
    "sentinel monitor mymaster 127.0.0.1 6379 2",
    "sentinel down-after-milliseconds mymaster 5000",
    "sentinel failover-timeout mymaster 60000",
    "sentinel parallel-syncs mymaster 2",
    "sentinel notification-script mymaster /bin/true",
    "sentinel client-reconfig-script mymaster /bin/true",
    'sentinel auth-pass mymaster "a b"',
    "sentinel auth-user mymaster joe",
    "sentinel master-reboot-down-after-period mymaster 100",
    "sentinel config-epoch mymaster 3",
    "sentinel leader-epoch mymaster 4",
    "sentinel known-replica mymaster 127.0.0.1 6380",
    f"sentinel known-sentinel mymaster 127.0.0.1 26380 {OTHER_ID.decode()}",
    "sentinel rename-command mymaster CONFIG x",
    "sentinel current-epoch 4",
    'sentinel announce-ip "10.0.0.1"',
    "sentinel announce-port 5",
    "sentinel sentinel-user me",
    "sentinel sentinel-pass secret",
]


def test_what_is_written_is_what_was_read_in_any_order() -> None:
    lines = FULL.copy()
    random.Random(2).shuffle(lines)
    core = loaded(*lines)
    assert [line.text.decode() for line in core.config_lines() if line.always] == FULL
    assert {line.option for line in core.config_lines()} <= set(OPTIONS)
    replica = core.state.masters[b"mymaster"].replicas[b"127.0.0.1:6380"]
    assert replica.down_after_ms == 5000


def test_switches_at_their_default_are_only_written_where_they_stand() -> None:
    lines = [line for line in loaded(FULL[2]).config_lines() if not line.always]
    assert [line.text for line in lines] == [
        b"sentinel deny-scripts-reconfig yes",
        b"sentinel resolve-hostnames no",
        b"sentinel announce-hostnames no",
    ]


def test_what_the_reference_takes_as_nothing() -> None:
    core = loaded(
        FULL[2],
        "sentinel known-sentinel mymaster 127.0.0.1 26380",
        'sentinel announce-ip ""',
        'sentinel sentinel-user ""',
        'sentinel sentinel-pass ""',
        "sentinel parallel-syncs mymaster x",
        "sentinel current-epoch 7",
        "sentinel config-epoch mymaster 9",
        "sentinel current-epoch 8",
    )
    state = core.state
    assert not state.masters[b"mymaster"].sentinels
    assert (state.announce_ip, state.sentinel_user, state.sentinel_pass) == (None, None, None)
    assert state.masters[b"mymaster"].parallel_syncs == 0
    assert state.current_epoch == 9


def test_a_name_without_address_is_kept_where_names_count() -> None:
    bench = Bench("sentinel resolve-hostnames yes", monitor="sentinel monitor mymaster gone 6379 2")
    assert "sentinel monitor mymaster gone 6379 2" in bench.lines()
    assert bench.fields()[b"ip"] == b""
    # It means something after all.
    assert not bench.connects()
    bench.names["gone"] = "127.0.0.3"
    bench.tick(1000)
    assert {step.ip for step in bench.connects()} == {"127.0.0.3"}


def test_names_are_told_where_they_are_announced() -> None:
    bench = Bench(
        "sentinel resolve-hostnames yes",
        "sentinel announce-hostnames yes",
        "sentinel known-replica mymaster other 6380",
        monitor="sentinel monitor mymaster db 6379 2",
    )
    assert bench.core.master_address(b"mymaster") == [b"db", b"6379"]
    assert "sentinel known-replica mymaster other 6380" in bench.lines()
    assert list(bench.core.state.masters[b"mymaster"].replicas) == [b"other:6380"]
