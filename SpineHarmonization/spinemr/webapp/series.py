"""Which series of a DICOM folder is meant, where that is not clear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spinemr.imaging.dicom import choose_series, list_series
from spinemr.imaging.errors import InputError


def series_to_choose_from(folder: Path) -> list[dict[str, Any]]:
    """The series of a folder as lines to choose from; empty where it is clear which is meant, or where there is none."""
    found = list_series(folder)
    if len(found) < 2:
        return []
    try:
        choose_series(found, folder)
    except InputError:
        return [
            {
                "number": info.number,
                "title": f"{info.plane.capitalize()} {info.contrast}".strip(),
                "facts": f"{info.slices} slices of {info.size[0]} × {info.size[1]}, {info.slice_distance_mm:.3g} mm apart",
            }
            for info in found
        ]
    return []
