"""What a run left in a folder, or a plain folder of an image, its mask and a table, as the content of a report."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.formats import Format, format_of, split_suffix
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.radiomics.preservation.preservation import Preservation, preservation
from spinemr.radiomics.report.case_content import TITLE, ReportCase, case_content, measured_rows
from spinemr.radiomics.report.content import ReportContent, ReportVerdict
from spinemr.radiomics.table import KEYS, FeatureTable
from spinemr.radiomics.table_files import SUFFIXES, read_table
from spinemr.radiomics.verdict.case import Case, Confidences
from spinemr.radiomics.verdict.judge import judge

REPORT_NAME = "report.html"
_VOLUMES = (Format.NIFTI, Format.NRRD, Format.META, Format.PICTURE, Format.SEGMENTATION)
_MASKS, _IMAGES = ("segmentation", "labels", "mask"), ("source", "image")


@dataclass(frozen=True)
class CaseFiles:
    """Which file of a folder is what; ``None`` where there is none."""

    image: Path | None
    harmonized: Path | None
    reference: Path | None
    mask: Path | None
    features: Path | None
    measurements: Path | None
    verdict: Path | None
    provenance: Path | None
    segmentation_report: Path | None


def find_files(folder: Path, image: Path | None = None) -> CaseFiles:
    """Tell the files of a folder apart by their names: those a run writes, else the only image there is."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Give the folder a run wrote to.")
    try:
        present = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or 'the system refused'}.") from error
    volumes = {split_suffix(path)[0]: path for path in present if format_of(path) in _VOLUMES and path.stem != "overview"}
    mask = _first(volumes, _MASKS)
    harmonized, reference = volumes.get("harmonized"), volumes.get("reference")
    others = [path for name, path in volumes.items() if name not in ("harmonized", "reference", *_MASKS)]
    found = image or _first(volumes, _IMAGES) or (others[0] if len(others) == 1 else None)
    if found is None and harmonized is None:
        what = f"{len(others)} images, none of which is called image or source" if others else "no image"
        raise InputError(f"{folder} holds {what}.", "Name the image with --image.")
    by_name = {path.name: path for path in present}
    return CaseFiles(
        image=found,
        harmonized=harmonized,
        reference=reference,
        mask=mask,
        features=_features(present),
        measurements=by_name.get("measurements.csv"),
        verdict=by_name.get("qc.json"),
        provenance=by_name.get("provenance.json"),
        segmentation_report=None if mask is None else by_name.get(f"{split_suffix(mask)[0]}.json"),
    )


def read_case(
    folder: Path, *, image: Path | None = None, title: str = TITLE, progress: ProgressCallback = silent
) -> ReportContent:
    """Everything a folder holds about its case; what the verdict lacks is judged anew when no ``qc.json`` is there."""
    files = find_files(folder, image)
    shown = files.image or files.harmonized
    assert shown is not None
    volume = read_image(shown, progress=within(progress, 0.0, 0.15))
    labels = None if files.mask is None else _on_grid(read_labels(files.mask), volume, "mask")
    harmonized = None
    if files.image is not None and files.harmonized is not None:
        harmonized = _on_grid(read_image(files.harmonized), volume, "harmonized image")
    features = FeatureTable(()) if files.features is None else read_table(files.features)
    kept = None
    if harmonized is not None:
        kept = preservation(volume, harmonized, _nonempty(labels), within(progress, 0.2, 0.7))
    report = _segmentation_report(files)
    verdict = _verdict(files, volume, labels, harmonized, kept, report, features, within(progress, 0.7, 0.9))
    notes = [str(flag) for flag in report.get("flags", ())]
    if files.image is None:
        notes.append("The source image is not in the folder, so that nothing is compared with it.")
    progress(Progress("report", 0.9, "Drawing"))
    case = ReportCase(
        image=volume,
        image_name="source" if files.image is not None else "harmonized",
        harmonized=harmonized,
        reference=None if files.reference is None else read_image(files.reference),
        labels=labels,
        kept=kept,
        verdict=verdict,
        features=features,
        measurements={} if files.measurements is None else _measurements(files.measurements),
        confidences=Confidences.from_report(report).structures if "structures" in report else {},
        notes=tuple(notes),
        provenance=_json(files.provenance),
    )
    return case_content(case, title)


def _segmentation_report(files: CaseFiles) -> dict[str, Any]:
    """What the segmentation said of itself: beside the mask, or in what a run wrote of its checks."""
    if files.segmentation_report is not None:
        return _json(files.segmentation_report)
    inner = _json(files.verdict).get("segmentation")
    return inner if isinstance(inner, dict) else {}


def _first(volumes: Mapping[str, Path], names: tuple[str, ...]) -> Path | None:
    return next((volumes[name] for name in names if name in volumes), None)


def _features(present: list[Path]) -> Path | None:
    """``features.*``, else the first table that has the key columns."""
    named = [path for path in present if path.stem == "features" and path.suffix.lower() in SUFFIXES]
    if named:
        return named[0]
    return next((path for path in present if path.suffix.lower() == ".csv" and set(KEYS) <= set(_header(path))), None)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _on_grid(image: sitk.Image, wanted: sitk.Image, what: str) -> sitk.Image:
    try:
        return match_grid(image, wanted)
    except GeometryError as error:
        said = str(error).removeprefix("The mask lies on another grid than the image: ")
        raise GeometryError(f"The {what} lies on another grid than the image: {said}", "Are they of the same study?") from None


def _nonempty(labels: sitk.Image | None) -> sitk.Image | None:
    return labels if labels is not None and bool(sitk.GetArrayViewFromImage(labels).any()) else None


def _json(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = json_of(text_of(path, "utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path.name}: it is damaged, or no JSON.", "Make it again, or remove it.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path.name} does not hold what its name says.", "Make it again, or remove it.")
    return content


def _verdict(
    files: CaseFiles,
    volume: sitk.Image,
    labels: sitk.Image | None,
    harmonized: sitk.Image | None,
    kept: Preservation | None,
    report: Mapping[str, Any],
    features: FeatureTable,
    progress: ProgressCallback,
) -> ReportVerdict:
    if files.verdict is not None:
        content = _json(files.verdict)
        inner = content.get("verdict")
        return ReportVerdict.from_dict(inner if isinstance(inner, Mapping) else content)
    confidences = Confidences.from_report(report) if "structures" in report else None
    before, after = features.where(image="source"), features.where(image="harmonized")
    case = Case(volume, labels, harmonized, confidences, kept, before if len(before) else None, after if len(after) else None)
    return ReportVerdict.from_dict(judge(case, progress=progress).as_dict())


def _measurements(path: Path) -> dict[int, dict[str, float]]:
    """By label; what holds for the whole spine under 0."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return measured_rows(file.read())
    except (OSError, ValueError, csv.Error, AttributeError):
        warnings.warn(f"{path.name} is left out: it is damaged, or no table of measurements.", ImagingWarning, stacklevel=2)
        return {}
