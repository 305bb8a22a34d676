"""What a cohort keeps of each study beside the files of ``spinemr run``: whose it is, what it took, how its image looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinemr.cohort.cohort_folder import FORMAT, STUDY
from spinemr.cohort.study import Study
from spinemr.harmonization.classical.nyul import PERCENTILES, percentiles_of
from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError, SpineMRError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.pipeline.result import CaseResult
from spinemr.radiomics.verdict.appearance import STATISTICS, image_statistics


@dataclass(frozen=True)
class StudyRecord:
    """The content of study.json."""

    id: str
    scanner: str = ""
    group: str = ""
    subject: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0
    size: tuple[int, ...] = ()
    """Voxels along x, y and z of the file."""
    spacing_mm: tuple[float, ...] = ()
    image_sha256: str = ""
    """Finds the image again where somebody is allowed to know it."""
    tissue_percentiles: tuple[float, ...] = ()
    """At :data:`~spinemr.harmonization.classical.nyul.PERCENTILES`: all that a Nyul scale is fitted on."""
    looks: Mapping[str, float] = field(default_factory=dict)
    """The image statistics that reference profiles hold."""


def write_record(study: Study, result: CaseResult, folder: Path, *, seconds: float, peak_mb: float) -> None:
    """Write study.json into the folder of a study."""
    grid = result.source
    record = StudyRecord(
        study.id,
        study.scanner,
        study.group,
        study.subject,
        round(seconds, 3),
        round(peak_mb, 1),
        tuple(grid.GetSize()),
        tuple(round(step, 6) for step in grid.GetSpacing()),
        next((file.sha256 for file in result.provenance.inputs), ""),
        _percentiles(result),
        _looks(result),
    )
    content = {name: value for name, value in vars(record).items() if name != "looks"}
    looks = {name: value if math.isfinite(value) else None for name, value in record.looks.items()}
    write_json_atomic({"format": FORMAT, **content, "looks": looks}, folder / STUDY)


def read_record(folder: Path) -> StudyRecord:
    """The study.json of a folder."""
    try:
        content: dict[str, Any] = json_of(text_of(folder / STUDY))
        if content.pop("format") != FORMAT:
            raise InputError(f"{folder.name} was written by another version of this software.", "Run the cohort anew.")
        looks = {name: math.nan if value is None else float(value) for name, value in content.pop("looks").items()}
        content |= {name: tuple(content[name]) for name in ("size", "spacing_mm", "tissue_percentiles")}
        record = StudyRecord(**content, looks=looks)
        if record.id != folder.name:
            raise ValueError(record.id)
        return record
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Remove its folder and go on with --resume."
        raise InputError(f"The {STUDY} of {folder.name} is missing or damaged.", hint) from error


def _percentiles(result: CaseResult) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in percentiles_of(result.source, PERCENTILES))
    except SpineMRError:
        return ()


def _looks(result: CaseResult) -> dict[str, float]:
    if result.segmentation is None:
        return dict.fromkeys(STATISTICS, math.nan)
    try:
        return image_statistics(result.source, result.segmentation.labels)
    except (SpineMRError, ValueError):
        return dict.fromkeys(STATISTICS, math.nan)
