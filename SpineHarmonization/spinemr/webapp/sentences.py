"""What the page says of images and of files."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk


def size_of(image: sitk.Image) -> str:
    """An image's size and voxels."""
    columns, rows, slices = image.GetSize()
    steps = " × ".join(f"{step:.3g}" for step in image.GetSpacing())
    return f"{columns} × {rows} × {slices} voxels of {steps} mm"


def without_paths(text: str, path: Path) -> str:
    """A sentence without the temporary names of what was sent."""
    for known in (path, path.parent):
        text = text.replace(str(known), "the study").replace(known.name, "the study")
    return text[:1].upper() + text[1:]
