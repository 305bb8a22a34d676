"""Which image is which study: nothing in a cohort's folder tells, but whoever has its key and the images can find out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spinemr.cohort.cohort_folder import HIDDEN, KEY, about_cohort, failed_in, finished_in
from spinemr.cohort.finding import find_studies
from spinemr.cohort.pseudonyms import known_pseudonyms
from spinemr.cohort.study import Study
from spinemr.imaging.progress import ProgressCallback, silent

FINISHED, FAILED, OPEN = "finished", "failed", "open"


def whereabouts(place: Path, root: Path, progress: ProgressCallback = silent) -> Iterator[tuple[str, str, str]]:
    """Id, state and path of each study of ``place`` in the cohort that was made of it; of a DICOM series its first file."""
    about_cohort(root)
    names = known_pseudonyms(root / HIDDEN / KEY)
    states = {str(noted["id"]): FAILED for noted in failed_in(root)} | dict.fromkeys(finished_in(root), FINISHED)
    for study in find_studies(place, names, progress).studies:
        yield study.id, states.get(study.id, OPEN), _path(study)


def _path(study: Study) -> str:
    return str(Path(study.path) / study.files[0]) if study.files else study.path
