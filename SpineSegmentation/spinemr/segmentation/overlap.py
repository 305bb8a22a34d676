"""How far two masks cover each other, from three counts of voxels.

Nothing to divide by gives NaN, never a flattering 1: where both masks are empty every measure is NaN; where one is,
DSC and IoU are 0, and the measure with the empty mask in its denominator (precision or recall) is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Overlap:
    """Voxels in the prediction, in the truth, and in both."""

    predicted: int
    true: int
    both: int

    @classmethod
    def of(cls, prediction: NDArray[Any], truth: NDArray[Any]) -> Overlap:
        """Count two boolean masks of the same shape."""
        both = int(np.count_nonzero(prediction & truth))
        return cls(int(np.count_nonzero(prediction)), int(np.count_nonzero(truth)), both)

    @property
    def dsc(self) -> float:
        """Dice similarity coefficient ``2 |P & T| / (|P| + |T|)``."""
        return _ratio(2 * self.both, self.predicted + self.true)

    @property
    def iou(self) -> float:
        """Intersection over union, the Jaccard index ``|P & T| / |P | T|``."""
        return _ratio(self.both, self.predicted + self.true - self.both)

    @property
    def precision(self) -> float:
        """The share of the prediction that is right, ``|P & T| / |P|``."""
        return _ratio(self.both, self.predicted)

    @property
    def recall(self) -> float:
        """The share of the truth that was found, ``|P & T| / |T|``."""
        return _ratio(self.both, self.true)

    @property
    def volume_ratio(self) -> float:
        """Predicted over true volume ``|P| / |T|`` (Markhali 2024); above 1 too much was marked."""
        return _ratio(self.predicted, self.true)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
