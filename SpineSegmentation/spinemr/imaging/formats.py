"""Which file formats are known, told by the end of the name."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from spinemr.imaging.errors import InputError


class Format(str, Enum):
    """A family of files that is read and written the same way."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    SEGMENTATION = "Slicer segmentation"
    META = "MetaImage"
    PICTURE = "picture"
    DICOM = "DICOM"


SUFFIXES: dict[str, Format] = {
    ".seg.nrrd": Format.SEGMENTATION,
    ".nii.gz": Format.NIFTI,
    ".nii": Format.NIFTI,
    ".nrrd": Format.NRRD,
    ".nhdr": Format.NRRD,
    ".mha": Format.META,
    ".mhd": Format.META,
    ".png": Format.PICTURE,
    ".jpg": Format.PICTURE,
    ".jpeg": Format.PICTURE,
    ".tif": Format.PICTURE,
    ".tiff": Format.PICTURE,
    ".dcm": Format.DICOM,
    ".ima": Format.DICOM,
    ".dicom": Format.DICOM,
}
"""Every known ending in lower case, compound ones before their last part."""

DETACHED_SUFFIXES = frozenset({".mhd", ".nhdr"})
"""Headers whose pixels lie in a second file."""

READABLE = ".nii .nii.gz .nrrd .nhdr .mha .mhd .png .jpg .tif, a DICOM file or a DICOM folder"
WRITABLE = ".nii .nii.gz .nrrd .mha .mhd"


def split_suffix(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The name without its ending, and the ending with its dots ("L4.v2.nii.gz" -> "L4.v2", ".nii.gz")."""
    name = Path(path).name
    lower = name.lower()
    for suffix in SUFFIXES:
        if lower.endswith(suffix) and len(lower) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :]
    stem, dot, last = name.rpartition(".")
    return (stem, dot + last) if stem else (name, "")


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """The format a name stands for; ``None`` where the ending is unknown or missing."""
    return SUFFIXES.get(split_suffix(path)[1].lower())


def looks_like_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM mark ("DICM" after a preamble of 128 bytes)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def unknown_format(path: Path) -> InputError:
    """The sentence about a file whose name tells nothing."""
    ending = split_suffix(path)[1]
    what = f"the ending {ending} is not known" if ending else "the name has no ending and it is not DICOM"
    return InputError(f"Cannot read {path}: {what}.", f"Readable are {READABLE}.")
