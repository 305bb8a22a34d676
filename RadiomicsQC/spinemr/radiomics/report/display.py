"""Slices of a study ready to be shown: as they were acquired, radiological sides, cut to the labelled part, true proportions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.geometry import match_grid
from spinemr.imaging.resample import NetworkGrid
from spinemr.radiomics.viewing import Viewing

Grey = NDArray[np.uint8]
MARGIN_MM = 22.0
"""Shown around the labelled part."""
_FEWEST_PIXELS, _MOST_PIXELS = 420, 720
"""Across a picture: coarse slices are interpolated, fine ones averaged."""
_SIDES = {0: ("A", "P", "H", "F"), 1: ("R", "L", "A", "P"), 2: ("R", "L", "H", "F")}
"""What lies at the left, the right, above and below, for sagittal, axial and coronal slices."""


@dataclass(frozen=True)
class Display:
    """Where the pictures of a study come from, and how their pixels relate to its voxels."""

    viewing: Viewing
    rows: slice
    columns: slice

    @classmethod
    def of(cls, image: sitk.Image, labels: sitk.Image | None = None) -> Display:
        """The display of a study, cut to its labels with a margin; everything where there are none."""
        whole = cls(Viewing.of(image), slice(None), slice(None))
        if labels is None:
            return whole
        seen = np.asarray(np.any(whole.stack(match_grid(labels, image)) != 0, axis=0))
        if not seen.any():
            return whole
        row_mm, column_mm = whole.spacing_mm
        return cls(whole.viewing, _extent(seen, 1, row_mm), _extent(seen, 0, column_mm))

    @property
    def plane(self) -> str:
        """Sagittal, axial or coronal."""
        return ("sagittal", "axial", "coronal")[self.viewing.axis]

    @property
    def sides(self) -> tuple[str, str, str, str]:
        """Letters of what lies at the left, the right, above and below."""
        return _SIDES[self.viewing.axis]

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Between shown rows and columns."""
        _, first, second = self.viewing.spacing_mm
        return (first, second) if self.viewing.axis == 0 else (second, first)

    @property
    def shown(self) -> tuple[int, int]:
        """Rows and columns after the cut."""
        _, first, second = self.viewing.shape
        rows, columns = (first, second) if self.viewing.axis == 0 else (second, first)
        return len(range(rows)[self.rows]), len(range(columns)[self.columns])

    def stack(self, image: sitk.Image) -> NDArray[Any]:
        """An image of the study's grid as shown: ``[slice][row][column]``, cut; a copy, since views die with their image."""
        slices = self.viewing.slices(image)
        turned = slices if self.viewing.axis == 0 else slices.transpose(0, 2, 1)
        return np.array(turned[:, self.rows, self.columns])

    def grey(self, image: sitk.Image) -> Grey:
        """The same with intensities between the 1st and the 99.7th percentile of the whole image as 8 bit."""
        values = np.nan_to_num(self.stack(image).astype(np.float64))
        low, high = (float(v) for v in np.nanpercentile(sitk.GetArrayViewFromImage(image), (1, 99.7)))
        if not high > low:
            low, high = float(values.min()), float(values.max())
        share = (values - low) / (high - low) if high > low else np.zeros_like(values)
        shown: Grey = (np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
        return shown

    def number(self, index: int) -> int:
        """The number of a slice in the file's own order, from 0, as findings name it."""
        return self.viewing.place((index, 0, 0)).slice

    def index(self, number: int) -> int:
        """The shown slice with a number in the file's own order; the nearest there is."""
        count = self.viewing.shape[0]
        wanted = min(max(number, 0), count - 1)
        return next(index for index in range(count) if self.number(index) == wanted)

    def fitted(self, plane: NDArray[Any]) -> NDArray[np.float32]:
        """A slice ``[row][column]`` with square pixels of a size that suits a page."""
        rows, columns = plane.shape
        row_mm, column_mm = self.spacing_mm
        height_mm, width_mm = rows * row_mm, columns * column_mm
        finest = min(row_mm, column_mm)
        across = min(max(width_mm / finest, _FEWEST_PIXELS), _MOST_PIXELS)
        pixel_mm = max(width_mm, height_mm) / across
        size = (max(1, round(height_mm / pixel_mm)), max(1, round(width_mm / pixel_mm)))
        grid = NetworkGrid((rows, columns), (row_mm, column_mm), size, (height_mm / size[0], width_mm / size[1]))
        return grid.to_grid(plane)


def chosen_slices(labels: NDArray[Any] | None, count: int, wanted: int, cited: Sequence[int] = ()) -> list[int]:
    """Slices spread evenly over what is labelled (or over all), and the cited ones, in order and without doubles."""
    first, last = 0, count - 1
    if labels is not None and labels.any():
        occupied = np.flatnonzero(labels.any(axis=(1, 2)))
        first, last = int(occupied[0]), int(occupied[-1])
    margin = (last - first) / (2 * wanted)
    spread = {int(position + 0.5) for position in np.linspace(first + margin, last - margin, wanted)}
    return sorted(spread | set(cited))


def fullest_slice(labels: NDArray[Any] | None, count: int) -> int:
    """The slice on which most structures show, of equals the one with most labelled pixels; else the middle one."""
    if labels is None or not labels.any():
        return count // 2
    scores = [(len(np.unique(plane[plane > 0])), int(np.count_nonzero(plane))) for plane in labels]
    return max(range(len(scores)), key=lambda index: scores[index])


def _extent(seen: NDArray[np.bool_], across: int, spacing_mm: float) -> slice:
    occupied = np.any(seen, axis=across)
    places = np.flatnonzero(occupied)
    margin = round(MARGIN_MM / spacing_mm)
    return slice(max(0, int(places[0]) - margin), min(len(occupied), int(places[-1]) + 1 + margin))
