"""Which real versions a scenario is played with, where it is played with several.

Some scenarios are long and come out nearly alike with every version; these take Redis 7.0 alone by default.
`PYREDIS_TEST_VERSIONS=all` plays them with all that are on the machine, and the longest ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.servers import REDIS_6_2, REDIS_7_0, VALKEY_8_1, VALKEY_9_1, find_real_servers

_OTHERS = frozenset((REDIS_6_2, VALKEY_8_1, VALKEY_9_1))
_ONE_IS_ENOUGH = frozenset(
    (
        "test_a_leader_of_either_kind_fails_over",
        "test_a_killed_node_fails_on_all_in_time_and_comes_back",
        "test_a_real_replica_takes_over_with_our_votes",
        "test_a_replica_takes_over_from_a_killed_primary",
        "test_aof_directory",
        "test_chain_survives_a_cut_at_its_head",
        "test_each_takes_the_place_of_the_other",
        "test_manual_failover_there_and_back_while_clients_write",
        "test_restarted_primary_is_found_again",
        "test_saved_at_shutdown_and_loaded_at_start",
        "test_slots_move_there_and_back_while_clients_write",
        "test_streams_come_through_ours_whole",
        "test_the_life_of_a_cluster",
        "test_to_the_replica_and_back",
        "test_wait_counts_replicas_that_have_it",
        "test_whatever_is_wrong_with_slots_is_mended",
        "test_whoever_leads_all_agree_again_and_again",
    )
)
_ONE_IS_ENOUGH_FILES = frozenset(("test_admin_texts.py", "test_redis_cli_ours.py"))
# Whole lives of clusters, in which redis-cli moves thousands of slots: minutes each.
_LONGEST = frozenset(
    (
        "test_the_life_of_a_cluster[6.2]",
        "test_the_way_out[out_by_resharding]",
        "test_whoever_leads_all_agree_again_and_again[ours over ours]",
        "test_whoever_leads_all_agree_again_and_again[two of ours and Redis]",
    )
)


def _words(value: object) -> Iterator[str]:
    """The strings in a parameter, which may be in tuples and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)


def _is_left_out(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    if item.name in _LONGEST:
        return True
    if item.originalname not in _ONE_IS_ENOUGH and item.path.name not in _ONE_IS_ENOUGH_FILES:
        return False
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return any(word in _OTHERS for value in parameters.values() for word in _words(value))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another version has shown already; nothing if there is no Redis 7.0 to show it."""
    if os.environ.get("PYREDIS_TEST_VERSIONS") == "all" or REDIS_7_0 not in find_real_servers():
        return
    left_out = [item for item in items if _is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not _is_left_out(item)]
