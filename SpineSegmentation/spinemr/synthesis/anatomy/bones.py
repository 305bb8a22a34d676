"""Vertebral bodies with concave end plates, and the arches behind them."""

from __future__ import annotations

from functools import reduce

import numpy as np

from spinemr.imaging.anatomy import posterior_of
from spinemr.synthesis.anatomy.canvas import Canvas, Window
from spinemr.synthesis.anatomy.shapes import Reals, capsule, ellipsoid, rounded_box, rounded_corner, smooth_union
from spinemr.synthesis.anatomy.spine import Body, Endplate, PosteriorArch, Vertebra

CORTEX_OF_ARCH_MM = 0.9
LARGE = np.float32(50.0)


def outline(body: Body, x: Reals) -> Reals:
    """Half depth of a body at a distance from its middle plane, as a share of the full one (0 outside)."""
    share = np.minimum(np.abs(x) * (2.0 / body.width), 1.0)
    result: Reals = np.sqrt(1.0 - share * share * share)
    return result


def endplate_z(body: Body, plate: Endplate, x: Reals, y: Reals) -> Reals:
    """Height of an end plate over the middle of its body (lower ones: depth under it), always positive."""
    s = y * (2.0 / body.depth)
    t = x * (2.0 / body.width)
    rim = 0.25 * (body.height_anterior * (1.0 - s) + body.height_posterior * (1.0 + s))
    off_centre = s - plate.deepest_at * (1.0 - s * s)
    dip = plate.concavity * np.maximum(1.0 - (off_centre * off_centre + t * t), 0.0)
    if plate.schmorl_depth > 0:
        dx, dy = x - plate.schmorl_at[0], y - plate.schmorl_at[1]
        dip = dip + plate.schmorl_depth * np.maximum(1.0 - (dx * dx + dy * dy) / plate.schmorl_radius**2, 0.0)
    result: Reals = rim - dip
    return result


def body_distance(body: Body, x: Reals, y: Reals, z: Reals) -> Reals:
    """Distance from the surface of a body, negative inside."""
    share = outline(body, x)
    level = np.clip(z * (2.0 / body.height), -1.0, 1.0)
    waist = 1.0 - level * level
    if body.taper:
        share = share * (1.0 - 0.5 * body.taper * (1.0 - level))
    front = -0.5 * body.depth * share + body.waist * waist
    t = x * (2.0 / body.width)
    back = 0.5 * body.depth * share - body.back_hollow * np.maximum(1.0 - 2.0 * t * t, 0.0) - 0.4 * body.waist * waist
    for length, side in zip(body.osteophytes, (1.0, -1.0), strict=True):
        if length > 0:
            front = front - length * np.clip((side * level - 0.55) / 0.45, 0.0, 1.0) ** 2
    sides = np.maximum(np.maximum(front - y, y - back), np.abs(x) - 0.5 * body.width)
    top = z - endplate_z(body, body.upper, x, y)
    bottom = -z - endplate_z(body, body.lower, x, y)
    rounding = 1.6
    return rounded_corner(sides + rounding, np.maximum(top, bottom) + rounding, rounding)


def arch_distance(bone: Vertebra, arch: PosteriorArch, window: Window) -> Reals:
    """Distance from pedicles, laminae and processes together; parts the plane cannot meet are skipped."""
    x, y, z = np.abs(window.x), window.y - bone.body.depth / 2, window.z
    nearest, farthest = float(x.min()), float(x.max())
    parts: list[Reals] = []
    if farthest < 12.0:
        parts.append(_spinous_process(arch, x, y, z))
    if nearest < arch.pedicle_x + 4.0:
        parts.append(_lamina(bone.body, arch, x, y, z))
    if abs(nearest - arch.pedicle_x) < 18.0:
        parts += _lateral_parts(bone.body, arch, x, y, z)
    if farthest > arch.pedicle_x + 2.0:
        parts.append(_transverse_process(bone.body, arch, x, y, z))
    if not parts:
        return np.full(x.shape, LARGE, dtype=np.float32)
    return reduce(lambda a, b: smooth_union(a, b, 2.0), parts)


def _transverse_process(body: Body, arch: PosteriorArch, x: Reals, y: Reals, z: Reals) -> Reals:
    """A flat bar from the pedicle outward."""
    start = (arch.pedicle_x + 2.0, 0.5 * arch.canal_depth, 0.75 * 0.12 * body.height)
    end = (start[0] + arch.transverse_length, 0.8 * arch.canal_depth, 0.12 * body.height + 2.0)
    return capsule(x, y, 0.75 * z, start, end, (4.2, 3.2))


def _spinous_process(arch: PosteriorArch, x: Reals, y: Reals, z: Reals) -> Reals:
    """A plate in the midline that leans down, thicker at its lower tip."""
    lean = np.radians(arch.spinous_tilt_deg)
    c, s = np.float32(np.cos(lean)), np.float32(np.sin(lean))
    yy, zz = y - (arch.canal_depth + 1.0), z + 4.0
    along, across = c * yy - s * zz, s * yy + c * zz
    half = arch.spinous_length / 2
    taper = np.clip(along / arch.spinous_length, 0.0, 1.0)
    plate = rounded_box(
        x, along - half, across * (1.12 - 0.24 * taper), (arch.spinous_thickness / 2, half, arch.spinous_height / 2), 2.4
    )
    tip = capsule(
        x * 0.9,
        along,
        across,
        (0, 2 * half - 4.5, -0.5 * arch.spinous_height + 3),
        (0, 2 * half - 4, 0.3 * arch.spinous_height),
        (4.6, 3.6),
    )
    return smooth_union(plate, tip, 3.0)


def _lamina(body: Body, arch: PosteriorArch, x: Reals, y: Reals, z: Reals) -> Reals:
    """The plate from the pedicle to the midline; it leans back toward its lower edge."""
    dx, dy = arch.pedicle_x - 1.0, -0.55 * arch.canal_depth
    length = float(np.hypot(dx, dy))
    ux, uy = dx / length, dy / length
    px, py = x - 0.0, y - (arch.canal_depth + 2.0) + 0.30 * (z + 4.0)
    along, across = px * ux + py * uy, -px * uy + py * ux
    half = (length / 2 + 1.5, 3.5, 0.37 * body.height)
    return rounded_box(along - length / 2, across, z + 0.20 * body.height, half, 3.0)


def _lateral_parts(body: Body, arch: PosteriorArch, x: Reals, y: Reals, z: Reals) -> tuple[Reals, ...]:
    """Pedicle, upper and lower articular process of one side."""
    height, depth, px, size = body.height, arch.canal_depth, arch.pedicle_x, arch.facet_size
    half = (arch.pedicle_width / 2, 0.35 * depth + 3.0, arch.pedicle_height / 2)
    pedicle = rounded_box(x - px, y - 0.35 * depth + 1.5, z - 0.17 * height, half, 0.45 * arch.pedicle_width)
    upper = capsule(
        x, y, z, (px + 1, 0.62 * depth, 0.15 * height), (px + 3.5, 0.66 * depth, 0.22 * height + 14), (5.0, 3.4 * size)
    )
    low_start = (px - 2.5, 1.1 * depth, -0.42 * height) if arch.pars_defect else (px - 0.5, 0.8 * depth, -0.05 * height)
    lower = capsule(x, y, z, low_start, (px - 0.5, 1.22 * depth, -0.5 * height - 8.5), (5.4, 4.5 * size))
    return pedicle, upper, lower


def paint_vertebra(canvas: Canvas, bone: Vertebra, marrow_texture: Reals, relief: Reals) -> None:
    """Paint a vertebra: cortex first, marrow inside it, labels by body and posterior elements.

    ``relief`` (mm, of the plane's shape) roughens the surfaces.
    """
    across = abs(float((canvas.plane.x - bone.frame.origin[0]) * bone.frame.axes[0, 0]))
    if across > _half_reach(bone):
        return
    arch = _arch_window(canvas, bone, relief)
    body = _body_window(canvas, bone, relief)
    if arch is not None:
        canvas.paint(*arch, "cortical_bone", posterior_of(bone.label))
    if body is not None:
        canvas.paint(*body, "cortical_bone", int(bone.label))
    if arch is not None:
        canvas.paint(arch[0], arch[1] + CORTEX_OF_ARCH_MM, "marrow_posterior")
        canvas.rub(*arch, marrow_texture[arch[0].rows, arch[0].columns])
    if body is not None:
        canvas.paint(body[0], body[1] + bone.body.cortex, bone.marrow)
        canvas.rub(*body, marrow_texture[body[0].rows, body[0].columns])
        _paint_inside(canvas, bone, *body)


def _body_window(canvas: Canvas, bone: Vertebra, relief: Reals) -> tuple[Window, Reals] | None:
    """The pixels around a body and their distance from it."""
    deep, high = 0.5 * bone.body.depth + 7.0, 0.5 * bone.body.height + 5.0
    window = canvas.window(bone.frame, (deep, deep, high, high))
    if window is None:
        return None
    return window, body_distance(bone.body, window.x, window.y, window.z) + relief[window.rows, window.columns]


def _arch_window(canvas: Canvas, bone: Vertebra, relief: Reals) -> tuple[Window, Reals] | None:
    """The pixels around an arch and their distance from it."""
    if bone.arch is None:
        return None
    high = 0.5 * bone.body.height
    drop = bone.arch.spinous_length * float(np.sin(np.radians(max(bone.arch.spinous_tilt_deg, 0.0))))
    reach = (8.0 - 0.5 * bone.body.depth, 0.5 * bone.body.depth + arch_reach(bone.arch), high + 20.0 + drop, high + 14.0)
    window = canvas.window(bone.frame, reach)
    if window is None:
        return None
    return window, arch_distance(bone, bone.arch, window) + 1.5 * relief[window.rows, window.columns]


def arch_reach(arch: PosteriorArch) -> float:
    """How far behind the body the arch can reach, in mm."""
    return arch.canal_depth + arch.spinous_length + 8.0


def _half_reach(bone: Vertebra) -> float:
    if bone.arch is None:
        return bone.body.width / 2 + 2.0
    return max(bone.body.width / 2, bone.arch.pedicle_x + bone.arch.transverse_length + 6.0) + 2.0


def _paint_inside(canvas: Canvas, bone: Vertebra, window: Window, body: Reals) -> None:
    """Basivertebral vein and whatever lesions this body has."""
    x, y, z = window.x, window.y, window.z
    core = body + bone.body.cortex
    shape = bone.body
    if shape.vein > 0 and float(np.abs(x).min()) < 7.0:
        from_back = 0.5 * shape.depth - shape.back_hollow - y
        wedge = np.abs(z - 0.5) - shape.vein * np.clip(1.9 - 0.17 * from_back, 0.25, 2.4)
        reach = np.maximum(from_back - 10.0, np.abs(x) - 5.5)
        canvas.paint(window, np.maximum(np.maximum(wedge, reach), body + 0.1), "blood_slow", softness=1.3)
    for kind, upper in zip(bone.modic, (True, False), strict=True):
        if kind:
            plate = endplate_z(shape, shape.upper if upper else shape.lower, x, y)
            depth = plate - (z if upper else -z)
            ragged = depth - 9.5 + 0.22 * np.abs(y + 0.1 * shape.depth) + 0.12 * np.abs(x)
            canvas.paint(window, np.maximum(ragged, core + 0.3), f"modic_{kind}", softness=2.6)
    if bone.haemangioma_radius > 0:
        cx, cy, cz = bone.haemangioma_at
        r = bone.haemangioma_radius
        canvas.paint(
            window, np.maximum(ellipsoid(x - cx, y - cy, z - cz, (r, r, r * 0.9)), core + 0.3), "haemangioma", softness=1.2
        )
    if bone.fracture_oedema:
        band = np.abs(z - 0.25 * shape.height) - 0.22 * shape.height
        canvas.paint(window, np.maximum(band, core + 0.3), "modic_1", softness=4.0)
