"""Which structures are seen: one, some or all of them, one set off against the others, and where each of them lies."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.errors import InputError
from spinemr.imaging.segmentation_file import known_term
from spinemr.scene.label_maps import mask_of, structure_numbers
from spinemr.scene.modification import one_event
from spinemr.scene.placement import grid_of

if TYPE_CHECKING:
    import slicer

FAINT = 0.2
"""Opacity of the structures that are not emphasized."""


def segments_of(segmentation: slicer.vtkMRMLSegmentationNode, label: int) -> tuple[str, ...]:
    """The identifiers of the segments of a structure; refused where there is none."""
    found = tuple(segment for segment, number in structure_numbers(segmentation).items() if number == label)
    if not found:
        known_term(label)
        raise InputError(f"The segmentation has no {name_of(label)}.", "Choose a structure from the list of its segments.")
    return found


def set_shown(segmentation: slicer.vtkMRMLSegmentationNode, label: int, shown: bool) -> None:
    """Show or hide a structure."""
    display = display_of(segmentation)
    with one_event(display):
        for segment in segments_of(segmentation, label):
            display.SetSegmentVisibility(segment, shown)


def shown_structures(segmentation: slicer.vtkMRMLSegmentationNode) -> set[int]:
    """The anatomy numbers of all structures that are shown."""
    display = display_of(segmentation)
    numbers = structure_numbers(segmentation).items()
    return {number for segment, number in numbers if number is not None and display.GetSegmentVisibility(segment)}


def show_only(segmentation: slicer.vtkMRMLSegmentationNode, labels: Collection[int]) -> None:
    """Show these structures and hide all other segments."""
    wanted = {segment for label in labels for segment in segments_of(segmentation, label)}
    display = display_of(segmentation)
    with one_event(display):
        for segment in segmentation.GetSegmentation().GetSegmentIDs():
            display.SetSegmentVisibility(segment, segment in wanted)


def show_all(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Show all segments."""
    display_of(segmentation).SetAllSegmentsVisibility(True)


def emphasize(segmentation: slicer.vtkMRMLSegmentationNode, label: int | None) -> None:
    """Set a structure off by making the others faint; ``None`` makes all of them equal again."""
    chosen = None if label is None else segments_of(segmentation, label)
    display = display_of(segmentation)
    with one_event(display):
        for segment in segmentation.GetSegmentation().GetSegmentIDs():
            opacity = 1.0 if chosen is None or segment in chosen else FAINT
            display.SetSegmentOpacity(segment, opacity)
        for segment in chosen or ():
            display.SetSegmentVisibility(segment, True)


def centre_mm(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode, label: int
) -> tuple[float, float, float]:
    """A point of a structure in LPS, on the volume's grid: the voxel of it that lies nearest to the middle of all its voxels."""
    grid = grid_of(volume)
    mask = np.zeros(grid.size[::-1], dtype=bool)
    for segment in segments_of(segmentation, label):
        mask |= mask_of(segmentation, segment, grid)
    voxels = np.argwhere(mask)[:, ::-1]
    if not len(voxels):
        raise InputError(f"The {name_of(label)} holds no voxels in this volume.", "Choose another structure.")
    distances_mm = np.linalg.norm((voxels - voxels.mean(axis=0)) * grid.spacing_mm, axis=1)
    middle = voxels[distances_mm.round(6).argmin()]
    x, y, z = (np.array(grid.origin_mm) + np.reshape(grid.direction, (3, 3)) @ (middle * grid.spacing_mm)).tolist()
    return x, y, z


def display_of(segmentation: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLSegmentationDisplayNode:
    """The display node of a segmentation, made where there is none."""
    if segmentation.GetDisplayNode() is None:
        segmentation.CreateDefaultDisplayNodes()
    return segmentation.GetDisplayNode()
