"""SENTINEL CONFIG: what concerns a sentinel as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.glob import compile_glob
from pyredis_cluster.protocol.numbers import integer_or_none
from pyredis_cluster.sentinel import links
from pyredis_cluster.sentinel.state import SentinelState

_LOG_LEVELS: Final = (b"debug", b"verbose", b"notice", b"warning", b"nothing")
_YES_NO: Final = (b"yes", b"no")


def get(state: SentinelState, patterns: Sequence[bytes]) -> dict[bytes, bytes]:
    """The options whose names match one of `patterns`, in any case; by the order of the patterns."""
    values = _values(state)
    reply: dict[bytes, bytes] = {}
    for pattern in patterns:
        matches = compile_glob(pattern, nocase=True)
        reply |= {name: value for name, value in values.items() if name not in reply and matches(name)}
    return reply


def _values(state: SentinelState) -> dict[bytes, bytes]:
    return {
        b"resolve-hostnames": _yes_no(state.resolve_hostnames),
        b"announce-hostnames": _yes_no(state.announce_hostnames),
        b"announce-ip": state.announce_ip or b"",
        b"announce-port": b"%d" % state.announce_port,
        b"sentinel-user": state.sentinel_user or b"",
        b"sentinel-pass": state.sentinel_pass or b"",
        b"loglevel": state.settings.log_level.encode(),
    }


def _yes_no(value: bool) -> bytes:
    return b"yes" if value else b"no"


def set_options(state: SentinelState, words: Sequence[bytes]) -> None:
    """Change options, all or none. Raises CommandError."""
    changes: dict[bytes, bytes] = {}
    known = _values(state)
    for index in range(0, len(words), 2):
        option, *values = words[index : index + 2]
        name = option.lower()
        if name not in known:
            raise CommandError(b"ERR Invalid argument '%b' to SENTINEL CONFIG SET" % option)
        if name in changes:
            raise CommandError(b"ERR Duplicate argument '%b' to SENTINEL CONFIG SET" % option)
        if not values:
            raise CommandError(b"ERR Missing argument '%b' value" % option)
        if not _is_valid(name, values[0]):
            message = b"ERR Invalid value '%b' to SENTINEL CONFIG SET '%b'"
            raise CommandError(message % (values[0], option))
        changes[name] = values[0]
    for name, value in changes.items():
        _change(state, name, value)
    state.save()
    if b"sentinel-user" in changes or b"sentinel-pass" in changes:
        links.drop_sentinels(state)


def _is_valid(name: bytes, value: bytes) -> bool:
    if name in (b"resolve-hostnames", b"announce-hostnames"):
        return value.lower() in _YES_NO
    if name == b"announce-port":
        port = integer_or_none(value)
        return port is not None and 0 <= port <= 65535
    return name != b"loglevel" or value.lower() in _LOG_LEVELS


def _change(state: SentinelState, name: bytes, value: bytes) -> None:
    match name:
        case b"resolve-hostnames":
            state.resolve_hostnames = value.lower() == b"yes"
        case b"announce-hostnames":
            state.announce_hostnames = value.lower() == b"yes"
        case b"announce-ip":
            state.announce_ip = value or None
        case b"announce-port":
            state.announce_port = int(value)
        case b"sentinel-user":
            state.sentinel_user = value or None
        case b"sentinel-pass":
            state.sentinel_pass = value or None
        case b"loglevel":
            state.settings.log_level = state.out.log_level = value.lower().decode()
