"""Stand-ins of Slicer's MRML widgets that the modules use, on real MRML scenes and nodes."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

NODE = QtCore.Qt.UserRole
SCENE_EVENTS = (slicer.vtkMRMLScene.NodeAddedEvent, slicer.vtkMRMLScene.NodeRemovedEvent, slicer.vtkMRMLScene.EndCloseEvent)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """The nodes of some classes in a scene, one of them chosen."""

    currentNodeChanged = Signal(object)
    nodeAddedByUser = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QComboBox(self)
        self._box.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._scene: slicer.vtkMRMLScene | None = None
        self._tags: list[int] = []
        self._options: dict[str, Any] = {"nodeTypes": [], "noneEnabled": False, "noneDisplay": "None"}
        self._box.currentIndexChanged.connect(lambda _: self.currentNodeChanged.emit(self.currentNode()))

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """Show the nodes of a scene, and follow it."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is not None:
            self._tags = [scene.AddObserver(event, lambda *_: self._refill()) for event in SCENE_EVENTS]
            self._tags.append(scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, lambda *_: self._follow()))
        self._refill()

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        """The scene."""
        return self._scene

    def _follow(self) -> None:
        """Slicer selects the first fitting node where nothing is chosen and "none" is not allowed."""
        if not self._options["noneEnabled"] and self.currentNode() is None and self._box.count:
            self._box.setCurrentIndex(0)

    def _fitting(self) -> list[slicer.vtkMRMLNode]:
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())] if self._scene else []
        return [
            node for node in nodes
            if not node.GetHideFromEditors() and any(self._is(node, name) for name in self._options["nodeTypes"])
        ]  # fmt: skip

    def _is(self, node: slicer.vtkMRMLNode, name: str) -> bool:
        derived = self._options.get("showChildNodeTypes", True)
        return bool(node.IsA(name)) if derived else node.GetClassName() == name

    def _refill(self) -> None:
        before = self._box.currentData
        self._box.blockSignals(True)
        self._box.clear()
        if self._options["noneEnabled"]:
            self._box.addItem(self._options["noneDisplay"], "")
        for node in self._fitting():
            self._box.addItem(node.GetName(), node.GetID())
        place = self._box.findData(before) if before else -1
        fallback = 0 if self._box.count else -1
        self._box.setCurrentIndex(place if place >= 0 else fallback)
        self._box.blockSignals(False)
        if self._box.currentData != before:
            self.currentNodeChanged.emit(self.currentNode())

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        """The chosen node."""
        identifier = self._box.currentData
        return self._scene.GetNodeByID(identifier) if identifier and self._scene else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        """Choose a node."""
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, identifier: str) -> None:
        """Choose a node by its ID."""
        self._box.setCurrentIndex(self._box.findData(identifier or ""))

    def nodeCount(self) -> int:
        """How many nodes can be chosen."""
        return len(self._fitting())

    currentNodeID = Property(str, lambda self: self._box.currentData or "", setCurrentNodeID)

    def _put(self, name: str, value: Any) -> None:
        self._options[name] = value
        self._refill()

    nodeTypes = Property("QStringList", lambda self: self._options["nodeTypes"], lambda self, v: self._put("nodeTypes", list(v)))
    noneEnabled = Property(bool, lambda self: self._options["noneEnabled"], lambda self, v: self._put("noneEnabled", v))
    noneDisplay = Property(str, lambda self: self._options["noneDisplay"], lambda self, v: self._put("noneDisplay", v))
    showChildNodeTypes = Property(bool, lambda self: True, lambda self, v: self._put("showChildNodeTypes", v))
    addEnabled = Property(bool, lambda self: False, lambda self, v: None)
    removeEnabled = Property(bool, lambda self: False, lambda self, v: None)
    editEnabled = Property(bool, lambda self: False, lambda self, v: None)
    renameEnabled = Property(bool, lambda self: False, lambda self, v: None)
    selectNodeUponCreation = Property(bool, lambda self: True, lambda self, v: None)
    showHidden = Property(bool, lambda self: False, lambda self, v: None)


class qMRMLTableView(QtWidgets.QTableView):
    """The cells of a table node."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: slicer.vtkMRMLTableNode | None = None
        self._tag = 0

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """Slicer's view keeps its scene."""

    def setMRMLTableNode(self, node: slicer.vtkMRMLTableNode | None) -> None:
        """Show a node, and follow it."""
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        self._show()

    def mrmlTableNode(self) -> slicer.vtkMRMLTableNode | None:
        """The node."""
        return self._node

    def _show(self) -> None:
        from PySide6.QtGui import QStandardItem, QStandardItemModel

        model = QStandardItemModel(self)
        content = self._node.GetTable() if self._node is not None else None
        for place in range(content.GetNumberOfColumns() if content is not None else 0):
            column = content.GetColumn(place)
            cells = [column.GetVariantValue(row) for row in range(column.GetNumberOfValues())]
            model.appendColumn([QStandardItem(_cell_text(cell)) for cell in cells])
            title = self._node.GetColumnProperty(column.GetName(), "title") or self._node.GetColumnTitle(column.GetName())
            model.setHorizontalHeaderItem(place, QStandardItem(title or column.GetName()))
        self.setModel(model)
        self.resizeColumnsToContents()


def _cell_text(cell: vtk.vtkVariant) -> str:
    if cell.IsDouble() or cell.IsFloat():
        return f"{cell.ToDouble():.6g}"
    return cell.ToString()


class qMRMLSegmentEditorWidget(QtWidgets.QWidget):
    """The state of Slicer's segment editor, its list of segments and the names of effects; effects themselves do nothing here."""

    currentSegmentIDChanged = Signal(str)
    segmentationNodeChanged = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: slicer.vtkMRMLSegmentEditorNode | None = None
        self._segmentation: slicer.vtkMRMLSegmentationNode | None = None
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._effect = ""
        self._names = ["Paint", "Draw", "Erase", "Scissors", "Islands", "Smoothing"]
        self._segments = QtWidgets.QListWidget(self)
        self._segments.currentRowChanged.connect(self._row_chosen)
        effects = QtWidgets.QGridLayout()
        self._buttons = {}
        for place, name in enumerate(self._names):
            button = QtWidgets.QToolButton(self)
            button.setText(name)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, chosen=name: self.setActiveEffectByName(chosen))
            self._buttons[name] = button
            effects.addWidget(button, place // 3, place % 3)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._segments)
        layout.addLayout(effects)

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """Let go of nodes of another scene."""
        if scene is None:
            self.setSegmentationNode(None)

    def setMRMLSegmentEditorNode(self, node: slicer.vtkMRMLSegmentEditorNode | None) -> None:
        """The node that keeps the editor's state."""
        self._node = node

    def mrmlSegmentEditorNode(self) -> slicer.vtkMRMLSegmentEditorNode | None:
        """The node that keeps the editor's state."""
        return self._node

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        """What is edited."""
        self._segmentation = node
        self._segments.clear()
        if node is not None:
            content = node.GetSegmentation()
            for index in range(content.GetNumberOfSegments()):
                item = QtWidgets.QListWidgetItem(content.GetNthSegment(index).GetName())
                item.setData(QtCore.Qt.UserRole, content.GetNthSegmentID(index))
                self._segments.addItem(item)
        self.segmentationNodeChanged.emit(node)

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """What is edited."""
        return self._segmentation

    def setSourceVolumeNode(self, node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """The image that effects look at."""
        if self._segmentation is None and node is not None:
            raise RuntimeError("Slicer's editor forgets a source volume that is set before the segmentation")
        self._volume = node

    def sourceVolumeNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The image that effects look at."""
        return self._volume

    def setCurrentSegmentID(self, identifier: str) -> None:
        """Choose a segment."""
        for row in range(self._segments.count):
            if self._segments.item(row).data(QtCore.Qt.UserRole) == identifier:
                self._segments.setCurrentRow(row)

    def currentSegmentID(self) -> str:
        """The chosen segment."""
        item = self._segments.currentItem()
        return item.data(QtCore.Qt.UserRole) if item is not None else ""

    def _row_chosen(self, _row: int) -> None:
        self.currentSegmentIDChanged.emit(self.currentSegmentID())

    def setActiveEffectByName(self, name: str) -> None:
        """Choose an effect."""
        self._effect = name
        for own, button in self._buttons.items():
            button.setChecked(own == name)

    def setActiveEffect(self, effect: object) -> None:
        """Only to put all away."""
        if effect is not None:
            raise RuntimeError("The host has no effects to choose")
        self.setActiveEffectByName("")

    def activeEffectName(self) -> str:
        """For tests: the chosen effect."""
        return self._effect

    def setEffectNameOrder(self, names: list[str]) -> None:
        """The order of effects."""

    def setupViewObservations(self) -> None:
        """Mouse events in views reach effects from now on."""

    def removeViewObservations(self) -> None:
        """Until now."""

    def installKeyboardShortcuts(self) -> None:
        """Keys reach effects from now on."""

    def uninstallKeyboardShortcuts(self) -> None:
        """Until now."""

    unorderedEffectsVisible = Property(bool, lambda self: True, lambda self, v: None)
    switchToSegmentationsButtonVisible = Property(bool, lambda self: True, lambda self, v: None)
    segmentationNodeSelectorVisible = Property(bool, lambda self: True, lambda self, v: None)
    sourceVolumeNodeSelectorVisible = Property(bool, lambda self: True, lambda self, v: None)
    readOnly = Property(bool, lambda self: False, lambda self, v: None)


class qMRMLWidget(QtWidgets.QWidget):
    """The outermost widget of a module's ``.ui`` file, which hands its scene to those inside.

    In Slicer connections of the file do that; Qt's loader cannot make them for a signal with a MRML class in it.
    """

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """Hand a scene to every widget inside."""
        for child in self.findChildren(QtWidgets.QWidget):
            if hasattr(child, "setMRMLScene"):
                child.setMRMLScene(scene)


MRML_WIDGETS = {cls.__name__: cls for cls in (qMRMLWidget, qMRMLNodeComboBox, qMRMLTableView, qMRMLSegmentEditorWidget)}
