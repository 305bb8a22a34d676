"""Window and level of a volume as two shares of its range, for a slider with two handles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import slicer

STEPS = 200
"""Steps of the slider, from the darkest voxel to the brightest."""


def contrast_of(volume: slicer.vtkMRMLScalarVolumeNode) -> list[int]:
    """What is black and what is white, in steps of the slider."""
    darkest, width = _range(volume)
    display = volume.GetScalarVolumeDisplayNode()
    ends = (display.GetWindowLevelMin(), display.GetWindowLevelMax())
    return [min(max(round(STEPS * (end - darkest) / width), 0), STEPS) for end in ends]


def set_contrast(volume: slicer.vtkMRMLScalarVolumeNode, black: float, white: float) -> None:
    """Show as black and white what lies so many steps up the range."""
    darkest, width = _range(volume)
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(darkest + width * black / STEPS, darkest + width * max(white, black + 1) / STEPS)


def set_automatic(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """As the volume was shown first."""
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetAutoWindowLevel(True)


def _range(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[float, float]:
    darkest, brightest = volume.GetImageData().GetScalarRange()
    return darkest, max(brightest - darkest, 1e-9)
