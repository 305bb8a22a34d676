"""What features are held to: the IBSI-1 digital phantom with its consensus values, and pyradiomics.

    def test_mean(ibsi_phantom, ibsi_reference):
        image, mask = ibsi_phantom                       # two SimpleITK images; the label is 1
        reference = ibsi_reference("stat_mean")          # or ibsi_reference("cm_contrast", "3D_avg")
        assert reference.agrees(my_mean(image, mask))    # at three significant digits, or within the tolerance

A tag that has no value raises KeyError. ``ibsi_tags`` lists all tags there are. ``pyradiomics_features`` computes a class of
features with pyradiomics.
"""

from __future__ import annotations

import csv
import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.radiomics.settings import Settings

DATA = Path(__file__).resolve().parent / "data"


class Reference(NamedTuple):
    """A consensus value of the IBSI."""

    value: float
    tolerance: float

    def agrees(self, found: float) -> bool:
        """Whether a value is the same at three significant digits, or lies within the tolerance where there is one."""
        return float(f"{found:.3g}") == self.value or abs(found - self.value) <= self.tolerance


@pytest.fixture(scope="session")
def ibsi_phantom() -> tuple[sitk.Image, sitk.Image]:
    """The digital phantom and its mask."""
    stored = json.loads((DATA / "ibsi1_digital_phantom.json").read_text(encoding="utf-8"))
    image = sitk.GetImageFromArray(np.array(stored["intensities"], dtype=np.int16))
    mask = sitk.GetImageFromArray(np.array(stored["mask"], dtype=np.uint8))
    for each in (image, mask):
        each.SetSpacing(stored["spacing_mm"])
    return image, mask


@pytest.fixture(scope="session")
def ibsi_values() -> dict[str, Reference]:
    """Every consensus value by its tag."""
    with (DATA / "ibsi1_reference_values.csv").open(encoding="utf-8", newline="") as lines:
        return {row["tag"]: Reference(float(row["value"]), float(row["tolerance"])) for row in csv.DictReader(lines)}


@pytest.fixture(scope="session")
def ibsi_tags(ibsi_values: dict[str, Reference]) -> tuple[str, ...]:
    """All tags, such as ``cm_contrast_3D_avg``."""
    return tuple(ibsi_values)


@pytest.fixture(scope="session")
def ibsi_reference(ibsi_values: dict[str, Reference]) -> Callable[..., Reference]:
    """``ibsi_reference(tag, aggregation="")``: the consensus value of a feature."""
    return lambda tag, aggregation="": ibsi_values[f"{tag}_{aggregation}" if aggregation else tag]


@pytest.fixture(scope="session")
def pyradiomics_features() -> Callable[..., dict[str, float]]:
    """``pyradiomics_features(family, image, mask, settings, label=1)``: one feature class of pyradiomics, as floats.

    The test is skipped where pyradiomics is not installed.
    """
    radiomics = pytest.importorskip("radiomics")
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    classes = radiomics.featureextractor.getFeatureClasses()

    def compute(family: str, image: sitk.Image, mask: sitk.Image, settings: Settings, label: int = 1) -> dict[str, float]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = classes[family](image, mask, label=label, **_as_pyradiomics(settings))
            found.enableAllFeatures()
            return {name: float(value) for name, value in found.execute().items()}

    return compute


def _as_pyradiomics(settings: Settings) -> dict[str, object]:
    named: dict[str, object] = {
        "binWidth": settings.bin_width,
        "force2D": settings.force_2d,
        "force2Ddimension": settings.force_2d_dimension,
        "distances": list(settings.distances),
        "symmetricalGLCM": settings.symmetrical_glcm,
        "weightingNorm": settings.weighting_norm,
        "gldm_a": int(settings.gldm_alpha),
    }
    return named if settings.bin_count is None else named | {"binCount": settings.bin_count}
