"""Makes the DICOM writer importable and offers an image to write in every format."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import ImagingWarning

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def oblique_image() -> sitk.Image:
    """A small float image on an oblique grid with numbers no header rounds away."""
    rng = np.random.default_rng(7)
    image = sitk.GetImageFromArray(rng.normal(100, 20, (5, 24, 20)).astype(np.float32))
    image.SetSpacing((0.625, 0.75, 4.5))
    image.SetOrigin((-12.5, 30.25, 101.0))
    tilt = np.radians(20)
    image.SetDirection((0, np.sin(tilt), -np.cos(tilt), 1, 0, 0, 0, -np.cos(tilt), -np.sin(tilt)))
    return image


@pytest.fixture
def anatomy_labels(oblique_image: sitk.Image) -> sitk.Image:
    """A label map on the same grid: a body, its arch, discs, canal."""
    values = np.zeros((5, 24, 20), dtype=np.uint8)
    values[1:4, 2:6, 3:9] = 23
    values[1:4, 2:6, 12:15] = 223
    values[1:4, 6:8, 3:9] = 123
    values[2, 2:20, 9:12] = 61
    values[0, 20:23, 4:8] = 26
    labels = sitk.GetImageFromArray(values)
    labels.CopyInformation(oblique_image)
    return labels


@pytest.fixture
def told_user(recwarn: pytest.WarningsRecorder) -> Callable[[], list[str]]:
    """What the user was warned of until now (other libraries' warnings are not counted)."""
    return lambda: [str(caught.message) for caught in recwarn.list if issubclass(caught.category, ImagingWarning)]
