"""Hellos: whom a sentinel meets by them, whose configuration it takes over, and which it ignores."""

from __future__ import annotations

import pytest

from tests.unit.sentinel.bench import MY_ID, OTHER_ID, Bench, closed, sent, told, types

ME = "master mymaster 127.0.0.1 6379"
OTHER = OTHER_ID.decode()


def sentinels(bench: Bench) -> list[tuple[bytes, bytes, bytes]]:
    reply = bench.core.sentinels(b"mymaster", bench.now_ms)
    return [(fields[b"name"], fields[b"ip"], fields[b"port"]) for fields in reply]


def test_a_new_sentinel_is_met_and_saved() -> None:
    bench = Bench()
    assert told(bench.hello()) == [
        ("+sentinel", f"sentinel {OTHER} 127.0.0.1 26380 @ mymaster 127.0.0.1 6379")
    ]
    assert bench.last.rewrite
    assert f"sentinel known-sentinel mymaster 127.0.0.1 26380 {OTHER}" in bench.lines()
    assert not told(bench.hello())
    assert not bench.last.rewrite


def test_one_that_moved_is_met_at_its_new_address() -> None:
    bench = Bench()
    bench.hello()
    steps = bench.hello("127.0.0.2", 26381)
    assert told(steps) == [("+sentinel-address-switch", f"{ME} ip 127.0.0.2 port 26381 for {OTHER}")]
    assert sentinels(bench) == [(OTHER_ID, b"127.0.0.2", b"26381")]


def test_of_two_at_one_address_the_old_one_goes() -> None:
    bench = Bench("sentinel monitor second 127.0.0.1 6380 2")
    bench.hello()
    bench.hello("127.0.0.1", 26380, OTHER, 0, "second", "127.0.0.1", 6380)
    steps = bench.hello("127.0.0.1", 26380, "c" * 40)
    assert types(steps) == ["+sentinel-invalid-addr", "+sentinel"]
    assert sentinels(bench) == [(b"c" * 40, b"127.0.0.1", b"26380")]
    assert not bench.core.sentinels(b"second", bench.now_ms)


def test_a_moved_sentinel_has_moved_for_all_masters_that_share_its_link() -> None:
    bench = Bench("sentinel monitor second 127.0.0.1 6380 2")
    bench.hello()
    bench.hello("127.0.0.1", 26380, OTHER, 0, "second", "127.0.0.1", 6380)
    bench.connect()
    (fields,) = bench.core.sentinels(b"second", bench.now_ms)
    assert fields[b"link-refcount"] == b"2"
    old = bench.link(26380)
    steps = bench.hello("127.0.0.2", 26381)
    assert types(steps) == ["+sentinel-address-switch", "+sentinel-address-update"]
    assert told(steps)[1][1].endswith("@ mymaster 127.0.0.1 6379 1 additional matching instances")
    assert closed(steps) == [old]
    (fields,) = bench.core.sentinels(b"second", bench.now_ms)
    assert (fields[b"ip"], fields[b"port"], fields[b"link-refcount"]) == (b"127.0.0.2", b"26381", b"2")


def test_a_newer_epoch_is_adopted() -> None:
    bench = Bench()
    assert told(bench.hello("127.0.0.1", 26380, OTHER, 7))[1:] == [("+new-epoch", "7")]
    assert "sentinel current-epoch 7" in bench.lines()
    assert not told(bench.hello("127.0.0.1", 26380, OTHER, 6))


def test_a_newer_configuration_is_taken_over() -> None:
    bench = Bench(
        "sentinel known-replica mymaster 127.0.0.1 6380", "sentinel client-reconfig-script mymaster /bin/true"
    )
    bench.hello()
    steps = bench.hello("127.0.0.1", 26380, OTHER, 0, "mymaster", "127.0.0.1", 6380, 3)
    assert told(steps) == [
        ("+config-update-from", f"sentinel {OTHER} 127.0.0.1 26380 @ mymaster 127.0.0.1 6379"),
        ("+switch-master", "mymaster 127.0.0.1 6379 127.0.0.1 6380"),
        ("+slave", "slave 127.0.0.1:6379 127.0.0.1 6379 @ mymaster 127.0.0.1 6380"),
    ]
    assert bench.last.rewrite
    assert "sentinel config-epoch mymaster 3" in bench.lines()
    (script,) = bench.core.pending_scripts(bench.now_ms)
    assert script[b"argv"] == [
        b"/bin/true", b"mymaster", b"observer", b"start", b"127.0.0.1", b"6379", b"127.0.0.1", b"6380",
    ]  # fmt: skip


def test_a_newer_configuration_with_the_same_master_is_noted() -> None:
    bench = Bench()
    bench.hello()
    assert not told(bench.hello("127.0.0.1", 26380, OTHER, 0, "mymaster", "127.0.0.1", 6379, 3))
    assert bench.last.rewrite
    assert bench.fields()[b"config-epoch"] == b"3"


@pytest.mark.parametrize("where", [("nowhere", 6380), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("a b", 6380)])
def test_a_configuration_whose_master_cannot_be_is_left_alone(where: tuple[str, int]) -> None:
    bench = Bench()
    bench.hello()
    assert not told(bench.hello("127.0.0.1", 26380, OTHER, 0, "mymaster", *where, 3))
    assert bench.fields()[b"config-epoch"] == b"0"
    assert bench.fields()[b"port"] == b"6379"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"1,2,3",
        b"127.0.0.1,26380,id,0,mymaster,127.0.0.1,6379",
        b"127.0.0.1,26380,id,0,mymaster,127.0.0.1,6379,0,0",
        b"127.0.0.1,26380,id,0,nobody,127.0.0.1,6379,0",
        b"127.0.0.1,26380,,0,mymaster,127.0.0.1,6379,0",
        b"127.0.0.1,26380,i d,0,mymaster,127.0.0.1,6379,0",
        b"127.0.0.1,26380,id\nport 1,0,mymaster,127.0.0.1,6379,0",
        b"127.0.0.1,70000,id,0,mymaster,127.0.0.1,6379,0",
        b"nowhere,26380,id,0,mymaster,127.0.0.1,6379,0",
        b"127.0.0.1,26380,id,18446744073709551615,mymaster,127.0.0.1,6379,0",
        b"127.0.0.1,26380,id,-1,mymaster,127.0.0.1,6379,0",
        b"127.0.0.1,26380,id,0,mymaster,127.0.0.1,6379,-1",
    ],
)
def test_what_is_no_hello_changes_nothing(payload: bytes) -> None:
    bench = Bench()
    before = bench.lines()
    bench.core.hello_received(payload, bench.now_ms)
    assert not told(bench.done())
    assert bench.lines() == before
    assert not bench.last.rewrite


def test_hellos_go_to_all_and_tell_of_the_master() -> None:
    bench = Bench("sentinel known-replica mymaster 127.0.0.1 6380", "sentinel current-epoch 4")
    bench.hello()
    bench.connect()
    hellos = [argv for argv in sent(bench.run(2100)) if argv[0] == b"PUBLISH"]
    text = b"127.0.0.1,26379," + MY_ID + b",4,mymaster,127.0.0.1,6379,0"
    assert hellos == [(b"PUBLISH", b"__sentinel__:hello", text)] * len(hellos)
    # Those that are not answered yet are sent again with each tick, as the reference does.
    assert len(hellos) >= 3


def test_hellos_tell_what_is_announced() -> None:
    bench = Bench("sentinel announce-ip 10.0.0.9", "sentinel announce-port 99")
    bench.connect()
    (hello, *_) = [argv[2] for argv in sent(bench.run(3000)) if argv[0] == b"PUBLISH"]
    assert hello.startswith(b"10.0.0.9,99,")


def test_no_hello_before_this_end_has_an_address() -> None:
    bench = Bench()
    assert not [argv for argv in sent(bench.run(5000)) if argv[0] == b"PUBLISH"]


def test_hellos_of_the_channel_but_not_its_own() -> None:
    bench = Bench()
    bench.connect()
    link = bench.link(6379, pubsub=True)
    hello = b"127.0.0.1,26380,%b,0,mymaster,127.0.0.1,6379,0"
    bench.reply(link, b"OK", [b"subscribe", b"__sentinel__:hello", 1])
    assert not told(bench.reply(link, [b"message", b"__sentinel__:hello", hello % MY_ID]))
    for reply in ([], [b"message", 1, 2], b"message", None, [b"pmessage", b"a", hello % OTHER_ID]):
        assert not told(bench.reply(link, reply))
    assert types(bench.reply(link, [b"message", b"__sentinel__:hello", hello % OTHER_ID])) == ["+sentinel"]


def test_a_sentinel_without_address_is_kept_where_names_count() -> None:
    bench = Bench("sentinel resolve-hostnames yes")
    assert types(bench.hello("gone", 26380)) == ["+sentinel"]
    assert f"sentinel known-sentinel mymaster gone 26380 {OTHER}" in bench.lines()
