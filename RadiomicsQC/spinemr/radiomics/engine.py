"""Who computes the features: this software, or pyradiomics where it is installed. Same call, same names."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.errors import ImagingWarning, InputError, SpineMRError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.extraction import DEFAULTS, extract
from spinemr.radiomics.parameters import PARAMETERS
from spinemr.radiomics.preparation import check_labels, on_image_grid, whole_numbers
from spinemr.radiomics.settings import Settings

Engine = Literal["spinemr", "pyradiomics"]
ENGINES: tuple[Engine, ...] = ("spinemr", "pyradiomics")

_OURS_ONLY = ("discretization", "aggregation")
"""Settings pyradiomics has no word for."""


def features_of(
    image: sitk.Image,
    mask: sitk.Image,
    settings: Settings = DEFAULTS,
    *,
    labels: Sequence[int] | None = None,
    engine: Engine = "spinemr",
    progress: ProgressCallback = silent,
) -> dict[int, dict[str, float]]:
    """The features of each label of a mask, as :func:`spinemr.radiomics.extraction.extract` gives them."""
    if engine == "spinemr":
        return extract(image, mask, settings, labels=labels, progress=progress)
    if engine != "pyradiomics":
        raise InputError(f"There is no engine {engine}.", f"Known are: {', '.join(ENGINES)}.")
    return _by_pyradiomics(image, mask, settings, (settings.label,) if labels is None else tuple(labels), progress)


def engine_version(engine: Engine) -> str:
    """Which build of pyradiomics computed a result, for its provenance; empty for this software's own engine."""
    if engine == "spinemr" or find_spec("radiomics") is None:
        return ""
    owners = metadata.packages_distributions().get("radiomics", [])
    return ", ".join(f"{owner} {metadata.version(owner)}" for owner in sorted(set(owners)))


def pyradiomics_parameters(settings: Settings) -> dict[str, Any]:
    """The settings as the dictionary pyradiomics takes; what it cannot do is refused."""
    defaults = Settings()
    foreign = [name for name in _OURS_ONLY if getattr(settings, name) != getattr(defaults, name)]
    if "spinetk" in settings.feature_classes:
        foreign.append("spinetk features")
    if foreign:
        raise InputError(f"pyradiomics has no {' and no '.join(foreign)}.", "Leave it out, or use the engine spinemr.")
    known = {name: parameter.field for name, parameter in PARAMETERS.items() if parameter.field not in _OURS_ONLY}
    named = {name: _plain(getattr(settings, field)) for name, field in known.items()}
    return {
        "setting": {name: value for name, value in named.items() if value is not None} | {"additionalInfo": False},
        "imageType": {name: {key: _plain(value) for key, value in own.items()} for name, own in settings.image_types.items()},
        "featureClass": {name: list(wanted) for name, wanted in settings.feature_classes.items()},
    }


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Lists for tuples, whole numbers where a float is one: pyradiomics' own check of parameters wants them so."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value == int(value) else value


def _by_pyradiomics(
    image: sitk.Image, mask: sitk.Image, settings: Settings, labels: Sequence[int], progress: ProgressCallback
) -> dict[int, dict[str, float]]:
    if find_spec("radiomics") is None:
        raise SpineMRError("pyradiomics is not installed.", "pip install pyradiomics-bhklab, or use the engine spinemr.")
    image, mask = _with_room(image, settings), whole_numbers(mask)
    check_labels(mask, labels)
    if settings.resampled_pixel_spacing_mm is None and mask.GetDimension() == 3:
        mask = on_image_grid(image, mask, settings, labels)
    measured: dict[int, dict[str, float]] = {}
    for place, label in enumerate(labels):
        progress(Progress("features", place / len(labels), f"label {label}"))
        try:
            measured[label] = _measured(image, mask, label, settings)
        except InputError as error:
            if len(labels) == 1:
                raise
            warnings.warn(f"Left out: label {label}. {error}", ImagingWarning, stacklevel=3)
    if not measured:
        raise InputError("None of the structures in the mask can be measured.", "The notes above say why.")
    progress(Progress("features", 1.0, f"{len(measured)} structures measured"))
    return measured


def _measured(image: sitk.Image, mask: sitk.Image, label: int, settings: Settings) -> dict[str, float]:
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    with _quiet(), _tolerance_restored():
        extractor = RadiomicsFeatureExtractor(pyradiomics_parameters(settings))
        try:
            found: Mapping[str, Any] = extractor.execute(image, mask, label=label)
        except (ValueError, RuntimeError) as error:
            raise InputError(f"pyradiomics refuses label {label}: {' '.join(str(error).split()).rstrip('.')}.") from error
    return {name: float(value) for name, value in found.items()}


def _with_room(image: sitk.Image, settings: Settings) -> sitk.Image:
    """The image in more bits where pyradiomics' bin edges would overflow its own: they reach two bins above the highest value."""
    pixels = sitk.GetArrayViewFromImage(image)
    if not np.issubdtype(pixels.dtype, np.integer) or pixels.max() + 2.0 * settings.bin_width <= np.iinfo(pixels.dtype).max:
        return image
    wider: sitk.Image = sitk.Cast(image, sitk.sitkInt16 if pixels.dtype.itemsize == 1 else sitk.sitkInt32)
    return wider


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyradiomics' log off the terminal."""
    log = logging.getLogger("radiomics")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


@contextmanager
def _tolerance_restored() -> Iterator[None]:
    """Undo what pyradiomics' geometryTolerance does to all of SimpleITK."""
    coordinates = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    directions = sitk.ProcessObject.GetGlobalDefaultDirectionTolerance()
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultCoordinateTolerance(coordinates)
        sitk.ProcessObject.SetGlobalDefaultDirectionTolerance(directions)
