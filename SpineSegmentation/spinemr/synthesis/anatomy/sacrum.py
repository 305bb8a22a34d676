"""Sacrum: five fused bodies with remnant discs, wings, crest; and the iliac bones beside it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spinemr.imaging.anatomy import Anatomy, posterior_of
from spinemr.synthesis.anatomy.bones import body_distance
from spinemr.synthesis.anatomy.canvas import Canvas
from spinemr.synthesis.anatomy.shapes import Reals, capsule, ellipsoid, rounded_box, smooth_union
from spinemr.synthesis.anatomy.spine import Frame, LumbarSpine, Vertebra

FAR = 1e6


def paint_sacrum(canvas: Canvas, spine: LumbarSpine, marrow_texture: Reals) -> None:
    """Paint the sacrum's back wall and wings, then its bodies, each with the remnant of the disc below."""
    _paint_iliac(canvas, spine.sacrum[0].frame, marrow_texture)
    _paint_wing(canvas, spine, marrow_texture)
    for number, segment in enumerate(spine.sacrum):
        _paint_back_wall(canvas, segment, number, marrow_texture)
    for upper, lower in pairwise(spine.sacrum):
        _paint_remnant(canvas, upper, lower)
    for segment in reversed(spine.sacrum):
        _paint_segment(canvas, segment, marrow_texture)


def _paint_segment(canvas: Canvas, segment: Vertebra, texture: Reals) -> None:
    shape = segment.body
    reach = 0.5 * shape.depth + 5.0
    window = canvas.window(segment.frame, (reach, reach, shape.height, shape.height))
    if window is None or float(np.abs(window.x).min()) > shape.width / 2:
        return
    distance = body_distance(shape, window.x, window.y, window.z)
    canvas.paint(window, distance, "cortical_bone", Anatomy.SACRUM)
    canvas.paint(window, distance + shape.cortex, segment.marrow)
    canvas.rub(window, distance, texture[window.rows, window.columns])


def _paint_remnant(canvas: Canvas, upper: Vertebra, lower: Vertebra) -> None:
    """The thin disc that is left between two sacral segments, broken at its rim."""
    frame = Frame(0.5 * (upper.bottom + lower.top), upper.frame.axes)
    window = canvas.window(frame, (20.0, 20.0, 14.0, 14.0))
    if window is None:
        return
    half = (0.42 * lower.body.width, 0.47 * lower.body.depth, 3.2)
    distance = rounded_box(window.x, window.y, window.z, half, 1.5)
    canvas.paint(window, distance - 0.8, "marrow", Anatomy.SACRUM)
    canvas.paint(
        window, rounded_box(window.x, window.y, window.z, (half[0] * 0.85, half[1] * 0.78, 2.6), 1.2), "annulus", Anatomy.SACRUM
    )
    core = rounded_box(window.x, window.y, window.z, (half[0] * 0.6, half[1] * 0.5, 1.1), 0.8)
    canvas.paint(window, core, "disc_nucleus_III", softness=1.2)


def _paint_wing(canvas: Canvas, spine: LumbarSpine, texture: Reals) -> None:
    """The wings of S1-S3 beside the bodies; in a sacralised L5 they reach up to it."""
    top = spine.sacrum[0]
    window = canvas.window(top.frame, (32.0, 36.0, 80.0, 45.0))
    x_min = 0.0 if window is None else float(np.abs(window.x).min())
    if window is None or x_min < 0.28 * top.body.width:
        return
    x, y, z = np.abs(window.x), window.y, window.z
    lift = 16.0 if spine.sacralised else 0.0
    wing = smooth_union(
        ellipsoid(x - 30.0, y - 3.0, z + 12.0 - 0.5 * lift, (25.0, 17.0, 24.0 + 0.5 * lift)),
        ellipsoid(x - 24.0, y - 6.0, z + 42.0, (18.0, 10.0, 28.0)),
        6.0,
    )
    for depth, radius in ((26.0, 5.0), (52.0, 4.0)):
        hole = ellipsoid(x - 23.0, (y - 4.0) * 0.2, z + depth, (radius, radius, radius))
        wing = np.maximum(wing, -hole)
    canvas.paint(window, wing, "cortical_bone", Anatomy.SACRUM)
    canvas.paint(window, wing + 0.8, top.marrow)
    canvas.rub(window, wing, texture[window.rows, window.columns])


def _paint_back_wall(canvas: Canvas, segment: Vertebra, number: int, texture: Reals) -> None:
    """Laminae and median crest behind the sacral canal; open below S4."""
    if number > 3:
        return
    shape = segment.body
    canal = 15.0 - 2.6 * number
    window = canvas.window(segment.frame, (2.0, 0.5 * shape.depth + canal + 22.0, shape.height, shape.height))
    if window is None:
        return
    y = window.y - 0.5 * shape.depth - canal
    wall = rounded_box(window.x, y + 0.004 * window.x**2, window.z, (0.40 * shape.width, 3.8, 0.46 * shape.height), 3.0)
    crest = rounded_box(window.x, y - 5.0, window.z, (3.0, 7.5 - 1.2 * number, 0.30 * shape.height), 2.5)
    distance = smooth_union(wall, crest, 3.0)
    if number == 0:
        x = np.abs(window.x)
        facet = capsule(x, y, window.z, (17.0, -5.0, 2.0), (21.0, -6.0, 0.5 * shape.height + 5.0), (6.0, 4.5))
        distance = smooth_union(distance, facet, 3.0)
    canvas.paint(window, distance, "cortical_bone", posterior_of(Anatomy.SACRUM))
    canvas.paint(window, distance + 0.8, segment.marrow)
    canvas.rub(window, distance, texture[window.rows, window.columns])


def _paint_iliac(canvas: Canvas, frame: Frame, texture: Reals) -> None:
    """The iliac bone behind and outside the wing: drawn, not labelled."""
    window = canvas.window(frame, (60.0, 50.0, 80.0, 70.0))
    if window is None or float(np.abs(window.x).min()) < 30.0:
        return
    x = np.abs(window.x) - 64.0 + 0.35 * (window.y - 10.0)
    distance = ellipsoid(x, window.y - 12.0, window.z - 2.0, (11.0, 46.0, 50.0))
    canvas.paint(window, distance, "cortical_bone")
    canvas.paint(window, distance + 1.1, "marrow")
    canvas.rub(window, distance, texture[window.rows, window.columns])
