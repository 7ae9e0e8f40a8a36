"""What is not there is said at start."""

import pytest

from pyredis_cluster.config.config import Config
from pyredis_cluster.config.loader import load_text
from pyredis_cluster.execution.authentication import user_lines
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


DIGEST = b"#2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


@pytest.mark.parametrize(
    ("text", "is_warned"),
    [
        (b"user default on nopass sanitize-payload ~* &* +@all\n", False),
        (b"user default on nopass ~* &* +@all\n", False),
        (b"requirepass foo\nuser default on sanitize-payload %b ~* &* +@all\n" % DIGEST, False),
        (b"requirepass bar\nuser default on sanitize-payload %b ~* &* +@all\n" % DIGEST, True),
        (b"user default on %b ~* &* +@all\n" % DIGEST, True),
        (b"user default on nopass ~* &* +@read\n", True),
        (b"user default off nopass ~* &* +@all\n", True),
        (b"user bob on nopass ~* &* +@all\n", True),
    ],
)
def test_a_user_who_is_there_anyway_is_not_warned_of(text: bytes, is_warned: bool) -> None:
    lines = Lines()
    config = load_text(text)
    check_supported(config, lines.log)
    assert ("users are configured" in lines.text) is is_warned
    # Rewriting the file keeps what is ignored, so that it can be taken back to a real server.
    stated = text.splitlines()[-1].removeprefix(b"user ")
    assert (stated in user_lines(config)) is (is_warned or b"sanitize-payload" in stated)
