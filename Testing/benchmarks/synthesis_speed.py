"""How fast a drawn slice is imaged and augmented, in units of a plain scipy filter timed in the same run.

Every line is the mean over varied draws: milliseconds, and how many times as long as one Gaussian filter
(deviation 2 pixels) of a 320x320 slice takes. Set OMP_NUM_THREADS=1 to hold numpy's matrix products to one
core. How long drawing itself takes is for drawing_speed.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from spinemr.synthesis.acquisition import acquire
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.augmentation import Sample, training_augmentation
from spinemr.synthesis.random_contrast import random_contrast
from spinemr.synthesis.scanners import random_scanner
from spinemr.synthesis.tissue_map import TissueMap

SIZE = 320


def mean_ms(job: Callable[[], object], repeats: int) -> float:
    """Mean time of a job after one warm-up."""
    job()
    start = time.perf_counter()
    for _ in range(repeats):
        job()
    return (time.perf_counter() - start) * 1000 / repeats


def drawn_slice(sub_slices: int) -> TissueMap:
    """A mid-sagittal slice of one anatomy."""
    spine = draw_spine(3)
    centre = (float(spine.centre[0]), float(spine.centre[1]), float(spine.centre[2]))
    return render(spine, SagittalGrid(centre, 1, SIZE, SIZE, (4.0, 0.8, 0.8), 4.0, sub_slices))


def imaging_ms(tissue_map: TissueMap, repeats: int = 60) -> float:
    """Imaging a drawn slice, with another random scanner each time."""
    rng = np.random.default_rng(0)
    return mean_ms(lambda: acquire(tissue_map, random_scanner(rng), rng), repeats)


def mixture_ms(tissue_map: TissueMap, repeats: int = 60) -> float:
    """A drawn slice in random intensities."""
    rng = np.random.default_rng(0)
    return mean_ms(lambda: random_contrast(tissue_map, rng), repeats)


def augmentation_ms(tissue_map: TissueMap, repeats: int = 120) -> float:
    """The training augmentation of one imaged slice."""
    rng = np.random.default_rng(0)
    pixels = acquire(tissue_map, random_scanner(rng, "t2"), rng)
    sample, augment = Sample(pixels / pixels.max(), tissue_map.slice_labels(), tissue_map.spacing_mm), training_augmentation()
    return mean_ms(lambda: augment(sample, rng), repeats)


def main() -> None:
    """Print one line a step."""
    slice_ = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    unit = mean_ms(lambda: gaussian_filter(slice_, 2.0), 200)
    thin, thick = drawn_slice(1), drawn_slice(3)
    steps = {
        "Gaussian filter (scipy)": unit,
        "image a slice": imaging_ms(thin),
        "image a slice of three sub-slices": imaging_ms(thick),
        "random mixture of a slice": mixture_ms(thin),
        "training augmentation": augmentation_ms(thin),
    }
    for step, took in steps.items():
        print(f"{step:36s} {took:9.1f} ms {took / unit:9.1f} x")


if __name__ == "__main__":
    main()
