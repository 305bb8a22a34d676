"""The folder of a case: filled out of sight and put in place file by file, so that what lies there is whole and of one run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spinemr.imaging.atomic import write_error
from spinemr.imaging.errors import OutputError
from spinemr.imaging.leftovers import remove_leftovers, temporary_name
from spinemr.pipeline.request import CaseRequest

TOOL = "spinemr run"
SOURCE, HARMONIZED = "source.nii.gz", "harmonized.nii.gz"
LABELS, SEGMENTS = "segmentation.nii.gz", "segmentation.seg.nrrd"
MEASUREMENTS, FEATURES = "measurements.csv", "features.csv"
REPORT, PROVENANCE, QUALITY = "report.html", "provenance.json", "qc.json"
RESULTS = (SOURCE, HARMONIZED, LABELS, SEGMENTS, MEASUREMENTS, FEATURES, REPORT, PROVENANCE, QUALITY)
"""Everything a run can leave. qc.json comes last: where it lies, the others are complete."""


@contextmanager
def results_folder(target: Path, request: CaseRequest) -> Iterator[Path]:
    """An empty folder to write to, whose files take their place in ``target`` when the block ends well.

    Results of an earlier run are replaced, or removed where this run has none; everything else in ``target`` stays. Where the
    block fails, ``target`` stays as it was. Refused are a target in which such files came from elsewhere, and one that would
    hide or overwrite the images that are read.
    """
    _refuse(target, request)
    remove_leftovers(target)
    staging = target / temporary_name()
    made: list[Path] = []
    try:
        for folder in [folder for folder in (target, *target.parents) if not folder.exists()][::-1]:
            folder.mkdir()
            made.append(folder)
        staging.mkdir()
        yield staging
        _deliver(staging, target)
        staging.rmdir()
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in reversed(made):
            with suppress(OSError):  # somebody else may have put something there
                folder.rmdir()
        if isinstance(error, OSError):
            raise write_error(target, error) from error
        raise


def _refuse(target: Path, request: CaseRequest) -> None:
    if target.exists() and not target.is_dir():
        raise OutputError(f"Cannot write into {target}: it is a file, not a folder.", "Choose another name.")
    for read in (request.image, request.target_path):
        if read is not None and _would_be_lost(read, target):
            raise OutputError(f"{target} holds what is to be read.", "Choose another folder for the results.")
    present = [name for name in RESULTS if (target / name).exists()]
    if present and not _is_ours(target):
        raise OutputError(f"{target} holds {present[0]}, which did not come from here.", "Choose another folder.")


def _would_be_lost(read: Path, target: Path) -> bool:
    """Whether results would overwrite an input, or mix with a folder of them."""
    place, folder = (Path(os.path.realpath(path)) for path in (read, target))  # Path.resolve raises for links in a circle
    return place == folder or (place.parent == folder and place.name in RESULTS)


def _is_ours(target: Path) -> bool:
    try:
        content = json.loads((target / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("tool") == TOOL


def _deliver(staging: Path, target: Path) -> None:
    # First what tells that the folder is ours: a run that is killed in between can then be started again.
    (target / QUALITY).unlink(missing_ok=True)
    for name in sorted(RESULTS, key=lambda name: name != PROVENANCE):
        if (staging / name).exists():
            (staging / name).replace(target / name)
        elif name != PROVENANCE:
            (target / name).unlink(missing_ok=True)
