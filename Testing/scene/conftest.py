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
        segmentations.SetMRMLApplicationLogic(application)
        segmentations.SetMRMLScene(mrml)
        folder = tmp_path / f"cache {len(kept)}"
        folder.mkdir()
        cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
        cache.SetRemoteCacheDirectory(str(folder))
        cache.SetMRMLScene(mrml)
        files.SetCacheManager(cache)
        mrml.SetCacheManager(cache)
        mrml.SetDataIOManager(files)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(mrml)
        kept.append((mrml, application, segmentations, cache, files))
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
