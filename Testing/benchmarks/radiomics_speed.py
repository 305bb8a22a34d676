"""Features against pyradiomics in the same run: time and peak memory of a disc in 3D, and of Kim 2024's five features on a crop.

Run with ``python Testing/benchmarks/radiomics_speed.py`` (needs pyradiomics). Memory is that of a process
of its own for each engine and case.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.radiomics.engine import ENGINES, features_of
from spinemr.radiomics.resampling import Extent
from spinemr.radiomics.settings import Settings
from spinemr.synthesis.study import draw_study

DISC, DISC_VOXELS, MARGIN_VOXELS = 123, 40_000, 5
REPEATS = 7
AIMS = {"disc": 5.0, "crop": 10.0}
MEMORY_AIM = 2.0
CLEAR_PEAK = Path("/proc/self/clear_refs")
"""Linux: writing 5 forgets the peak of the memory so far."""
FIVE = {"glcm": ("Idmn", "Correlation", "SumEntropy", "DifferenceEntropy"), "glrlm": ("ShortRunEmphasis",)}
"""The features Kim 2024 selected."""
SETTINGS = {"disc": Settings(), "crop": Settings(feature_classes=FIVE)}
TITLES = {"disc": "107 default features of a disc in 3D", "crop": "five features of Kim 2024 on a 120x320 crop"}


def disc_case() -> tuple[sitk.Image, sitk.Image]:
    """A drawn L4-L5 disc, resampled to about 40,000 voxels, 0 to 255; of the study no more than pyradiomics is quick with."""
    study = draw_study(3, scanner="alder-1.5t-t2", grade="II", pathology=())
    box = Extent.of(study.labels, DISC).padded(MARGIN_VOXELS, study.labels.GetSize())
    image, labels = box.cut(study.image), sitk.Cast(box.cut(study.labels) == DISC, sitk.sitkUInt8)
    count = int(np.count_nonzero(sitk.GetArrayViewFromImage(labels)))
    factor = (DISC_VOXELS / count) ** (1 / 3)
    size = [max(1, round(extent * factor)) for extent in image.GetSize()]
    spacing = [step * old / new for step, old, new in zip(image.GetSpacing(), image.GetSize(), size, strict=True)]
    place = (size, sitk.Transform())
    rest = (image.GetOrigin(), spacing, image.GetDirection(), 0.0)
    finer = sitk.Resample(image, *place, sitk.sitkLinear, *rest, sitk.sitkFloat32)
    grey = sitk.Cast(sitk.RescaleIntensity(finer, 0, 255), sitk.sitkInt16)
    return grey, sitk.Resample(labels, *place, sitk.sitkNearestNeighbor, *rest, sitk.sitkUInt8)


def crop_case() -> tuple[sitk.Image, sitk.Image]:
    """120 columns by 320 rows of the middle slice, all of it in the mask, 0 to 255."""
    image = draw_study(3, scanner="alder-1.5t-t2", grade="II", pathology=()).image
    columns, rows, slices = image.GetSize()
    part = sitk.RegionOfInterest(image, [120, min(320, rows), 1], [(columns - 120) // 2, max(0, (rows - 320) // 2), slices // 2])
    grid = (part.GetOrigin(), part.GetSpacing(), part.GetDirection())
    grey = sitk.Resample(part, [120, 320, 1], sitk.Transform(), sitk.sitkLinear, *grid)
    mask = sitk.Cast(grey * 0, sitk.sitkUInt8) + 1
    return sitk.Cast(sitk.RescaleIntensity(grey, 0, 255), sitk.sitkInt16), mask


CASES: dict[str, Callable[[], tuple[sitk.Image, sitk.Image]]] = {"disc": disc_case, "crop": crop_case}


def one_engine(engine: str, case: str, image: sitk.Image, mask: sitk.Image) -> dict[int, dict[str, float]]:
    """All features of the case's label by one engine."""
    return features_of(image, mask, SETTINGS[case], labels=[1], engine=engine)  # type: ignore[arg-type]


def main() -> None:
    """Print time, memory and their ratios for both cases."""
    with tempfile.TemporaryDirectory() as folder:
        for case, make in CASES.items():
            image, mask = make()
            for name, volume in (("image", image), ("mask", mask)):
                sitk.WriteImage(volume, str(Path(folder) / f"{case}_{name}.nrrd"))
            print_case(case, image, mask, {engine: peaks_mib(engine, case, Path(folder)) for engine in ENGINES})


def print_case(case: str, image: sitk.Image, mask: sitk.Image, memory: dict[str, tuple[float, float]]) -> None:
    """The figures of one case; first that both engines agree."""
    found = {engine: one_engine(engine, case, image, mask)[1] for engine in ENGINES}
    assert all(np.isclose(found["spinemr"][name], value, rtol=1e-6) for name, value in found["pyradiomics"].items())
    times: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(REPEATS):  # in turns, so that what else the machine does hits both
        for engine in ENGINES:
            start = time.perf_counter()
            one_engine(engine, case, image, mask)
            times[engine].append(time.perf_counter() - start)
    best = {engine: min(values) for engine, values in times.items()}
    voxels = int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))
    print(f"{TITLES[case]}, {voxels} voxels, {len(found['spinemr'])} values equal within 1e-6")
    for engine in ENGINES:
        whole, added = memory[engine]
        print(f"  {engine:12} {best[engine] * 1e3:8.1f} ms, {whole:.0f} MiB at most, of it {added:.1f} for this extraction")
    speed, room = best["pyradiomics"] / best["spinemr"], memory["spinemr"][0] / memory["pyradiomics"][0]
    print(f"  {speed:.1f} times as fast (aim {AIMS[case]:g}), {room:.2f} times the memory (aim at most {MEMORY_AIM:g})")


def peaks_mib(engine: str, case: str, folder: Path) -> tuple[float, float]:
    """The peak memory of a process that makes one extraction, and what the extraction adds to what was in place before."""
    words = [sys.executable, __file__, "--peak", engine, case, str(folder)]
    whole, added = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return whole, added


def print_peaks(engine: str, case: str, folder: str) -> None:
    """The child's part: warm up on a tiny image, forget the peak of importing, measure."""
    tiny = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 255, (4, 9, 9)).astype(np.int16))
    one_engine(engine, case, tiny, sitk.Cast(tiny * 0, sitk.sitkUInt8) + 1)
    image, mask = (sitk.ReadImage(str(Path(folder) / f"{case}_{name}.nrrd")) for name in ("image", "mask"))
    if CLEAR_PEAK.exists():
        CLEAR_PEAK.write_text("5")
    before = resident_mib("VmRSS")
    one_engine(engine, case, image, mask)
    print(json.dumps([resident_mib("VmHWM"), max(0.0, resident_mib("VmHWM") - before)]))


def resident_mib(field: str) -> float:
    """Memory of this process as Linux reports it; elsewhere the peak since its start."""
    if not CLEAR_PEAK.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peaks(*sys.argv[2:])
    else:
        main()
