"""Labelled slices in memory: what they are, and how they are read from a packed file or from a folder with an index."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.errors import InputError
from spinemr.imaging.resample import NetworkGrid
from spinemr.segmentation.classes import ByteArray, set_table

TRAIN, VALIDATION = "train", "validation"
SPLITS = (TRAIN, VALIDATION)


@dataclass(frozen=True)
class LabelledSlice:
    """A sagittal slice, 8 bit, its label codes, and where it comes from."""

    image: ByteArray
    codes: ByteArray
    subject: str
    pixel_mm: float
    split: str = TRAIN
    stack: str = ""
    """Slices of a subject with the same name here lie side by side in this order; all have none where there is one stack."""
    slice_mm: float = 0.0
    """Distance to the next slice of the stack; 0 where it is not known."""


@dataclass(frozen=True)
class SliceSet:
    """Slices of one origin and what their codes mean: for each code 0..255 the set of classes a pixel may have."""

    name: str
    slices: tuple[LabelledSlice, ...]
    sets: ByteArray
    judged: tuple[str, ...]
    """The structures whose Dice is worth measuring here."""

    def only(self, split: str) -> SliceSet:
        """The slices of one side of the split."""
        return replace(self, slices=tuple(s for s in self.slices if s.split == split))

    def without_blanks(self) -> SliceSet:
        """Only slices with a labelled pixel ("Deleted Blanks" of Markhali 2024)."""
        return replace(self, slices=tuple(s for s in self.slices if s.codes.any()))

    def stretched(self) -> SliceSet:
        """Percentiles 2.5 and 97.5 of each slice to black and white ("Stretched Contrast" of Markhali 2024)."""
        from spinemr.imaging.intensity import contrast_stretch

        changed = [replace(s, image=np.rint(contrast_stretch(s.image) * 255).astype(np.uint8)) for s in self.slices]
        return replace(self, slices=tuple(changed))

    def at_pixel(self, pixel_mm: float) -> SliceSet:
        """The slices on pixels of another size."""
        return replace(self, slices=tuple(_resampled(s, pixel_mm) for s in self.slices))

    def thinned(self, count: int) -> SliceSet:
        """At most so many slices, evenly spread."""
        if len(self.slices) <= count:
            return self
        chosen = np.linspace(0, len(self.slices) - 1, count).round().astype(int)
        return replace(self, slices=tuple(self.slices[index] for index in chosen))

    def thinned_stacks(self, count: int) -> SliceSet:
        """Whole stacks, evenly spread, of at most so many slices together, but at least one."""
        stacks = self.stacks
        wanted = max(1, count * len(stacks) // max(1, len(self.slices)))
        if wanted >= len(stacks):
            return self
        chosen = np.linspace(0, len(stacks) - 1, wanted).round().astype(int)
        return replace(self, slices=tuple(s for index in chosen for s in stacks[index]))

    def spaced(self, slice_mm: float) -> SliceSet:
        """With this distance where slices do not say theirs."""
        return replace(self, slices=tuple(s if s.slice_mm else replace(s, slice_mm=slice_mm) for s in self.slices))

    @property
    def stacks(self) -> tuple[tuple[LabelledSlice, ...], ...]:
        """The slices of each stack of each subject, in their order."""
        found: dict[tuple[str, str], list[LabelledSlice]] = {}
        for slice_ in self.slices:
            found.setdefault((slice_.subject, slice_.stack), []).append(slice_)
        return tuple(tuple(own) for own in found.values())

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody in here, sorted."""
        return tuple(sorted({s.subject for s in self.slices}))


def _resampled(slice_: LabelledSlice, pixel_mm: float) -> LabelledSlice:
    if abs(slice_.pixel_mm - pixel_mm) < 1e-6:
        return slice_
    rows, columns = slice_.image.shape
    factor = slice_.pixel_mm / pixel_mm
    size = (max(1, round(rows * factor)), max(1, round(columns * factor)))
    grid = NetworkGrid((rows, columns), (slice_.pixel_mm,) * 2, size, (pixel_mm,) * 2)
    image = np.clip(np.rint(grid.to_grid(slice_.image)), 0, 255).astype(np.uint8)
    return replace(slice_, image=image, codes=grid.labels_to_grid(slice_.codes), pixel_mm=pixel_mm)


def refuse_shared_subjects(sets: Iterable[SliceSet]) -> None:
    """Raise if a subject of a set stands on both sides of the split."""
    for found in sets:
        both = set(found.only(TRAIN).subjects) & set(found.only(VALIDATION).subjects)
        if both:
            raise InputError(f"In {found.name}, {len(both)} subjects are in training and in validation.", "Split by subject.")


def write_packed(sets: Sequence[SliceSet], path: Path) -> None:
    """Write several sets into one ``.npz`` file."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, found in enumerate(sets):
        about = [{**_about(s), "shape": list(s.image.shape)} for s in found.slices]
        header = {"name": found.name, "judged": list(found.judged), "slices": about}
        arrays[f"header_{number}"] = np.frombuffer(json.dumps(header).encode("utf-8"), np.uint8)
        arrays[f"sets_{number}"] = found.sets
        arrays[f"images_{number}"] = _flat(s.image for s in found.slices)
        arrays[f"codes_{number}"] = _flat(s.codes for s in found.slices)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_packed(path: Path) -> tuple[SliceSet, ...]:
    """Read what :func:`write_packed` wrote."""
    try:
        with np.load(path, allow_pickle=False) as content:
            count = sum(name.startswith("header_") for name in content.files)
            sets = tuple(_unpacked(content, number) for number in range(count))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a packed file of labelled slices.", "Make one with the pack command.") from error
    if not sets:
        raise InputError(f"{path} holds no labelled slices.")
    return sets


def _about(slice_: LabelledSlice) -> dict[str, Any]:
    return {name: getattr(slice_, name) for name in ("subject", "pixel_mm", "split", "stack", "slice_mm")}


def _flat(arrays: Iterable[ByteArray]) -> ByteArray:
    return np.concatenate([np.zeros(0, np.uint8), *[array.ravel() for array in arrays]])


def _unpacked(content: Any, number: int) -> SliceSet:  # noqa: ANN401 - numpy's archive
    header = json.loads(bytes(content[f"header_{number}"]).decode("utf-8"))
    images, codes = content[f"images_{number}"], content[f"codes_{number}"]
    slices, start = [], 0
    for about in header["slices"]:
        rows, columns = about.pop("shape")
        stop = start + rows * columns
        slices.append(
            LabelledSlice(images[start:stop].reshape(rows, columns), codes[start:stop].reshape(rows, columns), **about)
        )
        start = stop
    return SliceSet(header["name"], tuple(slices), content[f"sets_{number}"], tuple(header["judged"]))


def read_folder(folder: Path, labelled: Sequence[str]) -> SliceSet:
    """The slices of a folder whose ``index.csv`` names pairs of image and label map (anatomy numbers), relative to it.

    Columns ``subject`` (else each pair is a subject of its own) and ``split`` (train or validation, else train) are optional.
    """
    rows = _index(folder / "index.csv")
    slices: list[LabelledSlice] = []
    for row in rows:
        slices += _pair(folder, row)
    return SliceSet(folder.name, tuple(slices), set_table(labelled), tuple(labelled))


def _index(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        hint = "A source folder needs an index.csv with the columns image and label."
        raise InputError(f"{path} cannot be read.", hint) from error
    if not rows or not all(row.get("image") and row.get("label") for row in rows):
        raise InputError(f"{path} does not name pairs.", "It needs the columns image and label, filled in each row.")
    wrong = [row["split"] for row in rows if row.get("split") and row["split"] not in SPLITS]
    if wrong:
        raise InputError(f"In {path}, '{wrong[0]}' is no split.", f"Choose from: {', '.join(SPLITS)}.")
    return rows


def _pair(folder: Path, row: dict[str, str]) -> Iterable[LabelledSlice]:
    import SimpleITK as sitk

    from spinemr.imaging.files import read_image, read_labels
    from spinemr.imaging.geometry import WorkingFrame, match_grid
    from spinemr.imaging.intensity import stretch

    image = read_image(folder / row["image"])
    labels = match_grid(read_labels(folder / row["label"]), image)
    frame = WorkingFrame.of(image)
    width, height, distance = frame.working_grid.spacing_mm
    pixels = np.rint(stretch(frame.forward_array(sitk.GetArrayFromImage(image)), 0.5, 99.5, 255.0)).astype(np.uint8)
    codes = frame.forward_array(sitk.GetArrayFromImage(labels)).astype(np.uint8)
    subject, split = row.get("subject") or row["image"], row.get("split") or TRAIN
    for plane, mask in zip(pixels, codes, strict=True):
        square, drawn = _squared(plane, mask, (height, width))
        yield LabelledSlice(square, drawn, subject, min(height, width), split, row["image"], distance)


def _squared(image: ByteArray, codes: ByteArray, spacing_mm: tuple[float, float]) -> tuple[ByteArray, ByteArray]:
    """Pixels as wide as high, of the finer of both spacings."""
    if abs(spacing_mm[0] - spacing_mm[1]) < 1e-4:
        return np.ascontiguousarray(image), np.ascontiguousarray(codes)
    pixel = min(spacing_mm)
    rows, columns = (max(1, round(n * s / pixel)) for n, s in zip(image.shape, spacing_mm, strict=True))
    size = (image.shape[0], image.shape[1])
    grid = NetworkGrid(size, spacing_mm, (rows, columns), (pixel, pixel))
    return np.clip(np.rint(grid.to_grid(image)), 0, 255).astype(np.uint8), grid.labels_to_grid(codes)
