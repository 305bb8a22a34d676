"""Steps that can be taken back, without the wait of VTK where old ones are let go."""

from __future__ import annotations

from typing import Any

from undo_stack import UndoCommand, UndoStack


class UndoSteps(UndoStack):  # type: ignore[misc]
    """An undo stack that empties the states of segments which fall out of it.

    A ``vtkSegmentation`` that goes parts every segment from the voxels it shares with others first: 70 ms for a lumbar spine,
    twice with each stroke once the stack is full. One without voxels goes at once.
    """

    def push(self, command: UndoCommand) -> None:
        """Add a step; steps that were taken back go, and the oldest beyond the limit."""
        known = list(self._command_list)
        super().push(command)
        _empty([one for one in known if one not in self._command_list])

    def clear(self) -> None:
        """Let all steps go."""
        known = list(self._command_list)
        super().clear()
        _empty(known)


def _empty(commands: list[UndoCommand]) -> None:
    for command in commands:
        for state in states_of(command):
            for index in range(state.GetNumberOfSegments()):
                state.GetNthSegment(index).RemoveAllRepresentations()


def states_of(command: UndoCommand) -> list[Any]:
    """The segmentations that trame-slicer's command keeps, before and after it; none for commands without."""
    kept = getattr(command, "_segmentation_stack", None) or getattr(command, "_segmentation_state_stack", None)
    return list(getattr(kept, "_segmentation_states", ()))
