"""What a primary decides about its replicas."""

from __future__ import annotations

import pytest

from pyredis_cluster.replication.backlog import Backlog
from pyredis_cluster.replication.primary import (
    History,
    Replica,
    ReplicaState,
    SyncSettings,
    acknowledged,
    good_replicas,
    on_disk,
    ready_to_sync,
    refusal_to_resume,
)

OWN, OLD, OTHER = "a" * 40, "b" * 40, "c" * 40
NAME = "10.0.0.1:6380"


def history(*, has_backlog: bool = True) -> History:
    """Bytes 1 to 100, of which 51 to 100 are held; up to 60 under the old id."""
    backlog = None
    if has_backlog:
        backlog = Backlog(1000, 50)
        backlog.append(b"x" * 50)
    return History(OWN, OLD, 61, 100, backlog)


@pytest.mark.parametrize(
    ("replid", "offset"), [(OWN, 51), (OWN, 80), (OWN, 101), (OWN.upper(), 101), (OLD, 51), (OLD, 61)]
)
def test_a_replica_whose_rest_is_held_goes_on(replid: str, offset: int) -> None:
    assert refusal_to_resume(history(), replid, offset, NAME) is None


@pytest.mark.parametrize(
    ("replid", "offset", "notice"),
    [
        (
            OTHER,
            80,
            "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for "
            f"'{OTHER}', my replication IDs are '{OWN}' and '{OLD}')",
        ),
        (
            OLD,
            62,
            "Partial resynchronization not accepted: Requested offset for second ID was 62, but I can reply "
            "up to 61",
        ),
        ("?", -1, f"Full resync requested by replica {NAME}"),
        ("?x", 80, f"Full resync requested by replica {NAME}"),
        (
            OWN,
            50,
            f"Unable to partial resync with replica {NAME} for lack of backlog (Replica request was: 50).",
        ),
        (
            OLD,
            7,
            f"Unable to partial resync with replica {NAME} for lack of backlog (Replica request was: 7).",
        ),
    ],
)
def test_anything_else_needs_all_data(replid: str, offset: int, notice: str) -> None:
    refusal = refusal_to_resume(history(), replid, offset, NAME)
    assert refusal is not None
    assert (refusal.notice, refusal.warning) == (notice, None)


def test_a_replica_that_is_ahead_of_us_is_warned_of() -> None:
    refusal = refusal_to_resume(history(), OWN, 102, NAME)
    assert refusal is not None
    assert refusal.warning == (
        f"Warning: replica {NAME} tried to PSYNC with an offset that is greater than the master replication "
        "offset."
    )


def test_without_a_backlog_nobody_goes_on() -> None:
    refusal = refusal_to_resume(history(has_backlog=False), OWN, 101, NAME)
    assert refusal is not None
    assert "for lack of backlog" in refusal.notice


def online(ack_offset: int, *, aof_offset: int = 0, ack_time_ms: int = 0) -> Replica:
    replica = Replica("10.0.0.1", state=ReplicaState.ONLINE)
    replica.acknowledge(ack_offset, aof_offset, ack_time_ms)
    return replica


def test_only_replicas_that_are_online_have_anything() -> None:
    waiting = Replica("10.0.0.2", state=ReplicaState.WAIT_BGSAVE_END, ack_offset=500, aof_offset=500)
    replicas = [online(10, aof_offset=10), online(20), waiting]
    assert [acknowledged(replicas, offset) for offset in (0, 10, 11, 20, 21)] == [2, 2, 1, 1, 0]
    assert [on_disk(replicas, offset) for offset in (0, 10, 11)] == [2, 1, 0]


def test_acknowledgements_never_go_back() -> None:
    replica = online(20, aof_offset=15, ack_time_ms=1000)
    replica.acknowledge(10, 5, 2000)
    assert (replica.ack_offset, replica.aof_offset, replica.ack_time_ms) == (20, 15, 2000)
    replica.acknowledge(30, None, 3000)
    assert (replica.ack_offset, replica.aof_offset) == (30, 15)


def test_a_good_replica_was_heard_of_lately() -> None:
    replicas = [online(1, ack_time_ms=1000), online(1, ack_time_ms=8000), Replica("10.0.0.3")]
    assert good_replicas(replicas, 10, 9000) == 2
    assert good_replicas(replicas, 7, 9000) == 1
    assert good_replicas(replicas, 0, 9000) == 0
    assert replicas[0].lag_s(9000) == 8
    assert replicas[2].lag_s(9000) == 0


def waiting(since_ms: int) -> Replica:
    return Replica("10.0.0.1", state=ReplicaState.WAIT_BGSAVE_START, since_ms=since_ms)


def test_without_a_file_one_waits_for_others() -> None:
    settings = SyncSettings(diskless=True, delay_s=5, max_replicas=0)
    replicas = [waiting(1000), waiting(4000), online(1)]
    assert ready_to_sync(replicas, settings, 5900) == []
    assert ready_to_sync(replicas, settings, 6000) == replicas[:2]
    assert ready_to_sync([online(1)], settings, 99_000) == []


def test_enough_replicas_are_not_waited_for() -> None:
    settings = SyncSettings(diskless=True, delay_s=60, max_replicas=2)
    assert ready_to_sync([waiting(0)], settings, 1000) == []
    assert len(ready_to_sync([waiting(0), waiting(900)], settings, 1000)) == 2


def test_with_a_file_nobody_waits() -> None:
    settings = SyncSettings(diskless=False, delay_s=60, max_replicas=0)
    assert len(ready_to_sync([waiting(1000)], settings, 1000)) == 1


def test_the_stream_is_kept_from_the_snapshot_on() -> None:
    assert not waiting(0).needs_stream
    replica = waiting(0)
    replica.begin_full_sync(77)
    assert replica.needs_stream
    assert not replica.takes_stream
    assert replica.sent_offset == replica.initial_offset == 77
    replica.come_online(1000, starts_on_ack=True)
    assert replica.is_online
    assert not replica.takes_stream
    replica.starts_on_ack = False
    assert replica.takes_stream


def test_one_that_wants_only_data_needs_no_stream() -> None:
    replica = waiting(0)
    replica.wants_only_data = True
    replica.begin_full_sync(77)
    assert not replica.needs_stream


def saved_for(*, eof: bool = False, new_id: bool = False, only_data: bool = False) -> Replica:
    return Replica(
        "10.0.0.1",
        takes_eof_mark=eof,
        takes_new_id=new_id,
        wants_only_data=only_data,
        state=ReplicaState.WAIT_BGSAVE_END,
    )


def test_who_can_share_a_snapshot() -> None:
    plain, able = saved_for(), saved_for(eof=True, new_id=True)
    assert able.accepts_snapshot_of(plain)
    assert not plain.accepts_snapshot_of(able)
    assert not plain.accepts_snapshot_of(waiting(0))
    assert not plain.accepts_snapshot_of(saved_for(only_data=True))
    assert saved_for(only_data=True).accepts_snapshot_of(saved_for(only_data=True))
    assert saved_for(only_data=True).accepts_snapshot_of(plain)


def test_what_it_is_called() -> None:
    replica = Replica("10.0.0.1")
    assert replica.name == "10.0.0.1:<unknown-replica-port>"
    replica.listening_port = 6380
    assert replica.name == "10.0.0.1:6380"
    replica.ip_address = "2001:db8::1"
    assert replica.name == "[2001:db8::1]:6380"
    assert replica.shown_host == "2001:db8::1"


def test_what_its_state_is_called() -> None:
    assert [state.shown for state in ReplicaState] == ["wait_bgsave", "wait_bgsave", "send_bulk", "online"]
    assert Replica("h").shown_state == ""
