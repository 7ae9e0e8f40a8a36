"""The simulation finds faults: two that every cluster bus has had, put back on purpose."""

from __future__ import annotations

import os

import pytest

from pyredis_cluster.cluster import failure, receive, voting
from pyredis_cluster.cluster.messages import Header
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.state import ClusterState
from tests.simulation.life import live

pytestmark = pytest.mark.skipif(
    "PYREDIS_TEST_CATCHES" not in os.environ, reason="takes minutes; set PYREDIS_TEST_CATCHES"
)

_SEEDS = 500


def _first_failure(seeds: range) -> str:
    for seed in seeds:
        try:
            live(seed)
        except AssertionError as error:
            return str(error).splitlines()[0]
    pytest.fail(f"nothing found within {len(seeds)} seeds")


def test_a_vote_that_is_not_saved_before_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(state: ClusterState, sender: ClusterNode, request: Header) -> None:
        saved = state.out.save, state.out.fsync
        voting.handle_auth_request(state, sender, request)
        state.out.save, state.out.fsync = saved

    monkeypatch.setattr(receive, "handle_auth_request", forgetful)
    found = _first_failure(range(_SEEDS))
    print(found)
    assert "voted" in found


def test_failure_reports_that_do_not_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "_expire_reports", lambda state, node: None)
    found = _first_failure(range(3, 4 * _SEEDS, 4))
    print(found)
    assert "suspected by" in found
