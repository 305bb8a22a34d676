"""Pedicle screws: metal leaves a void larger than itself, with a bright rim where signal piles up."""

from __future__ import annotations

import numpy as np

from spinemr.synthesis.anatomy.canvas import Canvas
from spinemr.synthesis.anatomy.shapes import capsule, ellipsoid, smooth_union
from spinemr.synthesis.anatomy.spine import Vertebra

BLOOMING_MM = 3.5


def paint_screws(canvas: Canvas, bone: Vertebra) -> None:
    """Screws through both pedicles with their heads; labels below keep the true anatomy."""
    if not bone.screws or bone.arch is None:
        return
    window = canvas.window(bone.frame, (30.0, 70.0, 34.0, 34.0))
    if window is None:
        return
    px, back = bone.arch.pedicle_x, bone.body.depth / 2
    x, y, z = np.abs(window.x), window.y, window.z
    shaft = capsule(x, y, z, (px - 5.0, -0.2 * back, 3.0), (px + 2.0, back + 22.0, 6.0), (3.0, 3.4))
    head = ellipsoid(x - px - 3.0, y - back - 27.0, z - 7.0, (7.0, 7.0, 8.0))
    metal = smooth_union(shaft, head, 3.0)
    if float(metal.min()) > BLOOMING_MM + 4.0:
        return
    wobble = 1.3 * np.sin(0.23 * y + 0.11 * z)
    canvas.paint(window, np.abs(metal - BLOOMING_MM - 1.5 + wobble) - 1.0, "csf", softness=3.0)
    canvas.paint(window, metal - BLOOMING_MM + wobble, "metal", softness=1.5)
