"""Pairs of image and mask to make a profile of: those of a manifest, or those a folder holds."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spinemr.imaging.errors import InputError
from spinemr.imaging.formats import Format, format_of, split_suffix
from spinemr.imaging.plain_files import regular

MANIFEST = "manifest.csv"
MASK_COLUMNS = ("mask", "labels", "segmentation")
MASK_WORDS = ("mask", "masks", "labels", "label", "segmentation", "seg")
"""What the name of a mask is or ends in, after a blank, a dash, a dot or an underscore."""
_SEPARATORS = "_-. "
_VOLUMES = (Format.NIFTI, Format.NRRD, Format.META, Format.SEGMENTATION, Format.PICTURE)


@dataclass(frozen=True)
class Pair:
    """One study."""

    case: str
    image: Path
    mask: Path
    scanner: str = ""


def pairs_of(place: Path) -> list[Pair]:
    """The pairs of a CSV manifest, of a folder with a ``manifest.csv``, or of a folder of images and masks.

    A manifest has the columns ``image`` and ``mask`` (or ``labels``), and may have ``case`` (or ``study``) and ``scanner``. In
    a folder a mask has the name of its image and a word more (``p7.nii.gz``, ``p7_labels.nii.gz``), or is alone with its image
    in a folder of the study (``p7/image.nii.gz``, ``p7/labels.nii.gz``).
    """
    if place.is_dir():
        manifest = place / MANIFEST
        found = _of_manifest(manifest) if manifest.is_file() else list(_of_folder(place))
    elif place.suffix.lower() == ".csv":
        found = _of_manifest(place)
    else:
        raise InputError(f"{place} is neither a folder nor a .csv manifest.", "Give one of the two.")
    if not found:
        raise InputError(f"{place} holds no image with a mask beside it.", "Name masks as their images with _labels at the end.")
    return found


def is_mask(path: Path) -> bool:
    """Whether a file is called as masks are (``p7_labels.nii.gz``, ``mask.nrrd``), or is a segmentation of 3D Slicer."""
    return format_of(path) is Format.SEGMENTATION or _image_of(path) is not None


def _of_manifest(path: Path) -> list[Pair]:
    try:
        with regular(path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or 'the system refused'}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8.") from error
    columns = set(rows[0]) if rows else set()
    mask = next((name for name in MASK_COLUMNS if name in columns), "")
    if "image" not in columns or not mask:
        raise InputError(f"{path} lacks the columns image and mask.", "The first line names the columns: case,image,mask,scanner")
    return [_of_row(row, mask, path.parent, number) for number, row in enumerate(rows, start=2)]


def _of_row(row: dict[str, str | None], mask: str, folder: Path, line: int) -> Pair:
    image_name, mask_name = ((row.get(column) or "").strip() for column in ("image", mask))
    if not image_name or not mask_name:
        raise InputError(f"Line {line} of the manifest lacks an image or a mask.")
    case = (row.get("case") or row.get("study") or "").strip() or f"line {line}"
    return Pair(case, folder / image_name, folder / mask_name, (row.get("scanner") or "").strip())


def _of_folder(folder: Path) -> Iterator[Pair]:
    """Pairs of a folder itself, then of its sub-folders one level down."""
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        files = sorted(path for path in place.iterdir() if path.is_file() and format_of(path) in _VOLUMES)
        masks: dict[str, Path] = {}
        for path in files:
            base = _image_of(path)
            if base is not None:
                masks.setdefault(base, path)
        images = [path for path in files if _image_of(path) is None]
        if len(images) == 1 and "" in masks:
            yield Pair(place.name, images[0], masks[""])
            continue
        yield from (Pair(_stem(path), path, masks[_stem(path)]) for path in images if _stem(path) in masks)


def _stem(path: Path) -> str:
    """The name without its ending, and without a last word "image"."""
    stem = split_suffix(path)[0]
    return stem[:-5].rstrip(_SEPARATORS) or stem if stem.lower().endswith("image") else stem


def _image_of(path: Path) -> str | None:
    """The stem of the image a mask belongs to, empty where its name is that of a mask alone; ``None`` for an image."""
    stem = split_suffix(path)[0]
    for word in MASK_WORDS:
        if stem.lower() == word:
            return ""
        if stem.lower().endswith(word) and stem[-len(word) - 1] in _SEPARATORS:
            return stem[: -len(word)].rstrip(_SEPARATORS)
    return None
