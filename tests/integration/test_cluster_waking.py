"""A primary that was stopped, and replaced meanwhile: what it says to those who have waited for it."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import pytest

from tests.support.cluster_programs import QUICK_TO_FAIL, form, id_of, running, until, views
from tests.support.servers import OURS, RunningServer
from tests.support.wire import RawClient

# "foo" is in the slots of the last of three primaries.
REQUEST = ("SET", "foo", "bar")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped"),
]


def test_who_was_stopped_while_replaced_acknowledges_nothing() -> None:
    with running(*[OURS] * 6, options=QUICK_TO_FAIL) as servers, ExitStack() as stack:
        form(servers[:3], servers[3:])
        primary, replica, witness = servers[2], servers[5], servers[0]
        waiting = [stack.enter_context(primary.connect()) for _ in range(5)]
        assert all(client.call(*REQUEST) == b"+OK\r\n" for client in waiting)
        os.kill(primary.pid, signal.SIGSTOP)
        try:
            for client in waiting:
                client.send(*REQUEST)
            until(lambda: "master" in views(witness)[id_of(replica)].flags)
            waiting += [_asking(stack, primary) for _ in range(5)]
        finally:
            os.kill(primary.pid, signal.SIGCONT)
        moved = b"-MOVED 12182 127.0.0.1:%d\r\n" % replica.port
        assert [client.read() for client in waiting] == [moved] * 10


def _asking(stack: ExitStack, server: RunningServer) -> RawClient:
    client = stack.enter_context(server.connect())
    client.send(*REQUEST)
    return client
