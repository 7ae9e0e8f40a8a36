"""The shapes of values that a dataset is made of: for each type and encoding, the commands that make one.

Every command is one that all servers know, those of streams excepted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

Command = list[bytes]
Shape = Callable[[random.Random, bytes], Iterator[Command]]

# The bounds at which encodings of integers, of string lengths and of listpack entries change, on both sides.
_INTEGERS = sorted(
    {
        sign * ((1 << bits) + off)
        for bits in (0, 4, 6, 7, 8, 12, 13, 15, 16, 23, 24, 31, 32, 53, 62, 63)
        for off in (-1, 0, 1)
        for sign in (-1, 1)
    }
)
_INT64 = [number for number in _INTEGERS if -(1 << 63) <= number < 1 << 63]
_LENGTHS = (0, 1, 10, 11, 12, 20, 21, 39, 40, 44, 45, 63, 64, 65, 253, 254, 255, 4095, 4096, 16383, 16384)
# Versions differ in how DEBUG DIGEST writes a score that is no short decimal: it is `%.17g` or the shortest.
_SCORES = (
    *("inf", "-inf", "0", "1", "-1", "-2.5", "2.2250738585072014e-308", "1.7976931348623157e+308"),
    *("9007199254740992", "9007199254740993", "1e21"),
)
_ODD_SCORES = ("-0", "0.1", "5e-324", "-5e-324", "3.141592653589793", "1e-5", "123456789.123456789")


def number(value: float | str) -> bytes:
    """A number as an argument."""
    return str(value).encode()


def _noise(rng: random.Random, length: int) -> bytes:
    return rng.randbytes(length)


def _prose(rng: random.Random, length: int) -> bytes:
    words = (b"alpha ", b"beta ", b"gamma ", b"delta ", b"\x00\x01 ", b"epsilon ")
    return b"".join(rng.choices(words, k=length // 4 + 1))[:length]


def _split(name: bytes, key: bytes, items: Iterable[bytes], group: int = 1) -> Iterator[Command]:
    """The command with at most a few hundred arguments at a time; `group` arguments belong together."""
    rest = list(items)
    step = 200 * group
    for start in range(0, len(rest), step):
        yield [name, key, *rest[start : start + step]]


def _value(rng: random.Random) -> bytes:
    """A small string of any kind."""
    match rng.randrange(4):
        case 0:
            return number(rng.choice(_INT64))
        case 1:
            return number(rng.randrange(-100_000, 100_000))
        case 2:
            return _noise(rng, rng.randrange(40))
        case _:
            return _prose(rng, rng.randrange(80))


# Strings


def small_string(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"SET", key, _value(rng)]


def _integers(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"MSET", *(part for n in _INT64 for part in (b"%s:%d" % (key, n), number(n)))]


def _lengths(rng: random.Random, key: bytes) -> Iterator[Command]:
    for length in _LENGTHS:
        yield [b"SET", b"%s:noise:%d" % (key, length), _noise(rng, length)]
        yield [b"SET", b"%s:prose:%d" % (key, length), _prose(rng, length)]


def _near_numbers(rng: random.Random, key: bytes) -> Iterator[Command]:
    for text in (b"007", b"-0", b"+1", b" 1", b"1 ", b"1e3", b"9223372036854775808", b"-9223372036854775809"):
        yield [b"SET", key + b":" + text, text]


def _raw_string(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"SET", key, b"12"]
    yield [b"APPEND", key, b"34"]


def _sparse_bitmap(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"SETRANGE", key, number(rng.randrange(40_000)), b"\1"]


def _long_string(
    rng: random.Random, key: bytes, make: Callable[[random.Random, int], bytes]
) -> Iterator[Command]:
    yield [b"SET", key, make(rng, rng.randrange(50_000, 100_000))]


def _odd_keys(rng: random.Random, key: bytes) -> Iterator[Command]:
    names = [b"", b"0", b"-17", b"65536", b"0x\x00\xff\r\n", b"{tag}" + key, _noise(rng, 40), b"k" * 300]
    for name in names:
        yield [b"SET", name, b"of " + name]


def _hyperloglog(rng: random.Random, key: bytes) -> Iterator[Command]:
    # Both forms byte by byte, so that PFADD is not needed: magic, encoding, cached cardinality, registers.
    values = b"".join(b"%c" % (0x80 | rng.randrange(32) << 2) for _ in range(50))
    yield [b"SET", key + b":sparse", b"HYLL\x01" + b"\0" * 10 + b"\x80" + values + b"\x7f\xcd"]
    yield [b"SET", key + b":dense", b"HYLL\x00" + b"\0" * 10 + b"\x80" + _noise(rng, 12288)]


# Lists


def _list(rng: random.Random, key: bytes, least: int, most: int) -> Iterator[Command]:
    yield from _split(b"RPUSH", key, [_value(rng) for _ in range(rng.randrange(least, most))])


def _list_of_bounds(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield from _split(b"RPUSH", key, map(number, _INTEGERS))
    yield from _split(b"LPUSH", key + b":lengths", [_noise(rng, length) for length in _LENGTHS])


def _list_of_large(rng: random.Random, key: bytes) -> Iterator[Command]:
    # Of more than 8 kB each, and small ones between: nodes of their own, and nodes split around them.
    for make in (_noise, _prose, _noise):
        yield [b"RPUSH", key, b"before", make(rng, rng.randrange(9_000, 20_000)), b"after", b"1"]
    yield [b"LINSERT", key, b"BEFORE", b"after", _prose(rng, 9_000)]


# Sets


def _set_of_integers(rng: random.Random, key: bytes, count: int, bits: int) -> Iterator[Command]:
    bound = 1 << (bits - 1)
    yield from _split(b"SADD", key, [number(rng.randrange(-bound, bound)) for _ in range(count)])


def _set(rng: random.Random, key: bytes, least: int, most: int) -> Iterator[Command]:
    yield from _split(b"SADD", key, [_value(rng) for _ in range(rng.randrange(least, most))])


def _set_of_long(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"SADD", key, *(_noise(rng, length) for length in (1, 63, 64, 65, 300, 5000))]


# Hashes


def _hash(rng: random.Random, key: bytes, least: int, most: int) -> Iterator[Command]:
    count = rng.randrange(least, most)
    yield from _split(b"HSET", key, [_value(rng) for _ in range(2 * count)], 2)


def _hash_of_long(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"HSET", key, *(_noise(rng, length) for length in (1, 64, 64, 1, 65, 0, 0, 65, 300, 20_000))]


# Sorted sets


def _zset_of_scores(rng: random.Random, key: bytes, scores: tuple[str, ...]) -> Iterator[Command]:
    pairs = [part for score in scores for part in (number(score), b"at " + number(score))]
    yield [b"ZADD", key, *pairs]
    # A member that is too long for a listpack.
    yield [b"ZADD", key + b":skiplist", *pairs, b"1", _noise(rng, 65)]


def _zset(rng: random.Random, key: bytes, least: int, most: int) -> Iterator[Command]:
    pairs = []
    for _ in range(rng.randrange(least, most)):
        score = rng.choice(
            (rng.randrange(1000), rng.randrange(-1 << 20, 1 << 20) / 1024, rng.choice(_SCORES))
        )
        pairs += [number(score), _value(rng)]
    yield from _split(b"ZADD", key, pairs, 2)


# Streams


def _stream(rng: random.Random, key: bytes, count: int) -> Iterator[Command]:
    for n in range(1, count + 1):
        fields = [b"same", _value(rng)] if rng.random() < 0.7 else [_value(rng), _value(rng), b"n", number(n)]
        yield [b"XADD", key, b"%d-%d" % (1000 + n // 3, n), *fields]
    for n in range(1, count, 7):
        yield [b"XDEL", key, b"%d-%d" % (1000 + n // 3, n)]


def _stream_with_groups(rng: random.Random, key: bytes, count: int) -> Iterator[Command]:
    yield from _stream(rng, key, count)
    for group in (b"first", b"second"):
        yield [b"XGROUP", b"CREATE", key, group, b"0"]
    yield [b"XGROUP", b"CREATE", key, b"idle", b"$"]
    for consumer in (b"anna", b"bert"):
        yield [b"XREADGROUP", b"GROUP", b"first", consumer, b"COUNT", b"5", b"STREAMS", key, b">"]
    yield [b"XGROUP", b"CREATECONSUMER", key, b"second", b"cleo"]
    yield [b"XREADGROUP", b"GROUP", b"second", b"dora", b"COUNT", b"100", b"STREAMS", key, b">"]
    yield [b"XACK", key, b"first", b"1000-2"]


def _empty_stream(rng: random.Random, key: bytes) -> Iterator[Command]:
    yield [b"XADD", key, b"5-5", b"a", b"b"]
    yield [b"XDEL", key, b"5-5"]
    yield [b"XADD", key + b":bounds", b"18446744073709551615-1", b"", b""]


def _part(shape: Callable[..., Iterator[Command]], *args: object) -> Shape:
    def made(rng: random.Random, key: bytes) -> Iterator[Command]:
        return shape(rng, key, *args)

    return made


# One of each, whatever the size of the dataset.
ONCE: tuple[Shape, ...] = (
    *(_integers, _lengths, _near_numbers, _raw_string, _sparse_bitmap, _odd_keys, _hyperloglog),
    *(_part(_long_string, _noise), _part(_long_string, _prose)),
    *(_list_of_bounds, _list_of_large, _part(_list, 3000, 5000)),
    *(_part(_set_of_integers, count, bits) for count in (1, 100, 512, 513, 3000) for bits in (16, 32, 64)),
    *(_part(_set, 126, 131), _part(_set, 1000, 2000), _set_of_long),
    *(_part(_hash, 120, 140), _part(_hash, 600, 1500), _hash_of_long),
    *(_part(_zset_of_scores, _SCORES), _part(_zset, 120, 140), _part(_zset, 1000, 2000)),
)
COMMON: tuple[Shape, ...] = (
    *(_part(shape, 1, 12) for shape in (_list, _set, _hash, _zset)),
    *(_part(_set_of_integers, 8, bits) for bits in (16, 32, 64)),
)
RARE: tuple[Shape, ...] = (
    *(_part(shape, 100, 300) for shape in (_list, _set, _hash, _zset)),
    _part(_set_of_integers, 600, 32),
)
# Real servers differ in their digests of these, and one forgets the sign of zero in a listpack.
ODD_SCORES = _part(_zset_of_scores, _ODD_SCORES)
STREAMS: tuple[Shape, ...] = (
    *(_part(_stream, count) for count in (1, 30, 350)),
    *(_part(_stream_with_groups, count) for count in (3, 40, 250)),
    _empty_stream,
)
