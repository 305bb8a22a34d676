"""How long augmentation takes on a drawn 320x320 slice: each object at its defaults, and the ready-made chains.

Beside the milliseconds stands the ratio to a peer in the same run, scipy's linear ``map_coordinates`` of one such slice.
Linear algebra is held to one thread, because training runs one process a core.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np
from scipy import ndimage

from spinemr.synthesis import augmentation
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.augmentation import Augmentation, Sample, anatomy_groups

AIM_MS = 25.0
REPEATS = 40
REPEATS_OF_CHAINS = 300
CHAINS = {
    "training_augmentation": augmentation.training_augmentation(anatomy_groups()),
    "synthmri_augmentation": augmentation.synthmri_augmentation(),
    "synthseg_augmentation": augmentation.synthseg_augmentation(),
}
ALONE = (
    "Affine", "Elastic", "AffineElastic", "Crop", "Flip", "Bias", "Blur", "CoilFallOff", "Gamma", "MinMax", "RandomCurve",
    "RandomShallowConvolution", "PerLabelRedistribution", "RandomMixture", "RicianNoise", "Gibbs", "Ghosting", "Motion",
    "LowResolution", "Anisotropy",
)  # fmt: skip
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def drawn_slice() -> Sample:
    """A middle slice of a drawn anatomy, with proton density for contrast."""
    spine = draw_spine(1)
    centre = (float(spine.centre[0]), float(spine.centre[1]) + 10.0, float(spine.centre[2]))
    tissue_map = render(spine, SagittalGrid(centre, 1, 320, 320, (4.0, 0.9, 0.9), 4.0))
    image = tissue_map.paint(np.array([tissue.proton_density for tissue in tissue_map.tissues], dtype=np.float32))
    return Sample((image / image.max()).astype(np.float32), tissue_map.labels, (4.0, 0.9, 0.9))


def mean_ms(call: Callable[[], object], repeats: int) -> float:
    """Mean time of a call after one to warm up: chains draw what they do, so their mean counts and not their median."""
    call()
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats * 1000


def main() -> None:
    """Print one line for each object and chain."""
    sample, rng = drawn_slice(), np.random.default_rng(0)
    places = np.indices(sample.shape[1:], dtype=np.float32) + np.float32(0.3)
    peer = mean_ms(lambda: ndimage.map_coordinates(sample.image[0], places, order=1), REPEATS)
    print(f"{'scipy map_coordinates, order 1':32s} {peer:7.2f} ms")

    def line(name: str, step: Augmentation, repeats: int, remark: str = "") -> None:
        took = mean_ms(lambda: step(sample, rng), repeats)
        print(f"{name:32s} {took:7.2f} ms  {took / peer:5.2f} x{remark}")

    for name in ALONE:
        line(name, getattr(augmentation, name)(), REPEATS)
    for name, chain in CHAINS.items():
        aim = f"  (aim: under {AIM_MS:.0f} ms)" if name == "training_augmentation" else ""
        line(name, chain, REPEATS_OF_CHAINS, aim)


if __name__ == "__main__":
    if not ONE_THREAD.items() <= os.environ.items():  # has to be known before numpy loads
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    main()
