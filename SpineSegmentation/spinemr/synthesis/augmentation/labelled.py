"""A labelled image on its way through augmentation, and what every augmentation looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.synthesis.tissue_map import ByteArray, FloatArray


@dataclass(frozen=True)
class Sample:
    """An image with its label map: axes (slices, rows, columns), that is right-left, head-foot, front-back.

    Intensities are 0..1; a bias field or noise may go a little beyond until :class:`MinMax` brings them
    back. Label 0 is background. ``spacing_mm`` belongs to (slices, rows, columns). Augmentations make
    new samples and never write into the arrays of the old one.
    """

    image: FloatArray
    labels: ByteArray
    spacing_mm: tuple[float, float, float]

    def __post_init__(self) -> None:
        """Refuse what no augmentation can work on."""
        if self.image.ndim != 3 or self.image.shape != self.labels.shape or self.image.size == 0:
            raise InputError(
                f"A sample needs an image and labels of one shape (slices, rows, columns), not {self.image.shape} "
                f"and {self.labels.shape}."
            )
        if self.image.dtype != np.float32 or self.labels.dtype != np.uint8:
            raise InputError(f"A sample needs float32 intensities and uint8 labels, not {self.image.dtype}, {self.labels.dtype}.")
        if np.shape(self.spacing_mm) != (3,) or not all(np.isfinite(s) and s > 0 for s in self.spacing_mm):
            raise InputError(f"A sample needs three positive spacings, not {self.spacing_mm}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of slices, rows and columns."""
        slices, rows, columns = self.image.shape
        return slices, rows, columns

    def with_image(self, image: FloatArray) -> Sample:
        """The same labels under another image."""
        return replace(self, image=np.ascontiguousarray(image, dtype=np.float32))


class Augmentation(Protocol):
    """A change of a sample by random numbers; the same generator state gives the same change."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The changed sample; the given one stays as it was."""
        ...
