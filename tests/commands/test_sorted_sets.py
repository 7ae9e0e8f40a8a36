"""Sorted sets: what is propagated and told, beside the replies that the conformance tests compare."""

import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_most_writes_are_propagated_as_they_came(harness: Harness) -> None:
    for request in (
        "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g",
        "ZADD z 3.5 a",
        "ZADD z INCR 2 a",
        "ZADD z GT CH 9 a",
        "ZINCRBY z 1.5 b",
        "ZREM z a nope",
        "ZPOPMIN z",
        "ZPOPMAX z 1",
        "ZREMRANGEBYRANK z 0 0",
        "ZREMRANGEBYSCORE z 5 5",
        "ZRANGESTORE y z 0 -1",
        "ZUNIONSTORE u 2 z y",
        "ZINTERSTORE i 2 z y",
        "ZDIFFSTORE d 1 z",
        "ZREMRANGEBYLEX z - +",
        "ZUNIONSTORE u 1 none",
    ):
        assert harness.propagated(request) == [request.encode()]


def test_what_changed_nothing_is_not_propagated(harness: Harness) -> None:
    harness.run("ZADD z 1 a 2 b")
    for request in (
        "ZADD z 1 a",
        "ZADD z XX 1 new",
        "ZADD z NX 5 a",
        "ZADD z GT INCR -1 a",
        "ZADD none XX INCR 1 a",
        "ZINCRBY z 0 a",
        "ZREM z nope",
        "ZPOPMIN z 0",
        "ZPOPMAX none",
        "ZREMRANGEBYSCORE z 7 8",
        "ZREMRANGEBYRANK z 7 8",
        "ZRANGESTORE none z 7 8",
        "ZUNIONSTORE none 1 none",
        "ZMPOP 1 none MIN",
    ):
        assert harness.propagated(request) == [], request


def test_pops_of_several_keys_are_propagated_as_the_pop_of_one(harness: Harness) -> None:
    harness.run("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h")
    assert harness.propagated("ZMPOP 2 none z MIN") == [b"ZPOPMIN z 1"]
    assert harness.propagated("ZMPOP 1 z MAX COUNT 2") == [b"ZPOPMAX z 2"]
    assert harness.propagated("BZMPOP 0 1 z MIN") == [b"ZPOPMIN z 1"]
    assert harness.propagated("BZPOPMIN none z 0") == [b"ZPOPMIN z"]
    assert harness.propagated("BZPOPMAX none z 0") == [b"ZPOPMAX z"]
    assert harness.propagated("BZMPOP 0 1 z MAX COUNT 100") == [b"ZPOPMAX z 2"]


def test_events(harness: Harness) -> None:
    assert harness.events("ZADD z 1 a 2 b 3 c") == [b"new z", b"zadd z"]
    assert harness.events("ZADD z 1 a") == []
    assert harness.events("ZADD z CH 5 a") == [b"zadd z"]
    assert harness.events("ZADD z INCR 1 a") == [b"zincr z"]
    assert harness.events("ZINCRBY z 1 a") == [b"zincr z"]
    assert harness.events("ZREM z b") == [b"zrem z"]
    assert harness.events("ZREM z b") == []
    assert harness.events("ZPOPMIN z") == [b"zpopmin z"]
    assert harness.events("ZPOPMAX z 9") == [b"zpopmax z", b"del z"]
    for request, event in (
        ("ZREMRANGEBYRANK z 0 -1", b"zremrangebyrank z"),
        ("ZREMRANGEBYSCORE z 0 9", b"zremrangebyscore z"),
        ("ZREMRANGEBYLEX z - +", b"zremrangebylex z"),
        ("ZREM z a", b"zrem z"),
        ("ZMPOP 1 z MAX COUNT 2", b"zpopmax z"),
        ("BZPOPMIN z 0", b"zpopmin z"),
    ):
        harness.run("ZADD z 1 a")
        assert harness.events(request) == [event, b"del z"]
    harness.run("ZADD z 1 a 2 b")
    assert harness.events("ZRANGESTORE y z 0 0") == [b"new y", b"zrangestore y"]
    assert harness.events("ZUNIONSTORE y 1 z") == [b"zunionstore y"]
    assert harness.events("ZINTERSTORE y 2 z y") == [b"zinterstore y"]
    assert harness.events("ZDIFFSTORE y 1 z") == [b"zdiffstore y"]
    assert harness.events("ZDIFFSTORE y 2 z z") == [b"del y"]
    assert harness.events("ZDIFFSTORE y 2 z z") == []


def test_dirty_counts_members(harness: Harness) -> None:
    keyspace = harness.state.keyspace
    for request, changes in (
        ("ZADD z 1 a 2 b 3 c 4 d 5 e", 5),
        ("ZADD z 9 a 1 new 2 b", 2),
        ("ZPOPMIN z 2", 2),
        ("ZREM z c d nope", 2),
        ("ZRANGESTORE y z 0 -1", 1),
        ("ZREMRANGEBYRANK z 0 -1", 2),
    ):
        before = keyspace.dirty
        harness.run(request)
        assert keyspace.dirty - before == changes, request


def test_an_increment_to_no_number_changes_nothing(harness: Harness) -> None:
    harness.run("ZADD z inf a")
    before = harness.state.keyspace.dirty
    assert str(harness.run("ZINCRBY z -inf a")) == "ERR resulting score is not a number (NaN)"
    assert harness.run("ZSCORE z a") == b"inf"
    assert harness.state.keyspace.dirty == before


def test_one_bad_score_leaves_all_as_it_was(harness: Harness) -> None:
    harness.run("ZADD z 1 a 2 b x c")
    assert harness.run("EXISTS z") == 0


def test_stored_results_lose_the_expiry_time_of_what_they_replace(harness: Harness) -> None:
    harness.run("ZADD z 1 a")
    harness.run("SET y v PX 1000")
    harness.run("ZUNIONSTORE y 1 z")
    assert harness.run("PTTL y") == -1


def test_random_members_come_from_the_injected_random() -> None:
    picks = []
    for _ in range(2):
        harness = Harness(seed=7)
        words = [word for number in range(300) for word in ("1", f"m{number}")]
        harness.run("ZADD", "z", *words)
        picks.append(
            [harness.run("ZRANDMEMBER z -20"), harness.run("ZRANDMEMBER z 20"), harness.run("ZRANDMEMBER z")]
        )
    assert picks[0] == picks[1]
    repeated, different, one = picks[0]
    assert len(repeated) == 20
    assert len(set(different)) == 20
    assert one.startswith(b"m")
