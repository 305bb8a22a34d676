"""Segments corrected by hand: the tools of trame-slicer's segment editor on one structure at a time, with undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk
from trame_slicer.segmentation import (
    SegmentationEffectDraw,
    SegmentationEffectErase,
    SegmentationEffectIslands,
    SegmentationEffectNoTool,
    SegmentationEffectPaint,
    SegmentationEffectScissors,
    SegmentationEffectSmoothing,
    SegmentationEffectThreshold,
)
from trame_slicer.segmentation.brush_source import BrushSource
from trame_slicer.segmentation.paint_effect_parameters import BrushDiameterMode, BrushShape
from trame_slicer.segmentation.scissors_effect_parameters import ScissorsEffectFillMode
from trame_slicer.segmentation.segmentation_effect_islands import SegmentationIslandsMode
from trame_slicer.segmentation.segmentation_effect_smoothing import SmoothingEffectMode
from vtk import vtkPoints

from spinemr.imaging.errors import InputError
from spinemr.scene.editing import edit_structure
from spinemr.scene.markups import ras_of
from spinemr.scene.results import rows_of_csv
from spinemr.scene.revision import accept_case, back_to_automatic, shift_case
from spinemr.scene.selection import emphasize
from spinemr.webapp.undo_steps import UndoSteps

if TYPE_CHECKING:
    from spinemr.webapp.study import Study

TOOLS: dict[str, Any] = {
    "none": SegmentationEffectNoTool, "paint": SegmentationEffectPaint, "erase": SegmentationEffectErase,
    "draw": SegmentationEffectDraw, "scissors": SegmentationEffectScissors, "threshold": SegmentationEffectThreshold,
    "islands": SegmentationEffectIslands, "smoothing": SegmentationEffectSmoothing,
}  # fmt: skip
BRUSHES = ("paint", "erase")
_CUTS = {
    "erase inside": ScissorsEffectFillMode.ERASE_INSIDE, "erase outside": ScissorsEffectFillMode.ERASE_OUTSIDE,
    "fill inside": ScissorsEffectFillMode.FILL_INSIDE,
}  # fmt: skip
CUTS = tuple(_CUTS)
_SMOOTHERS = {
    "median": SmoothingEffectMode.MEDIAN, "opening": SmoothingEffectMode.OPENING, "closing": SmoothingEffectMode.CLOSING,
    "gaussian": SmoothingEffectMode.GAUSSIAN,
}  # fmt: skip
SMOOTHERS = tuple(_SMOOTHERS)
UNDO_STEPS = 20


class Correction:
    """Drives the segment editor of a session's scene."""

    def __init__(self, study: Study, editor: Any, folder: Path, changed: Callable[[], None]) -> None:  # noqa: ANN401
        self._study, self._editor, self._folder, self._changed = study, editor, folder, changed
        self._stack = UndoSteps(undo_limit=UNDO_STEPS)
        editor.set_undo_stack(self._stack)
        for signal in self._stack.signals():
            signal.connect(lambda *_: changed())

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._stack.can_undo())

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return bool(self._stack.can_redo())

    def begin(self, surfaces: bool) -> None:
        """Bind the editor to the segments of the study, with nothing to undo."""
        self._editor.set_active_segmentation(self._study.segmentation, self._study.volume)
        self._editor.set_surface_representation_enabled(surfaces)

    def show_surfaces(self, shown: bool) -> None:
        """Keep closed surfaces for 3D views, or do without them."""
        if self._study.has_segments:
            self._editor.set_surface_representation_enabled(shown)

    def choose(self, label: int) -> None:
        """Put a structure under the tools, empty where it was missed."""
        segment = edit_structure(self._editor.editor_node, self._study.segmentation, self._study.volume, label)
        self._editor.set_active_segment_id(segment)

    def take(self, tool: str, diameter_mm: float, sphere: bool) -> None:
        """Take a tool into the hand."""
        if tool != "none" and not self._editor.active_segment_id:
            raise InputError("No structure is chosen.", "Choose the one to correct.")
        self.set_brush(diameter_mm, sphere)
        self._editor.set_active_effect_type(TOOLS[tool])
        if tool == "threshold":
            self._editor.active_effect.auto_threshold()

    def put_away(self) -> None:
        """Give the mouse back to the views."""
        self._editor.deactivate_effect()
        if self._study.has_segments:
            emphasize(self._study.segmentation, None)

    def set_brush(self, diameter_mm: float, sphere: bool) -> None:
        """Size and shape of the brush of both tools that have one."""
        for tool in BRUSHES:
            effect = self._editor.get_effect(TOOLS[tool])
            effect.set_brush_diameter(diameter_mm, BrushDiameterMode.Absolute)
            effect.set_use_sphere_brush(sphere)

    def dab(self, view: Any, point_mm: Sequence[float], diameter_mm: float, sphere: bool) -> None:  # noqa: ANN401
        """One touch of the brush in hand, at a point (LPS), flat in a slice view as a stroke there is."""
        brush = BrushSource(BrushShape.Sphere if sphere else BrushShape.Cylinder, diameter_mm, view.get_slice_step() / 2)
        if not sphere:
            brush.set_brush_rotation(view.get_view_node().GetSliceToRAS())
        shape = brush.get_untransformed_output_port().GetProducer()
        shape.Update()
        points = vtkPoints()
        points.InsertNextPoint(ras_of([point_mm], "LPS")[0].tolist())
        self._editor.active_effect.paint_glyph_at_world_coordinates(shape.GetOutput(), points)

    def set_cut(self, cut: str) -> None:
        """What the scissors do."""
        self._editor.get_effect(SegmentationEffectScissors).set_fill_mode(_CUTS[cut])

    @property
    def threshold(self) -> list[float]:
        """The ends of the range that the threshold takes."""
        return list(self._editor.get_effect(SegmentationEffectThreshold).get_threshold_min_max_values())

    def set_threshold(self, ends: list[float]) -> None:
        """Choose the range of the threshold."""
        self._editor.get_effect(SegmentationEffectThreshold).set_threshold_min_max_values((float(ends[0]), float(ends[1])))

    def apply_threshold(self) -> None:
        """Make the structure what lies in the range."""
        self._editor.get_effect(SegmentationEffectThreshold).apply()

    def keep_largest(self) -> None:
        """Remove all pieces of the structure but the largest."""
        self._active(SegmentationEffectIslands).apply(SegmentationIslandsMode.KEEP_LARGEST_ISLAND)

    def remove_small(self, voxels: int) -> None:
        """Remove the pieces of fewer voxels."""
        effect = self._active(SegmentationEffectIslands)
        effect.set_minimum_island_size(int(voxels))
        effect.apply(SegmentationIslandsMode.REMOVE_SMALL_ISLANDS)

    def smooth(self, kind: str, size_mm: float) -> None:
        """Smooth the structure."""
        effect = self._active(SegmentationEffectSmoothing)
        effect.set_smoothing_mode(_SMOOTHERS[kind])
        effect.set_kernel_size(float(size_mm))
        effect.set_standard_deviation(float(size_mm) / 2)
        effect.apply_smoothing()

    def undo(self) -> None:
        """Take the last step back."""
        if self.can_undo:
            self._stack.undo()

    def redo(self) -> None:
        """Do the step again that was taken back."""
        if self.can_redo:
            self._stack.redo()

    def shift(self, levels: int) -> None:
        """Call all levels by other names."""
        shift_case(self._study.scene, self._study.volume, levels, self.measure)
        self._stack.clear()

    def accept(self, note: str) -> tuple[str, ...]:
        """Stand for the segments as they are; returns sentences on what was changed."""
        return accept_case(self._study.scene, self._study.volume, self.measure, note=note)

    def discard(self, surfaces: bool) -> None:
        """Throw all changes away."""
        back_to_automatic(self._study.scene, self._study.volume, self.measure)
        self.begin(surfaces)

    def measure(self, labels: sitk.Image) -> list[dict[str, Any]]:
        """The rows of measurements of a label map."""
        path = self._folder / "measurements.csv"
        self.write_measurements(labels, path)
        return rows_of_csv(path)

    def write_measurements(self, labels: sitk.Image, path: Path) -> None:
        """The measurements of a label map as a file."""
        from spinemr.segmentation.measurements import measure_image

        measure_image(labels).write_csv(path)

    def _active(self, kind: Any) -> Any:  # noqa: ANN401 - an effect
        if not self._editor.active_segment_id:
            raise InputError("No structure is chosen.", "Choose the one to correct.")
        self._editor.set_active_effect_type(kind)
        return self._editor.active_effect
