"""Headers whose fields say something absurd, file by file."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from random import Random

NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "7",
    "65535",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967296",
    "1e308",
    "-1e-308",
    "1e-45",
    "nan",
    "inf",
    "-inf",
    "0.0",
    "99999999999999999999",
    "",
    "abc",
    "1 2 3 4 5 6 7 8 9",
    "%s%n",
    "0x10",
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, 3.4e38, -3.4e38, float("nan"), float("inf"), float("-inf"), 1e-3, 1000.0)
SHORTS = (0, 1, -1, 2, 3, 4, 7, 8, 255, 256, 32767, -32768)
NIFTI_FIELDS = {
    "sizeof_hdr": ("i", 0, 1),
    "dim": ("h", 40, 8),
    "intent": ("f", 56, 3),
    "intent_code": ("h", 68, 1),
    "datatype": ("h", 70, 1),
    "bitpix": ("h", 72, 1),
    "slice_start": ("h", 74, 1),
    "pixdim": ("f", 76, 8),
    "vox_offset": ("f", 108, 1),
    "slope": ("f", 112, 2),
    "slice_end": ("h", 120, 1),
    "units": ("B", 123, 1),
    "codes": ("h", 252, 2),
    "quaternion": ("f", 256, 6),
    "rows": ("f", 280, 12),
    "magic": ("B", 344, 4),
}
"""``struct`` code, offset and count of each field of nifti1.h."""


def nifti_field(random: Random, content: bytes) -> bytes:
    """One to three numbers of a NIfTI header are extreme."""
    raw = bytearray(_opened(content))
    for _ in range(random.randint(1, 3)):
        code, offset, count = NIFTI_FIELDS[random.choice(sorted(NIFTI_FIELDS))]
        place = offset + random.randrange(count) * struct.calcsize(code)
        struct.pack_into("<" + code, raw, place, _extreme(random, code))
    return _closed(bytes(raw), content)


def nifti_fields_swapped(random: Random, content: bytes) -> bytes:
    """Two fields stand in each other's place."""
    raw = bytearray(_opened(content))
    one, other = (random.randrange(40, 340) & ~3 for _ in range(2))
    raw[one : one + 4], raw[other : other + 4] = raw[other : other + 4], raw[one : one + 4]
    return _closed(bytes(raw), content)


def nifti_other_byte_order(random: Random, content: bytes) -> bytes:
    """The header (or a part of it) in the other byte order, the pixels as they were."""
    raw = bytearray(_opened(content))
    for code, offset, count in NIFTI_FIELDS.values():
        if code != "B" and random.random() < 0.9:
            values = struct.unpack_from(f"<{count}{code}", raw, offset)
            struct.pack_into(f">{count}{code}", raw, offset, *values)
    return _closed(bytes(raw), content)


def nifti_huge_shape(random: Random, content: bytes) -> bytes:
    """A shape of many gigabytes is declared, with nothing behind it."""
    raw = bytearray(_opened(content))
    rank = random.choice((3, 4, 7))
    dims = [rank] + [random.choice((32767, 20000, 4096)) for _ in range(rank)] + [1] * (7 - rank)
    struct.pack_into("<8h", raw, 40, *dims)
    struct.pack_into("<hh", raw, 70, *random.choice(((2, 8), (16, 32), (64, 64), (1792, 128), (128, 24))))
    return _closed(bytes(raw), content)


def nifti_data_elsewhere(random: Random, content: bytes) -> bytes:
    """The pixels are said to begin where they do not."""
    raw = bytearray(_opened(content))
    struct.pack_into(
        "<f", raw, 108, random.choice((0, -1, 340, 353.5, 1e9, 1e30, float("nan"), float("inf"), len(raw), len(raw) - 2))
    )
    return _closed(bytes(raw), content)


def text_field(random: Random, content: bytes) -> bytes:
    """One field of a text header (NRRD, MetaImage) has another value."""
    head, rest = _split_text(content)
    lines = head.split(b"\n")
    place = random.randrange(len(lines))
    match = re.match(rb"([^:=]+[:=]+\s*)(.*)", lines[place])
    if match:
        words = match[2].split(b" ")
        words[random.randrange(len(words))] = random.choice(NUMBERS).encode()
        lines[place] = match[1] + b" ".join(words)
    return b"\n".join(lines) + rest


def text_field_lost(random: Random, content: bytes) -> bytes:
    """A line of a text header is missing, or stands there twice."""
    head, rest = _split_text(content)
    lines = head.split(b"\n")
    place = random.randrange(len(lines))
    lines[place : place + 1] = random.choice(([], [lines[place]] * 2))
    return b"\n".join(lines) + rest


def text_fields_swapped(random: Random, content: bytes) -> bytes:
    """Two fields of a text header have each other's value."""
    head, rest = _split_text(content)
    lines = head.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    parts = [re.match(rb"([^:=]*[:=]*\s*)(.*)", lines[place]) for place in (one, other)]
    if all(parts):
        lines[one], lines[other] = parts[0][1] + parts[1][2], parts[1][1] + parts[0][2]  # type: ignore[index]
    return b"\n".join(lines) + rest


def text_huge_shape(random: Random, content: bytes) -> bytes:
    """A shape of many gigabytes in a text header."""
    sizes = b" ".join(str(random.choice((100000, 65536, 2**31 - 1, 2**33))).encode() for _ in range(3))
    return re.sub(rb"(sizes:|DimSize =) [^\n]*", rb"\1 " + sizes, content, count=1)


def text_pixels_elsewhere(random: Random, content: bytes) -> bytes:
    """The pixels are said to lie in a device, in the header itself, in many files, or nowhere."""
    place = random.choice(
        (
            b"/dev/zero",
            b"/dev/stdin",
            b".",
            b"image.nhdr",
            b"image.mhd",
            b"/etc/passwd",
            b"%d 1 9 1",
            b"LIST",
            b"LIST 2",
            b"",
            b"../" * 400,
        )
    )
    return re.sub(rb"(data file:|ElementDataFile =)[^\n]*", lambda match: match[1] + b" " + place, content, count=1)


def png_shape(random: Random, content: bytes) -> bytes:
    """Another size, depth or kind in a PNG header, with the checksum put right."""
    raw = bytearray(content)
    width, height = (random.choice((0, 1, 100000, 2**31 - 1, 40)) for _ in range(2))
    depth, kind = random.choice((0, 1, 8, 16, 99)), random.choice((0, 2, 3, 4, 6, 77))
    struct.pack_into(">IIBB", raw, 16, width, height, depth, kind)
    struct.pack_into(">I", raw, 29, zlib.crc32(bytes(raw[12:29])))
    return bytes(raw)


def jpeg_shape(random: Random, content: bytes) -> bytes:
    """Another size or number of channels in a JPEG frame header."""
    raw = bytearray(content)
    place = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc1"), 2)
    struct.pack_into(">HH", raw, place + 5, random.choice((0, 1, 65535, 30000)), random.choice((0, 1, 65535, 40)))
    if random.random() < 0.4:
        raw[place + 9] = random.choice((0, 2, 3, 4, 255))
    return bytes(raw)


def tiff_entry(random: Random, content: bytes) -> bytes:
    """One entry of a TIFF directory says something else, or the directory leads in a circle."""
    raw = bytearray(content)
    order = "<" if content[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", raw, 4)[0]
    count = struct.unpack_from(order + "H", raw, start)[0]
    if random.random() < 0.2:
        struct.pack_into(order + "I", raw, start + 2 + 12 * count, start)
        return bytes(raw)
    entry = start + 2 + 12 * random.randrange(count)
    field, code = random.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I")))
    struct.pack_into(order + code, raw, entry + field, random.choice((0, 1, 2, 5, 65535, 40000)))
    return bytes(raw)


def _extreme(random: Random, code: str) -> float:
    if code == "f":
        return random.choice(FLOATS)
    if code == "B":
        return random.randrange(256)
    return random.choice(SHORTS)


def _opened(content: bytes) -> bytes:
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _closed(raw: bytes, like: bytes) -> bytes:
    return gzip.compress(raw, 1) if like[:2] == b"\x1f\x8b" else raw


def _split_text(content: bytes) -> tuple[bytes, bytes]:
    """A text header and what follows it."""
    for mark in (b"\n\n", b"ElementDataFile"):
        place = content.find(mark)
        if place > 0:
            return content[:place], content[place:]
    return content, b""
