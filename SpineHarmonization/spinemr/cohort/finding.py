"""The studies of a cohort: those of a manifest, of a BIDS tree, or whatever images and DICOM series a folder holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spinemr.cohort.bids import is_bids, studies_of_bids
from spinemr.cohort.cohort_folder import HIDDEN
from spinemr.cohort.dicom_tree import studies_of_files
from spinemr.cohort.manifest import studies_of_manifest
from spinemr.cohort.pseudonyms import Pseudonyms
from spinemr.cohort.study import Study
from spinemr.imaging.errors import InputError
from spinemr.imaging.formats import Format, format_of
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.verdict.pairs import MANIFEST, is_mask

_VOLUMES = (Format.NIFTI, Format.NRRD, Format.META)
_NOT_LOOKED_AT = {"derivatives", "sourcedata"}


@dataclass(frozen=True)
class Found:
    """The studies, in the order of their ids, and how many stacks of DICOM images were passed over."""

    studies: tuple[Study, ...]
    left_out: int = 0


def find_studies(place: Path, names: Pseudonyms, progress: ProgressCallback = silent) -> Found:
    """All studies of a manifest (or of the ``manifest.csv`` in a folder), of a BIDS tree, or of a folder."""
    progress(Progress("find", 0.0, "Looking for studies"))
    found = _found(place, names, progress)
    if not found.studies:
        seen = f"; {found.left_out} DICOM series were none of a sagittal spine" if found.left_out else ""
        raise InputError(f"There are no studies in {place}{seen}.", "Give a folder of images or DICOM files, or a manifest.")
    twice = [name for name, count in Counter(study.id.casefold() for study in found.studies).items() if count > 1]
    if twice:
        raise InputError(f"Two studies have the id {twice[0]}.", "Give every study an id of its own.")
    return Found(tuple(sorted(found.studies, key=lambda study: study.id)), found.left_out)


def _found(place: Path, names: Pseudonyms, progress: ProgressCallback) -> Found:
    if place.is_dir():
        if (place / MANIFEST).is_file():
            return Found(tuple(studies_of_manifest(place / MANIFEST, names)))
        return Found(tuple(studies_of_bids(place, names))) if is_bids(place) else _of_folder(place, names, progress)
    if not place.exists():
        raise InputError(f"There is no file or folder {place}.", "Check the path.")
    if place.suffix.lower() != ".csv":
        raise InputError(f"{place} is neither a folder nor a .csv manifest.", "For a single image there is: spinemr run")
    return Found(tuple(studies_of_manifest(place, names)))


def _of_folder(root: Path, names: Pseudonyms, progress: ProgressCallback) -> Found:
    """Volumes (label maps apart) and DICOM stacks of a folder and everything below; pictures where there is nothing else."""
    studies: list[Study] = []
    pictures: list[Study] = []
    left_out = 0
    for folder, files in _folders(root):
        others = []
        for path in files:
            kind = format_of(path)
            if kind in _VOLUMES and not is_mask(path):
                studies.append(_study(path, root, names))
            elif kind is Format.PICTURE and folder == root and not is_mask(path):
                pictures.append(_study(path, root, names))
            elif kind in (None, Format.DICOM):
                others.append(path)
        stacks = studies_of_files(folder, others, names)
        known = {study.id for study in studies}
        studies += [study for study in stacks.studies if study.id not in known]  # the same series exported twice counts once
        left_out += stacks.left_out
        progress(Progress("find", 0.0, f"{len(studies)} studies"))
    return Found(tuple(studies or pictures), left_out)


def _study(path: Path, root: Path, names: Pseudonyms) -> Study:
    return Study(names.study(path.relative_to(root).as_posix()), str(path.absolute()))


def _folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder with its files in order; hidden ones and the results of cohorts are passed over."""
    for place, folders, files in os.walk(root):
        if HIDDEN in folders:
            folders[:] = []
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_LOOKED_AT)
        yield Path(place), [Path(place) / name for name in sorted(files) if not name.startswith(".")]
