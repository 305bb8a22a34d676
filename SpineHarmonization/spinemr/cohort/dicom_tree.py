"""Studies of DICOM files: every stack that can show a lumbar spine, of any number of patients, folder by folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spinemr.cohort.pseudonyms import Pseudonyms
from spinemr.cohort.scanner_name import scanner_name
from spinemr.cohort.study import Study
from spinemr.imaging.dicom import shows_lumbar_spine
from spinemr.imaging.dicom_headers import read_slice_header
from spinemr.imaging.dicom_series import SeriesInfo, sorted_into_series
from spinemr.imaging.errors import InputError
from spinemr.imaging.itk_files import read_tags

_PATIENT_ID, _PATIENT_NAME, _MAKER, _MODEL, _FIELD = "0010|0020", "0010|0010", "0008|0070", "0008|1090", "0018|0087"


@dataclass(frozen=True)
class Stacks:
    """What one folder's files hold."""

    studies: tuple[Study, ...]
    left_out: int
    """Stacks that are no sagittal MR of a spine: scouts, axial series, other modalities."""


def studies_of_files(folder: Path, files: Sequence[Path], names: Pseudonyms) -> Stacks:
    """The stacks among the files of one folder that could be lumbar spines."""
    headers = [header for header in map(read_slice_header, files) if header is not None]
    stacks = sorted_into_series(headers)
    wanted = [stack for stack in stacks if stack.modality in ("MR", "") and shows_lumbar_spine(stack)]
    return Stacks(tuple(_studies(folder, wanted, names)), len(stacks) - len(wanted))


def _studies(folder: Path, stacks: Sequence[SeriesInfo], names: Pseudonyms) -> Iterator[Study]:
    for stack in stacks:
        tags = _tags(stack)
        person = tags.get(_PATIENT_ID) or tags.get(_PATIENT_NAME) or ""
        yield Study(
            # Of what is in the files: a series keeps its id wherever it is moved.
            id=names.study(f"{stack.id}\0{stack.files[0].series_uid}\0{stack.files[0].instance_uid}"),
            path=str(folder.absolute()),
            scanner=scanner_name(tags.get(_MAKER, ""), tags.get(_MODEL, ""), _number(tags.get(_FIELD, "")), names),
            subject=names.subject(person) if person else "",
            files=tuple(file.path.name for file in stack.files),
        )


def _tags(stack: SeriesInfo) -> dict[str, str]:
    try:
        return read_tags(stack.files[0].path)[1]
    except (InputError, OSError):
        return {}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
