"""What is not there is said at start."""

import pytest

from pyredis_cluster.config.config import Config
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.unsupported import check_supported
from tests.support.inprocess import ManualClock


class Lines:
    """A log and what it wrote."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.log = Log(ManualClock(), lambda data: self.written.append(str(data)))

    @property
    def text(self) -> str:
        return "".join(self.written)


def test_defaults_are_all_supported() -> None:
    lines = Lines()
    check_supported(Config(), lines.log)
    assert lines.text == ""


def test_what_is_ignored_is_warned_of() -> None:
    lines = Lines()
    config = Config()
    config.put("aclfile", "users.acl")
    check_supported(config, lines.log)
    assert lines.text.count("WARNING: ") == 1


def test_modules_are_not_loaded() -> None:
    lines = Lines()
    config = Config()
    config.modules.append((b"/tmp/x.so", b"option"))
    with pytest.raises(StartError):
        check_supported(config, lines.log)
    assert "Can't load module from /tmp/x.so: server aborting" in lines.text
