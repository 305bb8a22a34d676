"""How far soft features lie from exact ones, by temperature and bin width, on real slices or else on drawn ones.

Run with the packages on the path and PyTorch installed: ``python Testing/benchmarks/differentiable_features_error.py [FOLDER]``,
FOLDER with the T1 slices of the development data (``images/``, ``labels/``).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import zoom

from spinemr.radiomics.differentiable.features import AVAILABLE, SELECTED, DifferentiableFeatures
from spinemr.radiomics.extraction import extract
from spinemr.radiomics.settings import Settings
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.sample import draw_sample

NAMES = tuple(name for name in AVAILABLE if not name.endswith("StandardDeviation"))
TEMPERATURES = (0.1, 0.03, 0.01, 0.004, 0.001)
COARSER = 0.83
EVERY = 15
"""Of the real slices one in so many."""

Case = tuple[np.ndarray, np.ndarray]


def real_cases(folder: Path) -> Iterator[Case]:
    """Of every slice L3, the disc below it, and the crop of 120 x 320 of Kim 2024."""
    for picture in sorted((folder / "images").glob("*.png"))[::EVERY]:
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(picture))).astype(np.float64)
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels" / picture.name)))
        crop = np.zeros(labels.shape, bool)
        crop[32:352, 132:252] = True
        yield from ((image, mask) for mask in (labels == 3, labels == 13, crop) if mask.sum() > 50)


def drawn_cases() -> Iterator[Case]:
    """Drawn slices, 8 bits, their middle 120 columns."""
    rng = np.random.default_rng(1)
    crop = np.zeros((320, 320), bool)
    crop[:, 100:220] = True
    for seed in range(1, 11):
        yield np.round(255 * draw_sample(draw_spine(seed), rng, mixture_share=0.0).image).astype(np.float64), crop


def exact(image: np.ndarray, mask: np.ndarray, width: float) -> np.ndarray:
    """By the exact engine."""
    settings = Settings(bin_width=width, force_2d=True, feature_classes={"firstorder": (), "glcm": (), "glrlm": ()})
    found = extract(sitk.GetImageFromArray(image[None]), sitk.GetImageFromArray(mask[None].astype(np.uint8)), settings)[1]
    return np.array([found[name] for name in NAMES])


def resampled(cases: list[Case]) -> list[Case]:
    """The same on coarser pixels, whose intensities are no whole numbers any more."""
    return [(zoom(image, COARSER, order=1), zoom(mask.astype(np.uint8), COARSER, order=0) > 0) for image, mask in cases]


def errors_in_percent(cases: list[Case], truths: list[np.ndarray], width: float, temperature: float, step: float) -> np.ndarray:
    """``[region][feature]``."""
    import torch

    features = DifferentiableFeatures(NAMES, bin_width=width, temperature=temperature, intensity_step=step)
    soft = [features(*map(torch.as_tensor, case))[0].numpy() for case in cases]
    return np.array([100 * np.abs(a - b) / np.maximum(np.abs(b), 1e-9) for a, b in zip(soft, truths, strict=True)])


def print_table(cases: list[Case], step: float) -> None:
    """Largest and mean errors."""
    print("| bin width | temperature | " + " | ".join(name.split("_")[-1] for name in SELECTED) + " | worst of all |")
    print("|---" * 8 + "|")
    for width in (25.0, 4.0):
        truths = [exact(*case, width) for case in cases]
        for temperature in TEMPERATURES:
            errors = errors_in_percent(cases, truths, width, temperature, step)
            largest, mean = errors.max(axis=0), errors.mean(axis=0)
            five = " | ".join(f"{largest[at]:.2f} ({mean[at]:.2f})" for at in map(NAMES.index, SELECTED))
            worst = NAMES[int(largest.argmax())].split("_")[-1]
            print(f"| {width:g} | {temperature} | {five} | {largest.max():.2f} {worst} |", flush=True)


def main() -> None:
    """Print two tables: errors of the five selected features, and the largest of all, in per cent."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: nothing to measure.")
        return
    cases = list(real_cases(Path(sys.argv[1])) if len(sys.argv) > 1 else drawn_cases())
    print(f"Largest (mean) relative error in % over {len(cases)} regions of slices in whole numbers, intensity_step 1\n")
    print_table(cases, 1.0)
    print(f"\nThe same slices resampled by {COARSER}, intensity_step 0\n")
    print_table(resampled(cases), 0.0)


if __name__ == "__main__":
    main()
