"""Volume nodes from images and images from volume nodes: every voxel stays where it is, with its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import Grid
from spinemr.scene.hierarchy import place_beside
from spinemr.scene.modification import one_event
from spinemr.scene.placement import filled, grid_of, place, put_on
from spinemr.scene.voxels import array_of, fill

if TYPE_CHECKING:
    import slicer


def image_of(volume: slicer.vtkMRMLVolumeNode) -> sitk.Image:
    """The image of a scalar or label-map volume, a copy, in LPS; parent transforms are applied to its position."""
    grid = grid_of(volume)
    return put_on(sitk.GetImageFromArray(array_of(filled(volume))), grid)


def add_volume(
    scene: slicer.vtkMRMLScene, image: sitk.Image, name: str, *, like: slicer.vtkMRMLVolumeNode | None = None,
    label_map: bool = False,
) -> slicer.vtkMRMLScalarVolumeNode:  # fmt: skip
    """A new volume node with display, beside ``like`` in the subject hierarchy and, on the same grid, under its transforms."""
    _refuse_unfit(image)
    volume = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode" if label_map else "vtkMRMLScalarVolumeNode", name)
    set_image(volume, image, like=like)
    volume.CreateDefaultDisplayNodes()
    place_beside(scene, volume, like)
    return volume


def set_image(volume: slicer.vtkMRMLVolumeNode, image: sitk.Image, *, like: slicer.vtkMRMLVolumeNode | None = None) -> None:
    """Put an image into a volume node in place of what it holds, as one modification."""
    import vtk

    _refuse_unfit(image)
    data = vtk.vtkImageData()
    fill(data, sitk.GetArrayViewFromImage(image))
    with one_event(volume):
        place(volume, Grid.of(image), like)
        volume.SetAndObserveImageData(data)


def _refuse_unfit(image: sitk.Image) -> None:
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("The image is not a three-dimensional volume of single values.")
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError("The image holds complex numbers, which Slicer cannot show.", "Take their magnitude.")
