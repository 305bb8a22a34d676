"""Discs: annulus, nucleus by Pfirrmann grade, bulge, herniation."""

from __future__ import annotations

import numpy as np

from spinemr.synthesis.anatomy.canvas import Canvas, Window
from spinemr.synthesis.anatomy.shapes import Reals, capsule, rounded_corner
from spinemr.synthesis.anatomy.spine import Disc

ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}
NUCLEUS_SOFTNESS_MM = {1: 1.6, 2: 2.4, 3: 4.0, 4: 5.0, 5: 5.0}
"""The border of the nucleus blurs as the grade rises (Pfirrmann: I and II clear, III unclear, IV and V lost)."""


def paint_disc(canvas: Canvas, disc: Disc, texture: Reals) -> None:
    """Paint a disc between its (later painted) bodies: the bodies cut it to its true height."""
    reach = 0.5 * disc.depth + 8.0
    high = 0.5 * max(disc.height_anterior, disc.height_posterior) + 10.0
    window = canvas.window(disc.frame, (reach, reach + 8.0, high, high))
    if window is None or float(np.abs(window.x).min()) > 0.5 * disc.width + 2.0:
        return
    radial, share = _radial(disc, window)
    half = _half_height(disc, window, share)
    whole = rounded_corner(radial + 1.0, np.abs(window.z) - half + 1.0, 1.0)
    canvas.paint(window, whole, "annulus", disc.label)
    canvas.rub(window, whole, texture[window.rows, window.columns])
    _paint_inner(canvas, disc, window, radial)


def paint_herniation(canvas: Canvas, disc: Disc) -> None:
    """Paint what left the disc, over ligament and sac."""
    if disc.herniation is None:
        return
    out = disc.herniation
    window = canvas.window(disc.frame, (5.0, 0.5 * disc.depth + 16.0, 24.0, 24.0))
    if window is None:
        return
    radius = 0.55 * out.reach + 1.2
    back = 0.5 * disc.depth * float(_outline(np.array([2 * out.x / disc.width]))[0]) - 2.0
    tip = (out.x, back + out.reach, out.migration)
    distance = capsule(window.x, window.y, window.z, (out.x, back, 0.0), tip, (radius, 0.85 * radius))
    canvas.paint(window, distance, "ligament", disc.label)
    canvas.paint(window, distance + 0.7, f"disc_nucleus_{ROMAN[min(disc.grade, 4)]}")


def _outline(t: Reals) -> Reals:
    share = np.minimum(np.abs(t), 1.0)
    result: Reals = np.sqrt(1.0 - share * share * share)
    return result


def _radial(disc: Disc, window: Window) -> tuple[Reals, Reals]:
    """Distance from the disc's outer wall, and the squared relative radius of each pixel."""
    t = window.x * (2.0 / disc.width)
    half = 0.5 * disc.depth * _outline(t)
    front = -half - 0.4 * disc.bulge
    back = half + disc.bulge - 1.2 * np.maximum(1.0 - 2.0 * t * t, 0.0)
    radial = np.maximum(np.maximum(front - window.y, window.y - back), np.abs(window.x) - 0.5 * disc.width)
    s = window.y * (2.0 / disc.depth)
    return radial, s * s + t * t


def _half_height(disc: Disc, window: Window, share: Reals) -> Reals:
    """Half height of the space a disc may fill: its rim height, more toward the hollow of the end plates."""
    s = np.clip(window.y * (2.0 / disc.depth), -1.2, 1.2)
    rim = 0.25 * (disc.height_anterior * (1.0 - s) + disc.height_posterior * (1.0 + s))
    result: Reals = np.maximum(rim, 0.3) + 0.3 + 9.0 * np.clip(1.0 - share, 0.0, 1.0)
    return result


def _paint_inner(canvas: Canvas, disc: Disc, window: Window, radial: Reals) -> None:
    """Inner annulus and nucleus as lenses, the cleft of middle age, and gas where the disc is that far gone."""
    s = np.clip(window.y * (2.0 / disc.depth), -1.2, 1.2)
    rim = 0.25 * (disc.height_anterior * (1.0 - s) + disc.height_posterior * (1.0 + s))
    high = np.maximum(rim, 0.6) + 1.7
    softness = NUCLEUS_SOFTNESS_MM[disc.grade]
    lens = _lens(disc, window, high, 0.40)
    canvas.paint(window, np.maximum(_lens(disc, window, high + 0.8, 0.46), radial + 1.6), "annulus_inner", softness=3.5)
    canvas.paint(window, lens, f"disc_nucleus_{ROMAN[disc.grade]}", softness=softness)
    if disc.grade in (2, 3):
        wave = 0.5 * np.sin(0.25 * window.y + disc.label)
        cleft = np.maximum(np.abs(window.z - wave) - 0.25, lens + 3.5)
        canvas.paint(window, cleft, f"disc_nucleus_{ROMAN[disc.grade + 1]}", softness=2.2)
    if disc.vacuum:
        gas = np.maximum(np.abs(window.z) - 0.7, radial + 0.17 * disc.depth)
        canvas.paint(window, gas, "air", softness=1.2)


def _lens(disc: Disc, window: Window, half_height: Reals, share: float) -> Reals:
    """Distance from a lens inside the disc that takes a share of its depth and width either way, a little behind the middle."""
    across = (window.y - 0.04 * disc.depth) / (share * disc.depth)
    aside = window.x / (share * disc.width)
    near = np.sqrt(across * across + aside * aside + (window.z / half_height) ** 2)
    result: Reals = (near - 1.0) * np.minimum(half_height, share * disc.depth) * 1.15
    return result
