"""Mutants of what cohorts are made of and of what they leave: manifests, trees, records of studies, tables, keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from mutants.byte_changes import BYTE_CHANGES
from mutants.dicom_changes import STUDY_CHANGES, sound_study
from mutants.places import PLACES
from mutants.text_changes import JSON_CHANGES, TEXT_CHANGES

if TYPE_CHECKING:
    from mutants.commands import Words
    from mutants.seeds import Seeds

Change = Callable[[Random, bytes], bytes]
Maker = Callable[[Random, "Seeds", Path], Path]
STUDIES, FAILED = ("a", "b", "c", "d"), "e"
TABLES = ("studies", "features", "measurements", "verdicts", "failures")


def make_cohort(root: Path, case: Path) -> Path:
    """A finished cohort of copies of one folder of results, with a study that failed; no process is started for it."""
    from spinemr.cohort.cohort_folder import FORMAT, TOOL
    from spinemr.cohort.collecting import collect
    from spinemr.cohort.options import CohortOptions
    from spinemr.harmonization.classical.nyul import PERCENTILES
    from spinemr.imaging.provenance import Provenance
    from spinemr.radiomics.verdict.appearance import STATISTICS

    for number, name in enumerate(STUDIES):
        shutil.copytree(case, root / "studies" / name)
        record = {"format": FORMAT, "id": name, "scanner": f"s{number % 2}", "group": "", "subject": "", "seconds": 1.0}
        record |= {"peak_mb": 300.0, "size": [32, 40, 6], "spacing_mm": [5.0, 5.0, 4.4], "image_sha256": "ab" * 32}
        record |= {"tissue_percentiles": [float(step + number) for step in PERCENTILES], "looks": dict.fromkeys(STATISTICS, 1.5)}
        (root / "studies" / name / "study.json").write_text(json.dumps(record), encoding="utf-8")
    hidden = root / ".cohort"
    (hidden / "failed").mkdir(parents=True)
    noted = {"id": FAILED, "scanner": "s0", "group": "", "subject": ""}
    noted |= {"failures": [{"stage": "read", "cause": "data", "sentence": "It is empty."}]}
    (hidden / "failed" / f"{FAILED}.json").write_text(json.dumps(noted), encoding="utf-8")
    (hidden / "key").write_bytes(b"k" * 32)
    about = {"tool": TOOL, "format": FORMAT, "options": CohortOptions().described(), "made": Provenance.of(TOOL).as_dict()}
    (root / "cohort.json").write_text(json.dumps(about), encoding="utf-8")
    collect(root)
    return root


def fit(random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    return ["cohort", "fit", random.choice(("nyul", "profile", "combat")), path, "-o", out / "fitted.json"]


def collect_again(_random: Random, _seeds: Seeds, path: Path, out: Path) -> Words:
    shutil.copytree(path, out / "cohort")  # it writes where it reads
    return ["cohort", "report", out / "cohort"]


def which_of(_random: Random, seeds: Seeds, path: Path, _out: Path) -> Words:
    return ["cohort", "which", path, seeds.cohort]


def which_in(_random: Random, seeds: Seeds, path: Path, _out: Path) -> Words:
    return ["cohort", "which", seeds.texts["manifest"], path]


def cohort_kinds() -> list[tuple[str, str, Maker, tuple[Callable[..., Words], ...]]]:
    """Kind of input, change, maker and commands of each."""
    found: list[tuple[str, str, Maker, tuple[Callable[..., Words], ...]]] = []

    def add(kind: str, changes: dict[str, Change], made: Callable[[Change], Maker], *calls: Callable[..., Words]) -> None:
        found.extend((f"cohort {kind}", name, made(change), calls) for name, change in changes.items())

    bytes_and_text = {**TEXT_CHANGES, **BYTE_CHANGES}
    for name in ("cohort.json", ".cohort/failed/e.json", "studies/b/study.json", "studies/b/qc.json"):
        add(name, {**JSON_CHANGES, **BYTE_CHANGES}, _inside(name), collect_again, collect_again, which_in)
    for name in ("studies/b/features.csv", "studies/b/measurements.csv"):
        add(name, bytes_and_text, _inside(name), collect_again)
    for name in TABLES:
        add(f"{name}.parquet", BYTE_CHANGES, _inside(f"{name}.parquet"), fit)
    add("key", BYTE_CHANGES, _inside(".cohort/key"), which_in)
    add("manifest", bytes_and_text, _manifest, which_of)
    add("BIDS participants.tsv", bytes_and_text, _bids("participants.tsv"), which_of)
    for name in ("T2w.json", "sub-01/anat/sub-01_T2w.json"):
        add(f"BIDS {name}", {**JSON_CHANGES, **BYTE_CHANGES}, _bids(name), which_of)
    found += [("cohort DICOM tree", name, _tree(change), (which_of,)) for name, change in STUDY_CHANGES.items()]
    found += [("path of a cohort", name, _place(place), (which_of, which_in, fit)) for name, place in PLACES.items()]
    return found


def _inside(name: str) -> Callable[[Change], Maker]:
    def made(change: Change) -> Maker:
        def make(random: Random, seeds: Seeds, folder: Path) -> Path:
            path = folder / "cohort"
            shutil.copytree(seeds.cohort, path)
            (path / name).write_bytes(change(random, (path / name).read_bytes()))
            return path

        return make

    return made


def _manifest(change: Change) -> Maker:
    def make(random: Random, seeds: Seeds, folder: Path) -> Path:
        path = folder / "studies.csv"
        rows = [f"{name},{seeds.image},s{number % 2},g,p{number},\n" for number, name in enumerate(STUDIES)]
        path.write_bytes(change(random, "".join(["id,path,scanner,group,subject,series\n", *rows]).encode()))
        return path

    return make


def _bids(name: str) -> Callable[[Change], Maker]:
    def made(change: Change) -> Maker:
        def make(random: Random, seeds: Seeds, folder: Path) -> Path:
            root = folder / "tree"
            anatomy = root / "sub-01" / "anat"
            anatomy.mkdir(parents=True)
            (anatomy / "sub-01_T2w.nii.gz").write_bytes(seeds.image.read_bytes())
            (anatomy / "sub-01_T2w.json").write_text('{"MagneticFieldStrength": 1.5}', encoding="utf-8")
            (root / "T2w.json").write_text('{"Manufacturer": "maker", "ManufacturersModelName": "model"}', encoding="utf-8")
            (root / "participants.tsv").write_text("participant_id\tgroup\nsub-01\till\n", encoding="utf-8")
            (root / name).write_bytes(change(random, (root / name).read_bytes()))
            return root

        return make

    return made


def _tree(change: Callable[..., None]) -> Maker:
    def make(random: Random, _seeds: Seeds, folder: Path) -> Path:
        change(random, sound_study(random), folder / "tree" / "patient" / "study")
        change(random, sound_study(random), folder / "tree" / "other")
        return folder / "tree"

    return make


def _place(place: Callable[..., Path]) -> Maker:
    return lambda random, seeds, folder: place(random, seeds.texts["manifest"], folder)
