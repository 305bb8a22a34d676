"""Skin, fat, muscles, vessels and belly: what stands behind, in front of and beside the spine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinemr.synthesis.anatomy.canvas import Canvas
from spinemr.synthesis.anatomy.shapes import Reals, ellipsoid
from spinemr.synthesis.anatomy.spine import Frame, LumbarSpine, Organ, Surroundings

ALL = slice(None)
SKIN_MM = 1.8
FASCIA_MM = 0.9
MIDLINE_MM = 5.0


def paint_soft_parts(canvas: Canvas, spine: LumbarSpine) -> None:
    """Paint everything behind, in front of and beside the bones, from the skin inward."""
    around = spine.surroundings
    plane = canvas.plane
    z = plane.z.astype(float)
    lines = {name: np.interp(z, around.z, getattr(around, name)).astype(np.float32)[:, None] for name in LINES}
    y = plane.y[None, :]
    flank = 14.0 * (plane.x / around.body_half_width) ** 2
    back = lines["fascia_y"] - flank - y
    skin = back + lines["subcutaneous"]
    belly = y - lines["belly_y"] - 2.0 * flank
    canvas.cover(ALL, np.minimum(skin, belly), "skin")
    canvas.cover(ALL, np.minimum(skin, belly) - SKIN_MM, "subcutaneous_fat")
    _rub_septa(canvas, np.minimum(back, belly - around.belly_fat) < 0)
    canvas.cover(ALL, np.minimum(back + 2 * FASCIA_MM, belly - around.belly_fat), "fascia")
    canvas.cover(ALL, np.minimum(back, belly - around.belly_fat - FASCIA_MM), "muscle")
    canvas.cover(ALL, np.minimum(back - 12.0, belly - around.belly_fat - 9.0), "abdominal_fat")
    _paint_mesentery(canvas, around, lines, belly)
    _paint_organs(canvas, around.organs)
    _paint_vessels(canvas, around, lines)
    _paint_psoas(canvas, spine, lines)
    _paint_back_muscles(canvas, spine, lines, back)


LINES = ("front_y", "middle_y", "fascia_y", "subcutaneous", "belly_y")


def _rub_septa(canvas: Canvas, fat: NDArray[np.bool_]) -> None:
    """Thin dark sheets through the fat under the skin."""
    ridge = np.abs(canvas.noise["septa"])
    sheets = np.float32(1.0) - np.float32(0.4) * np.maximum(1.0 - ridge / np.float32(0.08), 0.0)
    np.copyto(canvas.texture, sheets, where=fat)
    canvas.texture += np.float32(0.03) * canvas.noise["mottle"]


def _paint_mesentery(canvas: Canvas, around: Surroundings, lines: dict[str, Reals], belly: Reals) -> None:
    """Before the great vessels fat and unresolved bowel mix in clouds."""
    columns = canvas.columns(float(lines["belly_y"].min()), float(lines["front_y"].max()) - 30.0)
    cloud = canvas.noise["cloud"][:, columns] + np.float32(0.35) * canvas.noise["mottle"][:, columns]
    before = lines["front_y"] - np.float32(30.0) - canvas.plane.y[None, columns]
    room = np.minimum(before, belly[:, columns] - np.float32(around.belly_fat + 14.0))
    share = np.clip(np.float32(0.55) * cloud + np.float32(0.15), 0.0, 0.8) * np.clip(room / np.float32(8.0), 0.0, 1.0)
    canvas.blend(ALL, columns, share, "bowel_content")


def _paint_organs(canvas: Canvas, organs: tuple[Organ, ...]) -> None:
    for organ in organs:
        if abs(canvas.plane.x - organ.centre[0]) >= organ.radii[0]:
            continue
        lean = np.radians(organ.lean_deg)
        c, s = np.cos(lean), np.sin(lean)
        frame = Frame(np.asarray(organ.centre), np.array([[1, 0, 0], [0, c, -s], [0, s, c]], dtype=float))
        reach = max(organ.radii[1:]) + 2.0
        window = canvas.window(frame, (reach, reach, reach, reach))
        if window is None:
            continue
        distance = ellipsoid(window.x, window.y, window.z, organ.radii)
        wave = 2.6 * window.y / organ.radii[1] + organ.centre[2], 2.1 * window.z / organ.radii[2] + organ.centre[0]
        distance += np.float32(0.10 * organ.radii[1]) * np.sin(wave[0]) * np.sin(wave[1])
        canvas.paint(window, distance, organ.wall)
        canvas.paint(window, distance + organ.wall_mm, organ.content, softness=1.5)


def _paint_vessels(canvas: Canvas, around: Surroundings, lines: dict[str, Reals]) -> None:
    """Aorta (left) and vena cava (right) as tubes before the bodies; the aorta forks at L4."""
    below = np.clip((around.bifurcation_z - canvas.plane.z[:, None]) / 60.0, 0.0, 1.5)
    for centre, radius, gap in ((around.aorta_x, around.aorta_radius, 4.0), (-around.aorta_x - 3.0, around.cava_radius, 2.0)):
        r = radius * (1.0 - 0.38 * np.clip(5.0 * below, 0.0, 1.0))
        winding = 4.0 * np.sin(canvas.plane.z[:, None] / 40.0 + around.texture_seed)
        offset = canvas.plane.x - (centre + winding + np.sign(centre) * 34.0 * below)
        if not (np.abs(offset) < r).any():
            continue
        middle = (lines["front_y"] - gap - radius - 6.0 * below).astype(np.float32)
        columns = canvas.columns(float(middle.min()) - radius - 2.0, float(middle.max()) + radius + 2.0)
        along = canvas.plane.y[None, columns] - middle
        depth = r - np.sqrt(along * along + offset * offset)
        canvas.cover(columns, depth, "muscle")
        canvas.cover(columns, depth - 1.2, "blood_flowing")


def _paint_psoas(canvas: Canvas, spine: LumbarSpine, lines: dict[str, Reals]) -> None:
    """A spindle beside the bodies that grows downward, then leaves forward and outward."""
    around = spine.surroundings
    drop = np.clip((np.float32(around.psoas_top_z) - canvas.plane.z[:, None]) / np.float32(130.0), 0.0, 1.6)
    radius = around.psoas_radius * np.clip(1.25 * np.sqrt(drop), 0.0, 1.0)
    centre_x = 17.0 + 0.75 * around.psoas_radius + 14.0 * np.clip(drop - 0.6, 0, 1)
    centre_y = lines["middle_y"] + 6.0 - 30.0 * np.clip(drop - 0.75, 0, 1)
    middle_x = np.interp(canvas.plane.z, spine.canal.z, spine.canal.centre_x).astype(np.float32)[:, None]
    beside = np.abs(canvas.plane.x - middle_x) - centre_x
    if not (np.abs(beside) < radius).any():
        return
    columns = canvas.columns(float((centre_y - 1.3 * radius).min()), float((centre_y + 1.3 * radius).max()))
    across = np.float32(0.8) * (canvas.plane.y[None, columns] - centre_y)
    depth = radius - np.sqrt(across * across + beside * beside)
    canvas.cover(columns, depth, "fascia")
    canvas.cover(columns, depth - 0.7, "muscle")
    _streak(canvas, columns, depth - 1.0, 1.35 - 0.8 * around.muscle_fat)


def _paint_back_muscles(canvas: Canvas, spine: LumbarSpine, lines: dict[str, Reals], back: Reals) -> None:
    """Erector spinae and multifidus with their fat; between the spinous processes a mixed ligament."""
    around = spine.surroundings
    front = np.interp(canvas.plane.z, spine.canal.z, spine.canal.front_y).astype(np.float32)[:, None]
    columns = canvas.columns(float(front.min()) - 6.0, float(lines["fascia_y"].max()) + 2.0)
    behind = canvas.plane.y[None, columns] - front
    depth = np.minimum(back[:, columns], behind - np.float32(_muscle_start(canvas.plane.x)))
    canvas.cover(columns, depth, "muscle")
    low = np.clip((np.float32(spine.centre[2] + 50.0) - canvas.plane.z[:, None]) / np.float32(130.0), 0.0, 1.2)
    deep = np.clip((np.float32(48.0) - behind) / np.float32(30.0), 0.0, 1.0)
    midline = max(0.0, 1.0 - max(abs(canvas.plane.x) - 2.5, 0.0) / (MIDLINE_MM - 2.5))
    fatty = np.float32(around.muscle_fat) * (np.float32(0.35) + np.float32(1.7) * low * deep)
    _streak(canvas, columns, depth, np.float32(0.8 - 1.7 * midline) - np.float32(2.0) * fatty)
    if abs(canvas.plane.x) < 3.0:
        canvas.cover(columns, np.float32(1.3) - np.abs(back[:, columns] - 2.0), "ligament")


def _muscle_start(x: float) -> float:
    """How far behind the front of the canal the back muscles begin: before it beside the spine, farther back outside."""
    return 4.0 if abs(x) < 22.0 else -4.0 + 0.45 * (abs(x) - 22.0)


def _streak(canvas: Canvas, columns: slice, depth: Reals, threshold: Reals | float) -> None:
    """Streaks of fat inside a muscle (depth positive inside), more where the threshold is low."""
    noise = canvas.noise["fibre"][:, columns]
    inside = depth > 0
    texture = canvas.texture[:, columns]
    np.multiply(texture, np.float32(1.0) + np.float32(0.06) * noise, out=texture, where=inside)
    share = np.where(inside, (noise - threshold) * np.float32(0.6), np.float32(0.0))
    canvas.blend(ALL, columns, np.minimum(share, np.float32(0.9)), "subcutaneous_fat")
