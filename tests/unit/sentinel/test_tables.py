"""How instances come and go, where that is not seen by a single command or hello."""

from __future__ import annotations

import pytest

from pyredis_cluster.sentinel import tables
from tests.unit.sentinel.bench import OTHER_ID, Bench, types


def test_what_lies_about_replicas_and_sentinels_finds_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MAX_INSTANCES", 10)
    bench = Bench()
    bench.connect()
    bench.info(6379, "role:master", *[f"slave{at}:ip=127.0.0.1,port={7000 + at}" for at in range(20)])
    for at in range(20):
        bench.hello("127.0.0.2", 7000 + at, f"{at:040}")
    fields = bench.fields()
    assert (fields[b"num-slaves"], fields[b"num-other-sentinels"]) == (b"10", b"10")


def test_a_master_that_comes_back_is_no_replica_of_itself() -> None:
    bench = Bench("sentinel known-replica mymaster 127.0.0.1 6380")
    bench.hello()
    for port, epoch in ((6380, 1), (6379, 2)):
        steps = bench.hello("127.0.0.1", 26380, OTHER_ID.decode(), 0, "mymaster", "127.0.0.1", port, epoch)
        assert "+switch-master" in types(steps)
    assert [each[b"name"] for each in bench.core.replicas(b"mymaster", bench.now_ms)] == [b"127.0.0.1:6380"]


def test_a_replica_whose_name_means_nothing_any_more_stays_by_name() -> None:
    bench = Bench("sentinel resolve-hostnames yes", "sentinel known-replica mymaster other 6380")
    bench.hello()
    del bench.names["other"]
    assert types(bench.hello("127.0.0.1", 26380, OTHER_ID.decode(), 0, "mymaster", "127.0.0.1", 6381, 1)) == [
        "+config-update-from",
        "+switch-master",
        "+slave",
        "+slave",
    ]
    assert "sentinel known-replica mymaster other 6380" in bench.lines()
    bench.core.config_set([b"resolve-hostnames", b"no"], bench.now_ms)
    bench.done()
    # Without names there is no way to it.
    steps = bench.hello("127.0.0.1", 26380, OTHER_ID.decode(), 0, "mymaster", "127.0.0.1", 6382, 2)
    assert types(steps) == ["+config-update-from", "+switch-master", "+slave", "+slave"]
    assert not any("other" in line for line in bench.lines())
