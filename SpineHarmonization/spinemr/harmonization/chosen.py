"""The method somebody asked for by its name and a target, ready to use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from spinemr.harmonization.classical.scales import SCALE_NAMES, shipped_scale
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.harmonization.inference.by_contrast import ByContrast
from spinemr.harmonization.inference.network_method import open_reference
from spinemr.harmonization.inference.reference import (
    NETWORK_METHODS,
    TRAIN_ONE,
    Reference,
    named,
    own_references,
    said,
    shipped_references,
)
from spinemr.harmonization.method import Method
from spinemr.harmonization.registry import METHODS, fitted, method_entry, read_method
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_image
from spinemr.imaging.formats import Format, format_of
from spinemr.imaging.model_card import CARD_SUFFIX
from spinemr.imaging.progress import Progress, ProgressCallback, silent

AUTO, NYUL = "auto", "nyul"
"""The scale of the image's contrast, which cannot move anything; with a target, the method that the target says."""


def chosen_method(
    name: str | None = None, target: str | Path | None = None, *, device: str = "auto", progress: ProgressCallback = silent
) -> Method:
    """The method of a name, ready to use.

    A target is a fitted method's ``.json``, a network exported by a user (its card, or a folder with it), a shipped reference or
    scale by its name, or for methods that are fitted an image or a folder of images. Without a name the target says the method.
    """
    name = None if name == AUTO else name
    path = None if target is None else Path(target)
    if path is not None and path.suffix.lower() == ".json" and not path.name.endswith(CARD_SUFFIX):
        return _read(path, name)
    if name is None or name in NETWORK_METHODS:
        return _network(name, target, device)
    if method_entry(name).fit is None:
        if path is not None:
            raise InputError(f"The method {name} takes no target.", "Choose nyul or histogram, or leave out --target.")
        return fitted(name, ())
    if name == NYUL and path is None:
        return ByContrast((), NYUL, device, scales=SCALE_NAMES)
    if name == NYUL and str(target) in SCALE_NAMES:
        return shipped_scale(str(target))
    if path is None:
        raise InputError(f"The method {name} needs a target.", "Give an image or a folder of images with --target.")
    return fitted(name, _images(path, progress))


def _read(path: Path, name: str | None) -> Method:
    found = read_method(path)
    if name is not None and found.name != name:
        raise InputError(f"{path.name} holds the method {found.name}, not {name}.", "Leave out --method.")
    return found


def _network(name: str | None, target: str | Path | None, device: str) -> Method:
    """A network by its target; without one, that of the image's contrast.

    Where no method is named, scales go before networks, and z-score stands in where no contrast is seen.
    """
    if name is None and target is None:
        return ByContrast((), AUTO, device, ZScore(), SCALE_NAMES)
    if name is None and str(target) in SCALE_NAMES:
        return shipped_scale(str(target))
    references = shipped_references(name)
    if target is None:
        if references:
            return ByContrast(references, str(name), device)
        raise InputError(f"No reference of the method {name} comes with this version.", TRAIN_ONE)
    return open_reference(_reference(name, target), device)


def _reference(name: str | None, target: str | Path) -> Reference:
    own = own_references(Path(target))
    fitting = [one for one in own if name in (None, one.method)]
    if fitting:
        return fitting[0]
    if own:
        raise InputError(f"{Path(target).name} is of the method {own[0].method}, not {name}.", "Leave out --method.")
    shipped = shipped_references(name)
    if name is None and Path(target).exists():
        fits = [entry.name for entry in METHODS.values() if entry.fit is not None]
        hint = f"To fit a method on it, name one: {' or '.join(fits)}."
        raise InputError(f"{Path(target).name} is no trained reference.", hint)
    if not shipped:
        raise InputError(f"There is no reference '{target}', and no such file.", said(shipped))
    return named(shipped, str(target))


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
