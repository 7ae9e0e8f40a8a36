"""INFO: values. That sections and fields are those of Redis, the conformance tests show."""

import pytest

from tests.support.inprocess import START_US, Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def info(harness: Harness, section: str = "everything") -> dict[str, str]:
    lines = harness.run("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if line and not line.startswith("#"))


def titles(harness: Harness, *sections: str) -> list[str]:
    text = harness.run("INFO", *sections).decode()
    return [line[2:] for line in text.splitlines() if line.startswith("# ")]


def test_sections_come_in_their_own_order_and_once(harness: Harness) -> None:
    assert titles(harness, "cpu", "SERVER", "cpu") == ["Server", "CPU"]
    assert titles(harness, "nosuch") == []
    assert titles(harness, "nosuch", "keyspace") == ["Keyspace"]
    assert titles(harness, "default") == titles(harness)
    assert set(titles(harness, "all")) - set(titles(harness)) == {"Commandstats", "Latencystats"}
    assert titles(harness, "default", "commandstats") == [
        title for title in titles(harness, "all") if title != "Latencystats"
    ]


def test_server_section(harness: Harness) -> None:
    harness.advance(2 * 86_400_000 + 5000)
    server = info(harness, "server")
    assert server["redis_version"] == "7.2.5"
    assert server["redis_mode"] == "standalone"
    assert server["run_id"] == harness.state.run_id
    assert server["uptime_in_seconds"] == str(2 * 86_400 + 5)
    assert server["uptime_in_days"] == "2"
    assert server["server_time_usec"] == str(START_US + (2 * 86_400 + 5) * 10**6)
    assert info(Harness(cluster_enabled=True), "server")["redis_mode"] == "cluster"


def test_clients_section_counts_who_waits(harness: Harness) -> None:
    for request in ("BLPOP a b 0", "BLPOP b 5"):
        harness.connect().send(request)
    clients = info(harness, "clients")
    assert clients["connected_clients"] == "3"
    assert clients["blocked_clients"] == "2"
    assert clients["clients_in_timeout_table"] == "1"
    assert clients["total_blocking_keys"] == "2"


def test_keyspace_section(harness: Harness) -> None:
    harness.run("SET a 1 PX 1000")
    harness.run("SET b 1 PX 3000")
    harness.run("SET c 1")
    assert info(harness, "keyspace") == {"db0": "keys=3,expires=2,avg_ttl=2000"}
    harness.run("FLUSHALL")
    assert info(harness, "keyspace") == {}


def test_stats_count_hits_misses_and_errors(harness: Harness) -> None:
    for request in ("SET a 1", "GET a", "GET b", "GET", "LPUSH a x"):
        harness.run(request)
    stats = info(harness)
    assert (stats["keyspace_hits"], stats["keyspace_misses"]) == ("1", "1")
    assert stats["total_error_replies"] == "2"
    assert stats["errorstat_ERR"] == "count=1"
    assert stats["errorstat_WRONGTYPE"] == "count=1"
    assert stats["cmdstat_get"].endswith("rejected_calls=1,failed_calls=0")
    assert stats["cmdstat_lpush"].endswith("rejected_calls=0,failed_calls=1")


def test_memory_grows_with_data_and_remembers_its_peak(harness: Harness) -> None:
    before = info(harness, "memory")
    harness.run("SET", "k", b"x" * 1_000_000)
    full = info(harness, "memory")
    assert int(full["used_memory"]) >= int(before["used_memory"]) + 1_000_000
    assert int(full["used_memory_dataset"]) >= 1_000_000
    harness.run("FLUSHALL")
    empty = info(harness, "memory")
    assert empty["used_memory"] == before["used_memory"]
    assert empty["used_memory_peak"] == full["used_memory"]


def test_replication_section_of_a_primary(harness: Harness) -> None:
    replication = info(harness, "replication")
    assert replication["role"] == "master"
    assert replication["master_replid"] == harness.state.replication.replid
    assert replication["master_replid2"] == "0" * 40
    assert replication["second_repl_offset"] == "-1"
    assert "min_slaves_good_slaves" not in replication
    harness.run("CONFIG SET min-replicas-to-write 1")
    assert info(harness, "replication")["min_slaves_good_slaves"] == "0"


def test_latencystats_follow_the_configured_percentiles(harness: Harness) -> None:
    harness.run("GET a")
    harness.run("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99.99")
    assert info(harness, "latencystats")["latency_percentiles_usec_get"] == "p50=1.031,p99.99=1.031"
    harness.run("CONFIG SET latency-tracking no")
    assert info(harness, "latencystats") == {}


def test_rates_are_those_of_the_last_samples(harness: Harness) -> None:
    metrics = harness.state.metrics
    for _ in range(17):
        for _ in range(10):
            harness.run("PING")
        harness.advance(100)
        metrics.sample(harness.state.keyspace.now_ms)
    assert info(harness, "stats")["instantaneous_ops_per_sec"] == "100"


def test_commandstats_show_a_container_that_was_called_wrongly(harness: Harness) -> None:
    harness.run("CLIENT")
    harness.run("CLIENT ID")
    stats = info(harness, "commandstats")
    assert stats["cmdstat_client"] == "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0"
    assert stats["cmdstat_client|id"].startswith("calls=1,")
