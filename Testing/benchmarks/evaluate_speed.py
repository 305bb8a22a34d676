"""How long a study's evaluation takes, against computing each label's distances on the whole volume.

Run with the packages on the path: ``python Testing/benchmarks/evaluate_speed.py``.
"""

from __future__ import annotations

import time

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from spinemr.segmentation.metrics import evaluate

SPACING_MM = (4.4, 0.6, 0.6)


def study(shift: int) -> np.ndarray:
    """A 15 x 512 x 512 map with 20 structures: seven bodies with posterior elements, five discs and the canal."""
    labels = np.zeros((15, 512, 512), dtype=np.uint8)
    rows, columns = np.ogrid[0:512, 0:512]
    for level in range(7):
        top = 30 + 65 * level + shift
        labels[2:13, top : top + 42, 150:215] = 18 + level
        spine = (rows - top - 20) ** 2 / 18**2 + (columns - 290) ** 2 / 30**2 < 1
        labels[4:11, spine] = 218 + level
        if level:
            labels[2:13, top - 20 : top - 2, 152:213] = 117 + level
    labels[5:10, 10:500, 218:246] = 61
    return labels


def as_image(array: np.ndarray) -> sitk.Image:
    """A label image with the benchmark's spacing."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING_MM[::-1])
    return image


def whole_volume_hd95(prediction: np.ndarray, truth: np.ndarray) -> float:
    """The plain way: two distance transforms of the whole volume."""
    a, b = (m & ~ndimage.binary_erosion(m) for m in (prediction, truth))
    forth = ndimage.distance_transform_edt(~b, sampling=SPACING_MM)[a]
    back = ndimage.distance_transform_edt(~a, sampling=SPACING_MM)[b]
    return float(max(np.percentile(forth, 95), np.percentile(back, 95)))


def main() -> None:
    """Print both times and their ratio."""
    prediction, truth = study(3), study(0)
    start = time.perf_counter()
    found = evaluate(as_image(prediction), as_image(truth))
    ours = (time.perf_counter() - start) / (len(found.labels) + len(found.classes))
    start = time.perf_counter()
    plain = whole_volume_hd95(prediction == 23, truth == 23)
    theirs = time.perf_counter() - start
    assert abs(plain - found.labels[23].hd95_mm) < 1e-9
    count = len(found.labels) + len(found.classes)
    print(f"{count} structures, all measures: {ours * count:.2f} s; {ours * 1e3:.0f} ms each")
    print(f"HD95 alone on the whole volume: {theirs * 1e3:.0f} ms each, {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()
