"""How a mask's voxels spread around their centre: the lengths of its principal axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.region import Mask


def principal_variances(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """The eigenvalues, smallest first, of the covariance ``sum (x - m)(x - m)^T / N`` of the voxel centres in mm.

    Sums run over voxel indices, counted from the middle of the box and therefore exact; a flat mask has an axis of exactly 0.
    """
    places = [np.arange(size) - (size - 1) / 2 for size in mask.shape]
    axes = range(mask.ndim)
    count = int(np.count_nonzero(mask))
    profiles = [np.sum(mask, axis=tuple(other for other in axes if other != axis)) for axis in axes]
    sums = [profile @ place for profile, place in zip(profiles, places, strict=True)]
    covariance = np.empty((mask.ndim, mask.ndim))
    for one in axes:
        for two in range(one, mask.ndim):
            if one == two:
                product = profiles[one] @ places[one] ** 2
            else:
                together = np.sum(mask, axis=tuple(other for other in axes if other not in (one, two)))
                product = places[one] @ together @ places[two]
            spread = (product - sums[one] * sums[two] / count) / count
            covariance[one, two] = covariance[two, one] = spread * spacing_mm[one] * spacing_mm[two]
    variances: NDArray[np.float64] = np.maximum(np.linalg.eigvalsh(covariance), 0.0)
    return variances
