"""What ITK does not say about a NIfTI file: missing spacing, missing or skewed orientation, missing bytes, NaN.

ITK replaces a zero or not-a-number ``pixdim`` by 1 mm, fills the missing part of a truncated file with
zeros and refuses a skewed ``sform``, the first two in silence. Layout: nifti1.h, 348 bytes.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError

_CHUNK = 1 << 20
_SIZE = 348
_SIZE_2 = 540
_DIM, _TYPE, _BITS, _PIXDIM, _VOX_OFFSET = ("8h", 40), ("h", 70), ("h", 72), ("8f", 76), ("f", 108)
_CODES, _ROWS = ("2h", 252), ("12f", 280)
_FLOATS = {16: "f4", 64: "f8"}
"""``struct`` codes and byte offsets of the fields."""


@dataclass(frozen=True)
class NiftiHeader:
    """The fields that decide whether a NIfTI can be trusted as it stands."""

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    """As stored, before any repair: may be zero, negative or not a number."""
    data_start: int
    data_bytes: int
    has_orientation: bool
    float_type: str
    """numpy's name of the stored type where it is a real floating one, else empty."""
    sform: NDArray[np.float64] | None
    """The 3 x 4 matrix to right-anterior-superior millimetres, where the file has one."""

    @property
    def missing_spacing(self) -> bool:
        """Whether a spacing along one of the first three axes is not a positive number."""
        return any(not math.isfinite(step) or step == 0 for step in self.spacing_mm)

    @property
    def skew_deg(self) -> float:
        """How far the axes of the sform are from being perpendicular (0: not skewed; 90: unusable)."""
        return 0.0 if self.sform is None else skew_deg(self.sform[:, :3])


def skew_deg(axes: NDArray[np.float64]) -> float:
    """The largest departure from 90 degrees between the columns of a matrix."""
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(axes).all() or (lengths == 0).any():
        return 90.0
    cosines = (axes / lengths).T @ (axes / lengths)
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines - np.diag(np.diag(cosines))).max(), 0, 1))))


def read_nifti_header(path: Path) -> NiftiHeader:
    """Parse the header of a NIfTI-1 file, compressed or not, of either byte order."""
    raw = _first_bytes(path)
    for order in "<>":
        size = struct.unpack_from(order + "i", raw)[0] if len(raw) >= _SIZE else 0
        if size == _SIZE:
            return _parse(raw, order)
        if size == _SIZE_2:
            raise InputError(f"Cannot read {path}: it is NIfTI-2.", "Convert it to NIfTI-1 or NRRD.")
    raise InputError(f"Cannot read {path}: it is not a NIfTI file.", "Check that the file was copied completely.")


def check_complete(path: Path, header: NiftiHeader) -> None:
    """Raise :class:`InputError` where the file ends before its pixels do, or its compression is damaged."""
    expected = header.data_start + header.data_bytes
    try:
        found = _length(path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        found = -1
    if found < expected:
        raise InputError(f"Cannot read {path}: the file is truncated or damaged.", "Copy or export it again.")


def non_finite(path: Path, header: NiftiHeader) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Places (in the order of the file) and values of NaN and infinite voxels, which ITK reads as zero in silence."""
    if not header.float_type:
        return np.empty(0, dtype=np.intp), np.empty(0)
    with gzip.open(path) if _is_compressed(path) else path.open("rb") as file:
        file.seek(header.data_start)
        voxels = np.frombuffer(file.read(header.data_bytes), dtype=header.float_type)
    places = np.flatnonzero(~np.isfinite(voxels))
    return places, voxels[places].astype(np.float64)


def _parse(raw: bytes, order: str) -> NiftiHeader:
    def field(code: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(order + code, raw, offset)

    dim = [int(extent) for extent in field(*_DIM)]
    rank = dim[0] if 1 <= dim[0] <= 7 else 0
    size = tuple(max(extent, 0) for extent in dim[1 : rank + 1])
    qform_code, sform_code = field(*_CODES)
    sform = np.array(field(*_ROWS), dtype=np.float64).reshape(3, 4) if sform_code > 0 else None
    start = _data_start(field(*_VOX_OFFSET)[0])
    voxel_bytes = int(field(*_BITS)[0]) // 8
    spacing = tuple(float(step) for step in field(*_PIXDIM)[1 : min(rank, 3) + 1])
    float_type = _FLOATS.get(int(field(*_TYPE)[0]), "")
    oriented = qform_code > 0 or sform_code > 0
    return NiftiHeader(size, spacing, start, math.prod(size) * voxel_bytes, oriented, float_type and order + float_type, sform)


def _data_start(offset: float) -> int:
    return max(int(offset), _SIZE) if math.isfinite(offset) else _SIZE


def _is_compressed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _first_bytes(path: Path) -> bytes:
    try:
        with gzip.open(path) if _is_compressed(path) else path.open("rb") as file:
            return bytes(file.read(_SIZE))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""


def _length(path: Path) -> int:
    """Bytes after decompression; reading to the end also checks the checksum."""
    if not _is_compressed(path):
        return path.stat().st_size
    total = 0
    with gzip.open(path) as file:
        while block := file.read(_CHUNK):
            total += len(block)
    return total
