"""How a cluster fares: what is made of nodes' answers, and how it is drawn at several widths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError
from pyredis_cluster.admin.link import Link, Reply
from pyredis_cluster.admin.observing import Observer
from pyredis_cluster.admin.status import Answers, Lag, Member, Status, shown_bytes
from pyredis_cluster.admin.status_drawing import draw, plain
from pyredis_cluster.admin.status_report import as_json, find_problems
from pyredis_cluster.admin.topology import Node
from tests.unit.admin.fakes import FakeLink

A, B, C, D = (letter * 40 for letter in "abcd")


def address(port: int) -> Address:
    return Address("127.0.0.1", port, port + 10000)


def primary(node_id: str, port: int, *slots: range, flags: tuple[str, ...] = ("master",)) -> Node:
    return Node(address(port), node_id, flags, None, 1, True, {slot for run in slots for slot in run})


def replica(node_id: str, port: int, of: str, flags: tuple[str, ...] = ("slave",)) -> Node:
    return Node(address(port), node_id, flags, of, 1, True)


def answers(*, of: str = "", behind: int = 0, keys: int = 0, itself: Node | None = None) -> Answers:
    lines = [
        "redis_version:7.2.5",
        "used_memory:1048576",
        "instantaneous_ops_per_sec:12",
        "connected_clients:1",
    ]
    if of:
        lines += ["role:slave", "master_link_status:up", f"slave_repl_offset:{5000 - behind}"]
    lines += ["master_repl_offset:5000", f"db0:keys={keys},expires=0,avg_ttl=0"]
    return Answers("\r\n".join(lines), "cluster_state:ok\r\ncluster_current_epoch:6\r\n", itself)


def cluster(*members: Member) -> Status:
    status = Status(address(7000), list(members))
    status.problems = find_problems(status)
    return status


HEALTHY = cluster(
    Member(primary(A, 7000, range(5461), flags=("myself", "master")), answers(keys=1200)),
    Member(primary(B, 7001, range(5461, 10923)), answers(keys=1)),
    Member(primary(C, 7002, range(10923, 16384)), answers()),
    Member(replica(D, 7003, A), answers(of=A)),
)


@pytest.mark.parametrize(
    ("width", "picture"),
    [
        (
            60,
            """\
cluster ok · 3 primaries, 1 replica · all slots · 1 201 keys
epoch 6 · seen from 127.0.0.1:7000

AAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCCCCC
0                   5461                10923          16383

   node              slots, replication  keys  ops/s  memory
A  127.0.0.1:7000    0-5460              1200     12  1.0 MB
   └ 127.0.0.1:7003  in sync                0     12  1.0 MB
B  127.0.0.1:7001    5461-10922             1     12  1.0 MB
C  127.0.0.1:7002    10923-16383            0     12  1.0 MB
""",
        ),
        (
            100,
            """\
cluster ok · 3 primaries, 1 replica · all slots · 1 201 keys · epoch 6 · seen from 127.0.0.1:7000

AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC
0                                5461                              10923                       16383

   node              slots, replication  keys  ops/s  memory  clients  epoch  version
A  127.0.0.1:7000    0-5460              1200     12  1.0 MB        1      1  7.2.5
   └ 127.0.0.1:7003  in sync                0     12  1.0 MB        1      1  7.2.5
B  127.0.0.1:7001    5461-10922             1     12  1.0 MB        1      1  7.2.5
C  127.0.0.1:7002    10923-16383            0     12  1.0 MB        1      1  7.2.5
""",
        ),
    ],
)
def test_picture(width: int, picture: str) -> None:
    assert plain(draw(HEALTHY, width)) == picture


def test_what_is_wrong() -> None:
    source = primary(A, 7000, range(100), range(200, 8000), flags=("myself", "master"))
    source.migrating[7] = B
    status = cluster(
        Member(source, answers(itself=source)),
        Member(primary(B, 7001, range(8000, 16384), flags=("master", "fail")), None, "Connection refused"),
        Member(replica(C, 7002, A), answers(of=A, behind=3000)),
        Member(replica(D, 7003, "f" * 40, flags=("slave", "fail?")), None),
    )
    assert plain(draw(status, 64)) == (
        """\
cluster ok · 2 primaries, 2 replicas · 16284 of 16384 slots
0 keys · epoch 6 · seen from 127.0.0.1:7000

·AAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
100                            8000                        16383

   node              slots, replication  keys  ops/s  memory
A  127.0.0.1:7000    0-99, 200-7999         0     12  1.0 MB
   └ 127.0.0.1:7002  2.9 KB behind          0     12  1.0 MB
B  127.0.0.1:7001    failed                 –      –       –
   └ 127.0.0.1:7003  failing                –      –       –

! 100 slots have no owner: 100-199
! 127.0.0.1:7001 failed: Connection refused
! 127.0.0.1:7003 failing
! 127.0.0.1:7002: 2.9 KB behind
! 127.0.0.1:7000 has slots 7 open, migrating to 127.0.0.1:7001
"""
    )
    assert all(sum(len(span.text) for span in line) <= 64 for line in draw(status, 64))


def test_many_runs_are_cut_and_problems_wrapped() -> None:
    slots = [range(at, at + 1) for at in range(0, 16384, 2)]
    lines = draw(cluster(Member(primary(A, 7000, *slots), answers())), 60)
    assert all(sum(len(span.text) for span in line) <= 60 for line in lines)
    text = plain(lines)
    assert "·" * 60 in text
    assert "0, 2, 4, 6" in text
    assert "! 8192 slots have no owner: 1, 3, 5, 7 and 8188 more runs" in text


def test_nodes_that_do_not_agree() -> None:
    one, other = primary(A, 7000, range(16384)), primary(B, 7001)
    first, second = replace(answers(), view=((A, (0,)),)), replace(answers(), view=((B, (0,)),))
    status = cluster(Member(one, first), Member(other, second))
    assert status.problems == [
        "nodes do not agree on who owns which slot: 127.0.0.1:7001 have another view than the rest"
    ]


def test_lag() -> None:
    assert str(Lag(0)) == "in sync"
    assert str(Lag(3 << 20)) == "3.0 MB behind"
    assert str(Lag(None, 12)) == "link down for 12 s"
    assert str(Lag(None, None, True)) == "synchronising"
    assert [shown_bytes(number) for number in (0, 1023, 1024, 150 << 10, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KB",
        "150 KB",
        "5.0 TB",
    ]


def test_json() -> None:
    shown = as_json(HEALTHY)
    nodes = shown["nodes"]
    assert isinstance(nodes, list)
    assert (shown["ok"], shown["cluster_state"], shown["current_epoch"]) == (True, "ok", 6)
    assert [(node["port"], node["role"], node["slots"]) for node in nodes] == [
        (7000, "primary", [[0, 5460]]),
        (7003, "replica", []),
        (7001, "primary", [[5461, 10922]]),
        (7002, "primary", [[10923, 16383]]),
    ]
    assert (nodes[0]["keys"], nodes[1]["lag_bytes"]) == (1200, 0)


class Nodes:
    """Nodes on 127.0.0.1 to dial, by port; one that is not there is refused."""

    def __init__(self, **replies: dict[str, Reply]) -> None:
        self.sent: list[str] = []
        self.replies = {int(port.removeprefix("at_")): each for port, each in replies.items()}

    def dial(self, to: Address) -> Link:
        if to.port not in self.replies:
            raise UnreachableError(f"Could not connect to Redis at {to}: Connection refused")
        link = FakeLink(to.port, self.sent)
        # An error is given once only.
        link.replies = {request: [reply] * 9 for request, reply in self.replies[to.port].items()}
        return link


INFO = b"redis_version:7.0.15\r\nrole:master\r\nmaster_repl_offset:5\r\n"
LINES = (
    f"{A} 127.0.0.1:7000@17000 %s - 0 0 1 connected 0-16383\n"
    f"{B} 127.0.0.1:7001@17001 %s {A} 0 0 1 connected\n"
)
CLUSTER_INFO = b"cluster_state:ok\r\ncluster_current_epoch:1\r\n"


def node_replies(flags: tuple[str, str]) -> dict[str, Reply]:
    return {"INFO": INFO, "CLUSTER NODES": (LINES % flags).encode(), "CLUSTER INFO": CLUSTER_INFO}


def test_nodes_that_go_away_are_seen_from_others() -> None:
    nodes = Nodes(
        at_7000=node_replies(("myself,master", "slave")), at_7001=node_replies(("master", "myself,slave"))
    )
    observer = Observer(nodes.dial, address(7000))
    assert [member.state for member in observer.look().members] == ["", ""]
    observer.close()
    del nodes.replies[7000]
    status = observer.look()
    assert status.asked == address(7001)
    assert [(member.state, member.failure) for member in status.members] == [
        ("no answer", "Connection refused"),
        ("", ""),
    ]
    observer.close()
    del nodes.replies[7001]
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:7000"):
        observer.look()


def test_a_server_that_is_no_cluster_node_is_shown_with_its_replicas() -> None:
    disabled = ReplyError("127.0.0.1:7000", "ERR This instance has cluster support disabled")
    group = INFO + b"connected_slaves:1\r\nslave0:ip=127.0.0.1,port=7001,state=online,offset=5,lag=0\r\n"
    follower = b"role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:7000\r\nmaster_link_status:up\r\n"
    nodes = Nodes(
        at_7000={"INFO": group, "CLUSTER": disabled},
        at_7001={"INFO": follower + b"slave_repl_offset:5\r\n", "CLUSTER": disabled},
    )
    status = Observer(nodes.dial, address(7001)).look()
    assert (status.is_cluster, status.problems) == (False, [])
    assert [str(member.node) for member in status.members] == ["127.0.0.1:7000", "127.0.0.1:7001"]
    assert "└ 127.0.0.1:7001  in sync" in plain(draw(status, 80))


def test_sentinels_are_no_servers() -> None:
    disabled = ReplyError("127.0.0.1:7000", "ERR unknown command 'CLUSTER'")
    nodes = Nodes(at_7000={"INFO": b"redis_mode:sentinel\r\n", "CLUSTER": disabled})
    with pytest.raises(AdminError, match="is a sentinel"):
        Observer(nodes.dial, address(7000)).look()
