"""The files of one study as rows of the cohort's tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spinemr.cohort.cohort_folder import STUDIES
from spinemr.cohort.record import StudyRecord, read_record
from spinemr.cohort.study import Study
from spinemr.harmonization.classical.nyul import PERCENTILES
from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.pipeline.results_folder import FEATURES, MEASUREMENTS, PROVENANCE, QUALITY
from spinemr.radiomics.table import KEYS
from spinemr.radiomics.table_files import read_table
from spinemr.radiomics.verdict.appearance import STATISTICS

Row = dict[str, Any]
TABLES = ("studies", "features", "measurements", "verdicts", "failures")
PERCENTILE_COLUMNS = tuple(f"tissue_p{step:g}" for step in PERCENTILES)
LOOKS_COLUMNS = tuple(f"looks_{name}" for name in STATISTICS)
STAGE_FAILED = "stage failed"
"""The state of a study that is finished but for a stage."""
_FINDING = ("rule", "title", "outcome", "sentence", "figure", "unit", "limit", "label", "structure", "slice")
_WHOLE_SPINE = "lumbar spine"


def rows_of_study(folder: Path, known: Mapping[str, Study]) -> dict[str, list[Row]]:
    """Rows by table. ``known`` studies say which scanner and group a study is of by now; of others its own record does."""
    record = _updated(read_record(folder), known.get(folder.name))
    quality = _read_json(folder / QUALITY)
    return {
        "studies": [_study_row(record, folder, quality)],
        "features": list(_feature_rows(record, folder / FEATURES)),
        "measurements": list(_measurement_rows(record, folder / MEASUREMENTS)),
        "verdicts": list(_finding_rows(record, quality)),
        "failures": list(_stage_rows(record, quality)),
    }


def rows_of_failure(noted: Mapping[str, Any], known: Mapping[str, Study]) -> dict[str, list[Row]]:
    """Rows of a study that has no folder."""
    whose = {name: noted[name] for name in ("id", "scanner", "group", "subject")}
    study = known.get(noted["id"])
    if study is not None:
        whose |= {"scanner": study.scanner, "group": study.group, "subject": study.subject}
    keys = _keys(whose)
    failures = [{**keys, **failure} for failure in noted["failures"]]
    return {"studies": [{**keys, "subject": whose["subject"], "state": "failed"}], "failures": failures}


def _updated(record: StudyRecord, study: Study | None) -> StudyRecord:
    if study is None:
        return record
    return replace(record, scanner=study.scanner, group=study.group, subject=study.subject)


def _keys(whose: Mapping[str, str]) -> Row:
    return {"case": whose["id"], "scanner": whose["scanner"], "group": whose["group"]}


def _study_row(record: StudyRecord, folder: Path, quality: Mapping[str, Any]) -> Row:
    failed = [name for name, stage in quality.get("stages", {}).items() if stage["state"] == "failed"]
    size = dict(zip(("columns", "rows", "slices"), record.size, strict=False))
    spacing = dict(zip(("column_mm", "row_mm", "slice_mm"), record.spacing_mm, strict=False))
    seconds = _read_json(folder / PROVENANCE).get("seconds", {})
    return {
        **_keys(vars(record)),
        "subject": record.subject,
        "state": STAGE_FAILED if failed else "finished",
        "verdict": quality.get("verdict"),
        "folder": f"{STUDIES}/{folder.name}",
        "image_sha256": record.image_sha256,
        **size,
        **spacing,
        "harmonized_by": (quality.get("harmonization") or {}).get("method"),
        "level_confidence": (quality.get("segmentation") or {}).get("level_confidence"),
        "seconds": record.seconds,
        "segment_seconds": seconds.get("segment"),
        "peak_mb": record.peak_mb,
        **dict(zip(PERCENTILE_COLUMNS, record.tissue_percentiles, strict=False)),
        **{f"looks_{name}": value for name, value in record.looks.items()},
    }


def _feature_rows(record: StudyRecord, path: Path) -> Iterator[Row]:
    if path.exists():
        for row in read_table(path):
            keys = {key: getattr(row, key) for key in KEYS}
            yield {**keys, "case": record.id, "scanner": record.scanner, **row.features}


def _measurement_rows(record: StudyRecord, path: Path) -> Iterator[Row]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            label, structure = cells.pop("label"), cells.pop("structure")
            numbers = {name: float(cell) for name, cell in cells.items() if cell}
            yield {
                **_keys(vars(record)),
                "label": int(label) if label else None,
                "structure": structure or _WHOLE_SPINE,
                **{name: numbers.get(name) for name in cells},
            }


def _finding_rows(record: StudyRecord, quality: Mapping[str, Any]) -> Iterator[Row]:
    for part in ("reasons", "passed", "not_checked"):
        for finding in quality.get(part, ()):
            told = {name: finding.get(name) for name in _FINDING}
            told["outcome"] = told["outcome"] or part.replace("_", " ")
            yield {**_keys(vars(record)), "verdict": quality.get("verdict"), **told}


def _stage_rows(record: StudyRecord, quality: Mapping[str, Any]) -> Iterator[Row]:
    for name, stage in quality.get("stages", {}).items():
        if stage["state"] == "failed":
            yield {**_keys(vars(record)), "stage": name, "cause": "stage", "sentence": stage["sentence"]}


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json_of(text_of(path))
    except (OSError, ValueError) as error:
        hint = "Remove its folder and go on with --resume."
        raise InputError(f"The {path.name} of {path.parent.name} is missing or damaged.", hint) from error
    return content if isinstance(content, dict) else {}
