"""Studies of a BIDS tree (bids-specification 1.10): anatomical images of every subject and session."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from spinemr.cohort.pseudonyms import Pseudonyms
from spinemr.cohort.scanner_name import scanner_name
from spinemr.cohort.study import Study
from spinemr.imaging.formats import Format, format_of, split_suffix
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.radiomics.verdict.pairs import is_mask

DESCRIPTION = "dataset_description.json"
PARTICIPANTS = "participants.tsv"
_NO_IMAGES = ("dseg", "probseg", "mask", "defacemask", "desc-mask", "angio")


def is_bids(folder: Path) -> bool:
    """Whether a folder says so, or holds subjects with anatomical images."""
    return (folder / DESCRIPTION).is_file() or next(_anatomy(folder), None) is not None


def studies_of_bids(folder: Path, names: Pseudonyms) -> list[Study]:
    """Every anatomical NIfTI; scanners from the JSON beside it (or inherited), groups from participants.tsv."""
    groups = _groups(folder / PARTICIPANTS)
    studies = []
    for place in _anatomy(folder):
        for path in sorted(place.iterdir()):
            if format_of(path) is not Format.NIFTI or is_mask(path) or split_suffix(path)[0].rpartition("_")[2] in _NO_IMAGES:
                continue
            inside = path.relative_to(folder)
            subject = inside.parts[0]
            studies.append(
                Study(
                    id=names.study(inside.as_posix()),
                    path=str(path.absolute()),
                    scanner=_scanner(folder, path, names),
                    group=groups.get(subject, ""),
                    subject=names.subject(subject),
                )
            )
    return studies


def _anatomy(folder: Path) -> Iterator[Path]:
    """The anat folders of subjects, with or without sessions."""
    for subject in sorted(folder.glob("sub-*")):
        yield from sorted(path for path in (*subject.glob("anat"), *subject.glob("ses-*/anat")) if path.is_dir())


def _groups(path: Path) -> dict[str, str]:
    """The column group of participants.tsv by subject; nothing where there is none."""
    try:
        rows = list(csv.DictReader(StringIO(text_of(path, "utf-8-sig")), delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {str(row.get("participant_id")): (row.get("group") or "").strip().replace("n/a", "") for row in rows}


def _scanner(folder: Path, path: Path, names: Pseudonyms) -> str:
    """From the sidecars that hold for an image: its own, and those above it that its own does not overrule."""
    stem = split_suffix(path)[0]
    suffix = stem.rpartition("_")[2]
    above = [place for place in path.parents if place == folder or folder in place.parents]
    told: dict[str, Any] = {}
    for place in reversed(above):
        told |= _sidecar(place / f"{suffix}.json")
    told |= _sidecar(path.with_name(f"{stem}.json"))
    try:
        strength = float(told.get("MagneticFieldStrength") or 0)
    except (TypeError, ValueError):
        strength = 0.0
    return scanner_name(str(told.get("Manufacturer") or ""), str(told.get("ManufacturersModelName") or ""), strength, names)


def _sidecar(path: Path) -> Mapping[str, Any]:
    try:
        content = json_of(text_of(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
