"""The results of a case as files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from spinemr.imaging.atomic import write_json_atomic, write_text_atomic
from spinemr.imaging.errors import SpineMRError
from spinemr.imaging.files import write_image, write_labels
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.pipeline.notes import noted
from spinemr.pipeline.origin import final_provenance
from spinemr.pipeline.result import CaseResult, StageState
from spinemr.pipeline.results_folder import (
    FEATURES,
    HARMONIZED,
    LABELS,
    MEASUREMENTS,
    PROVENANCE,
    QUALITY,
    REPORT,
    RESULTS,
    SEGMENTS,
    SOURCE,
)
from spinemr.radiomics.table_files import write_table

Writer = Callable[[Path], None]


def write_case(result: CaseResult, folder: Path, progress: ProgressCallback = silent) -> CaseResult:
    """Write what there is into a folder; a file that cannot be written is noted in qc.json, and the others are."""
    begun = time.perf_counter()
    problems: list[str] = []
    notes: list[str] = []
    for name, write in _files(result):
        progress(Progress("write", RESULTS.index(name) / len(RESULTS), name))
        try:
            with noted(notes):
                write(folder / name)
        except SpineMRError as error:
            problems.append(str(error).replace(str(folder / name), name))
    state = StageState("failed" if problems else "done", " ".join(problems), time.perf_counter() - begun)
    result = replace(result, notes=(*result.notes, *notes)).with_stage("write", state)
    write_json_atomic(final_provenance(result).as_dict(), folder / PROVENANCE)
    write_json_atomic(result.as_quality(), folder / QUALITY)
    return result


def _files(result: CaseResult) -> Iterator[tuple[str, Writer]]:
    """Name and writer of everything there is but the two files that tell of the others."""
    yield SOURCE, lambda path: write_image(result.source, path)
    if (harmonized := result.harmonized_image) is not None:
        yield HARMONIZED, lambda path: write_image(harmonized, path)
    if (labels := result.labels) is not None:
        yield LABELS, lambda path: write_labels(labels, path, scheme=result.request.scheme)
        yield SEGMENTS, lambda path: write_labels(labels, path)
    if (measurements := result.measurements) is not None:
        yield MEASUREMENTS, measurements.write_csv
    if len(result.features):
        yield FEATURES, lambda path: write_table(result.features, path)
    if (page := result.page) is not None:
        yield REPORT, lambda path: write_text_atomic(page, path)
