"""What the limits of the verdict are measured on: drawn studies of every simulated scanner, real ones with true masks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import ImagingWarning
from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.parts import united
from spinemr.segmentation.classes import NetworkClass
from spinemr.segmentation.instances import label_spine
from spinemr.synthesis.scanners import SCANNERS
from spinemr.synthesis.study import draw_study

HELD_OUT = ("005", "065", "110", "141", "191", "220")
"""Subjects of T2-SPACE that do not enter the known appearances."""
T1_SPACING_MM = (0.6875, 0.6875, 4.0)

Sample = tuple[str, str, sitk.Image, sitk.Image]
"""Group, name, image, labels."""


def drawn(seed: int, rounds: int) -> Iterator[Sample]:
    """Every simulated scanner so many times, pathology at natural prevalence."""
    for turn in range(rounds):
        for place, scanner in enumerate(SCANNERS):
            study = draw_study(seed + 100 * turn + place, scanner=scanner)
            yield f"{scanner} (drawn)", study.name, study.image, study.labels


def t2_space(data: Path, *, held_out: bool | None = None) -> Iterator[Sample]:
    """True masks of the T2-SPACE subjects with levels counted from the lowest disc; whole vertebrae."""
    for path in sorted((data / "spider_t2space").glob("*_image.nii.gz")):
        name = path.name[:3]
        if held_out is None or (name in HELD_OUT) == held_out:
            image, truth = read_image(path), read_labels(path.with_name(f"{name}_label.nii.gz"))
            yield "T2-SPACE (real)", name, image, numbered(truth)


def numbered(truth: sitk.Image) -> sitk.Image:
    """1 vertebra, 2 disc, 3 canal as anatomy numbers: what lies in front of the canal is body."""
    frame = WorkingFrame.of(truth)
    given = frame.forward_array(sitk.GetArrayViewFromImage(truth))
    canal = (given == 3).any(axis=0)
    rows = np.flatnonzero(canal.any(axis=1))
    front = np.interp(np.arange(given.shape[1]), rows, canal[rows].argmax(axis=1))
    ahead = np.arange(given.shape[2])[None, None, :] < front[None, :, None]
    classes = np.zeros(given.shape, dtype=np.uint8)
    classes[given == 1] = NetworkClass.POSTERIOR
    classes[(given == 1) & ahead] = NetworkClass.BODY
    classes[given == 2] = NetworkClass.DISC
    classes[given == 3] = NetworkClass.CANAL
    column, row, slice_ = frame.working_grid.spacing_mm
    return united(frame.back_from_array(label_spine(classes, (slice_, row, column)).labels))


def t1_slices(data: Path, *, held_out: bool) -> Iterator[Sample]:
    """Mid-sagittal T1 slices with true bodies and derived discs; held out are patients whose number ends in 7."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagingWarning)
        for path in sorted((data / "t1_midsagittal" / "images").glob("*.png")):
            if path.stem.endswith("7") == held_out:
                truth = read_labels(path.parents[1] / "labels" / path.name)
                image = read_image(path, spacing_mm=T1_SPACING_MM)
                truth.SetSpacing(image.GetSpacing())
                yield "T1 mid-sagittal (real)", path.stem, image, relabelled(truth)


def relabelled(truth: sitk.Image) -> sitk.Image:
    """1 to 5 and 6, 11 to 15 of the T1 set as L1 to L5, sacrum and their discs."""
    table: NDArray[np.uint8] = np.zeros(256, dtype=np.uint8)
    table[1:7] = (20, 21, 22, 23, 24, 26)
    table[11:16] = range(120, 125)
    labels = sitk.GetImageFromArray(table[sitk.GetArrayViewFromImage(truth)])
    labels.CopyInformation(truth)
    return labels
