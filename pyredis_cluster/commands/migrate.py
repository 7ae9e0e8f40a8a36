"""MIGRATE."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pyredis_cluster.commands.generic import generic
from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.execution.blocking import Blocked
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import WRITE, Category
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INCOMPLETE, RW, KeyRange, KeyWord
from pyredis_cluster.execution.migration import Migration, Outcome
from pyredis_cluster.execution.transaction import Execution
from pyredis_cluster.persistence.rdb.dump import dump_payload
from pyredis_cluster.protocol.command_stream import Request
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import NO_REPLY, OK, Reply, Status

_NO_KEY = Status(b"NOKEY")
_KEY_MUST_BE_EMPTY = CommandError(
    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
)
_NOT_HERE = CommandError("ERR MIGRATE is not supported inside a script by this server")
_DEFAULT_TIMEOUT_MS = 1000
_OPTIONS_AT = 6
_LEADING_INTEGER = re.compile(rb"\s*([+-]?[0-9]{1,9})")
_KEY_FLAGS = RW | ACCESS | DELETE
_ARGUMENTS_OF_OPTION = {b"auth": 1, b"auth2": 2}


@dataclass(slots=True)
class _Options:
    copies: bool = False
    may_replace: bool = False
    auth: tuple[bytes, ...] = ()
    keys: list[bytes] = field(default_factory=list)


def _parse(argv: list[bytes]) -> _Options:
    options = _Options(keys=[argv[3]])
    index = _OPTIONS_AT
    while index < len(argv):
        word = argv[index].lower()
        count = _ARGUMENTS_OF_OPTION.get(word, 0)
        if word == b"copy":
            options.copies = True
        elif word == b"replace":
            options.may_replace = True
        elif count and index + count < len(argv):
            given = argv[index + 1 : index + 1 + count]
            # A user name once given stays, whichever option gave the password last.
            options.auth = (*(options.auth[:-1] if count == 1 else ()), *given)
        elif word == b"keys":
            if argv[3]:
                raise _KEY_MUST_BE_EMPTY
            options.keys = argv[index + 1 :]
            break
        else:
            raise SYNTAX_ERROR
        index += 1 + count
    return options


def _key_positions(argv: list[bytes]) -> list[int]:
    """The key, or those after KEYS; none where both are given, which is an error."""
    index = _OPTIONS_AT
    while index < len(argv):
        word = argv[index].lower()
        if word == b"keys":
            return [] if argv[3] else list(range(index + 1, len(argv)))
        index += 1 + _ARGUMENTS_OF_OPTION.get(word, 0)
    return [3]


@generic.command(
    "MIGRATE",
    arity=-6,
    flags=WRITE,
    categories=Category.DANGEROUS,
    keys=(KeyRange(3, flags=_KEY_FLAGS), KeyWord(-2, _KEY_FLAGS | INCOMPLETE, word="KEYS", last=-1)),
    get_keys=_key_positions,
    since="2.6.0",
    tips=("nondeterministic_output",),
    syntax='host port:integer key-selector=<key | ""> destination-db:integer timeout:integer '
    "[COPY]@3.0.0 [REPLACE]@3.0.0 authentication=[AUTH auth~password:string@4.0.7 | "
    "(AUTH2 username password)@6.0.0] [KEYS keys~key:key#1 [key ...]]@3.0.6",
    summary="Moves keys to another server.",
    complexity="This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the "
    "target instance. See the pages of these commands for time complexity. Also an O(N) data transfer "
    "between the two instances is performed.",
    history=(
        ("3.0.0", "Added the `COPY` and `REPLACE` options."),
        ("3.0.6", "Added the `KEYS` option."),
        ("4.0.7", "Added the `AUTH` option."),
        ("6.0.0", "Added the `AUTH2` option."),
    ),
)
def migrate(call: Call, argv: list[bytes]) -> Reply:
    """MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username
    password] [KEYS key [key ...]]

    `OK`; `NOKEY` where there is none of the keys. Until the other server has answered, or the time is up, the
    whole server does nothing else. What it has acknowledged is deleted here, unless COPY is given. Raises
    IOERR where it cannot be reached or does not answer, and its first error where it refuses.
    """
    options = _parse(argv)
    timeout_ms = integer(argv[5])
    database = integer(argv[4])
    db = call.db
    values = [(key, db.read_any(key)) for key in options.keys]
    server = call.server
    compress = server.config.flag("rdbcompression")
    name = b"RESTORE" if server.cluster is None else b"RESTORE-ASKING"
    restores: list[Request] = []
    for key, value in values:
        if value is not None:
            when_ms = db.expires.get(key)
            ttl_ms = 0 if when_ms is None else max(when_ms - call.now_ms, 1)
            restores.append([name, key, b"%d" % ttl_ms, dump_payload(value, compress=compress)])
            if options.may_replace:
                restores[-1].append(b"REPLACE")
    if not restores:
        return _NO_KEY
    session = call.session
    execution = session.transaction.execution if session.transaction is not None else None
    if session.obeys or (session.deny_blocking and execution is None):
        raise _NOT_HERE
    matched = _LEADING_INTEGER.match(argv[2])
    port = int(matched[1]) if matched else 0
    timeout_ms = timeout_ms if timeout_ms > 0 else _DEFAULT_TIMEOUT_MS
    request = Migration(argv[1], port, database, timeout_ms, options.auth, restores)
    waiting = _Waiting(call, argv, [] if options.copies else [each[1] for each in restores], execution)
    server.host.migrate(request, waiting.finish)
    return NO_REPLY


class _Waiting:
    """The client of a MIGRATE under way; `moved` are the keys to be deleted, in the order of the requests.

    Inside a transaction, whose `execution` is given then, the client waits in EXEC. What came before MIGRATE
    is propagated by itself.
    """

    def __init__(
        self, call: Call, argv: list[bytes], moved: list[bytes], execution: Execution | None
    ) -> None:
        server = self._server = call.server
        session = self._session = call.session
        self._db = call.db
        self._argv = argv
        self._moved = moved
        self._execution = execution
        self._started_ns = server.monotonic_ns()
        entry = server.table.find(argv)
        assert entry is not None
        self._entry = entry
        if execution is not None:
            execution.wait()
            entry = server.table.entries[b"exec"]
        if session.blocked is None and not session.is_closing:
            session.become_blocked(Blocked(entry, argv, [], None, None))

    def finish(self, outcome: Outcome) -> None:
        """Delete what the other server has now, and answer. The server still does nothing else."""
        try:
            self._finish(outcome)
        except Exception as error:
            self._server.host.handler_failed(self._session, error)

    def _finish(self, outcome: Outcome) -> None:
        server, session = self._server, self._session
        self._delete(outcome)
        error = outcome.first_error
        reply: Reply = outcome.failure or OK
        if error is not None:
            reply = CommandError(b"ERR Target instance replied with error: " + error[1:])
        self._count_time()
        if self._execution is not None:
            server.propagation.collect(self._db.index, self._argv)
            if isinstance(reply, CommandError):
                server.count_error(self._entry, reply)
            reply = self._execution.go_on(reply)
        if server.keyspace.unsettled:
            server.settle(self._db.index, self._argv)
        if server.propagation.batch:
            server.propagation.writers[session] = None
        if reply is not NO_REPLY and session.blocked is not None:  # None: it is gone
            session.unblock(reply)

    def _delete(self, outcome: Outcome) -> None:
        db = self._db
        deleted = [key for index, key in enumerate(self._moved) if outcome.is_acknowledged(index)]
        for key in deleted:
            db.discard(key)
            db.changed(key, NOTIFY_GENERIC, b"del")
        if deleted:
            self._server.propagation.replace(db.index, [b"DEL", *deleted])

    def _count_time(self) -> None:
        server, entry = self._server, self._entry
        elapsed_ns = max(server.monotonic_ns() - self._started_ns, 0)
        entry.elapsed_ns += elapsed_ns
        if elapsed_ns >= server.slow_ns:
            server.note_slow(self._session, self._argv, elapsed_ns)
