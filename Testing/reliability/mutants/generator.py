"""The mutants by their numbers: which input, which change, which command; the same number is always the same mutant."""

# ruff: noqa: PERF401
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from mutants import commands, headers
from mutants.byte_changes import BYTE_CHANGES
from mutants.cohorts import cohort_kinds
from mutants.dicom_changes import STUDY_CHANGES, sound_study
from mutants.mutant import Mutant
from mutants.places import PLACES
from mutants.seeds import Seeds
from mutants.text_changes import JSON_CHANGES, TEXT_CHANGES
from mutants.voxels import BOMBS, VOXEL_CHANGES

SEED = 20261121
COHORTS = 100_000
"""From this number on mutants are of cohorts."""
Maker = Callable[[Random, Seeds, Path], Path]
"""(random, seeds, an empty folder) -> the changed input."""


@dataclass(frozen=True)
class Recipe:
    """A kind of input, a change of it, and the commands that may get the result."""

    kind: str
    change: str
    make: Maker
    calls: tuple[commands.Call, ...]


def recipes() -> list[Recipe]:
    """Every kind with every change that fits it, in an order in which neighbours have little in common."""
    found = [*_of_images(), *_of_masks(), *_of_studies(), *_of_texts(), *_of_places(), *_of_arguments()]
    Random(SEED).shuffle(found)
    return found


@cache
def cohort_recipes() -> list[Recipe]:
    """Those of cohorts."""
    found = [Recipe(*parts) for parts in cohort_kinds()]
    Random(SEED).shuffle(found)
    return found


def mutant(number: int, seeds: Seeds, folder: Path, found: list[Recipe] | None = None) -> Mutant:
    """The mutant of a number, written into ``folder``; changes come round again with other random numbers."""
    found = cohort_recipes() if number >= COHORTS else found or recipes()
    recipe, random = found[number % len(found)], Random(f"{SEED}/{number}")
    inputs, out = folder / "in", folder / "out"
    inputs.mkdir(parents=True)
    path = recipe.make(random, seeds, inputs)
    call = recipe.calls[(number // len(found) + number) % len(recipe.calls)]
    words = tuple(str(word) for word in call(random, seeds, path, out))
    return Mutant(f"{recipe.kind} / {recipe.change} / {call.__name__.replace('_', ' ')}", words, path, out)


HEADER_CHANGES = {
    ".nii": (
        headers.nifti_field,
        headers.nifti_field,
        headers.nifti_field,
        headers.nifti_fields_swapped,
        headers.nifti_other_byte_order,
        headers.nifti_huge_shape,
        headers.nifti_data_elsewhere,
    ),
    ".nii.gz": (
        headers.nifti_field,
        headers.nifti_field,
        headers.nifti_fields_swapped,
        headers.nifti_huge_shape,
        headers.nifti_data_elsewhere,
    ),
    ".png": (headers.png_shape,),
    ".jpg": (headers.jpeg_shape,),
    ".tif": (headers.tiff_entry, headers.tiff_entry),
    **dict.fromkeys(
        (".nrrd", ".nhdr", ".mha", ".mhd", ".seg.nrrd"),
        (
            headers.text_field,
            headers.text_field,
            headers.text_field_lost,
            headers.text_fields_swapped,
            headers.text_huge_shape,
            headers.text_pixels_elsewhere,
        ),
    ),
}


def _of_images() -> list[Recipe]:
    found = []
    for ending in (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".jpg", ".tif", ".dcm"):
        for change in _changes(ending):
            found.append(
                Recipe(ending[1:], change.__name__.replace("_", " "), _changed("images", ending, change), commands.IMAGE_CALLS)
            )
    for name, content in {**VOXEL_CHANGES, **BOMBS}.items():
        for ending in (".nii", ".nii.gz") if name in VOXEL_CHANGES else (".nii.gz",):
            found.append(Recipe(ending[1:], name, _written(content, ending), commands.IMAGE_CALLS))
    return found


def _of_masks() -> list[Recipe]:
    found = []
    for ending in (".nii.gz", ".seg.nrrd", ".mha"):
        for change in _changes(ending):
            found.append(
                Recipe(
                    f"mask {ending[1:]}",
                    change.__name__.replace("_", " "),
                    _changed("masks", ending, change),
                    commands.MASK_CALLS,
                )
            )
    for name, content in VOXEL_CHANGES.items():
        found.append(Recipe("mask nii", name, _written(content, ".nii"), commands.MASK_CALLS))
    return found


def _changes(ending: str) -> list[Callable[[Random, bytes], bytes]]:
    return [*BYTE_CHANGES.values(), *HEADER_CHANGES.get(ending, ())]


def _changed(group: str, ending: str, change: Callable[[Random, bytes], bytes]) -> Maker:
    def make(random: Random, seeds: Seeds, folder: Path) -> Path:
        sound = getattr(seeds, group)[ending]
        path = folder / sound.name
        companions = [one for one in sound.parent.glob(f"{sound.name.split('.')[0]}.*raw*") if ending in (".nhdr", ".mhd")]
        for one in companions:
            (folder / one.name).write_bytes(one.read_bytes())
        target = path
        if companions and random.random() < 0.3 and change in BYTE_CHANGES.values():
            path.write_bytes(sound.read_bytes())
            target = sound = folder / companions[0].name
        target.write_bytes(change(random, sound.read_bytes()))
        return path

    return make


def _written(content: Callable[[Random], bytes], ending: str) -> Maker:
    def make(random: Random, _seeds: Seeds, folder: Path) -> Path:
        import gzip

        path = folder / f"image{ending}"
        raw = content(random)
        path.write_bytes(gzip.compress(raw, 1) if ending == ".nii.gz" and raw[:2] != b"\x1f\x8b" else raw)
        return path

    return make


def _of_studies() -> list[Recipe]:
    def maker(change: Callable[..., None]) -> Maker:
        def make(random: Random, _seeds: Seeds, folder: Path) -> Path:
            change(random, sound_study(random), folder / "study")
            return folder / "study"

        return make

    rounds = 4  # studies are as important as all other images together
    return [Recipe("DICOM study", name, maker(change), commands.FOLDER_CALLS) for name, change in STUDY_CHANGES.items()] * rounds


def _of_texts() -> list[Recipe]:
    found = []
    for kind, calls in commands.TEXT_CALLS.items():
        known = TEXT_CHANGES if kind in ("settings", "manifest") else JSON_CHANGES
        for name, change in {**known, **_bytes("truncated", "bits flipped", "emptied")}.items():
            found.append(Recipe(kind, name, _text(lambda seeds, kind=kind: seeds.texts[kind], change), calls))
    for ending in (".csv", ".json", ".parquet"):
        known = {".csv": TEXT_CHANGES, ".json": JSON_CHANGES, ".parquet": BYTE_CHANGES}[ending]
        for name, change in {**known, **_bytes("truncated", "bits flipped", "bytes random", "emptied")}.items():
            found.append(
                Recipe(
                    f"table {ending[1:]}",
                    name,
                    _text(lambda seeds, ending=ending: seeds.tables.get(ending, seeds.tables[".csv"]), change),
                    (commands.compare,),
                )
            )
    for name in (
        "qc.json",
        "provenance.json",
        "features.csv",
        "measurements.csv",
        "segmentation.nii.gz",
        "harmonized.nii.gz",
        "source.nii.gz",
    ):
        known = JSON_CHANGES if name.endswith(".json") else _bytes("truncated", "bits flipped", "bytes random", "emptied")
        for change_name, change in known.items():
            found.append(Recipe(f"case {name}", change_name, _case(name, change), (commands.report,)))
    for name in ("truncated", "bits flipped", "a web page", "emptied"):
        found.append(
            Recipe("checkpoint", name, _text(lambda seeds: seeds.image, BYTE_CHANGES[name], "last.pt"), (commands.export,))
        )
    return found


def _bytes(*names: str) -> dict[str, Callable[[Random, bytes], bytes]]:
    return {name: BYTE_CHANGES[name] for name in names}


def _text(source: Callable[[Seeds], Path], change: Callable[[Random, bytes], bytes], name: str = "") -> Maker:
    def make(random: Random, seeds: Seeds, folder: Path) -> Path:
        sound = source(seeds)
        path = folder / (name or sound.name)
        path.write_bytes(change(random, sound.read_bytes()))
        return path

    return make


def _case(name: str, change: Callable[[Random, bytes], bytes]) -> Maker:
    def make(random: Random, seeds: Seeds, folder: Path) -> Path:
        place = folder / "case"
        place.mkdir()
        for one in seeds.case.iterdir():
            content = one.read_bytes()
            (place / one.name).write_bytes(change(random, content) if one.name == name else content)
        return place

    return make


def _of_places() -> list[Recipe]:
    def maker(place: Callable[..., Path], source: Callable[[Seeds], Path]) -> Maker:
        return lambda random, seeds, folder: place(random, source(seeds), folder)

    found = []
    for name, place in PLACES.items():
        found.append(Recipe("path of an image", name, maker(place, lambda seeds: seeds.image), commands.IMAGE_CALLS))
        found.append(Recipe("path of a header", name, maker(place, lambda seeds: seeds.images[".nrrd"]), commands.IMAGE_CALLS))
        found.append(Recipe("path of a mask", name, maker(place, lambda seeds: seeds.mask), commands.MASK_CALLS))
        found.append(
            Recipe("path of settings", name, maker(place, lambda seeds: seeds.texts["settings"]), commands.TEXT_CALLS["settings"])
        )
        found.append(Recipe("path of a table", name, maker(place, lambda seeds: seeds.tables[".csv"]), (commands.compare,)))
        found.append(
            Recipe(
                "path of a method",
                name,
                maker(place, lambda seeds: seeds.texts["method"]),
                (commands.harmonize_method, commands.segment_model),
            )
        )
    return found


def _of_arguments() -> list[Recipe]:
    return [
        Recipe("option", f"extreme {number}", lambda _random, seeds, _folder: seeds.image, commands.ARGUMENT_CALLS)
        for number in range(40)
    ]
