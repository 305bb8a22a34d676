"""Label maps of anatomy numbers from segmentation nodes, also after they were edited by hand."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError, ImagingWarning
from spinemr.imaging.geometry import Grid
from spinemr.imaging.segmentation_file import LABEL_TAG, structure_number, tags_text
from spinemr.scene.placement import from_first_voxel, grid_from, grid_of, matrix_of, parent_to_world, put_on
from spinemr.scene.segmentations import BINARY
from spinemr.scene.voxels import array_of

if TYPE_CHECKING:
    import slicer

Labels = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Layers = dict[Any, NDArray[Any]]
"""Arrays on the wanted grid by the image data that segments share."""


def labels_of(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode) -> sitk.Image:
    """The segments as one map of anatomy numbers on the volume's grid, whatever grid they were drawn on.

    Segments are known by their term and name (:func:`structure_numbers`); others are left out with a warning. Segments of
    the same structure are united; where different ones overlap the later one covers the earlier, with a warning.
    Voxels of another grid are taken by nearest neighbour; segments none of which lies in the volume are refused.
    """
    grid = grid_of(volume)
    values = np.zeros(grid.size[::-1], dtype=np.uint8)
    numbers = structure_numbers(segmentation)
    _warn_of_strangers(numbers)
    overlap = False
    for layer, by_value in _runs(segmentation, numbers, grid):
        found = _renumbered(layer, by_value)
        if values.any():
            overlap = overlap or bool(((values != 0) & (found != 0) & (values != found)).any())
        np.copyto(values, found, where=found != 0)
    if overlap:
        _warn("Segments overlap; a later one covers an earlier one.")
    if not values.any() and any(_holds_voxels(segmentation, segment_id) for segment_id in numbers if numbers[segment_id]):
        raise GeometryError("All segments lie outside of this volume.", "Choose the volume they were drawn on.")
    return put_on(sitk.GetImageFromArray(values), grid)


def structure_numbers(segmentation: slicer.vtkMRMLSegmentationNode) -> dict[str, int | None]:
    """The anatomy number of each segment by its identifier, in their order; ``None`` for what is no structure of the spine.

    A segment is known by its terminology entry or by its English name. Where somebody changed one of the two since the
    segment was made, what was changed holds.
    """
    segments = dict(_segments(segmentation))
    return {identifier: structure_number(segment.GetName() or "", _tags(segment)) for identifier, segment in segments.items()}


def mask_of(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, grid: Grid) -> NDArray[np.bool_]:
    """Where one segment lies on a grid, ``[z][y][x]``."""
    layers: Layers = {}
    data = _layer(segmentation, segment_id, grid, layers)
    if data is None:
        return np.zeros(grid.size[::-1], dtype=bool)
    mask: NDArray[np.bool_] = layers[data] == segmentation.GetSegmentation().GetSegment(segment_id).GetLabelValue()
    return mask


def _segments(node: slicer.vtkMRMLSegmentationNode) -> Iterator[tuple[str, slicer.vtkSegment]]:
    segmentation = node.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        yield segmentation.GetNthSegmentID(index), segmentation.GetNthSegment(index)


def _tags(segment: slicer.vtkSegment) -> str:
    import vtk

    found = {}
    for key in (segment.GetTerminologyEntryTagName(), LABEL_TAG):
        value = vtk.mutable("")
        if segment.GetTag(key, value):
            found[key] = str(value)
    return tags_text(found)


def _layer(node: slicer.vtkMRMLSegmentationNode, segment_id: str, grid: Grid, layers: Layers) -> Any:  # noqa: ANN401 - image data
    """The image data a segment lies in, brought onto the grid in ``layers`` once for all; ``None`` where it has no voxels."""
    if not node.GetSegmentation().ContainsRepresentation(BINARY):
        node.CreateBinaryLabelmapRepresentation()
    data = node.GetBinaryLabelmapInternalRepresentation(segment_id)
    if not _has_points(data):
        return None
    if data not in layers:
        layers[data] = _on_grid(data, parent_to_world(node), grid)
    return data


def _runs(
    node: slicer.vtkMRMLSegmentationNode, numbers: dict[str, int | None], grid: Grid
) -> Iterator[tuple[NDArray[Any], dict[int, int]]]:
    """Segments that follow each other and share their voxels: those voxels, and the anatomy number of each of their values."""
    layers: Layers = {}
    run: tuple[Any, dict[int, int]] = (None, {})
    for segment_id, number in numbers.items():
        if number is None:
            continue
        data = _layer(node, segment_id, grid, layers)
        value = node.GetSegmentation().GetSegment(segment_id).GetLabelValue()
        if run[1] and (data is not run[0] or value in run[1]):
            yield layers[run[0]], run[1]
            run = (None, {})
        if data is not None:
            run = (data, {**run[1], value: number})
    if run[1]:
        yield layers[run[0]], run[1]


def _renumbered(layer: NDArray[Any], by_value: dict[int, int]) -> Labels:
    """Anatomy numbers in place of the values of a layer; other values become zero."""
    if layer.dtype == np.uint8:
        table = np.zeros(256, dtype=np.uint8)
        for value, number in by_value.items():
            if 0 <= value < table.size:
                table[value] = number
        return np.take(table, layer)
    found = np.zeros(layer.shape, dtype=np.uint8)
    for value, number in by_value.items():
        found[layer == value] = number
    return found


def _holds_voxels(node: slicer.vtkMRMLSegmentationNode, segment_id: str) -> bool:
    data = node.GetBinaryLabelmapInternalRepresentation(segment_id)
    value = node.GetSegmentation().GetSegment(segment_id).GetLabelValue()
    return _has_points(data) and bool((array_of(data) == value).any())


def _has_points(data: slicer.vtkOrientedImageData | None) -> bool:
    return data is not None and data.GetNumberOfPoints() > 0


def _on_grid(data: slicer.vtkOrientedImageData, to_world: Matrix, grid: Grid) -> NDArray[Any]:
    """A layer of segments on a grid: copied where voxels coincide, else by nearest neighbour."""
    import vtk

    elements = vtk.vtkMatrix4x4()
    data.GetImageToWorldMatrix(elements)
    own = grid_from(data.GetDimensions(), to_world @ from_first_voxel(matrix_of(elements), data))
    values = array_of(data)
    if own.matches(grid):
        return values
    target = put_on(sitk.Image(grid.size, sitk.sitkUInt8), grid)
    moving = put_on(sitk.GetImageFromArray(values), own)
    resampled: NDArray[Any] = sitk.GetArrayFromImage(sitk.Resample(moving, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0))
    return resampled


def _warn_of_strangers(numbers: dict[str, int | None]) -> None:
    strangers = sum(number is None for number in numbers.values())
    if strangers:
        _warn(
            f"{strangers} of {len(numbers)} segments are no structures of the spine and are left out. "
            "A name like 'L4 vertebra' makes them known."
        )


def _warn(text: str) -> None:
    warnings.warn(text, ImagingWarning, stacklevel=3)
