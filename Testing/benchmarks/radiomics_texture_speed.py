"""How long texture features take beside pyradiomics, and how much memory, in one run.

Two jobs: all five families of a disc-sized region (about 40,000 voxels), and the five features that Kim 2024 selects of a
120 x 320 crop; each with bins of width 25 and with 64 bins. Both sides get image and mask in memory and begin with binning. Times
are the best of several turns taken alternately, by the clock and by the processor: on a busy machine only the second is fair, for
the clock favours what is done before the scheduler looks. Memory is what a fresh process grew by at its peak.
Run with the packages on the path: ``python Testing/benchmarks/radiomics_texture_speed.py``.
"""

from __future__ import annotations

import logging
import multiprocessing
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from spinemr.radiomics.features.discretization import discretize
from spinemr.radiomics.features.glcm import glcm_features
from spinemr.radiomics.features.gldm import gldm_features
from spinemr.radiomics.features.glrlm import glrlm_features
from spinemr.radiomics.features.glszm import glszm_features
from spinemr.radiomics.features.ngtdm import ngtdm_features
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

TURNS = 15
FAMILIES = {
    "glcm": glcm_features,
    "glrlm": glrlm_features,
    "glszm": glszm_features,
    "gldm": gldm_features,
    "ngtdm": ngtdm_features,
}
Wanted = dict[str, tuple[str, ...]]
EVERYTHING: Wanted = dict.fromkeys(FAMILIES, ())
KIM_2024: Wanted = {
    "glcm": ("Idmn", "Correlation", "SumEntropy", "DifferenceEntropy"),
    "glrlm": ("ShortRunEmphasis",),
}
Pair = tuple[sitk.Image, sitk.Image]
Features = dict[str, dict[str, float]]


def textured(mask: np.ndarray, sigma: tuple[float, float, float]) -> Pair:
    """Smooth noise from 0 to 255 under a mask."""
    values = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=mask.shape), sigma)
    values = 255 * (values - values.min()) / np.ptp(values)
    return sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask.astype(np.uint8))


def disc() -> Pair:
    """An elliptic cylinder of 42,000 voxels in its box, as an extractor cuts it out."""
    _, y, x = np.ogrid[:14, -25.5:25.5:51j, -36.5:36.5:73j]
    return textured(np.broadcast_to((y / 26) ** 2 + (x / 37) ** 2 < 1, (14, 51, 73)), (0.7, 1.2, 1.2))


def crop() -> Pair:
    """A slice of 120 x 320 pixels, all of them inside."""
    return textured(np.ones((1, 120, 320), dtype=bool), (0.0, 1.0, 1.0))


def ours(pair: Pair, settings: Settings, wanted: Wanted) -> Features:
    """This library's features."""
    region = Region.of(*pair)
    levels = discretize(region, settings)
    return {family: FAMILIES[family](levels, region, settings, names) for family, names in wanted.items()}


def theirs(pair: Pair, settings: Settings, wanted: Wanted) -> Features:
    """pyradiomics' features, straight from its feature classes."""
    from radiomics import featureextractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    classes, found = featureextractor.getFeatureClasses(), {}
    bins = {"binWidth": settings.bin_width} if settings.bin_count is None else {"binCount": settings.bin_count}
    for family, names in wanted.items():
        features = classes[family](*pair, **bins)
        for name in names:
            features.enableFeatureByName(name)
        found[family] = {name: float(value) for name, value in features.execute().items()}
    return found


Job = Callable[[Pair, Settings, Wanted], Features]


def best(jobs: tuple[Job, Job], pair: Pair, settings: Settings, wanted: Wanted) -> np.ndarray:
    """Milliseconds ``[job][clock, processor]``."""
    times = np.full((2, 2), np.inf)
    for _ in range(TURNS):
        for row, job in zip(times, jobs, strict=True):
            clock, processor = time.perf_counter(), time.process_time()
            job(pair, settings, wanted)
            row[:] = np.minimum(row, [time.perf_counter() - clock, time.process_time() - processor])
    return 1e3 * times


def growth_mib(job: Job, settings: Settings, queue: multiprocessing.Queue[float]) -> None:
    """By how much a process grows at most while it takes all features of the disc; a small region first loads the code."""
    warnings.simplefilter("ignore")
    small = tuple(sitk.RegionOfInterest(image, (9, 9, 5), (30, 20, 3)) for image in disc())
    job((small[0], small[1]), settings, EVERYTHING)
    pair = disc()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = peak_kib()
    job(pair, settings, EVERYTHING)
    queue.put((peak_kib() - before) / 1024)


def peak_kib() -> float:
    """The most memory this process has had since its peak was forgotten (Linux)."""
    return float(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def memory_mib(job: Job, settings: Settings) -> float:
    """The growth, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=growth_mib, args=(job, settings, queue))
    process.start()
    found = queue.get()
    process.join()
    return found


def largest_difference(found: Features, expected: Features) -> float:
    """Of all values, relative."""
    pairs = [(found[family][name], value) for family in expected for name, value in expected[family].items()]
    return max(abs(own - peer) / max(abs(peer), 1e-9) for own, peer in pairs)


def compare(title: str, pair: Pair, wanted: Wanted, settings: Settings) -> None:
    """Print one job: each family and all together."""
    difference = largest_difference(ours(pair, settings, wanted), theirs(pair, settings, wanted))
    print(f"{title}; values differ by at most {difference:.0e}")
    parts = [{family: names} for family, names in wanted.items()]
    for part in [*parts, wanted]:
        own, peer = best((ours, theirs), pair, settings, part)
        clock, processor = peer / own
        name = next(iter(part)) if len(part) == 1 else "together"
        print(f"  {name:9} {own[0]:7.2f} ms, pyradiomics {peer[0]:7.1f} ms: {clock:5.1f}x ({processor:.1f}x by processor time)")


def main() -> None:
    """Print every ratio."""
    try:
        import radiomics  # noqa: F401
    except ImportError:
        print("The peer is not here: pip install pyradiomics-bhklab (Python 3.11)")
        return
    warnings.simplefilter("ignore")
    for bins, settings in (("bins of width 25", Settings()), ("64 bins", Settings(bin_count=64))):
        compare(f"disc, all features, {bins}", disc(), EVERYTHING, settings)
        compare(f"120 x 320 crop, five features, {bins}", crop(), KIM_2024, settings)
        if Path("/proc/self/clear_refs").exists():
            own, peer = (memory_mib(job, settings) for job in (ours, theirs))
            print(f"disc, memory, {bins}: {own:.1f} MiB more at the peak, pyradiomics {peer:.1f} MiB")


if __name__ == "__main__":
    main()
