"""Draw an anatomy on sagittal planes: from :class:`LumbarSpine` to a :class:`TissueMap`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.synthesis.anatomy.bones import paint_vertebra
from spinemr.synthesis.anatomy.canal import paint_canal
from spinemr.synthesis.anatomy.canvas import Canvas
from spinemr.synthesis.anatomy.discs import paint_disc, paint_herniation
from spinemr.synthesis.anatomy.hardware import paint_screws
from spinemr.synthesis.anatomy.plane import Plane
from spinemr.synthesis.anatomy.sacrum import paint_sacrum
from spinemr.synthesis.anatomy.soft_parts import paint_soft_parts
from spinemr.synthesis.anatomy.spine import LumbarSpine
from spinemr.synthesis.tissue_map import TissueMap
from spinemr.synthesis.tissues import TISSUES

TISSUE_NAMES = tuple(TISSUES)
RELIEF_MM = 0.22
"""How far (standard deviation) the surface of a bone strays from its smooth shape."""
TISSUE_IDS = {name: number for number, name in enumerate(TISSUE_NAMES)}


@dataclass(frozen=True)
class SagittalGrid:
    """Where sagittal slices lie: middle of the stack, slice count, matrix, spacing, thickness (all mm)."""

    centre: tuple[float, float, float]
    slices: int
    rows: int
    columns: int
    spacing_mm: tuple[float, float, float]
    """Slice distance, row and column spacing."""
    thickness_mm: float
    sub_slices: int = 1

    def offsets(self, count: int, spacing: float) -> np.ndarray:
        """Positions of evenly spaced samples about zero."""
        return (np.arange(count) - (count - 1) / 2.0) * spacing

    def planes(self) -> list[Plane]:
        """Every sub-slice from right to left: rows run from head to foot, columns from front to back."""
        y = (self.centre[1] + self.offsets(self.columns, self.spacing_mm[2])).astype(np.float32)
        z = (self.centre[2] - self.offsets(self.rows, self.spacing_mm[1])).astype(np.float32)
        within = self.offsets(self.sub_slices, self.thickness_mm / self.sub_slices)
        centres = self.centre[0] + self.offsets(self.slices, self.spacing_mm[0])
        return [Plane(float(x + dx), y, z) for x in centres for dx in within]


def render_plane(spine: LumbarSpine, plane: Plane) -> Canvas:
    """Paint one plane from the background to the bones."""
    around = spine.surroundings
    canvas = Canvas(plane, TISSUE_IDS, around.texture_seed)
    paint_soft_parts(canvas, spine)
    paint_canal(canvas, spine)
    grain, mottle, cloud = (canvas.noise[kind] for kind in ("grain", "mottle", "cloud"))
    relief = np.float32(RELIEF_MM) * mottle
    marrow = np.float32(1.0) + 0.055 * grain + np.float32(around.marrow_mottling) * (mottle + 0.5 * cloud)
    for disc in spine.discs:
        paint_disc(canvas, disc, 1.0 + 0.03 * grain + 0.06 * mottle)
    paint_sacrum(canvas, spine, marrow)
    for bone in spine.vertebrae:
        paint_vertebra(canvas, bone, marrow, relief)
    for disc in spine.discs:
        paint_herniation(canvas, disc)
    for bone in spine.vertebrae:
        paint_screws(canvas, bone)
    return canvas


def render(spine: LumbarSpine, grid: SagittalGrid, progress: ProgressCallback = silent) -> TissueMap:
    """Draw the anatomy on a grid."""
    canvases = []
    planes = grid.planes()
    for number, plane in enumerate(planes):
        progress(Progress("drawing anatomy", number / len(planes), f"slice {number // grid.sub_slices + 1} of {grid.slices}"))
        canvases.append(render_plane(spine, plane))
    return TissueMap(
        under=np.stack([c.under for c in canvases]),
        over=np.stack([c.over for c in canvases]),
        mix=np.stack([c.mix for c in canvases]),
        texture=np.stack([c.texture for c in canvases]),
        labels=np.stack([c.labels for c in canvases]),
        tissues=tuple(TISSUES.values()),
        spacing_mm=grid.spacing_mm,
        thickness_mm=grid.thickness_mm,
        sub_slices=grid.sub_slices,
    )
