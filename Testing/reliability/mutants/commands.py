"""Which commands read which kind of input, and how they are called with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from mutants.seeds import Seeds

Words = list[object]
Call = Callable[[Random, Seeds, Path, Path], Words]
"""(random, seeds, the changed input, the folder for results) -> the words of the command."""


def segment(random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    ending = random.choice((".nii.gz", ".seg.nrrd", ".mha"))
    return [
        "segment",
        path,
        "-o",
        out / f"labels{ending}",
        "--device",
        "cpu",
        *random.choice(([], ["--measurements"], ["--parts"])),
    ]


def run(random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["run", path, "-o", out / "results", "--harmonize", random.choice(("zscore", "none", "auto"))]


def harmonize(random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return [
        "harmonize",
        path,
        "-o",
        out / random.choice(("h.nii.gz", "h.mha", "h.mhd")),
        "--method",
        random.choice(("zscore", "whitestripe")),
    ]


def harmonize_to(random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["harmonize", seeds.image, "-o", out / "h.nii.gz", "--method", random.choice(("nyul", "histogram")), "--target", path]


def radiomics_image(random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["radiomics", path, seeds.mask, "-o", out / random.choice(("f.csv", "f.json"))]


def report_image(_random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["radiomics", "report", seeds.case, "--image", path, "-o", out / "page.html"]


def radiomics_mask(_random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["radiomics", seeds.image, path, "-o", out / "f.csv"]


def evaluate(random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    pair = [path, seeds.mask] if random.random() < 0.5 else [seeds.mask, path]
    return ["evaluate", *pair, "-o", out / "scores.json", *random.choice(([], ["--resample"]))]


def compare(random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    pair = [path, seeds.tables[".csv"]] if random.random() < 0.5 else [path, path]
    return ["radiomics", "compare", *pair, "-o", out / random.choice(("c.csv", "c.json", "c.html"))]


def radiomics_settings(_random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["radiomics", seeds.image, seeds.mask, "-o", out / "f.csv", "--settings", path]


def run_settings(_random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["run", seeds.image, "-o", out / "results", "--harmonize", "none", "--settings", path]


def harmonize_method(_random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["harmonize", seeds.image, "-o", out / "h.nii.gz", "--target", path]


def profile(_random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["radiomics", "profile", path, "-o", out / "profile.json"]


def train(_random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["train", "segmentation", path, "-o", out / "run", "--steps", "1"]


def train_harmonizer(_random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["train", "harmonization", path, "-o", out / "run", "--steps", "1"]


def segment_model(_random: Random, seeds: Seeds, path: Path, out: Path) -> Words:
    return ["segment", seeds.image, "-o", out / "labels.nii.gz", "--model", path]


def export(_random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["export", path, "-o", out / "models"]


def report(_random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["radiomics", "report", path, "-o", out / "page.html"]


IMAGE_CALLS: tuple[Call, ...] = (harmonize, segment, run, radiomics_image, harmonize, segment, harmonize_to, report_image)
FOLDER_CALLS: tuple[Call, ...] = (harmonize, segment, run, harmonize, profile)
MASK_CALLS: tuple[Call, ...] = (evaluate, radiomics_mask)
TEXT_CALLS: dict[str, tuple[Call, ...]] = {
    "settings": (radiomics_settings, run_settings),
    "manifest": (profile,),
    "training": (train, train_harmonizer),
    "card": (segment_model,),
    "method": (harmonize_method,),
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "--spacing": ("nan,nan", "0,0", "-1,1", "1e30,1", "inf,1,1", "1", "", "1,1,1,1", "a,b", "1e-9,1e-9", "0.5,0.5,0"),
    "--shift": ("99", "-4", "x", "1.5", ""),
    "--series": ("", "99", "x" * 500, "-1", "\udcff"),
    "--model": ("", "nope", "/dev/zero", "../x.card.json", "."),
    "--device": ("gpu", "", "cuda:9"),
    "--harmonize": ("", "nope", "nyul", "NONE"),
    "--strength": ("nan", "inf", "-1", "2", "x"),
    "--labels": ("x", ""),
    "--settings": ("/dev/null", "/dev/zero", ".", "nope.yaml"),
    "--target": ("/dev/null", ".", "nope.json", "/dev/zero", ""),
    "--segment-on": ("harmonized", "x"),
}


def run_with_option(random: Random, seeds: Seeds, _path: Path, out: Path) -> Words:
    option = random.choice(sorted(OPTIONS))
    return ["run", seeds.image, "-o", out / "results", "--harmonize", "none", option, random.choice(OPTIONS[option])]


SETTINGS = (
    "binWidth",
    "binCount",
    "label",
    "sigma",
    "resampledPixelSpacing",
    "padDistance",
    "normalizeScale",
    "minimumROISize",
    "distances",
    "interpolator",
    "force2D",
    "gldm_a",
    "voxelArrayShift",
    "nope",
)
SETTING_VALUES = (
    "0",
    "-1",
    "nan",
    "inf",
    "1e30",
    "1e-30",
    "[0,0,0]",
    "[1e-4,1e-4,1e-4]",
    "[]",
    "abc",
    "",
    "true",
    "100000000",
    "[1,2",
    "{}",
    "1e400",
)


def radiomics_with_setting(random: Random, seeds: Seeds, _path: Path, out: Path) -> Words:
    change = f"{random.choice(SETTINGS)}={random.choice(SETTING_VALUES)}"
    return ["radiomics", seeds.image, seeds.mask, "-o", out / "f.csv", "--set", change]


ARGUMENT_CALLS: tuple[Call, ...] = (run_with_option, radiomics_with_setting)
