"""Spinal canal: epidural fat, ligaments, dural sac with its fluid, cord to the conus, cauda equina, foramina."""

from __future__ import annotations

import numpy as np

from spinemr.imaging.anatomy import Anatomy
from spinemr.synthesis.anatomy.canvas import Canvas
from spinemr.synthesis.anatomy.shapes import Reals, capsule, ellipsoid
from spinemr.synthesis.anatomy.spine import Canal, LumbarSpine, Vertebra
from spinemr.synthesis.anatomy.texture import STEP_MM, TILE, tile

DURA_MM = 0.5
CONUS_LENGTH_MM = 28.0


def paint_canal(canvas: Canvas, spine: LumbarSpine) -> None:
    """Paint the canal of a plane from its fat inward; bones and discs painted later cut it."""
    canal = spine.canal
    for bone in spine.vertebrae:
        _paint_foramen(canvas, bone)
    rows = {name: np.interp(canvas.plane.z, canal.z, getattr(canal, name)).astype(np.float32)[:, None] for name in KNOTS}
    upright = _upright(canal, canvas.plane.z)
    offset = (canvas.plane.x - rows["centre_x"]) / rows["half_width"]
    if float(np.abs(offset).min()) >= 1.0:
        return
    round_off = np.sqrt(np.maximum(1.0 - offset * offset, 0.0))
    columns = canvas.columns(float(rows["front_y"].min()) - 6.0, float((rows["front_y"] + rows["depth"]).max()) + 8.0)
    y = canvas.plane.y[None, columns] - rows["front_y"]
    outside = np.where(np.abs(offset) < 1.0, np.float32(0.0), np.float32(50.0))
    front, back = (1 - round_off) * 0.25 * rows["depth"], rows["depth"] * (0.35 + 0.65 * round_off)
    wall = np.maximum(np.maximum(front - y, y - back) * upright, outside)
    if 2.5 < abs(canvas.plane.x - float(rows["centre_x"].mean())) < 11.0:
        canvas.cover(columns, 3.5 - wall, "ligament")
    canvas.cover(columns, 1.2 - wall, "ligament")
    canvas.cover(columns, -wall, "epidural_fat")
    _paint_sac(canvas, spine, columns, rows, y, upright)


KNOTS = ("front_y", "centre_x", "depth", "half_width", "sac_depth", "anterior_fat")


def _upright(canal: Canal, z: Reals) -> Reals:
    """Cosine of the canal's lean at each row: turns distances along y into distances across the canal."""
    slope = np.interp(z, canal.z, np.gradient(canal.front_y, canal.z))
    result: Reals = (1.0 / np.sqrt(1.0 + slope * slope))[:, None].astype(np.float32)
    return result


def _paint_sac(canvas: Canvas, spine: LumbarSpine, columns: slice, rows: dict[str, Reals], y: Reals, upright: Reals) -> None:
    """Dura, fluid, roots and cord."""
    canal = spine.canal
    z = canvas.plane.z[:, None]
    taper = np.sqrt(np.clip((z - np.float32(canal.sac_end_z)) / np.float32(16.0), 0.0, 1.0))
    offset = (canvas.plane.x - rows["centre_x"]) / (0.82 * rows["half_width"] * np.maximum(taper, 0.05))
    round_off = np.sqrt(np.maximum(1.0 - offset * offset, 0.0))
    depth = rows["sac_depth"] * taper
    middle = rows["anterior_fat"] + 0.5 * rows["sac_depth"]
    half = 0.5 * depth * round_off
    inside = np.where(half > 0.15, (np.abs(y - middle) - half) * upright, np.float32(50.0))
    canvas.cover(columns, DURA_MM - inside, "ligament")
    canvas.cover(columns, -inside, "csf", Anatomy.CANAL)
    _paint_roots(canvas, canal, columns, y - (middle - half), half, inside)
    _paint_cord(canvas, canal, columns, rows, y - middle, upright)


def _paint_roots(canvas: Canvas, canal: Canal, columns: slice, from_front: Reals, half: Reals, inside: Reals) -> None:
    """Strands of the cauda equina: lie toward the back, thin out downward, crowd in a narrow canal."""
    z = canvas.plane.z
    step = int(np.floor(canvas.plane.x / 1.8))
    shift = ((canal.root_seed + step) * 2654435761) & 0x7FFFFFFF
    row = (np.floor(0.45 * z / STEP_MM).astype(np.intp) + shift % TILE) % TILE
    column = (np.floor(0.9 * from_front / STEP_MM).astype(np.intp) + (shift // TILE) % TILE) % TILE
    strands = tile("streak")[row[:, None], column]
    height = np.clip((z[:, None] - canal.sac_end_z) / max(canal.conus_z - canal.sac_end_z, 1.0), 0.0, 1.0)
    backward = np.clip(from_front / np.maximum(2 * half, 1.0), 0.0, 1.0) - 0.5
    density = 0.95 * height + 1.3 * backward + canal.root_crowding - 1.0
    below = np.clip((canal.conus_z + CONUS_LENGTH_MM - z[:, None]) / 20.0, 0.0, 1.0)
    share = np.clip((strands + density) * 0.8, 0.0, 0.75) * below * np.clip(-inside / 0.8, 0.0, 1.0)
    canvas.blend(slice(None), columns, share.astype(np.float32), "nerve_root")


def _paint_cord(canvas: Canvas, canal: Canal, columns: slice, rows: dict[str, Reals], y: Reals, upright: Reals) -> None:
    """Cord with a lumbar swelling that ends as a cone."""
    z = canvas.plane.z[:, None].astype(np.float32)
    if float(z.max()) < canal.conus_z:
        return
    cone = np.sqrt(np.clip((z - canal.conus_z) / CONUS_LENGTH_MM, 0.0, 1.0))
    swelling = 1.0 + 0.12 * np.exp(-(((z - canal.conus_z - 45.0) / 18.0) ** 2))
    half = 0.5 * canal.cord_depth * cone * swelling
    across = (canvas.plane.x - rows["centre_x"]) / np.maximum(1.25 * half, 0.01)
    half = half * np.sqrt(np.maximum(1.0 - across * across, 0.0))
    depth = np.where(half > 0.2, (half - np.abs(y - 0.05 * rows["sac_depth"])) * upright, np.float32(-50.0))
    canvas.cover(columns, depth, "cord", Anatomy.CORD, softness=1.0)


def _paint_foramen(canvas: Canvas, bone: Vertebra) -> None:
    """Fat of the foramen below a pedicle with the root ganglion in its upper part."""
    arch = bone.arch
    if arch is None:
        return
    reach = 0.5 * bone.body.depth
    window = canvas.window(bone.frame, (4.0, reach + 26.0, 0.5 * bone.body.height + 26.0, 4.0))
    if window is None or not arch.pedicle_x - 7 < abs(float(np.abs(window.x).mean())) < arch.pedicle_x + 16:
        return
    x, y, z = np.abs(window.x) - arch.pedicle_x, window.y - reach, window.z + 0.5 * bone.body.height
    fat = ellipsoid(x - 3.0, y - 0.30 * arch.canal_depth, z + 2.0, (13.0, 0.62 * arch.canal_depth, 14.5))
    canvas.paint(window, fat, "epidural_fat", softness=1.5)
    root = capsule(x, y, z, (-5.0, 9.0, 5.0), (16.0, 2.0, -9.0), (2.6, 3.0))
    canvas.paint(window, root, "nerve_root")
    vessel = capsule(x, y, z, (-3.0, 4.0, -1.0), (12.0, 0.0, -6.0), (1.0, 1.2))
    canvas.paint(window, vessel, "blood_flowing")
