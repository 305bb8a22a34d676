"""Stack bodies and discs into a spine: from the sacral end plate up, and down through the sacrum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spinemr.synthesis.anatomy.spine import Body, Disc, Frame, Vector, Vertebra

SACRAL_TURN_DEG = (0.0, 5.0, -6.0, -16.0, -20.0)
"""How the lean of each sacral segment differs from the one above."""


@dataclass(frozen=True)
class Curve:
    """The shape of the whole: sacral slope and the sideways curve (amplitude, apex, length, twist)."""

    sacral_slope_deg: float
    lateral_amplitude_mm: float = 0.0
    lateral_apex_mm: float = 70.0
    lateral_length_mm: float = 240.0
    twist_deg: float = 0.0

    def lateral(self, height: float) -> tuple[float, float, float]:
        """Offset in x (mm), sideways lean and twist (degrees) at a height above the sacrum."""
        phase = (height - self.lateral_apex_mm) / self.lateral_length_mm * 2 * np.pi
        base = np.cos(self.lateral_apex_mm / self.lateral_length_mm * 2 * np.pi)
        offset = self.lateral_amplitude_mm * (np.cos(phase) - base)
        slope = -self.lateral_amplitude_mm * 2 * np.pi / self.lateral_length_mm * np.sin(phase)
        return float(offset), float(np.degrees(np.arctan(slope))), float(self.twist_deg * np.cos(phase))


def axes(lean_deg: float, side_deg: float, twist_deg: float) -> Vector:
    """Local axes of a bone that leans forward, to the left and is twisted about its own length."""
    a, b, c = np.radians((lean_deg, side_deg, twist_deg))
    forward = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    side = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    twist = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    result: Vector = forward @ side @ twist
    return result


def disc_wedge_deg(disc: Disc) -> float:
    """Angle a disc opens to the front."""
    return float(np.degrees(np.arctan2(disc.height_anterior - disc.height_posterior, disc.depth)))


def stack(
    vertebrae: list[Vertebra], discs: list[Disc], curve: Curve, slips_mm: dict[int, float]
) -> tuple[list[Vertebra], list[Disc]]:
    """Place bones (from the sacrum up) and the disc under each; the sacral end plate's middle is the origin."""
    point, lean = np.zeros(3), curve.sacral_slope_deg
    placed_bones, placed_discs = [], []
    for bone, disc in zip(vertebrae, discs, strict=True):
        middle = 0.5 * (disc.height_anterior + disc.height_posterior)
        wedge = disc_wedge_deg(disc)
        offset, side, twist = curve.lateral(float(point[2]))
        point[0] = offset
        turned = axes(lean - wedge / 2, side, twist)
        slip = slips_mm.get(int(bone.label), 0.0)
        placed_discs.append(replace(disc, frame=Frame(point + turned[:, 2] * middle / 2 - turned[:, 1] * slip / 2, turned)))
        point = point + turned[:, 2] * middle - turned[:, 1] * slip
        lean -= wedge
        turned = axes(lean - bone.body.wedge_deg / 2, side, twist)
        placed_bones.append(replace(bone, frame=Frame(point + turned[:, 2] * bone.body.height / 2, turned)))
        point = point + turned[:, 2] * bone.body.height
        lean -= bone.body.wedge_deg
    return placed_bones, placed_discs


def stack_sacrum(segments: list[Vertebra], curve: Curve, gap_mm: float = 2.2) -> list[Vertebra]:
    """Place the sacral segments downward from the origin."""
    point, lean = np.zeros(3), curve.sacral_slope_deg
    placed = []
    for segment, turn in zip(segments, SACRAL_TURN_DEG, strict=True):
        lean += turn
        turned = axes(lean, 0.0, 0.0)
        placed.append(replace(segment, frame=Frame(point - turned[:, 2] * segment.body.height / 2, turned)))
        point = point - turned[:, 2] * (segment.body.height + gap_mm)
    return placed


def rim_points(body: Body) -> tuple[tuple[float, float, float], ...]:
    """Local front and back points of the upper and lower rim in the middle plane: front up, back up, front down, back down."""
    half = body.depth / 2
    return (
        (0.0, -half, body.height_anterior / 2),
        (0.0, half, body.height_posterior / 2),
        (0.0, -half, -body.height_anterior / 2),
        (0.0, half, -body.height_posterior / 2),
    )
