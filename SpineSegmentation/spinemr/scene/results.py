"""The folder of a case, as ``spinemr run`` leaves it, as nodes of a scene beside the volume it was made from."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.geometry import Grid, match_grid
from spinemr.imaging.schemes import from_scheme
from spinemr.scene.case_nodes import (
    CaseNodes,
    case_of,
    remove_result,
    set_harmonized,
    set_quality,
    set_segmentation,
    set_table,
)
from spinemr.scene.measurement_markups import remove_measurement_markups
from spinemr.scene.roles import FEATURES_ROLE, HARMONIZED_ROLE, MEASUREMENTS_ROLE, SEGMENTATION_ROLE
from spinemr.scene.volumes import add_volume, image_of

if TYPE_CHECKING:
    import slicer

SOURCE, HARMONIZED = "source.nii.gz", "harmonized.nii.gz"
LABELS, SEGMENTS = "segmentation.nii.gz", "segmentation.seg.nrrd"
MEASUREMENTS, FEATURES = "measurements.csv", "features.csv"
PROVENANCE, QUALITY = "provenance.json", "qc.json"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class _Case:
    """What lies in a folder."""

    image: sitk.Image | None
    harmonized: sitk.Image | None
    labels: sitk.Image | None
    measurements: Rows
    features: Rows
    quality: dict[str, Any]


def load_results(
    scene: slicer.vtkMRMLScene, folder: str | os.PathLike[str], volume: slicer.vtkMRMLScalarVolumeNode | None = None, *,
    name: str = "Study",
) -> CaseNodes:  # fmt: skip
    """Bring a case into a scene: beside ``volume``, which it was made from, or beside its own source as a volume called ``name``.

    Results of an earlier run take the new content, or go; segments with accepted corrections stay, hidden. Everything is read
    and compared with the volume before anything changes, so that a case that does not fit leaves the scene as it was.
    """
    case = _read(Path(folder), with_source=volume is None)
    image = case.image if volume is None else image_of(volume)
    if image is None:
        raise InputError(f"{folder} holds no {SOURCE}.", "Choose the volume these results were made from.")
    case = _fitted(case, image)
    source = volume or add_volume(scene, image, name)
    _put(scene, case, source)
    return case_of(source)


def rows_of_csv(path: str | os.PathLike[str]) -> Rows:
    """The rows of a CSV table; columns of numbers as numbers, empty cells as ``None``, empty columns left out."""
    source = Path(path)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except OSError as error:
        raise InputError(f"Cannot read {source}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{source} is damaged, or no CSV file.", "Run the case again.") from None
    header, rows = (lines[0], [line for line in lines[1:] if line]) if lines else ([], [])
    if len(set(header)) != len(header) or any(len(row) != len(header) for row in rows):
        raise InputError(f"{source} is damaged: its rows do not fit its header.", "Run the case again.")
    columns = {name: _typed([row[place] for row in rows]) for place, name in enumerate(header) if any(row[place] for row in rows)}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _read(folder: Path, *, with_source: bool) -> _Case:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Choose the folder that spinemr run wrote.")
    if not (folder / QUALITY).is_file():
        raise InputError(f"{folder} holds no finished results ({QUALITY}).", "Let spinemr run finish, or run it again.")
    return _Case(
        image=_image(folder / SOURCE) if with_source else None,
        harmonized=_image(folder / HARMONIZED),
        labels=_labels(folder),
        measurements=_rows(folder / MEASUREMENTS),
        features=_rows(folder / FEATURES),
        quality=_json(folder / QUALITY),
    )


def _fitted(case: _Case, image: sitk.Image) -> _Case:
    """The case on the very grid of an image."""
    harmonized = None if case.harmonized is None else _on_grid_of(image, case.harmonized)
    return replace(case, harmonized=harmonized, labels=None if case.labels is None else _on_grid_of(image, case.labels))


def _on_grid_of(image: sitk.Image, result: sitk.Image) -> sitk.Image:
    try:
        return match_grid(result, image)
    except GeometryError as error:
        difference = Grid.of(result).difference(Grid.of(image))
        raise GeometryError(
            f"These results were not made from this volume: {difference}.", "Choose the volume they belong to."
        ) from error


def _put(scene: slicer.vtkMRMLScene, case: _Case, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Set what the case has, and remove what only an earlier run of it had."""
    remove_measurement_markups(scene, volume)
    if case.harmonized is None:
        remove_result(scene, volume, HARMONIZED_ROLE)
    else:
        set_harmonized(scene, volume, case.harmonized)
    if case.labels is None:
        remove_result(scene, volume, SEGMENTATION_ROLE)
    else:
        set_segmentation(scene, volume, case.labels)
    for role, rows in ((MEASUREMENTS_ROLE, case.measurements), (FEATURES_ROLE, case.features)):
        if rows:
            set_table(scene, volume, role, rows)
        else:
            remove_result(scene, volume, role)
    set_quality(scene, volume, case.quality)


def _image(path: Path) -> sitk.Image | None:
    return read_image(path) if path.is_file() else None


def _labels(folder: Path) -> sitk.Image | None:
    """The label map in the numbers used here: from the segmentation file, which always holds them, else converted."""
    if (folder / SEGMENTS).is_file():
        return read_labels(folder / SEGMENTS)
    if not (folder / LABELS).is_file():
        return None
    provenance = _json(folder / PROVENANCE) if (folder / PROVENANCE).is_file() else {}
    return from_scheme(read_labels(folder / LABELS), str((provenance.get("parameters") or {}).get("scheme", "verse")))


def _rows(path: Path) -> Rows:
    return rows_of_csv(path) if path.is_file() else []


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged.", "Run the case again.")
    return content


def _typed(cells: Sequence[str]) -> list[Any]:
    """A column as whole numbers, else as numbers, else as texts; what is empty is ``None``."""
    for kind in (int, float):
        try:
            return [kind(cell) if cell else None for cell in cells]
        except ValueError:
            continue
    return [cell or None for cell in cells]
