"""One sagittal plane of tissue, painted from back to front with soft edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinemr.synthesis.anatomy.plane import Plane
from spinemr.synthesis.anatomy.shapes import Reals
from spinemr.synthesis.anatomy.spine import Frame
from spinemr.synthesis.anatomy.texture import NoiseFields
from spinemr.synthesis.tissue_map import ByteArray, FloatArray


@dataclass(frozen=True)
class Window:
    """A rectangle of the plane with the local coordinates of some frame at its pixels."""

    rows: slice
    columns: slice
    x: FloatArray
    y: FloatArray
    z: FloatArray


class Canvas:
    """Tissues of one plane while they are being painted."""

    def __init__(self, plane: Plane, tissue_ids: dict[str, int], texture_seed: int, ground: str = "air") -> None:
        shape = (plane.z.size, plane.y.size)
        self.plane = plane
        self.ids = tissue_ids
        self.noise = NoiseFields(plane, texture_seed)
        self.under: ByteArray = np.full(shape, tissue_ids[ground], dtype=np.uint8)
        self.over: ByteArray = self.under.copy()
        self.mix: FloatArray = np.zeros(shape, dtype=np.float32)
        self.texture: FloatArray = np.ones(shape, dtype=np.float32)
        self.labels: ByteArray = np.zeros(shape, dtype=np.uint8)

    def window(self, frame: Frame, reach: tuple[float, float, float, float]) -> Window | None:
        """The pixels around what a frame reaches (front, back, down, up along its own axes), or None where out of view."""
        a, origin = frame.axes, frame.origin
        depths = [a[1, 1] * y + a[1, 2] * z for y in (-reach[0], reach[1]) for z in (-reach[2], reach[3])]
        heights = [a[2, 1] * y + a[2, 2] * z for y in (-reach[0], reach[1]) for z in (-reach[2], reach[3])]
        columns = _between(self.plane.y, origin[1] + min(depths), origin[1] + max(depths))
        rows = _between(self.plane.z, origin[2] + min(heights), origin[2] + max(heights))
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return None
        return Window(rows, columns, *self._local(frame, rows, columns))

    def _local(self, frame: Frame, rows: slice, columns: slice) -> tuple[FloatArray, FloatArray, FloatArray]:
        dx = self.plane.x - frame.origin[0]
        dy = self.plane.y[columns] - np.float32(frame.origin[1])
        dz = self.plane.z[rows] - np.float32(frame.origin[2])
        a = frame.axes.astype(np.float32)
        local = [dz[:, None] * a[2, k] + (dy[None, :] * a[1, k] + np.float32(dx) * a[0, k]) for k in range(3)]
        return local[0], local[1], local[2]

    def columns(self, low: float, high: float) -> slice:
        """The columns between two depths y (mm)."""
        return _between(self.plane.y, low, high)

    def cover(self, columns: slice, depth: Reals, tissue: str, label: int | None = None, softness: float = 0.0) -> None:
        """Paint, over all rows of some columns, where the depth below a surface is positive."""
        share = np.float32(0.5) + depth / np.float32(max(self.plane.pixel, softness))
        self.blend(slice(None), columns, share, tissue, label)

    def paint(self, window: Window, distance: Reals, tissue: str, label: int | None = None, softness: float = 0.0) -> None:
        """Cover the pixels inside a shape; pixels its edge crosses keep both tissues and their share."""
        share = 0.5 - distance / np.float32(max(self.plane.pixel, softness))
        self.blend(window.rows, window.columns, share, tissue, label)

    def blend(self, rows: slice, columns: slice, share: Reals, tissue: str, label: int | None = None) -> None:
        """Cover a rectangle with a tissue by its share (clipped to 0..1) in each pixel."""
        touched = share > 0.02
        if not touched.any():
            return
        under, over, mix = self.under[rows, columns], self.over[rows, columns], self.mix[rows, columns]
        np.copyto(under, over, where=touched & (mix > 0.5))
        np.copyto(over, np.uint8(self.ids[tissue]), where=touched)
        np.copyto(mix, np.minimum(share, np.float32(1.0)), where=touched, casting="same_kind")
        if label is not None:
            np.copyto(self.labels[rows, columns], np.uint8(label), where=share > 0.5)

    def rub(self, window: Window, inside: Reals, texture: Reals) -> None:
        """Multiply the texture where ``inside`` is negative (a distance)."""
        target = self.texture[window.rows, window.columns]
        np.copyto(target, texture, where=inside < 0)


def _between(axis: FloatArray, low: float, high: float) -> slice:
    """Indices of an evenly spaced axis (rising or falling) whose values lie between two numbers."""
    step = float(axis[1] - axis[0])
    ends = sorted(((low - float(axis[0])) / step, (high - float(axis[0])) / step))
    start = min(max(int(np.floor(ends[0])), 0), axis.size)
    return slice(start, min(max(int(np.ceil(ends[1])) + 1, start), axis.size))
