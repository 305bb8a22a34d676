"""The pixels of one sagittal plane."""

from __future__ import annotations

from dataclasses import dataclass

from spinemr.synthesis.tissue_map import FloatArray


@dataclass(frozen=True)
class Plane:
    """Where the pixels of a sagittal plane lie: one x, a y for each column, a z for each row."""

    x: float
    y: FloatArray
    z: FloatArray

    @property
    def pixel(self) -> float:
        """Mean pixel size in mm: the width of a soft edge."""
        return 0.5 * float(abs(self.y[1] - self.y[0]) + abs(self.z[1] - self.z[0]))
