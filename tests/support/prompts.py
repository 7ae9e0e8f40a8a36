"""A program whose questions are answered as a person would, read, then type: at a terminal or by pipes."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Sequence

LIMIT_S = 240.0

_QUESTION = re.compile(rb"(\?|Source node #\d+:|\(yes/no\)\?|\(type 'yes' to accept\):) $")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def converse(argv: Sequence[str], *answers: tuple[str, str], limit_s: float = LIMIT_S) -> tuple[int, str]:
    """Run `argv`, typing each answer once its question was printed; the exit code and all that was shown.

    What is typed is shown too. Raises AssertionError when a question is not asked in time.
    """
    deadline = time.monotonic() + limit_s
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(argv, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True)
    os.close(its_end)
    try:
        shown = ""
        for question, answer in answers:
            asked = len(shown)
            while question not in shown[asked:]:
                more = _read(terminal, deadline)
                assert more, f"not asked: {question}\n{_plain(shown)}"
                shown += more
            os.write(terminal, f"{answer}\n".encode())
        while more := _read(terminal, deadline):
            shown += more
        return process.wait(max(0.0, deadline - time.monotonic())), _plain(shown)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def answer(argv: Sequence[str], answers: Sequence[str], *, limit_s: float = LIMIT_S) -> tuple[int, str, str]:
    """Run `argv` with pipes, writing the next answer whenever what it has printed ends with a question.

    Returns the exit code, standard output and standard error. redis-cli takes what it reads at once for one
    answer, so it must not be given several. Raises AssertionError when it asks more, or takes too long.
    """
    deadline = time.monotonic() + limit_s
    left = list(answers)
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        typed, out, err = process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno()
        printed = {out: b"", err: b""}
        waiting = {out, err}
        try:
            while waiting:
                readable, _, _ = select.select(list(waiting), [], [], max(0.0, deadline - time.monotonic()))
                assert readable, f"it has not ended\n{printed[out][-2000:].decode()}"
                for end in readable:
                    more = os.read(end, 65536)
                    printed[end] += more
                    if not more:
                        waiting.discard(end)
                    elif end == out and _QUESTION.search(printed[out][-100:]):
                        assert left, f"asks once more\n{printed[out][-2000:].decode()}"
                        os.write(typed, f"{left.pop(0)}\n".encode())
        except BaseException:
            process.kill()
            raise
    return process.returncode, printed[out].decode(errors="replace"), printed[err].decode(errors="replace")


def _read(terminal: int, deadline: float) -> str:
    """What is shown next; empty at the end of the program. Raises AssertionError at the deadline."""
    readable, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
    assert readable, "nothing is shown any more, and the program has not ended"
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:
        # Linux says EIO when nobody has the other end open any more.
        return ""


def _plain(text: str) -> str:
    return _COLOR.sub("", text).replace("\r\n", "\n")
