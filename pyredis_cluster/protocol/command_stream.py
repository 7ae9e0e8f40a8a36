"""Requests as bytes, as replicas and the AOF get them: arrays of bulk strings.

Each piece that stands between two arguments ends the one and begins the other, so that a command is joined of
as few pieces as can be.
"""

from __future__ import annotations

from collections.abc import Iterable

Request = list[bytes]

_HEADERS = [b"\r\n$%d\r\n" % length for length in range(1024)]


def encode_requests(requests: Iterable[Request | bytes]) -> bytes:
    """The requests, one after the other; what is bytes already stays as it is. O(bytes)."""
    pieces: list[bytes] = []
    extend = pieces.extend
    headers = _HEADERS
    for request in requests:
        if isinstance(request, bytes):
            pieces.append(request)
            continue
        if len(request) == 3:
            # Most writes by far, so without the loop.
            name, key, value = request
            size = len(value)
            if size < 1024 and len(key) < 1024 and len(name) < 1024:
                extend(
                    (b"*3", headers[len(name)], name, headers[len(key)], key, headers[size], value, b"\r\n")
                )
                continue
        pieces.append(b"*%d" % len(request))
        for word in request:
            extend((headers[len(word)] if len(word) < 1024 else b"\r\n$%d\r\n" % len(word), word))
        pieces.append(b"\r\n")
    return b"".join(pieces)


def encode_request(*words: bytes) -> bytes:
    """One request of these words."""
    return encode_requests([list(words)])
