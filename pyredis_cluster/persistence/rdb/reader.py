"""Reading an RDB file, or what a primary sends in a full synchronisation.

    reader = RdbReader(data, sink, limits)
    while not reader.advance(budget):
        ...                                     # let others have the event loop
    rest = data[reader.position :]              # an AOF may go on behind its RDB preamble

The layout is in `opcodes`, that of values in `values`. The reader decides nothing about keys: what is
expired, there already, or of no interest, the sink says.

Source: rdbLoadRioWithLoadingCtx of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.errors import EmptyValueError, short_read
from pyredis_cluster.persistence.rdb.errors import RdbError as RdbError
from pyredis_cluster.persistence.rdb.strings import SMALL_INTEGERS, read_length, read_string
from pyredis_cluster.persistence.rdb.values import load_value, module_name

_WINDOW_BYTES = 1 << 20
_CHECKSUM_SLICE_BYTES = 4 << 20
_NO_EXPIRY = -1


class RdbSink(Protocol):
    """Who takes what a file has, in the file's order. What it raises ends the reading.

    Before the first `select`, keys are of database 0.
    """

    def select(self, db: int) -> None:
        """The following keys are of database `db`, any number: refuse it if there are not as many."""

    def resize(self, keys: int, expires: int) -> None:
        """About so many keys are going to follow in this database, so many of them with an expiry time."""

    def entry(
        self, key: bytes, value: Value, expire_ms: int | None, idle_s: int | None, frequency: int | None
    ) -> None:
        """A key. `value.lru` is 0: `idle_s` or `frequency` have been noted by an eviction policy, if any."""

    def aux(self, name: bytes, value: bytes) -> None:
        """A note of the server that wrote the file, most of them before the first key."""

    def function(self, code: bytes) -> None:
        """The source of a library of functions."""


class RdbReader:
    """Reads RDB data, piece by piece.

    `position` is how far it has come, `version` that of the file once it is known. `empty_keys` are those
    that hold containers without elements, as old servers could leave: they do not reach the sink.
    `checksum_disabled` says that the file has none, though its version could have had.
    """

    def __init__(
        self,
        data: bytes | memoryview,
        sink: RdbSink,
        limits: EncodingLimits,
        *,
        check_crc: bool = True,
        now_ms: int = 0,
        window_bytes: int = _WINDOW_BYTES,
    ) -> None:
        """`data` begins with a file and may be longer; anything but bytes is copied by `window_bytes`.

        Fields of hashes that are expired at `now_ms` are dropped (0: none, as a replica has to).
        """
        self.position = 0
        self.version = 0
        self.empty_keys: list[bytes] = []
        self.checksum_disabled = False
        self._data = data
        self._view = memoryview(data)
        self._sink = sink
        self._limits = limits
        self._check_crc = check_crc
        self._now_ms = now_ms
        self._window_bytes = window_bytes
        self._stop = 0
        self._crc = 0
        self._crc_position = 0
        self._body_end: int | None = None
        self._failure: BaseException | None = None
        self._steps = self._load()

    def advance(self, budget: int) -> bool:
        """Load about `budget` bytes, at least one key; whether the end was reached and all is well.

        Raises RdbError, and then again whenever it is called, and what the sink raises.
        """
        if self._failure is not None:
            raise self._failure
        try:
            if self._body_end is None:
                self._stop = self.position + max(budget, 1)
                next(self._steps, None)
            return self._verify()
        except BaseException as failure:
            self._failure = failure
            raise

    def _verify(self) -> bool:
        """Take what was read into the checksum, not too much at once; whether that of the file is right."""
        checked_end = self.position if self._body_end is None else self._body_end
        has_checksum = self.version >= opcodes.FIRST_VERSION_WITH_CHECKSUM
        if self._check_crc and has_checksum:
            start = self._crc_position
            end = min(checked_end, start + _CHECKSUM_SLICE_BYTES)
            self._crc = crc64(self._view[start:end], self._crc)
            self._crc_position = end
            if end < checked_end:
                return False
        if self._body_end is None:
            return False
        if self.position == self._body_end and has_checksum:
            self._compare()
        return True

    def _compare(self) -> None:
        end = self.position + opcodes.CHECKSUM_BYTES
        if end > len(self._data):
            raise short_read(self.position)
        noted = int.from_bytes(self._data[self.position : end], "little")
        self.position = end
        if not self._check_crc:
            return
        if noted == 0:
            self.checksum_disabled = True
        elif noted != self._crc:
            line = f"Wrong RDB checksum expected: ({self._crc:x}) but got ({noted:x}). Aborting now."
            raise RdbError("RDB CRC error", end, line=line)

    def _read_header(self) -> None:
        header = bytes(self._data[: opcodes.HEADER_BYTES])
        if len(header) < opcodes.HEADER_BYTES:
            raise short_read(len(header))
        is_valkey = header.startswith(opcodes.MAGIC_VALKEY)
        if not is_valkey and not header.startswith(opcodes.MAGIC_REDIS):
            raise RdbError("Wrong signature trying to load DB from file", 0)
        digits = header[len(opcodes.MAGIC_VALKEY if is_valkey else opcodes.MAGIC_REDIS) :]
        version = int(digits) if digits.isdigit() else 0
        is_known = (
            version == opcodes.VALKEY_VERSION if is_valkey else 1 <= version <= opcodes.NEWEST_REDIS_VERSION
        )
        if not is_known:
            raise RdbError(f"Can't handle RDB format version {version}", 0)
        self.version = version
        self.position = opcodes.HEADER_BYTES

    def _window(self, start: int, size: int) -> tuple[bytes, int, int]:
        """Data to read at `start`: bytes, where `start` is in them, and where they are in the whole."""
        data = self._data
        if isinstance(data, bytes):
            return data, start, 0
        return bytes(data[start : start + size]), 0, start

    def _load(self) -> Iterator[None]:
        """The body of the file; `position` and `_stop` are up to date at each pause.

        What is needed for strings is inline, as they are most of what large files have.
        """
        self._read_header()
        entry = self._sink.entry
        limits = self._limits
        version, now_ms = self.version, self._now_ms
        integers = SMALL_INTEGERS
        from_bytes = int.from_bytes
        with_expiry, first_opcode = opcodes.OPCODE_EXPIRETIME_MS, opcodes.OPCODE_SLOT_IMPORT
        total = len(self._data)
        expire_ms = idle_s = frequency = None
        window, position, base = self._window(self.position, self._window_bytes)
        size = len(window)
        stop = self._stop - base
        while True:
            if position >= stop:
                self.position = base + position
                yield
                stop = self._stop - base
            start = position
            value: Value | None
            try:
                kind = window[position]
                if kind == with_expiry:
                    expire_ms = from_bytes(window[position + 1 : position + 9], "little", signed=True)
                    position += 9
                    kind = window[position]
                if kind == 0:
                    head = window[position + 1]
                    if head < 64:
                        begin = position + 2
                        position = begin + head
                        key = window[begin:position]
                    else:
                        key, position = read_string(window, position + 1)
                    head = window[position]
                    if head < 64:
                        begin = position + 1
                        position = begin + head
                        data = window[begin:position]
                    elif head < 128:
                        begin = position + 2
                        position = begin + ((head & 63) << 8 | window[position + 1])
                        data = window[begin:position]
                    elif head == 0xC2:
                        begin = position + 1
                        position += 5
                        data = b"%d" % from_bytes(window[begin:position], "little", signed=True)
                    elif head == 0xC1:
                        begin = position + 1
                        position += 3
                        data = b"%d" % from_bytes(window[begin:position], "little", signed=True)
                    elif head == 0xC0:
                        data = integers[window[position + 1]]
                        position += 2
                    else:
                        data, position = read_string(window, position)
                    if position > size:
                        raise short_read(size)
                    value = String(data)
                elif kind < first_opcode:
                    key, position = read_string(window, position + 1)
                    value, position = load_value(
                        kind, window, position, limits, version=version, now_ms=now_ms
                    )
                elif kind == opcodes.OPCODE_IDLE:
                    idle_s, position = read_length(window, position + 1)
                    continue
                elif kind == opcodes.OPCODE_FREQ:
                    frequency = window[position + 1]
                    position += 2
                    continue
                elif kind == opcodes.OPCODE_EXPIRETIME:
                    if position + 5 > size:
                        raise short_read(size)
                    expire_ms = 1000 * int.from_bytes(
                        window[position + 1 : position + 5], "little", signed=True
                    )
                    position += 5
                    continue
                elif kind == opcodes.OPCODE_EOF:
                    break
                else:
                    tell, position = self._read_part(kind, window, position + 1)
                    value = None
            except EmptyValueError as empty:
                self.empty_keys.append(key)
                position = empty.offset
                value = tell = None
            except (RdbError, IndexError) as fault:
                if isinstance(fault, RdbError) and not fault.is_short:
                    raise fault.moved(base) from None
                if base + size == total:
                    raise short_read(total) from None
                # Did not fit what is at hand: once more, with more if it began there.
                wanted = 4 * size if start == 0 else self._window_bytes
                window, position, base = self._window(base + start, wanted)
                size = len(window)
                stop = self._stop - base
                continue
            if value is not None:
                entry(key, value, None if expire_ms == _NO_EXPIRY else expire_ms, idle_s, frequency)
            elif tell is not None:
                tell()
                continue
            expire_ms = idle_s = frequency = None
        self.position = self._body_end = base + position + 1

    def _read_part(self, kind: int, data: bytes, position: int) -> tuple[Callable[[], None], int]:
        """What stands behind an opcode that does not belong to a key: what to do, and the position behind.

        Raises RdbError, IndexError.
        """
        sink = self._sink
        if kind == opcodes.OPCODE_SELECTDB:
            db, position = read_length(data, position)
            return lambda: sink.select(db), position
        if kind == opcodes.OPCODE_RESIZEDB:
            keys, position = read_length(data, position)
            expires, position = read_length(data, position)
            return lambda: sink.resize(keys, expires), position
        if kind == opcodes.OPCODE_AUX:
            name, position = read_string(data, position)
            text, position = read_string(data, position)
            return lambda: sink.aux(name, text), position
        if kind == opcodes.OPCODE_FUNCTION2:
            code, position = read_string(data, position)
            return lambda: sink.function(code), position
        if kind == opcodes.OPCODE_SLOT_INFO:
            for _ in range(3):
                _, position = read_length(data, position)
            return _ignore, position
        raise _refusal(kind, data, position)


def _ignore() -> None:
    """For hints: nothing is to be done."""


def _refusal(kind: int, data: bytes, position: int) -> RdbError:
    """Why what stands behind an opcode cannot be loaded. Raises RdbError, IndexError if it is not whole."""
    if kind == opcodes.OPCODE_FUNCTION_PRE_GA:
        return RdbError("Pre-release function format not supported.", position)
    if kind == opcodes.OPCODE_SLOT_IMPORT:
        return RdbError("Slot imports that were under way cannot be continued", position)
    number, after = read_length(data, position)
    when_kind, after = read_length(data, after)
    _, after = read_length(data, after)
    if when_kind != opcodes.MODULE_UINT:
        return RdbError("bad when_opcode", position)
    name = module_name(number)
    return RdbError(
        f"The RDB file contains AUX module data I can't load: no matching module '{name}'", position
    )
