"""One DICOM file's header as plain numbers: where its image lies and how it was made, nothing about whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.dicom_structure import is_well_formed
from spinemr.imaging.errors import InputError
from spinemr.imaging.formats import looks_like_dicom
from spinemr.imaging.itk_files import ImageHeader, read_tags

_OBLIQUE_COSINE = 0.8
"""A slice tilted more than 37 degrees from every main plane is called oblique."""
_AXES = ("sagittal", "coronal", "axial")
_BARE_STARTS = (b"\x02\x00", b"\x08\x00")
"""How files begin that lack the preamble: with a tag of group 0002 or 0008."""

_STIR_INVERSION_MS = (80.0, 350.0)
_LONG_REPETITION_MS = 1500.0
_SHORT_ECHO_MS = 50.0


@dataclass(frozen=True)
class SliceHeader:
    """One file: a slice, or a stack where it has several frames."""

    path: Path
    header: ImageHeader
    series_uid: str
    instance_uid: str
    series_number: int
    instance_number: int
    modality: str
    orientation: tuple[float, ...] | None
    position_mm: tuple[float, ...] | None
    has_pixel_size: bool
    bits_allocated: int
    repetition_ms: float
    echo_ms: float
    inversion_ms: float
    sequence: str
    variants: tuple[str, ...]
    """Image type, acquisition and temporal position: what tells images of one place apart."""

    @property
    def frames(self) -> int:
        """Slices inside this file."""
        return math.prod(self.header.size[2:])

    @property
    def pixel_bytes(self) -> int:
        """What all pixels take up when they are not compressed."""
        return self.header.voxels * self.bits_allocated // 8

    @property
    def normal(self) -> NDArray[np.float64] | None:
        """The direction slices follow each other in: row direction x column direction."""
        if self.orientation is None:
            return None
        across = np.cross(self.orientation[:3], self.orientation[3:])
        length = float(np.linalg.norm(across))
        return across / length if length > 0 else None

    @property
    def depth_mm(self) -> float:
        """The position along the normal (zero where the file does not say)."""
        if self.normal is None or self.position_mm is None:
            return 0.0
        return float(np.dot(self.normal, self.position_mm))


def read_slice_header(path: Path) -> SliceHeader | None:
    """The header of a DICOM image; ``None`` for anything else (reports, other files, damaged ones)."""
    try:
        if not is_dicom(path) or not is_well_formed(path):
            return None
        header, tags = read_tags(path)
    except (InputError, OSError):
        return None
    return SliceHeader(
        path=path,
        header=header,
        series_uid=tags.get("0020|000e", ""),
        instance_uid=tags.get("0008|0018", ""),
        series_number=int(_number(tags, "0020|0011")),
        instance_number=int(_number(tags, "0020|0013")),
        modality=tags.get("0008|0060", "")[:8],
        orientation=_vector(tags, "0020|0037", 6) or _inner_orientation(header),
        position_mm=_vector(tags, "0020|0032", 3),
        has_pixel_size=_vector(tags, "0028|0030", 2) is not None,
        bits_allocated=int(_number(tags, "0028|0100")),
        repetition_ms=_number(tags, "0018|0080"),
        echo_ms=_number(tags, "0018|0081"),
        inversion_ms=_number(tags, "0018|0082"),
        sequence=tags.get("0018|0020", ""),
        variants=tuple(tags.get(key, "") for key in ("0008|0008", "0020|0012", "0020|0100", "0018|1314")),
    )


def is_dicom(path: Path) -> bool:
    """Whether a file starts as DICOM does, with or without its preamble."""
    if path.name.upper() == "DICOMDIR" or not path.is_file():  # a pipe would be waited for without end
        return False
    if looks_like_dicom(path):
        return True
    with path.open("rb") as file:
        start = file.read(8)
    return len(start) == 8 and start[:2] in _BARE_STARTS and (start[4:6].isalpha() or start[5:8] == b"\0\0\0")


def plane_of(normal: NDArray[np.float64] | None) -> str:
    """sagittal, coronal or axial by the largest part of the normal; oblique between; unknown without one."""
    if normal is None:
        return "unknown"
    parts = np.abs(normal)
    return _AXES[int(parts.argmax())] if parts.max() >= _OBLIQUE_COSINE else "oblique"


def contrast_of(repetition_ms: float, echo_ms: float, inversion_ms: float, sequence: str) -> str:
    """A guess from the timing: STIR by its inversion time, else T1, T2 or PD by TR and TE, else GRE or "?".

    T1: TR < 1500 and TE < 50; T2: TR >= 1500 and TE >= 50; PD: long TR, short TE without an inversion (with a
    long one it is a T1 FLAIR).
    """
    if not echo_ms or not repetition_ms:
        return "?"
    if _STIR_INVERSION_MS[0] <= inversion_ms <= _STIR_INVERSION_MS[1]:
        return "STIR"
    if "GR" in sequence and "SE" not in sequence:
        return "GRE"
    if echo_ms >= _SHORT_ECHO_MS:
        return "T2" if repetition_ms >= _LONG_REPETITION_MS else "?"
    return "T1" if repetition_ms < _LONG_REPETITION_MS or inversion_ms > _STIR_INVERSION_MS[1] else "PD"


def _inner_orientation(header: ImageHeader) -> tuple[float, ...] | None:
    """Row and column direction of a multi-frame object, whose own tags lie deeper than metadata goes."""
    if math.prod(header.size[2:]) < 2 or len(header.direction) != 9:
        return None
    axes = np.reshape(header.direction, (3, 3))
    return (*axes[:, 0].tolist(), *axes[:, 1].tolist())


def _vector(tags: dict[str, str], key: str, length: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in tags.get(key, "").split("\\"))
    except ValueError:
        return None
    return values if len(values) == length and all(math.isfinite(value) for value in values) else None


def _number(tags: dict[str, str], key: str) -> float:
    """A single number; zero where it is missing or unreadable."""
    values = _vector(tags, key, 1)
    return values[0] if values else 0.0
