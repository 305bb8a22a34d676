"""Before and after: one image over the other with a fade, or both side by side on the same slice."""

from __future__ import annotations

from collections.abc import Iterator

import slicer

LEFT, RIGHT = "Red", "Yellow"
_SIDE_BY_SIDE = slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView


class Comparison:
    """What the slice views show of an original and its harmonized image."""

    def __init__(self) -> None:
        self._layout: int | None = None
        """The layout before side by side."""

    @property
    def isSideBySide(self) -> bool:
        """Whether both are shown beside each other."""
        return self._layout is not None

    def showFade(self, original: slicer.vtkMRMLVolumeNode, harmonized: slicer.vtkMRMLVolumeNode, share: float) -> None:
        """The harmonized image over the original in all views; at a share of 0 only the original is seen."""
        from spinemr.scene.views import show_volumes

        self.leave()
        show_volumes(_composites(), original, foreground=harmonized, fade=share)

    def setFade(self, share: float) -> None:
        """Move the fade, where the images lie over each other."""
        from spinemr.scene.views import set_fade

        if not self.isSideBySide:
            set_fade(_composites(), share)

    def showSideBySide(self, original: slicer.vtkMRMLVolumeNode, harmonized: slicer.vtkMRMLVolumeNode) -> None:
        """The original left, the harmonized image right; scrolling one scrolls the other."""
        from spinemr.scene.views import show_sagittal, show_side_by_side, show_volumes

        manager = slicer.app.layoutManager()
        if self._layout is None:
            self._layout = manager.layout
        manager.setLayout(_SIDE_BY_SIDE)
        left, right = manager.sliceWidget(LEFT), manager.sliceWidget(RIGHT)
        offset = left.mrmlSliceNode().GetSliceOffset() if left.mrmlSliceNode().GetOrientation() == "Sagittal" else None
        show_volumes(_composites(), original)
        show_side_by_side(left.mrmlSliceCompositeNode(), right.mrmlSliceCompositeNode(), original, harmonized)
        show_sagittal([left.mrmlSliceNode(), right.mrmlSliceNode()], original)
        for widget in (left, right):
            widget.sliceLogic().FitSliceToAll()
            if offset is not None:
                widget.sliceLogic().SetSliceOffset(offset)

    def leave(self) -> None:
        """Back to the layout there was."""
        layout, self._layout = self._layout, None
        if layout is not None:
            slicer.app.layoutManager().setLayout(layout)

    def jumpTo(self, pointMm: tuple[float, float, float]) -> None:
        """Show the slices through a point (LPS) in every view."""
        from spinemr.scene.views import jump_to

        manager = slicer.app.layoutManager()
        jump_to([manager.sliceWidget(name).mrmlSliceNode() for name in manager.sliceViewNames()], pointMm)


def _composites() -> Iterator[slicer.vtkMRMLSliceCompositeNode]:
    manager = slicer.app.layoutManager()
    for name in manager.sliceViewNames():
        yield manager.sliceWidget(name).mrmlSliceCompositeNode()

