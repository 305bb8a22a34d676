"""Volumes whose header is in order and whose pixels or grid are not: written byte by byte, as no library would."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from random import Random

import numpy as np

SHAPE = (40, 32, 6)
CODES = {"uint8": (2, 8), "int16": (4, 16), "int32": (8, 32), "float32": (16, 32), "float64": (64, 64), "uint16": (512, 16)}
SPACINGS = (0.0, -1.0, 1e-12, 1e-3, 0.02, 0.5, 49.0, 51.0, 1e6, 1e30, float("nan"), float("inf"))


def nifti(
    array: np.ndarray,
    spacing: tuple[float, ...] = (5.0, 5.0, 4.4),
    *,
    rows: tuple[float, ...] | None = None,
    dims: tuple[int, ...] = (),
) -> bytes:
    """A NIfTI-1 file of an array ``[z][y][x]``; ``dims`` may contradict it."""
    shape = dims or array.shape[::-1]
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<hh", header, 70, *CODES[array.dtype.name])
    struct.pack_into("<8f", header, 76, 1.0, *spacing, *[1.0] * (7 - len(spacing)))
    struct.pack_into("<f", header, 108, 352.0)
    struct.pack_into("<B", header, 123, 2)
    matrix = rows or (0, 0, spacing[2], -10, spacing[0], 0, 0, -100, 0, -spacing[1], 0, 150)
    struct.pack_into("<hh", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, *matrix)
    header[344:348] = b"n+1\0"
    return bytes(header) + np.ascontiguousarray(array).tobytes()


def sound_array(random: Random, kind: str = "float32", shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Noise with a bright box in it."""
    values = np.random.default_rng(random.randrange(2**32)).integers(10, 200, shape[::-1]).astype(kind)
    values[:, 10:30, 8:24] += 50
    return values


def not_numbers(random: Random) -> bytes:
    """NaN and infinities among the voxels: a few, half of them, all."""
    array = sound_array(random, random.choice(("float32", "float64")))
    chosen = np.random.default_rng(random.randrange(2**32)).random(array.shape) < random.choice((0.001, 0.5, 1.0))
    array[chosen] = random.choice((np.nan, np.inf, -np.inf))
    return nifti(array)


def extreme_numbers(random: Random) -> bytes:
    """Voxels as large or as small as numbers get."""
    array = sound_array(random, random.choice(("float32", "float64")))
    limits = np.finfo(array.dtype)
    if random.random() < 0.5:
        array *= array.dtype.type(limits.max / 1000 if random.random() < 0.5 else limits.tiny)
    array[random.randrange(len(array))] = random.choice((limits.max, limits.min, limits.tiny, 1e30))
    return nifti(array)


def nothing_to_see(random: Random) -> bytes:
    """The same value everywhere, or but for one voxel."""
    array = np.full(SHAPE[::-1], random.choice((0, 7, 100)), dtype=random.choice(sorted(CODES)))
    if random.random() < 0.6:
        array[3, 20, 15] = 50
    return nifti(array)


def odd_shape(random: Random) -> bytes:
    """Axes of nothing, of one, or of very many."""
    sizes = random.choice(
        (
            (0, 32, 6),
            (40, 0, 0),
            (1, 1, 1),
            (1, 40, 1),
            (1, 1, 500),
            (3000, 8, 2),
            (2, 2, 2),
            (8, 8, 1),
            (7, 40, 6),
            (40, 32),
            (40,),
            (40, 32, 6, 1, 1, 1, 1),
            (40, 32, 6, 3),
            (1, 1, 40, 32),
            (300, 300, 1),
            (9, 9, 200),
        )
    )
    kind = random.choice(("uint8", "int16", "float32"))
    values = np.random.default_rng(random.randrange(2**32)).integers(0, 200, sizes[::-1]).astype(kind)
    return nifti(values)


def absurd_spacing(random: Random) -> bytes:
    """Spacings no scanner has, in one or all axes, with and without the same in the orientation's matrix."""
    spacing = [5.0, 5.0, 4.4]
    for axis in random.sample(range(3), random.randint(1, 3)):
        spacing[axis] = random.choice(SPACINGS)
    rows = None if random.random() < 0.5 else (0, 0, 4.4, -10, 5, 0, 0, -100, 0, -5, 0, 150)
    return nifti(sound_array(random), tuple(spacing), rows=rows)


def absurd_orientation(random: Random) -> bytes:
    """An orientation that is no rotation: flat, skewed, endless, mirrored."""
    rows = [0, 0, 4.4, -10, 5, 0, 0, -100, 0, -5, 0, 150.0]
    for _ in range(random.randint(1, 6)):
        rows[random.randrange(12)] = random.choice((0.0, 5.0, -5.0, 0.2, 1e-20, 1e30, float("nan"), float("inf")))
    return nifti(sound_array(random), rows=tuple(rows))


def shape_against_length(random: Random) -> bytes:
    """More or fewer voxels than the header says."""
    dims = random.choice(((41, 32, 6), (40, 32, 7), (40, 32, 5), (80, 64, 12), (32767, 32767, 1), (400, 320, 60)))
    return nifti(sound_array(random), dims=dims)


def gzip_bomb(random: Random) -> bytes:
    """Kilobytes that become a gigabyte or more when they are unpacked, declared truly or not."""
    side, count = random.choice(((1024, 600), (2048, 160), (1000, 49)))
    dims = random.choice(((side, side, count), (40, 32, 6)))
    head = nifti(np.zeros((1, 1, 1), np.int16), (0.5, 0.5, 0.5), dims=dims)[:352]
    return _zeros_compressed(head + struct.pack("<2h", 7, 30), side * side * count * 2)


def gzip_in_gzip(random: Random) -> bytes:
    """A bomb in a bomb."""
    return gzip.compress(gzip_bomb(random), 1)


def gzip_members(random: Random) -> bytes:
    """Several compressed pieces one behind the other, the last of them damaged or not."""
    raw = nifti(sound_array(random))
    cut = random.randrange(1, len(raw))
    pieces = gzip.compress(raw[:cut], 1) + gzip.compress(raw[cut:], 1)
    return pieces if random.random() < 0.5 else pieces[: -random.randint(1, 12)]


def _zeros_compressed(head: bytes, count: int) -> bytes:
    """``head`` and so many zeros, compressed without ever lying in memory."""
    import zlib

    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [packer.compress(head)]
    block = bytes(1 << 24)
    parts += [packer.compress(block) for _ in range(count >> 24)]
    return b"".join([*parts, packer.compress(bytes(count & 0xFFFFFF)), packer.flush()])


VOXEL_CHANGES: dict[str, Callable[[Random], bytes]] = {
    change.__name__.replace("_", " "): change
    for change in (
        not_numbers,
        extreme_numbers,
        nothing_to_see,
        odd_shape,
        absurd_spacing,
        absurd_orientation,
        shape_against_length,
        gzip_members,
    )
}
BOMBS: dict[str, Callable[[Random], bytes]] = {"gzip bomb": gzip_bomb, "gzip in gzip": gzip_in_gzip}
