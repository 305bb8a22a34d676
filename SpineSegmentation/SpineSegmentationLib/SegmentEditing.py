"""Slicer's segment editor inside of the panel, set to one structure with one click."""

from __future__ import annotations

from typing import Any

import slicer

_EFFECTS = ["Paint", "Draw", "Erase", "Scissors", "Islands", "Smoothing", "Grow from seeds", "Fill between slices"]
_TAG = "SpineSegmentationEditor"


class SegmentEditing:
    """Drives a segment editor widget with a parameter node of its own, so that Slicer's own editor keeps its state."""

    def __init__(self, editor: Any) -> None:
        self._editor = editor
        editor.setEffectNameOrder(_EFFECTS)
        editor.unorderedEffectsVisible = False
        editor.switchToSegmentationsButtonVisible = False
        editor.segmentationNodeSelectorVisible = False
        editor.sourceVolumeNodeSelectorVisible = False

    def edit(
        self, segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, segmentID: str
    ) -> None:
        """Begin to edit a segment with a brush."""
        self._editor.setMRMLScene(slicer.mrmlScene)
        self._editor.setMRMLSegmentEditorNode(self._parameters())
        self._editor.setSegmentationNode(segmentation)
        self._editor.setSourceVolumeNode(volume)
        self._editor.setupViewObservations()
        self._editor.installKeyboardShortcuts()
        self._editor.setCurrentSegmentID(segmentID)
        self._editor.setActiveEffectByName("Paint")

    def stop(self) -> None:
        """Put the tools away: the mouse belongs to the views again."""
        self._editor.setActiveEffect(None)
        self._editor.uninstallKeyboardShortcuts()
        self._editor.removeViewObservations()

    def letGo(self) -> None:
        """Forget the nodes: the scene closes, or other ones are shown."""
        self.stop()
        self._editor.setSegmentationNode(None)
        self._editor.setMRMLSegmentEditorNode(None)

    def _parameters(self) -> slicer.vtkMRMLSegmentEditorNode:
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(_TAG)
            node = scene.AddNode(node)
        return node
