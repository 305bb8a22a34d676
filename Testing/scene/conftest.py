"""Real MRML classes from the slicer-core wheel; without it these tests are skipped."""

from __future__ import annotations

from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def slicer() -> ModuleType:
    """The slicer package with its MRML and segmentation classes."""
    return pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")


@pytest.fixture
def scene(slicer):
    """An empty MRML scene with the application logic that nodes expect."""
    mrml = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(mrml)
    yield mrml
    mrml.Clear(1)
