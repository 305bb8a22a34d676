"""The image of a study where the pipeline can read it: as it lies, linked out of a heap of DICOM files, or fetched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from spinemr.cohort.study import Study
from spinemr.imaging.errors import InputError, SpineMRError
from spinemr.imaging.formats import split_suffix

IMAGE, SERIES = "image", "series"


def local_image(study: Study, folder: Path) -> Path:
    """A path to read the study from; what has to be made for that is made in ``folder``, under names that name nobody."""
    if study.is_remote:
        return _fetched(study.path, folder)
    if study.files:
        return _linked(Path(study.path), study.files, folder / SERIES)
    return Path(study.path)


def _linked(source: Path, names: tuple[str, ...], place: Path) -> Path:
    """One series alone in a folder: links to its files, or copies where links cannot be made."""
    place.mkdir()
    for number, name in enumerate(names):
        link = place / f"{number:05d}.dcm"
        try:
            link.symlink_to(source / name)
        except OSError:
            try:
                shutil.copyfile(source / name, link)
            except OSError as error:
                raise InputError(f"A file of the series cannot be read: {error.strerror or 'the system refused'}.") from error
    return place


def _fetched(address: str, folder: Path) -> Path:
    """A file or folder from wherever fsspec reaches; its ending is kept, its name is not."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise SpineMRError("Addresses need the package fsspec.", "pip install 'spinemr[cohort]'") from error
    try:
        system, inside = url_to_fs(address)
        is_folder = system.isdir(inside)
        place = folder / (SERIES if is_folder else f"{IMAGE}{split_suffix(inside)[1]}")
        system.get(inside, os.fspath(place), recursive=is_folder)
    except (OSError, ValueError, ImportError) as error:
        hint = "Check the address, and that the package for it (s3fs, gcsfs, adlfs) is installed on the workers."
        raise InputError(f"The image cannot be fetched ({type(error).__name__}).", hint) from None
    if not place.exists():
        raise InputError("The image cannot be fetched.", "Check the address.")
    return place
