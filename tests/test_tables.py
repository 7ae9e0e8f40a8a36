"""The support tables of the documentation say what is so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from docs.tables import DOCS, PAGES, SENTINEL_LINES, SENTINEL_STATE, facts, supported
from pyredis_cluster.sentinel.directives import OPTIONS
from tests.conformance.command_table import command_docs
from tests.support.nodes import started
from tests.support.servers import REDIS_7_2, VALKEY_8_1, find_real_servers


@pytest.mark.parametrize("page", PAGES)
def test_page_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text("utf-8") == PAGES[page](), "python -m docs.tables"


def test_there_is_no_command_that_redis_does_not_have() -> None:
    assert supported() <= {fact.name for fact in facts()}


def test_all_lines_of_sentinel_conf_are_told() -> None:
    lines = {option.removeprefix(b"sentinel ").decode() for option in OPTIONS}
    assert lines == set(SENTINEL_LINES) | set(SENTINEL_STATE)


@pytest.mark.slow
@pytest.mark.real_server
def test_facts_are_those_of_a_real_server() -> None:
    name = REDIS_7_2 if REDIS_7_2 in find_real_servers() else VALKEY_8_1
    with started(name) as (real,):
        docs = command_docs(SimpleNamespace(control=real.client.ask))
    told = {(name, fields["since"], fields["group"]) for name, fields in docs.items()}
    ours = {tuple(fact) for fact in facts() if fact.group != "sentinel"}
    assert ours == told if name == REDIS_7_2 else ours < told
