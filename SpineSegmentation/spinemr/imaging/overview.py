"""One picture of a study: slices from right to left, bare above and with their structures outlined below."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.anatomy import StructureKind, structure
from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.geometry import AnyArray, WorkingFrame, match_grid
from spinemr.imaging.intensity import stretch
from spinemr.imaging.pixel_font import write_text
from spinemr.imaging.resample import NetworkGrid
from spinemr.imaging.terminology import Colour, colour_of

Picture = NDArray[np.uint8]

_GROUND: Colour = (17, 19, 23)
_INK: Colour = (235, 238, 242)
_FILL, _OUTLINE = 0.22, 0.95
"""Opacity of a structure's inside and of its outline."""
_GAP = 8
_MIN_NAMED_PIXELS = 250
"""Bodies that show less than this in the picture carry no name."""


@dataclass(frozen=True)
class _Tile:
    """One slice, brought to the pixels of the picture."""

    grey: Picture
    labels: NDArray[np.uint8] | None
    caption: str
    side: str


def contact_sheet(image: sitk.Image, labels: sitk.Image | None = None, *, columns: int = 5, height: int = 420) -> Picture:
    """Up to ``columns`` slices side by side as ``[row][column][red, green, blue]``, each ``height`` pixels high.

    With labels, the slices are spread over the labelled part and a second row shows outlines in the terminology's colours.
    """
    frame = WorkingFrame.of(image)
    grey = frame.forward_array(sitk.GetArrayViewFromImage(image))
    shown = stretch(grey.astype(np.float32), 1, 99.7, 255.0).astype(np.uint8)
    matched = match_grid(labels, image) if labels is not None else None
    names = frame.forward_array(sitk.GetArrayViewFromImage(matched)) if matched is not None else None
    column_mm, row_mm, _ = frame.working_grid.spacing_mm
    grid = _display_grid(shown.shape[1:], (row_mm, column_mm), height)
    chosen = _slices(shown, names, columns)
    sides = dict(zip((chosen[0], chosen[-1]), "RL", strict=True)) if len(chosen) > 1 else {}
    tiles = [_tile(shown, names, index, grid, sides.get(index, "")) for index in chosen]
    rows = [[_bare(tile) for tile in tiles]]
    if names is not None:
        rows.append([_outlined(tile) for tile in tiles])
    return _mounted(rows)


def write_picture(picture: Picture, path: str | os.PathLike[str]) -> None:
    """Write a colour picture as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), str(temporary), useCompression=True)


def _display_grid(size: tuple[int, ...], spacing_mm: tuple[float, float], height: int) -> NetworkGrid:
    rows, columns = size
    pixel_mm = rows * spacing_mm[0] / height
    width = max(1, round(columns * spacing_mm[1] / pixel_mm))
    return NetworkGrid((rows, columns), spacing_mm, (height, width), (pixel_mm, pixel_mm))


def _slices(grey: Picture, labels: AnyArray | None, count: int) -> list[int]:
    """Slices spread evenly over what is labelled (or over all), the middle one always among them."""
    first, last = 0, grey.shape[0] - 1
    if labels is not None and labels.any():
        occupied = np.flatnonzero(labels.any(axis=(1, 2)))
        first, last = int(occupied[0]), int(occupied[-1])
    margin = (last - first) / (2 * count)
    return sorted({int(position + 0.5) for position in np.linspace(first + margin, last - margin, count)})


def _tile(grey: Picture, labels: AnyArray | None, index: int, grid: NetworkGrid, side: str) -> _Tile:
    enlarged = np.clip(np.rint(grid.to_grid(grey[index])), 0, 255).astype(np.uint8)
    smooth = None if labels is None else _smooth_labels(labels[index], grid)
    return _Tile(enlarged, smooth, f"{index + 1}/{grey.shape[0]}", side)


def _smooth_labels(labels: AnyArray, grid: NetworkGrid) -> NDArray[np.uint8]:
    """Labels at the picture's pixels, each interpolated as a share of its own so that outlines are smooth."""
    best = grid.to_grid(labels == 0, fill=1.0)
    result = np.zeros(best.shape, dtype=np.uint8)
    for label in np.unique(labels[labels > 0]):
        share = grid.to_grid(labels == label)
        result[share > best] = label
        np.maximum(best, share, out=best)
    return result


def _bare(tile: _Tile) -> Picture:
    picture = np.repeat(tile.grey[..., None], 3, axis=2)
    write_text(picture, tile.caption, (6, 6), _INK)
    if tile.side:
        write_text(picture, tile.side, (6, picture.shape[1] - 20), _INK, scale=2)
    return picture


def _outlined(tile: _Tile) -> Picture:
    assert tile.labels is not None
    picture = np.repeat(tile.grey[..., None], 3, axis=2)
    outline = _edges(tile.labels)
    for label in np.unique(tile.labels[tile.labels > 0]):
        inside = tile.labels == label
        colour = np.asarray(_colour(int(label)), dtype=np.float32)
        opacity = np.where(outline[inside], _OUTLINE, _FILL)[:, None]
        picture[inside] = ((1 - opacity) * picture[inside] + opacity * colour).astype(np.uint8)
    for label in np.unique(tile.labels[tile.labels > 0]):
        _name_body(picture, tile.labels == label, int(label))
    return picture


def _edges(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    edge = np.zeros(labels.shape, dtype=bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _colour(label: int) -> Colour:
    try:
        return colour_of(label)
    except ValueError:
        return (160, 160, 160)


def _name_body(picture: Picture, inside: NDArray[np.bool_], label: int) -> None:
    try:
        part = structure(label)
    except ValueError:
        return
    if part.kind not in (StructureKind.BODY, StructureKind.SACRUM) or np.count_nonzero(inside) < _MIN_NAMED_PIXELS:
        return
    assert part.vertebra is not None
    text = "S" if part.kind is StructureKind.SACRUM else part.vertebra.name
    rows, columns = np.nonzero(inside)
    top, left = int(np.median(rows)) - 3, int(np.median(columns)) - 3 * len(text)
    write_text(picture, text, (top, left), _INK)


def _mounted(rows: list[list[Picture]]) -> Picture:
    height, width, _ = rows[0][0].shape
    shape = (len(rows) * (height + _GAP) + _GAP, len(rows[0]) * (width + _GAP) + _GAP, 3)
    sheet: Picture = np.empty(shape, dtype=np.uint8)
    sheet[:] = _GROUND
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
            sheet[top : top + height, left : left + width] = tile
    return sheet
