"""How long the differentiable features of a batch take, forward and backward, beside the exact features of the same slices.

Run with the packages on the path and PyTorch installed: ``python Testing/benchmarks/differentiable_features_speed.py``.
Pyradiomics, where it is installed, computes the same features of the same slices one by one, and no gradient.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import SimpleITK as sitk

from spinemr.radiomics.differentiable.features import AVAILABLE, SELECTED, DifferentiableFeatures
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.sample import draw_sample

REPEATS = 3
COUNTS = {25.0: "11 levels", 4.0: "64 levels"}


def slices() -> np.ndarray:
    """Four drawn slices of 320 x 320, rescaled to 0..255."""
    rng = np.random.default_rng(1)
    images = [draw_sample(draw_spine(seed), rng, mixture_share=0.0).image for seed in range(1, 5)]
    return np.stack([255 * (image - image.min()) / np.ptp(image) for image in images])


def shortest(work: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Wall-clock and processor seconds of the fastest of some runs."""
    times = []
    for _ in range(repeats):
        wall, own = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - wall, time.process_time() - own))
    return min(times)


def soft_seconds(
    images: np.ndarray, mask: np.ndarray, names: Sequence[str], width: float, temperature: float
) -> tuple[float, float]:
    """Forward and backward of the batch."""
    import torch

    batch, masks = torch.tensor(images, dtype=torch.float32), torch.as_tensor(mask)
    features = DifferentiableFeatures(names, bin_width=width, temperature=temperature)

    def step() -> None:
        given = batch.clone().requires_grad_()
        features(given, masks).sum().backward()

    return shortest(step)


def pyradiomics_seconds(images: np.ndarray, mask: np.ndarray, width: float) -> float:
    """The five features of the same slices; what computing their matrices costs is all of it."""
    from radiomics import featureextractor, setVerbosity

    setVerbosity(60)
    engine = featureextractor.RadiomicsFeatureExtractor(force2D=True, force2Ddimension=0, binWidth=width)
    engine.disableAllFeatures()
    wanted = [name.split("_")[1:] for name in SELECTED]
    engine.enableFeaturesByName(**{kind: [name for of, name in wanted if of == kind] for kind in ("glcm", "glrlm")})
    pairs = [[sitk.GetImageFromArray(array[None]) for array in (image, mask.astype(np.uint8))] for image in images]
    return shortest(lambda: [engine.execute(*pair) for pair in pairs], 1)[0]


def main() -> None:
    """Print times of a batch of four 320 x 320 slices, the whole slice and the middle 120 columns as region."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: nothing to measure.")
        return
    import torch

    print(f"batch of four 320 x 320 slices, float32, {torch.get_num_threads()} thread(s)")
    print(f"best of {REPEATS}: wall clock (processor) seconds")
    images = slices()
    peer = importlib.util.find_spec("radiomics") is not None
    for columns in (320, 120):
        mask = np.zeros((320, 320), bool)
        mask[:, 160 - columns // 2 : 160 + columns // 2] = True
        for width, levels in COUNTS.items():
            title = f"{columns} x 320, {levels}"
            for temperature in (0.004, 0.03, 0.3):
                wall, own = soft_seconds(images, mask, SELECTED, width, temperature)
                print(f"{title}: five features at temperature {temperature:<5} {wall:.2f} ({own:.2f})")
            wall, own = soft_seconds(images, mask, AVAILABLE, width, 0.004)
            print(f"{title}: all {len(AVAILABLE)} features {wall:.2f} ({own:.2f})")
            if peer:
                print(f"{title}: pyradiomics, five features, no gradient: {pyradiomics_seconds(images, mask, width):.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    print(f"largest memory of the process: {peak:.1f} GB")


if __name__ == "__main__":
    main()
