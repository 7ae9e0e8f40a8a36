"""The rules of cluster-announce-to-clients as text."""

from __future__ import annotations

import re

import pytest

from pyredis_cluster.config.config import Config
from pyredis_cluster.protocol.errors import CommandError


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", ""),
        ("* same", "* same"),
        ("127.0.0.1 same * box.example:+1000", "127.0.0.1 same * box.example:+1000"),
        ("0:0:0:0:0:0:0:1 fd00::1:-5", "::1 fd00::1:-5"),
        ("* same:+0", "* same"),
    ],
)
def test_rules(given: str, shown: str) -> None:
    config = Config()
    config.set_many([(b"cluster-announce-to-clients", given.encode())])
    assert config.shown("cluster-announce-to-clients") == shown.encode()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("*", "in turn"),
        ("localhost same", "by an IP address, or * for any, not by localhost"),
        ("* host:+x y", "in turn"),
        ('* a"b', 'a"b is no host, with or without :+ports or :-ports'),
    ],
)
def test_what_is_no_rule(given: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=re.escape(complaint)):
        Config().set_many([(b"cluster-announce-to-clients", given.encode())])
