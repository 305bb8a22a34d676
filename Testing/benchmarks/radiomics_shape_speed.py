"""How long shape features and wavelets take, against pyradiomics on the same masks in the same run, and how much memory.

Run with the packages on the path: ``python Testing/benchmarks/radiomics_shape_speed.py``. The one-slice crop keeps pyradiomics
busy for ten seconds and more.
"""

from __future__ import annotations

import logging
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from radiomics import imageoperations, shape, shape2D
from scipy import ndimage

from spinemr.radiomics.features.cube_table import cube_table
from spinemr.radiomics.features.shape2d import shape2d_features
from spinemr.radiomics.features.shape3d import shape_features
from spinemr.radiomics.filters.bank import derived_images
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

FLAT = Settings(force_2d=True)


def disc() -> np.ndarray:
    """An intervertebral disc of about 40,000 voxels."""
    z, y, x = np.mgrid[-25:26, -30:31, -16:17]
    return (z / 23.5) ** 2 + (y / 29) ** 2 + ((x + y**2 / 250) / 12) ** 4 < 1


def blob() -> np.ndarray:
    """A ragged structure of as many voxels."""
    values = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(50, 52, 52)), 4)
    return values > np.quantile(values, 0.7)


def pyradiomics_shape(region: Region, flat: bool) -> dict[str, float]:
    """All default features of one mask."""
    image = sitk.GetImageFromArray(region.mask.astype(np.uint8))
    image.SetSpacing(region.spacing_mm[::-1])
    family = shape2D.RadiomicsShape2D if flat else shape.RadiomicsShape
    found = family(image, image, force2D=flat)
    found.enableAllFeatures()
    return {name: float(value) for name, value in found.execute().items()}


def shortest(call: Callable[[], object], times: int) -> float:
    """Seconds of the fastest of several calls: other work on the machine only ever adds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak_mib(call: Callable[[], object]) -> float:
    """What numpy allocates at most during a call (pyradiomics' own vertices are not seen by this)."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def compare(name: str, mask: np.ndarray, spacing_mm: tuple[float, float, float], flat: bool = False, times: int = 5) -> None:
    """Print one line."""
    region = Region.cut(np.zeros(mask.shape), mask, spacing_mm)
    ours = (lambda: shape2d_features(region, FLAT)) if flat else (lambda: shape_features(region, Settings()))
    expected = pyradiomics_shape(region, flat)
    for feature, value in ours().items():
        assert abs(value - expected[feature]) <= 1e-6 * abs(expected[feature]), feature
    here, there = shortest(ours, 4 * times), shortest(lambda: pyradiomics_shape(region, flat), times)
    memory = f"{peak_mib(ours):.1f} MiB against {peak_mib(lambda: pyradiomics_shape(region, flat)):.1f}"
    seconds = f"{1e3 * here:.1f} ms, pyradiomics {1e3 * there:.1f} ms: {there / here:.0f} times"
    print(f"{name}, {mask.sum():,} voxels: {seconds}; {memory}")


def main() -> None:
    """Print a line a mask, then one for the wavelets."""
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    print(f"table of cubes, once a process: {1e3 * shortest(cube_table, 1):.0f} ms")
    compare("disc", disc(), (1.0, 1.0, 1.0))
    compare("disc, thick slices", disc(), (4.4, 0.6, 0.6))
    compare("ragged structure", blob(), (1.0, 1.0, 1.0), times=2)
    compare("crop of one slice, 3D features", np.ones((1, 120, 320), dtype=bool), (4.0, 0.6, 0.6), times=1)
    compare("crop of one slice, 2D features", np.ones((1, 120, 320), dtype=bool), (4.0, 0.6, 0.6), flat=True)
    image = sitk.GetImageFromArray(np.random.default_rng(1).normal(size=(20, 320, 320)))
    settings = Settings(image_types={"Wavelet": {}})
    here = shortest(lambda: list(derived_images(image, image, settings)), 3)
    there = shortest(lambda: list(imageoperations.getWaveletImage(image, image)), 3)
    print(f"wavelets of 20 x 320 x 320: {here:.2f} s, pyradiomics with PyWavelets {there:.2f} s: {there / here:.1f} times")


if __name__ == "__main__":
    main()
