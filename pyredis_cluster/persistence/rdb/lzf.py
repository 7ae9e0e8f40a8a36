"""LZF, the compression of strings in RDB data.

A compressed string is a sequence of instructions, by their first byte:

    000nnnnn                      n + 1 bytes follow as they are
    lllooooo oooooooo             copy l + 2 bytes from o + 1 bytes before the end of the output; l is 1..6
    111ooooo llllllll oooooooo    the same for l + 9 bytes

What is copied may reach into what the copying itself writes: so a byte is repeated.
"""

from __future__ import annotations

_LITERAL_END = 32
_LONG_COPY = 7


def decompress(data: bytes, length: int) -> bytes:
    """The `length` bytes that `data` stands for. O(length), and never more memory than that.

    Raises ValueError if it is not well-formed, or stands for another number of bytes.
    """
    out = bytearray()
    size = len(data)
    position = 0
    try:
        while position < size:
            control = data[position]
            if control < _LITERAL_END:
                end = position + control + 2
                out += data[position + 1 : end]
                position = end
                continue
            count = control >> 5
            if count == _LONG_COPY:
                position += 1
                count += data[position]
            distance = ((control & 31) << 8) + data[position + 1] + 1
            position += 2
            count += 2
            written = len(out)
            start = written - distance
            if start < 0 or written + count > length:
                raise ValueError("reference outside of the output")
            if count <= distance:
                out += out[start : start + count]
            else:
                out += (out[start:] * (count // distance + 1))[:count]
    except IndexError:
        raise ValueError("ends within an instruction") from None
    if position != size or len(out) != length:
        raise ValueError("another length than announced")
    return bytes(out)
