"""Fit the scales that ship: Nyul landmarks of a T1-weighted and a T2-weighted set of real images.

    python -m spinemr.harmonization.training.scales packed.npz -o FOLDER

``packed.npz`` is written by :mod:`spinemr.segmentation.training.pack`; only its training subjects are used.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.harmonization.classical.nyul import fit_nyul
from spinemr.harmonization.contrast import SAGITTAL, T1_LIKE, T2_LIKE
from spinemr.harmonization.registry import write_method
from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.data import SLICE_MM
from spinemr.segmentation.training.sources import TRAIN, SliceSet, read_packed

SETS = {T1_LIKE: "t1_midsagittal", T2_LIKE: "spider_t2space"}


def studies_of(found: SliceSet) -> Iterator[sitk.Image]:
    """The stacks of the training subjects, each as an image with its place in a patient."""
    for stack in found.only(TRAIN).stacks:
        one = stack[0]
        image = sitk.GetImageFromArray(np.stack([plane.image for plane in stack]).astype(np.float32))
        image.SetSpacing((one.pixel_mm, one.pixel_mm, one.slice_mm or SLICE_MM))
        image.SetDirection(SAGITTAL)
        yield image


def write_scales(packed: Path, folder: Path) -> None:
    """One fitted method for each contrast."""
    sets = {found.name: found for found in read_packed(packed)}
    missing = [name for name in SETS.values() if name not in sets]
    if missing:
        raise InputError(f"{packed.name} lacks the set {', '.join(missing)}.")
    folder.mkdir(parents=True, exist_ok=True)
    for contrast, name in SETS.items():
        write_method(fit_nyul(studies_of(sets[name])), folder / f"{contrast}.json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    write_scales(options.packed, options.output)
