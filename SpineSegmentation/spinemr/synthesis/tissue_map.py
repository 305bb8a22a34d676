"""What a drawn anatomy hands to a simulated scanner: tissues on a grid, free of any contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True)
class Tissue:
    """One kind of matter: its name, relaxation times at 1.5 T, proton density (water = 100) and fat share.

    ``flows`` marks blood that leaves the slice between pulses: void in spin echo, bright in gradient echo.
    ``t2_prime_ms`` is the reversible dephasing that gradient echoes see: ``1/T2* = 1/T2 + 1/T2'``.
    """

    name: str
    t1_ms: float
    t2_ms: float
    proton_density: float
    fat_fraction: float = 0.0
    is_void: bool = False
    flows: bool = False
    t2_prime_ms: float = 80.0


@dataclass(frozen=True)
class TissueMap:
    """Two tissues a voxel with their mix, so that edges have partial volume in any contrast.

    All arrays have the shape (slices * sub_slices, rows, columns): slices from right to left, rows
    from head to foot, columns from front to back. ``mix`` is the share of ``over`` (0..1);
    ``texture`` multiplies the signal (mean about 1 within a tissue). ``tissues[id]`` describes an id.
    ``labels`` has the numbers of :mod:`spinemr.imaging.anatomy` with bodies and posterior elements told apart.
    """

    under: ByteArray
    over: ByteArray
    mix: FloatArray
    texture: FloatArray
    labels: ByteArray
    tissues: tuple[Tissue, ...]
    spacing_mm: tuple[float, float, float]
    """Slice distance, row and column spacing of the final slices (sub-slices lie closer)."""
    thickness_mm: float
    """Extent over which the sub-slices of one slice are spread (smaller than the distance: a gap)."""
    sub_slices: int = 1

    def hard(self) -> ByteArray:
        """The prevailing tissue of each voxel."""
        return np.where(self.mix > 0.5, self.over, self.under)

    def paint(self, signal_per_tissue: FloatArray) -> FloatArray:
        """Give each tissue a signal and mix it by voxel: the ideal image, before any scanner."""
        lut = np.asarray(signal_per_tissue, dtype=np.float32)
        low = lut[self.under]
        image: FloatArray = (low + self.mix * (lut[self.over] - low)) * self.texture
        return image

    def slice_labels(self) -> ByteArray:
        """One label a voxel of each final slice: what most of three sub-slices show, else the central one's."""
        stack = self.labels.reshape(-1, self.sub_slices, *self.labels.shape[1:])
        middle: ByteArray = stack[:, self.sub_slices // 2]
        if self.sub_slices < 3:
            return middle
        first, last = stack[:, 0], stack[:, -1]
        return np.where(first == last, first, middle)
