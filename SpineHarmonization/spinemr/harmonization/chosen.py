"""The method somebody asked for by its name and a target, ready to use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from spinemr.harmonization.method import Method
from spinemr.harmonization.registry import fitted, method_entry, read_method
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_image
from spinemr.imaging.formats import Format, format_of
from spinemr.imaging.progress import Progress, ProgressCallback, silent

DEFAULT_METHOD = "zscore"


def chosen_method(name: str | None = None, target: Path | None = None, *, progress: ProgressCallback = silent) -> Method:
    """The method, fitted on the target (an image or a folder of images) or read from it (a fitted method's ``.json``).

    Without a name the method is that of the target's file, else :data:`DEFAULT_METHOD`.
    """
    if target is not None and target.suffix.lower() == ".json":
        found = read_method(target)
        if name is not None and found.name != name:
            raise InputError(f"{target.name} holds the method {found.name}, not {name}.", "Leave out --method.")
        return found
    name = name or DEFAULT_METHOD
    if method_entry(name).fit is None:
        if target is not None:
            raise InputError(f"The method {name} takes no target.", "Choose nyul or histogram, or leave out --target.")
        return fitted(name, ())
    if target is None:
        raise InputError(f"The method {name} needs a target.", "Give an image or a folder of images with --target.")
    return fitted(name, _images(target, progress))


def _images(target: Path, progress: ProgressCallback) -> Iterator[sitk.Image]:
    """The images of a target, one after the other."""
    kinds = (Format.NIFTI, Format.NRRD, Format.META, Format.PICTURE)
    if not target.is_dir():
        yield read_image(target)
        return
    found = sorted(path for path in target.iterdir() if path.is_file() and format_of(path) in kinds)
    for index, path in enumerate(found or [target]):
        progress(Progress("fit", index / max(1, len(found)), f"image {index + 1} of {max(1, len(found))}"))
        yield read_image(path)
