"""Real MRML classes from the slicer-core wheel; without it these tests are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture(scope="session")
def slicer() -> ModuleType:
    """The slicer package with its MRML and segmentation classes."""
    return pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")


@pytest.fixture
def new_scene(slicer, tmp_path) -> Iterator[Callable[[], Any]]:
    """Makes empty scenes with what Slicer's application sets up around one: logics, managers of files, view orientations."""
    kept = []

    def make() -> Any:
        mrml = slicer.vtkMRMLScene()
        application = slicer.vtkSlicerApplicationLogic()
        application.SetMRMLScene(mrml)
        segmentations = slicer.vtkSlicerSegmentationsModuleLogic()  # knows how voxels become surfaces
        markups = slicer.vtkSlicerMarkupsLogic()  # knows the files of lines and angles
        for logic in (segmentations, markups):
            logic.SetMRMLApplicationLogic(application)
            logic.SetMRMLScene(mrml)
        folder = tmp_path / f"cache {len(kept)}"
        folder.mkdir()
        cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
        cache.SetRemoteCacheDirectory(str(folder))
        cache.SetMRMLScene(mrml)
        files.SetCacheManager(cache)
        mrml.SetCacheManager(cache)
        mrml.SetDataIOManager(files)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(mrml)
        kept.append((mrml, application, segmentations, markups, cache, files))
        return mrml

    yield make
    for mrml, *_ in kept:
        mrml.Clear(1)


@pytest.fixture
def scene(new_scene):
    """An empty MRML scene."""
    return new_scene()


def turned(degrees: float) -> np.ndarray:
    """A turn about the body's long axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


SAGITTAL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
DIRECTIONS = {
    "sagittal": SAGITTAL,
    "sagittal, right to left reversed": SAGITTAL @ np.diag([1.0, 1.0, -1.0]),
    "axial": np.eye(3),
    "axial, feet first": np.diag([1.0, 1.0, -1.0]),
    "coronal": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "oblique": turned(12.0) @ SAGITTAL,
    "oblique, mirrored": turned(-37.0) @ SAGITTAL @ np.diag([-1.0, 1.0, 1.0]),
}


def image_with(direction: np.ndarray, dtype: Any = np.int16) -> sitk.Image:
    """A small image that no flip, turn or swap of axes maps onto itself."""
    values = np.arange(5 * 7 * 9).reshape(5, 7, 9) % 113
    image = sitk.GetImageFromArray(values.astype(dtype))
    image.SetSpacing((0.6875, 0.8125, 4.4))
    image.SetOrigin((12.3456789, -30.1, 55.7))
    image.SetDirection(direction.ravel().tolist())
    return image


@pytest.fixture(params=DIRECTIONS, ids=str)
def image(request) -> sitk.Image:
    """An image in each orientation."""
    return image_with(DIRECTIONS[request.param])


@pytest.fixture
def oblique_image() -> sitk.Image:
    """An oblique sagittal image."""
    return image_with(DIRECTIONS["oblique"])


@pytest.fixture
def transform_of(scene) -> Callable[[np.ndarray], Any]:
    """Makes a linear transform node in RAS."""

    def make(matrix: np.ndarray) -> Any:
        import vtk

        elements = vtk.vtkMatrix4x4()
        elements.DeepCopy(np.asarray(matrix, dtype=float).ravel().tolist())
        node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        node.SetMatrixTransformToParent(elements)
        return node

    return make


def drawn_spine(direction: np.ndarray = DIRECTIONS["oblique"], dtype: Any = np.uint8) -> sitk.Image:
    """Blocks for L1 to the sacrum with their discs and the canal, and the posterior elements of L4; [slice][row][column]."""
    values = np.zeros((7, 80, 44), dtype=dtype)
    for place, bone in enumerate(range(20, 25)):
        top = 4 + 12 * place
        values[1:6, top : top + 8, 8:24] = bone
        values[1:6, top + 8 : top + 12, 9:23] = 100 + bone
    values[1:6, 64:76, 8:24] = 26
    values[2:4, :, 26:32] = 61  # nothing is mirrored unseen
    values[1:6, 40:48, 34:40] = 223
    labels = sitk.GetImageFromArray(values)
    labels.SetSpacing((0.9, 0.8, 4.4))
    labels.SetOrigin((12.0, -30.0, 55.0))
    labels.SetDirection(direction.ravel().tolist())
    return labels


@pytest.fixture
def labels() -> sitk.Image:
    """An oblique sagittal label map of a lumbar spine."""
    return drawn_spine()


@pytest.fixture
def volume(scene, labels) -> Any:
    """A volume node that the label map fits."""
    from spinemr.scene.volumes import add_volume

    return add_volume(scene, sitk.Cast(labels, sitk.sitkInt16) * 3 + 5, "T2")


@pytest.fixture
def segmentation(scene, labels, volume) -> Any:
    """The label map as a segmentation node."""
    from spinemr.scene.segmentations import add_segmentation

    return add_segmentation(scene, labels, volume, "T2 segmentation")
