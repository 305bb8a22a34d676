"""The folder of a case, as ``spinemr run`` leaves it, as nodes of a scene beside the volume it was made from."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.geometry import Grid, match_grid
from spinemr.imaging.schemes import from_scheme
from spinemr.scene.segmentations import add_segmentation
from spinemr.scene.tables import add_table
from spinemr.scene.volumes import add_volume, image_of

if TYPE_CHECKING:
    import slicer

SOURCE, HARMONIZED = "source.nii.gz", "harmonized.nii.gz"
LABELS, SEGMENTS = "segmentation.nii.gz", "segmentation.seg.nrrd"
MEASUREMENTS, FEATURES = "measurements.csv", "features.csv"
PROVENANCE, QUALITY = "provenance.json", "qc.json"

Rows = list[dict[str, Any]]

_SHOWN = ("outcome", "structure", "sentence", "figure", "unit", "limit", "slice", "title", "label")
"""What the table of the verdict tells of each finding."""


@dataclass(frozen=True)
class CaseNodes:
    """The nodes of a case; ``None`` is what its run did not make."""

    volume: slicer.vtkMRMLScalarVolumeNode
    harmonized: slicer.vtkMRMLScalarVolumeNode | None
    segmentation: slicer.vtkMRMLSegmentationNode | None
    measurements: slicer.vtkMRMLTableNode | None
    features: slicer.vtkMRMLTableNode | None
    verdict: slicer.vtkMRMLTableNode | None
    """One row a finding, reasons first."""
    quality: Mapping[str, Any]
    """The content of qc.json."""

    @property
    def results(self) -> tuple[slicer.vtkMRMLNode, ...]:
        """The nodes that were made from the volume."""
        made = (self.harmonized, self.segmentation, self.measurements, self.features, self.verdict)
        return tuple(node for node in made if node is not None)

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence for each stage of the run that failed."""
        stages = self.quality.get("stages") or {}
        return tuple(str(stage.get("sentence", "")) for stage in stages.values() if stage.get("state") == "failed")


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
    name: str = "",
) -> CaseNodes:  # fmt: skip
    """Bring a case into a scene: beside ``volume``, which it was made from, or with its own source image as a new volume.

    ``name`` begins the names of the nodes (else: the volume's name). Everything is read and compared with the volume before
    the first node is made, so that a case that does not fit leaves the scene as it was.
    """
    case = _read(Path(folder), with_source=volume is None)
    image = case.image if volume is None else image_of(volume)
    if image is None:
        raise InputError(f"{folder} holds no {SOURCE}.", "Choose the volume these results were made from.")
    case = _fitted(case, image)
    beside = volume or add_volume(scene, image, name or "Study")
    return _add(scene, case, beside, name or beside.GetName())


def remove_results(scene: slicer.vtkMRMLScene, nodes: CaseNodes) -> None:
    """Remove what was made from the volume, for instance before another run; the volume stays."""
    for node in nodes.results:
        scene.RemoveNode(node)


def rows_of_csv(path: str | os.PathLike[str]) -> Rows:
    """The rows of a CSV table; columns of numbers as numbers, empty cells as ``None``."""
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
    columns = [_typed([row[place] for row in rows]) for place in range(len(header))]
    return [dict(zip(header, cells, strict=True)) for cells in zip(*columns, strict=True)]


def verdict_rows(quality: Mapping[str, Any]) -> Rows:
    """The findings of qc.json, reasons first, as rows of a table."""
    findings = [*quality.get("reasons", ()), *quality.get("passed", ())]
    open_ones = [{"outcome": "not checked", **finding} for finding in quality.get("not_checked", ())]
    return [{key: finding.get(key) for key in _SHOWN} for finding in (*findings, *open_ones)]


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


def _add(scene: slicer.vtkMRMLScene, case: _Case, volume: slicer.vtkMRMLScalarVolumeNode, name: str) -> CaseNodes:
    def table(what: str, rows: Rows) -> slicer.vtkMRMLTableNode | None:
        return add_table(scene, f"{name} {what}", rows, beside=volume) if rows else None

    image, labels = case.harmonized, case.labels
    return CaseNodes(
        volume=volume,
        harmonized=None if image is None else add_volume(scene, image, f"{name} harmonized", like=volume),
        segmentation=None if labels is None else add_segmentation(scene, labels, volume, f"{name} segmentation"),
        measurements=table("measurements", case.measurements),
        features=table("features", case.features),
        verdict=table("verdict", verdict_rows(case.quality)),
        quality=case.quality,
    )


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
