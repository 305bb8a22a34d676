"""Slice views painted from MRML's own slice logics, segments on top; and the layout manager that owns them.

The image is what the slice logic blends (window, level and fade are real); outlines of segments are drawn by the host.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
LAYOUTS = {
    slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView: ("Red", "Yellow"),
    slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView: ("Red",),
    slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpYellowSliceView: ("Yellow",),
}
EVENTS = (vtk.vtkCommand.ModifiedEvent,)


class SliceView(QtWidgets.QWidget):
    """A picture of a slice logic, painted anew whenever somebody asks."""

    def __init__(self, logic: slicer.vtkMRMLSliceLogic, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.logic = logic
        self.setMinimumSize(160, 160)
        self.setAutoFillBackground(True)

    def resizeEvent(self, event: Any) -> None:
        """The view's size in pixels is part of its slice node."""
        super().resizeEvent(event)
        size = event.size()
        self.logic.ResizeSliceNode(size.width(), size.height())
        self.logic.FitSliceToAll()

    def paintEvent(self, event: Any) -> None:
        """The blended image, the segments, and the names of the volumes."""
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtGui.QColor(0, 0, 0))
        image = self._image()
        if image is not None:
            painter.drawImage(0, 0, image)
        painter.setPen(QtGui.QColor(240, 240, 240))
        painter.drawText(self.rect.adjusted(6, 4, -6, -4), QtCore.Qt.AlignTop | QtCore.Qt.AlignLeft, self._title())
        painter.end()

    def _title(self) -> str:
        composite = self.logic.GetSliceCompositeNode()
        scene = slicer.mrmlScene
        names = []
        for identifier, share in (
            (composite.GetBackgroundVolumeID(), 1 - composite.GetForegroundOpacity()),
            (composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()),
        ):
            node = scene.GetNodeByID(identifier) if identifier else None
            if node is not None and share > 0.005:
                names.append(f"{node.GetName()} ({round(100 * share)} %)" if share < 0.995 else node.GetName())
        return "\n".join(names)

    def _image(self) -> QtGui.QImage | None:
        if not self.logic.GetSliceCompositeNode().GetBackgroundVolumeID():
            return None
        self.logic.UpdatePipeline()
        connection = self.logic.GetImageDataConnection()
        if connection is None:
            return None
        connection.GetProducer().Update()
        data = connection.GetProducer().GetOutputDataObject(connection.GetIndex())
        width, height, _ = data.GetDimensions()
        scalars = data.GetPointData().GetScalars()
        if scalars is None:
            return None
        pixels = vtk_to_numpy(scalars).reshape(height, width, -1)[::-1, :, :3].astype(np.float32)
        pixels = self._with_segments(pixels)
        shown = np.ascontiguousarray(pixels.clip(0, 255).astype(np.uint8))
        return QtGui.QImage(shown.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()

    def _with_segments(self, pixels: np.ndarray) -> np.ndarray:
        scene = slicer.mrmlScene
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
            node = scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode")
            display = node.GetDisplayNode()
            if display is not None and display.GetVisibility() and display.GetVisibility2D():
                pixels = self._with_segmentation(pixels, node, display)
        return pixels

    def _with_segmentation(self, pixels: np.ndarray, node: Any, display: Any) -> np.ndarray:
        segmentation = node.GetSegmentation()
        height, width = pixels.shape[:2]
        matrix = self.logic.GetSliceNode().GetXYToRAS()
        to_ras = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
        columns, rows = np.meshgrid(np.arange(width), np.arange(height)[::-1])
        points = np.stack([columns, rows, np.zeros_like(rows), np.ones_like(rows)], -1) @ to_ras.T
        for place in range(segmentation.GetNumberOfSegments()):
            identifier, segment = segmentation.GetNthSegmentID(place), segmentation.GetNthSegment(place)
            data = node.GetBinaryLabelmapInternalRepresentation(identifier)
            if data is None or not display.GetSegmentVisibility(identifier):
                continue
            mask = _sampled(data, points) == segment.GetLabelValue()
            edge = mask & ~_eroded(mask)
            colour = 255 * np.array(segment.GetColor())
            fill = 0.3 * display.GetSegmentOpacity2DFill(identifier)
            line = display.GetSegmentOpacity2DOutline(identifier)
            pixels = np.where(mask[..., None], (1 - fill) * pixels + fill * colour, pixels)
            pixels = np.where(edge[..., None], (1 - line) * pixels + line * colour, pixels)
        return pixels


def _sampled(data: Any, points: np.ndarray) -> np.ndarray:
    elements = vtk.vtkMatrix4x4()
    data.GetWorldToImageMatrix(elements)
    matrix = np.array([[elements.GetElement(r, c) for c in range(4)] for r in range(4)])
    index = np.rint((points @ matrix.T)[..., :3] - np.array(data.GetExtent()[::2])).astype(int)
    values = vtk_to_numpy(data.GetPointData().GetScalars()).reshape(data.GetDimensions()[::-1])
    inside = ((index >= 0) & (index < np.array(data.GetDimensions()))).all(-1)
    index = np.where(inside[..., None], index, 0)
    return np.where(inside, values[index[..., 2], index[..., 1], index[..., 0]], 0)


def _eroded(mask: np.ndarray) -> np.ndarray:
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


class SliceWidget:
    """What ``layoutManager().sliceWidget(name)`` gives."""

    def __init__(self, name: str, logic: slicer.vtkMRMLSliceLogic) -> None:
        self._name, self._logic, self.view = name, logic, SliceView(logic)

    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        """The logic."""
        return self._logic

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        """The slice node."""
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> slicer.vtkMRMLSliceCompositeNode:
        """Which volumes are shown."""
        return self._logic.GetSliceCompositeNode()

    def sliceView(self) -> SliceView:
        """The view."""
        return self.view


class LayoutManager(QtWidgets.QWidget):
    """Three slice views, of which the layout shows some."""

    def __init__(self, application: slicer.vtkSlicerApplicationLogic) -> None:
        super().__init__()
        self._logics = {name: _slice_logic(name, orientation, application) for name, orientation in ORIENTATIONS.items()}
        application.SetSliceLogics(self.mrmlSliceLogics())
        self._widgets = {name: SliceWidget(name, logic) for name, logic in self._logics.items()}
        self._layout = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in self._widgets.values():
            row.addWidget(widget.view)

    def sliceViewNames(self) -> tuple[str, ...]:
        """All names."""
        return tuple(self._widgets)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        """One view."""
        return self._widgets.get(name)

    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        """All logics."""
        found = vtk.vtkCollection()
        for logic in self._logics.values():
            found.AddItem(logic)
        return found

    @property
    def layout(self) -> int:
        """The layout's number."""
        return self._layout

    def setLayout(self, layout: int) -> None:
        """Show the views of a layout."""
        self._layout = layout
        for name, widget in self._widgets.items():
            widget.view.setVisible(name in LAYOUTS.get(layout, tuple(self._widgets)))

    def resetSliceViews(self) -> None:
        """Fit all views."""
        for logic in self._logics.values():
            logic.FitSliceToAll()

    def threeDViewCount(self) -> int:
        """The host shows nothing in 3D."""
        return 0

    def shown(self) -> tuple[str, ...]:
        """For tests: the names of the views that are shown."""
        return LAYOUTS.get(self._layout, tuple(self._widgets))


def _slice_logic(name: str, orientation: str, application: slicer.vtkSlicerApplicationLogic) -> slicer.vtkMRMLSliceLogic:
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(slicer.mrmlScene)
    node = logic.AddSliceNode(name)
    node.SetOrientation(orientation)
    node.SetMappedInLayout(1)
    return logic
