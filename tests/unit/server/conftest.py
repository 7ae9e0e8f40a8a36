"""Everything about clients holds with epoll and with the event loop's own transports alike."""

from __future__ import annotations

import select

import pytest


@pytest.fixture(params=["epoll", "loop"])
def use_epoll(request: pytest.FixtureRequest) -> bool:
    """Whether the server's sockets are in an epoll object."""
    if request.param == "epoll" and not hasattr(select, "epoll"):
        pytest.skip("no epoll on this platform")
    return bool(request.param == "epoll")
