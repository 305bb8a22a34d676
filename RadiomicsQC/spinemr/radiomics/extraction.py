"""Features of structures in an image, from the image as it was read to a dictionary of numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.features.discretization import discretize
from spinemr.radiomics.features.families import INTENSITIES, NAMES, SHAPES, TEXTURES
from spinemr.radiomics.filters.bank import FILTERS, PYRADIOMICS_ONLY, derived_images
from spinemr.radiomics.parameters import overridden, unknown
from spinemr.radiomics.preparation import Scene, Structure, lifted, prepare
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

DEFAULTS = Settings()


def extract(
    image: sitk.Image,
    mask: sitk.Image,
    settings: Settings = DEFAULTS,
    *,
    labels: Sequence[int] | None = None,
    progress: ProgressCallback = silent,
) -> dict[int, dict[str, float]]:
    """The features of each label of a mask, by full names such as ``original_glcm_Idmn``.

    Without ``labels`` that of the settings. A label that cannot be measured (empty, one voxel, too small) is an
    :class:`InputError` where it is the only one; among several it is left out and warned of. The image is normalized and
    filtered once for all labels.
    """
    flat = image.GetDimension() == 2
    _check_names(settings, flat=flat)
    wanted = tuple(dict.fromkeys((settings.label,) if labels is None else labels))
    measured: dict[int, dict[str, float]] = {}
    for index, scene in enumerate(prepare(image, mask, settings, wanted)):
        report = _Report(progress, index, 1 if len(scene.structures) == len(wanted) else len(wanted))
        _measure(scene, settings, measured, report, flat=flat)
    progress(Progress("features", 1.0, f"{len(measured)} structures measured"))
    return {label: measured[label] for label in wanted if measured.get(label)}


class _Report:
    """Progress within one of several scenes; that of the images in it cannot be foreseen and approaches its end."""

    def __init__(self, progress: ProgressCallback, scene: int, scenes: int) -> None:
        self.progress, self.start, self.share = progress, scene / scenes, 1 / scenes

    def __call__(self, image: int, structure: float, name: str) -> None:
        done = 1 - 0.5**image + 0.5 ** (image + 1) * structure
        self.progress(Progress("features", self.start + self.share * done, name))


def _check_names(settings: Settings, *, flat: bool) -> None:
    """Refuse what nobody can compute before anything is computed."""
    if strange := [name for name in settings.feature_classes if name not in NAMES]:
        raise unknown("feature class", strange, NAMES)
    if foreign := [name for name in settings.image_types if name in PYRADIOMICS_ONLY]:
        raise InputError(f"The filter {', '.join(foreign)} is not offered.", "Take the engine pyradiomics, or leave it out.")
    if strange := [name for name in settings.image_types if name not in FILTERS]:
        raise unknown("image type", strange, FILTERS)
    if "shape2D" in settings.feature_classes and not (flat or settings.force_2d):
        warnings.warn("shape2D features of volumes need force2D to be set.", ImagingWarning, stacklevel=3)


def _measure(scene: Scene, settings: Settings, measured: dict[int, dict[str, float]], report: _Report, *, flat: bool) -> None:
    """Add the features of all structures of a scene: their shapes, then each image's intensities and textures."""
    alone = len(scene.structures) == 1
    for structure in scene.structures:
        with _left_out(f"the shape of label {structure.label}", alone=alone):
            measured.setdefault(structure.label, {}).update(_shapes(scene, structure, settings, flat=flat))
    for number, (name, derived, own) in enumerate(_images(scene, settings, flat=flat)):
        values = sitk.GetArrayViewFromImage(derived)
        for place, structure in enumerate(scene.structures):
            report(number, place / len(scene.structures), f"{name}, label {structure.label}")
            with _left_out(f"label {structure.label} in the image {name}", alone=alone):
                features = _intensities(structure.region(values, scene.spacing_mm), own)
                measured.setdefault(structure.label, {}).update({f"{name}_{key}": value for key, value in features.items()})


@contextmanager
def _left_out(what: str, *, alone: bool) -> Iterator[None]:
    """Among several structures one that cannot be measured is warned of; alone it is an error."""
    try:
        yield
    except InputError as error:
        if alone:
            raise
        warnings.warn(f"Left out: {what}. {error}", ImagingWarning, stacklevel=2)


def _images(scene: Scene, settings: Settings, *, flat: bool) -> Iterator[tuple[str, sitk.Image, Settings]]:
    """Every derived image with its name and the settings that hold for it: a filter may bring its own bin width."""
    seen = scene.image[:, :, 0] if flat else scene.image
    for image_type, own in settings.image_types.items():
        changed = overridden(settings, own)
        if image_type == "Original":
            yield "original", scene.image, changed
            continue
        for name, derived in derived_images(seen, scene.mask, replace(changed, image_types={image_type: own})):
            yield name, lifted(derived), changed


def _shapes(scene: Scene, structure: Structure, settings: Settings, *, flat: bool) -> dict[str, float]:
    """Features of the outline; as in pyradiomics a flat image has no 3D shape, and a volume a 2D one only if forced to 2D."""
    region = Region(np.zeros(structure.outline.shape), structure.outline, scene.spacing_mm)
    forced = replace(settings, force_2d=True, force_2d_dimension=0) if flat else settings
    applicable = {"shape": not flat, "shape2D": flat or settings.force_2d}
    return {
        f"original_{family}_{name}": value
        for family, wanted in settings.feature_classes.items()
        if applicable.get(family, False)
        for name, value in SHAPES[family](region, forced, wanted).items()
    }


def _intensities(region: Region, settings: Settings) -> dict[str, float]:
    if not np.isfinite(region.inside).all():
        raise InputError("Some intensities under the mask are NaN or infinite.", "Repair the image, or take them out.")
    found: dict[str, dict[str, float]] = {}
    families = settings.feature_classes
    levels = discretize(region, settings) if any(family in TEXTURES for family in families) else None
    for family, wanted in families.items():
        if family in TEXTURES and levels is not None:
            found[family] = TEXTURES[family](levels, region, settings, wanted)
        elif family in INTENSITIES:
            found[family] = INTENSITIES[family](region, settings, wanted)
    return {f"{family}_{name}": value for family, features in found.items() for name, value in features.items()}
