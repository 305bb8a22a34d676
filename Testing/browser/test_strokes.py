"""What keeps strokes quick: old steps go without their voxels, and the view under the hand is drawn first."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

pytestmark = pytest.mark.browser
pytest.importorskip("trame_slicer")
LIMIT = 3


@pytest.fixture
def painted() -> tuple[Any, Any]:
    """An application with three structures under its editor, and the undo stack of the editor."""
    from trame_slicer.core import SlicerApp

    from spinemr.scene.segmentations import add_segmentation
    from spinemr.scene.volumes import add_volume
    from spinemr.webapp.undo_steps import UndoSteps

    app = SlicerApp()
    values = np.zeros((4, 12, 12), dtype=np.uint8)
    for place, label in enumerate((22, 23, 123)):
        values[:, 4 * place : 4 * place + 2, :6] = label
    labels = sitk.GetImageFromArray(values)
    volume = add_volume(app.scene, sitk.Cast(labels, sitk.sitkFloat32), "Study")
    segmentation = add_segmentation(app.scene, labels, volume, "Segments")
    steps = UndoSteps(undo_limit=LIMIT)
    editor = app.segmentation_editor
    editor.set_undo_stack(steps)
    editor.set_active_segmentation(segmentation, volume)
    return app, steps


def paint(editor: Any, column: int) -> None:
    """Add a column of voxels to the first structure."""
    from trame_slicer.utils import vtk_image_to_np

    modifier = editor.active_segment_modifier
    added = modifier.create_modifier_labelmap()
    vtk_image_to_np(added)[:, 0, column] = 1
    modifier.apply_labelmap(added)


def count(editor: Any) -> int:
    return int((editor.get_segment_labelmap(editor.get_nth_segment_id(0), as_numpy_array=True) > 0).sum())


def has_voxels(command: Any) -> list[bool]:
    from spinemr.webapp.undo_steps import states_of

    name = "Binary labelmap"
    return [
        any(state.GetNthSegment(one).GetRepresentation(name) is not None for one in range(state.GetNumberOfSegments()))
        for state in states_of(command)
    ]


def test_steps_beyond_the_limit_are_emptied_and_the_others_can_be_taken_back(painted):
    app, steps = painted
    editor = app.segmentation_editor
    counts, commands = [count(editor)], []
    for column in range(6, 11):
        paint(editor, column)
        counts.append(count(editor))
        commands.append(steps._command_list[-1])
    assert counts == sorted(set(counts)) and steps.n_commands() == LIMIT
    assert [has_voxels(one) for one in commands] == [[False, False]] * 2 + [[True, True]] * 3
    for expected in counts[-2:-5:-1]:
        steps.undo()
        assert count(editor) == expected
    assert not steps.can_undo()
    steps.redo()
    assert count(editor) == counts[3]


def test_steps_taken_back_are_emptied_by_the_next_and_all_by_clearing(painted):
    app, steps = painted
    editor = app.segmentation_editor
    paint(editor, 6)
    paint(editor, 7)
    first, second = steps._command_list
    steps.undo()
    paint(editor, 8)
    assert has_voxels(second) == [False, False] and has_voxels(first) == [True, True]
    now = count(editor)
    steps.clear()
    assert has_voxels(first) == [False, False] and not steps.can_undo() and count(editor) == now


class Recorder:
    """A view, the interactor of it and what sends its pictures in one."""

    def __init__(self, drawn: list[str], name: str) -> None:
        self.drawn, self.name, self.observers, self.strategy = drawn, name, {}, None

    def interactor(self) -> Recorder:
        return self

    def AddObserver(self, event: str, callback: Any, _priority: float) -> None:  # noqa: N802 - as VTK calls it
        self.observers[event] = callback

    def set_scheduled_render(self, strategy: Any) -> None:
        self.strategy = strategy

    def schedule_render(self) -> None:
        self.drawn.append(self.name)


def test_the_view_under_the_hand_is_drawn_at_once_and_each_other_once_behind_it():
    from spinemr.webapp.turns import Turns

    drawn: list[str] = []

    async def drive() -> list[str]:
        turns = Turns()
        axial, sagittal, surfaces = views = [Recorder(drawn, name) for name in ("axial", "sagittal", "3d")]
        for view in views:
            turns.watch(view, view)
        for view in views:
            view.strategy.schedule_render()
        assert drawn == ["axial", "sagittal", "3d"]
        sagittal.observers["LeftButtonReleaseEvent"]()
        for view in (*views, axial):
            view.strategy.schedule_render()
        assert drawn[3:] == ["sagittal"]
        for _ in range(100):
            if len(drawn) >= 6:
                break
            await asyncio.sleep(0.02)
        surfaces.observers["MouseMoveEvent"]()
        surfaces.strategy.schedule_render()
        return drawn

    with ThreadPoolExecutor(1) as beside:  # Playwright keeps a loop of its own running in this thread
        found = beside.submit(lambda: asyncio.run(drive())).result()
    assert found == ["axial", "sagittal", "3d", "sagittal", "axial", "3d", "3d"]
