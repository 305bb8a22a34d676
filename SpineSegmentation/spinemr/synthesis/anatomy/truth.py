"""Ground truth of a drawn anatomy, computed from its geometry: levels, grades, heights, angles, canal."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from spinemr.imaging.anatomy import Anatomy, name_of
from spinemr.synthesis.anatomy.bones import endplate_z
from spinemr.synthesis.anatomy.discs import ROMAN
from spinemr.synthesis.anatomy.placement import rim_points
from spinemr.synthesis.anatomy.spine import Disc, LumbarSpine, Vector, Vertebra


def measurements(spine: LumbarSpine) -> dict[str, Any]:
    """Everything a measuring program should find, in mm and degrees; JSON-able."""
    bones = [*spine.vertebrae, spine.sacrum[0]]
    below = {bone.label: lower for bone, lower in pairwise(bones)}
    return {
        "vertebrae": [_bone_truth(bone, below[bone.label]) for bone in spine.vertebrae],
        "discs": [_disc_truth(spine, disc, bone, below[bone.label]) for disc, bone in zip(spine.discs, bones, strict=False)],
        "lordosis_l1_s1_deg": round(endplate_angle_deg(spine.vertebra(Anatomy.L1), spine.sacrum[0]), 2),
        "sacral_slope_deg": round(sacral_slope_deg(spine), 2),
        "conus_level": _level_at(spine, spine.canal.conus_z),
        "lumbar_vertebrae": sum(Anatomy.L1 <= bone.label <= Anatomy.L6 for bone in spine.vertebrae),
        "pathologies": [dict(entry) for entry in spine.pathologies],
    }


def upper_rim(bone: Vertebra) -> tuple[Vector, Vector]:
    """World positions of the front and back of a body's upper rim in its middle plane."""
    front, back, _, _ = (bone.frame.to_world(point) for point in rim_points(bone.body))
    return front, back


def lower_rim(bone: Vertebra) -> tuple[Vector, Vector]:
    """World positions of the front and back of a body's lower rim in its middle plane."""
    _, _, front, back = (bone.frame.to_world(point) for point in rim_points(bone.body))
    return front, back


def endplate_angle_deg(upper: Vertebra, lower: Vertebra) -> float:
    """Sagittal angle between the upper end plates of two bones (Cobb), positive for lordosis."""
    return _lean_deg(*upper_rim(lower)) - _lean_deg(*upper_rim(upper))


def sacral_slope_deg(spine: LumbarSpine) -> float:
    """Angle of the sacral end plate against the horizontal."""
    return _lean_deg(*upper_rim(spine.sacrum[0]))


def _lean_deg(front: Vector, back: Vector) -> float:
    """How far the line from the back to the front of an end plate falls forward."""
    return float(np.degrees(np.arctan2(back[2] - front[2], back[1] - front[1])))


def _distance(a: Vector, b: Vector) -> float:
    return round(float(np.linalg.norm(a - b)), 2)


def _plate_centre(bone: Vertebra, upper: bool) -> Vector:
    """The middle of an end plate's own (hollow) surface."""
    plate = bone.body.upper if upper else bone.body.lower
    zero = np.zeros(1, dtype=np.float32)
    height = float(endplate_z(bone.body, plate, zero, zero)[0])
    return bone.frame.to_world((0.0, 0.0, height if upper else -height))


def _bone_truth(bone: Vertebra, lower: Vertebra) -> dict[str, Any]:
    return {
        "label": int(bone.label),
        "structure": name_of(bone.label),
        "height_anterior_mm": round(bone.body.height_anterior, 2),
        "height_middle_mm": _distance(_plate_centre(bone, True), _plate_centre(bone, False)),
        "height_posterior_mm": round(bone.body.height_posterior, 2),
        "wedge_deg": round(bone.body.wedge_deg, 2),
        "depth_mm": round(bone.body.depth, 2),
        "width_mm": round(bone.body.width, 2),
        "slip_mm": round(slip_mm(bone, lower), 2),
        "centre_mm": [round(float(v), 2) for v in bone.frame.origin],
    }


def slip_mm(bone: Vertebra, lower: Vertebra) -> float:
    """How far the lower back corner of a body lies before the upper back corner of the next, along its end plate."""
    front, back = upper_rim(lower)
    along = (front - back) / np.linalg.norm(front - back)
    return float((lower_rim(bone)[1] - back) @ along)


def _disc_truth(spine: LumbarSpine, disc: Disc, upper: Vertebra, lower: Vertebra) -> dict[str, Any]:
    (front_up, back_up), (front_low, back_low) = lower_rim(upper), upper_rim(lower)
    canal = spine.canal
    z = disc.frame.origin[2]
    slope = float(np.interp(z, canal.z, np.gradient(canal.front_y, canal.z)))
    return {
        "label": disc.label,
        "structure": name_of(disc.label),
        "pfirrmann": ROMAN[disc.grade],
        "height_anterior_mm": _distance(front_up, front_low),
        "height_middle_mm": _distance(_plate_centre(upper, False), _plate_centre(lower, True)),
        "height_posterior_mm": _distance(back_up, back_low),
        "angle_deg": round(_lean_deg(front_low, back_low) - _lean_deg(front_up, back_up), 2),
        "sac_depth_mm": round(float(np.interp(z, canal.z, canal.sac_depth)) / np.hypot(1.0, slope), 2),
        "herniated": disc.herniation is not None,
    }


def _level_at(spine: LumbarSpine, z: float) -> str:
    """The bone or disc space a height lies at."""
    for bone in spine.vertebrae:
        if bone.bottom[2] <= z <= bone.top[2]:
            return bone.label.name
    for disc, bone in zip(spine.discs, spine.vertebrae, strict=True):
        if z <= bone.bottom[2] and z >= disc.frame.origin[2] - 8.0:
            return name_of(disc.label)
    return "out of view"
