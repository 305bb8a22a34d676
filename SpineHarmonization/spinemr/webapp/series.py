"""Which series of a DICOM folder is meant, and which files a study came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinemr.imaging.dicom import choose_series, list_series
from spinemr.imaging.dicom_headers import is_dicom
from spinemr.imaging.errors import InputError


@dataclass(frozen=True)
class Origin:
    """Where the DICOM files of a study lie."""

    path: Path
    series: str | None = None

    def files(self) -> list[Path]:
        """The files of its slices."""
        if not self.path.is_dir():
            return [self.path]
        return [file.path for file in choose_series(list_series(self.path), self.path, self.series).files]


def origin_of(path: Path, series: str | None = None) -> Origin | None:
    """The origin of a study that was read from DICOM; ``None`` for other files."""
    return Origin(path, series) if path.is_dir() or is_dicom(path) else None


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
