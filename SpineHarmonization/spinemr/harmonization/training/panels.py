"""Pictures of a run on its way: one row an image, its columns what the method makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.learner import Column
from spinemr.imaging.overview import Picture, write_picture
from spinemr.imaging.terminology import colour_of
from spinemr.segmentation.classes import class_table

FOLDER = "panels"
GAP = 4
TINT = 0.45
"""Opacity of a segmented structure."""


def write_panel(columns: Sequence[Column], folder: Path, step: int) -> Path:
    """Write the panel of a step into the folder of a run."""
    path = folder / FOLDER / f"step_{step:07d}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(mounted(columns), path)
    return path


def mounted(columns: Sequence[Column]) -> Picture:
    """The columns side by side; differences in grey, brighter where intensities rose; masks in colours."""
    tiles = [[_tile(column, row) for column in columns] for row in range(len(columns[0].images))]
    rows = [np.concatenate([np.pad(tile, ((0, 0), (0, GAP), (0, 0))) for tile in line], axis=1) for line in tiles]
    return np.concatenate([np.pad(row, ((0, GAP), (0, 0), (0, 0))) for row in rows], axis=0)


def _tile(column: Column, row: int) -> Picture:
    values = column.images[row]
    grey = (values + 1) / 2 if column.signed else values
    picture = np.repeat(np.clip(np.rint(grey * 255), 0, 255)[:, :, None], 3, axis=2)
    if column.classes is not None:
        inside = column.classes[row] > 0
        picture[inside] = (1 - TINT) * picture[inside] + TINT * _colours()[column.classes[row][inside]]
    return picture.astype(np.uint8)


def _colours() -> NDArray[np.float64]:
    """Of each class of a segmentation network, that of the first structure that belongs to it."""
    table = class_table()
    colours = np.zeros((int(table.max()) + 1, 3))
    for number in range(1, len(colours)):
        colours[number] = colour_of(int(np.argmax(table == number)))
    return colours
