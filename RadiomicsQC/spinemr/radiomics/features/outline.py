"""Length and area of the outline around a mask of one slice: marching squares.

Vertices lie in the middle of each edge between a pixel of the mask and one outside; where the mask's pixels lie diagonally, each
is cut off by a line of its own, so that outlines are always closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinemr.radiomics.region import Mask

INSIDE_CORNERS = np.array([code.bit_count() for code in range(16)])
DIAGONAL = np.isin(range(16), (0b0110, 0b1001))
"""By code: bit ``2 y + x`` says whether the corner (y, x) of a square is in the mask."""
BESIDE = {"row": np.isin(range(16), (0b0011, 0b1100)), "column": np.isin(range(16), (0b0101, 0b1010))}


@dataclass(frozen=True)
class Outline:
    """Sums over the lines of the outline."""

    perimeter_mm: float
    area_mm2: float


def outline_of(mask: Mask, spacing_mm: tuple[float, float]) -> Outline:
    """The outline of a mask ``[y][x]``, closed at its borders.

    Each square between four pixel centres holds 0, 1/8, 1/2, 7/8 or all of its area, and no line, one straight line between its
    opposite sides, one between neighbouring sides, or two of those (where it holds 1/4).
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    rows = padded[:, :-1] | (padded[:, 1:] << 1)
    counts = np.bincount((rows[:-1] | (rows[1:] << 2)).ravel(), minlength=16)
    height, width = spacing_mm
    parts = np.array([0, 1 / 8, 1 / 2, 7 / 8, 1])[INSIDE_CORNERS]
    parts[DIAGONAL] = 1 / 4
    lengths = np.where(INSIDE_CORNERS % 2 == 1, np.hypot(height, width) / 2, 0.0)
    lengths[DIAGONAL] = np.hypot(height, width)
    lengths[BESIDE["row"]] = width
    lengths[BESIDE["column"]] = height
    return Outline(float(counts @ lengths), float(counts @ parts) * height * width)
