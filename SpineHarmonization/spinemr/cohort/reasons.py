"""Why a study failed, in a sentence that names neither its file nor anybody whose name that file may carry."""

from __future__ import annotations

import re
from pathlib import Path

from spinemr.cohort.study import URL, Study
from spinemr.pipeline.origin import unnamed
from spinemr.pipeline.request import CaseRequest

_THE_IMAGE = "the image"
_SAYS_NOTHING = "The image cannot be read; spinemr run on it says why."
_HARMLESS = frozenset(
    ("image", "images", "series", "dicom", "study", "studies", "data", "nifti", "file", "files", "folder", "slices", "scan")
)
_LAST = 4
"""Parts of a path that may be a name: deeper folders belong to the computer."""


def anonymous_reason(sentence: str, study: Study, request: CaseRequest, staging: Path) -> str:
    """The first line of a sentence with "the image" for every path; something general where a part of one is left."""
    said = sentence.strip().splitlines()[0] if sentence.strip() else ""
    said = re.sub(rf"{re.escape(str(staging))}[^:;,]*", _THE_IMAGE, said)
    said = said.replace(study.path, _THE_IMAGE)
    said = unnamed(said, request)
    said = re.sub(rf"{_THE_IMAGE}[/\\][^:;,]*", _THE_IMAGE, said)
    said = said.replace(f"There is no file or folder {_THE_IMAGE}", "The image is not there")
    words = said.casefold()
    left = any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", words) for part in _telling(study))
    return _SAYS_NOTHING if left or not said else said


def _telling(study: Study) -> set[str]:
    """Parts of its path, and names of its files, that should not come out."""
    path = study.path.partition(URL)[2] if study.is_remote else study.path
    parts = {*Path(path).parts[-_LAST:], *study.files}
    parts |= {part.partition(".")[0] for part in parts}
    return {part.casefold() for part in parts if len(part) > 2} - _HARMLESS
