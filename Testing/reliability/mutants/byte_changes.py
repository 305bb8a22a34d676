"""Changes that need not know what a file is: bytes lost, flipped, moved, added."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random

Change = Callable[[Random, bytes], bytes]
HEAD = 400
"""Most headers lie within so many bytes."""


def truncated(random: Random, content: bytes) -> bytes:
    """The file ends too early."""
    return content[: random.randrange(len(content))]


def tail_lost(random: Random, content: bytes) -> bytes:
    """A few bytes are missing at the end, as after a broken copy."""
    return content[: -random.randint(1, min(64, len(content)))]


def beginning_lost(random: Random, content: bytes) -> bytes:
    """The first bytes are missing."""
    return content[random.randint(1, min(512, len(content))) :]


def bits_flipped(random: Random, content: bytes) -> bytes:
    """One to forty bits are wrong, anywhere."""
    return _flipped(random, content, len(content), random.choice((1, 4, 40)))


def header_bits_flipped(random: Random, content: bytes) -> bytes:
    """Bits are wrong where headers lie."""
    return _flipped(random, content, min(HEAD, len(content)), random.choice((1, 3, 12)))


def bytes_random(random: Random, content: bytes) -> bytes:
    """A stretch is replaced by noise."""
    return _replaced(random, content, random.randbytes)


def bytes_zeroed(random: Random, content: bytes) -> bytes:
    """A stretch is zero, as a bad sector reads."""
    return _replaced(random, content, bytes)


def bytes_full(random: Random, content: bytes) -> bytes:
    """A stretch has every bit set."""
    return _replaced(random, content, lambda count: b"\xff" * count)


def stretches_swapped(random: Random, content: bytes) -> bytes:
    """Two halves stand in the wrong order."""
    cut = random.randrange(1, max(2, len(content)))
    return content[cut:] + content[:cut]


def stretch_twice(random: Random, content: bytes) -> bytes:
    """A stretch was written twice."""
    start = random.randrange(len(content))
    stop = min(len(content), start + random.randint(1, 600))
    return content[:stop] + content[start:stop] + content[stop:]


def bytes_inserted(random: Random, content: bytes) -> bytes:
    """Noise stands in between: everything behind it has moved."""
    place = random.randrange(len(content))
    return content[:place] + random.randbytes(random.randint(1, 64)) + content[place:]


def text_added(random: Random, content: bytes) -> bytes:
    """Something follows the end."""
    return content + random.choice((b"\n", b"\0" * 4096, b"<html></html>", random.randbytes(100)))


def emptied(_random: Random, _content: bytes) -> bytes:
    """Nothing is left."""
    return b""


def one_byte(random: Random, _content: bytes) -> bytes:
    """One byte is left."""
    return random.randbytes(1)


def a_web_page(_random: Random, _content: bytes) -> bytes:
    """What a download gives where one has to sign in first."""
    return b"<!DOCTYPE html><html><body>Please sign in</body></html>\n"


def line_ends_changed(_random: Random, content: bytes) -> bytes:
    """A transfer in text mode."""
    return content.replace(b"\n", b"\r\n")


def zipped_again(_random: Random, content: bytes) -> bytes:
    """Compressed once more than the name says."""
    return gzip.compress(content, 1)


BYTE_CHANGES: dict[str, Change] = {
    change.__name__.replace("_", " "): change
    for change in (
        truncated,
        tail_lost,
        beginning_lost,
        bits_flipped,
        header_bits_flipped,
        bytes_random,
        bytes_zeroed,
        bytes_full,
        stretches_swapped,
        stretch_twice,
        bytes_inserted,
        text_added,
        emptied,
        one_byte,
        a_web_page,
        line_ends_changed,
        zipped_again,
    )
}


def _flipped(random: Random, content: bytes, within: int, count: int) -> bytes:
    changed = bytearray(content)
    for _ in range(count):
        changed[random.randrange(within)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _replaced(random: Random, content: bytes, filling: Callable[[int], bytes]) -> bytes:
    start = random.randrange(len(content))
    count = min(random.choice((1, 8, 100, 2000)), len(content) - start)
    return content[:start] + filling(count) + content[start + count :]
