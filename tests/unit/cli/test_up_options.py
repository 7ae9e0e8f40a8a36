"""What `up` makes of its options: the nodes that are to be, and the configuration of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyredis_cluster.cli.up_options import NodePlan, UpOptions, directives_of, node_config, plan
from pyredis_cluster.cli.up_shape import Shape, UpError, as_before, remember, remembered

CLUSTER = Shape(primaries=3, replicas=1, sentinels=0, port=7000)


def options(tmp_path: Path, **fields: object) -> UpOptions:
    return UpOptions(**{"shape": CLUSTER, "directory": str(tmp_path), **fields})  # type: ignore[arg-type]


def first(wanted: UpOptions, tmp_path: Path) -> NodePlan:
    return plan(wanted, str(tmp_path))[0]


def test_a_node_has_its_port_and_directory(tmp_path: Path) -> None:
    wanted = options(tmp_path)
    plans = plan(wanted, str(tmp_path))
    assert [node.port for node in plans] == [7000, 7001, 7002, 7003, 7004, 7005]
    config = node_config(wanted, plans[5])
    assert (config.integer("port"), config.text("dir")) == (7005, str(tmp_path / "7005"))
    assert config.flag("cluster-enabled")
    assert config.words("bind") == ("127.0.0.1",)
    assert config.flag("protected-mode")
    assert config.announce_rules == ()


def test_a_file_for_all_nodes_and_directives_above_it(tmp_path: Path) -> None:
    conf = tmp_path / "redis.conf"
    conf.write_text("port 1\ncluster-node-timeout 700\nmaxmemory 5mb\nbind 127.0.0.2\nsave 10 1\nlogfile x\n")
    wanted = options(tmp_path, config_file=str(conf), directives=directives_of(["--maxmemory", "6mb"]))
    config = node_config(wanted, first(wanted, tmp_path))
    assert config.integer("cluster-node-timeout") == 700
    assert config.integer("maxmemory") == 6 << 20
    assert (config.integer("port"), config.text("logfile"), config.config_file) == (7000, "", "")
    assert config.words("bind") == ("127.0.0.2",)
    assert config.shown("save") == b"10 1"


def test_what_is_wrong_in_the_file_is_said_with_its_place(tmp_path: Path) -> None:
    conf = tmp_path / "redis.conf"
    conf.write_text("# all\nmaxmemory lots\n")
    wanted = options(tmp_path, config_file=str(conf))
    with pytest.raises(UpError) as raised:
        node_config(wanted, first(wanted, tmp_path))
    assert str(raised.value) == f"{conf}, line 2: maxmemory lots: argument must be a memory value"
    wanted = options(tmp_path, config_file=str(tmp_path / "none"))
    with pytest.raises(UpError, match="none: No such file or directory"):
        node_config(wanted, first(wanted, tmp_path))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["word"], "Got unexpected extra argument (word)"),
        (["--maxmemroy", "1"], "No such option or directive: --maxmemroy. Did you mean --maxmemory?"),
        (["--replica", "1"], "No such option or directive: --replica. Did you mean --replicas?"),
        (
            ["--cluster-enabled", "no"],
            "--cluster-enabled: this is not the same for all nodes, so `up` decides it.",
        ),
        (["--maxmemory", "lots"], '--maxmemory "lots": argument must be a memory value'),
    ],
)
def test_directives_that_cannot_be(words: list[str], complaint: str) -> None:
    with pytest.raises(UpError) as raised:
        directives_of(words)
    assert str(raised.value) == complaint


def test_a_password_is_the_replicas_too(tmp_path: Path) -> None:
    wanted = options(tmp_path, directives=directives_of(["--requirepass", "secret"]))
    assert node_config(wanted, first(wanted, tmp_path)).data("masterauth") == b"secret"


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"bind": ("::1",)}, []),
        ({"bind": ("192.168.1.5",)}, []),
        ({"bind": ("127.0.0.1", "192.168.1.5")}, ["* same"]),
        ({"bind": ("0.0.0.0",)}, ["* same"]),
        ({"bind": ("192.168.1.5",), "announce": "box"}, ["127.0.0.1 same", "::1 same", "* box"]),
        (
            {"bind": ("*",), "announce": "10.0.0.1", "announce_port": 17000},
            ["127.0.0.1 same", "::1 same", "* 10.0.0.1:+10000"],
        ),
    ],
)
def test_clients_from_elsewhere(tmp_path: Path, fields: dict[str, object], rules: list[str]) -> None:
    wanted = options(tmp_path, **fields)
    config = node_config(wanted, first(wanted, tmp_path))
    assert [str(rule) for rule in config.announce_rules] == rules
    assert config.flag("protected-mode") == wanted.is_local


def test_directives_beat_what_is_usual(tmp_path: Path) -> None:
    words = ["--protected-mode", "yes", "--cluster-announce-to-clients", "* box", "--save", "60 1"]
    wanted = options(tmp_path, bind=("0.0.0.0",), directory=None, directives=directives_of(words))
    config = node_config(wanted, first(wanted, tmp_path))
    assert config.flag("protected-mode")
    assert [str(rule) for rule in config.announce_rules] == ["* box"]
    assert config.shown("save") == b"60 1"
    assert config.text("loglevel") == "warning"


def test_a_directory_remembers_its_nodes(tmp_path: Path) -> None:
    assert remembered(str(tmp_path)) is None
    other = Shape(5, 0, 0, 7100)
    remember(str(tmp_path), other)
    assert remembered(str(tmp_path)) == other
    assert as_before(CLUSTER, other, set()) == other
    assert as_before(Shape(5, 1, 0, 7000), other, {"primaries"}) == other
    with pytest.raises(UpError, match="started with --port 7100"):
        as_before(CLUSTER, other, {"port"})
    (tmp_path / "cluster.json").write_text("[]")
    with pytest.raises(UpError, match="was not written by `up`"):
        remembered(str(tmp_path))
