"""From a seed to a whole :class:`LumbarSpine`: numbers, pathology, placement, canal and surroundings."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import Anatomy
from spinemr.synthesis.anatomy.belly import draw_organs
from spinemr.synthesis.anatomy.draw_numbers import Generator, Person, draw_bones, draw_discs, draw_person, draw_sacral_segments
from spinemr.synthesis.anatomy.draw_pathology import Draft, apply, choose
from spinemr.synthesis.anatomy.placement import Curve, rim_points, stack, stack_sacrum
from spinemr.synthesis.anatomy.request import GRADES, Request
from spinemr.synthesis.anatomy.spine import Canal, Disc, LumbarSpine, Surroundings, Vector, Vertebra

KNOT_STEP_MM = 3.0
INTERLAMINAR_FAT_MM = 5.0
"""How much deeper the canal is between two laminae, where a triangle of fat fills it."""
Order = NDArray[np.intp]


def stream(seed: int, purpose: str) -> Generator:
    """Random numbers for one purpose: what is drawn for another purpose does not change them."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def draw_spine(seed: int, request: Request | None = None) -> LumbarSpine:
    """A lumbar spine and the body around it; the same seed and request give the same anatomy.

    The same seed with other pathologies is the same person with another fate: only what the
    pathology touches differs.
    """
    request = request or Request()
    person = draw_person(stream(seed, "person"))
    names = choose(stream(seed, "fate"), person, request)
    bones = draw_bones(stream(seed, "bones"), person, 6 if "l6" in names else 5)
    grade = GRADES[request.grade] if request.grade else None
    discs = draw_discs(stream(seed, "discs"), person, bones, grade)
    draft = Draft(bones, discs, Curve(person.sacral_slope_deg), person.canal_depth)
    if "l6" in names:
        draft.note("l6", Anatomy.L6)
    for name in names:
        apply(stream(seed, name), draft, name)
    return _assemble(seed, person, draft, "sacralised_l5" in names)


def _assemble(seed: int, person: Person, draft: Draft, sacralised: bool) -> LumbarSpine:
    last = draft.bones[0]
    top = {"depth": last.body.depth, "width": last.body.width}
    sacrum = stack_sacrum(draw_sacral_segments(stream(seed, "sacrum"), person, last.marrow, top), draft.curve)
    bones, discs = stack(draft.bones, draft.discs, draft.curve, draft.slips_mm)
    canal = _draw_canal(stream(seed, "canal"), person, draft, bones, discs, sacrum)
    around = _draw_surroundings(stream(seed, "surroundings"), person, bones, sacrum, canal)
    return LumbarSpine(
        vertebrae=tuple(reversed(bones)),
        discs=tuple(reversed(discs)),
        sacrum=tuple(sacrum),
        canal=canal,
        surroundings=around,
        pathologies=tuple(draft.report),
        sacralised=sacralised,
    )


def _knots(points: list[Vector]) -> tuple[Vector, Order]:
    """Evenly spaced heights from below the lowest to above the highest point, and the points' own order."""
    heights = np.array([p[2] for p in points])
    grid: Vector = np.arange(heights.min() - 90.0, heights.max() + 120.0, KNOT_STEP_MM)
    order = np.argsort(heights)
    return grid, order


def _line(z: Vector, points: list[Vector], order: Order, axis: int, smooth_mm: float) -> Vector:
    """One coordinate of a chain of points as a smooth function of height; it runs on straight beyond the ends."""
    heights = np.array([p[2] for p in points])[order]
    values = np.array([p[axis] for p in points])[order]
    inner = np.interp(z, heights, values)
    for end, sign in ((0, -1), (-1, 1)):
        near = abs(heights - heights[end]) < 45.0
        slope = np.polyfit(heights[near], values[near], 1)[0]
        outside = (z - heights[end]) * sign > 0
        inner[outside] = values[end] + slope * (z[outside] - heights[end])
    smooth: Vector = ndimage.gaussian_filter1d(inner, smooth_mm / KNOT_STEP_MM, mode="nearest")
    return smooth


def _back_points(bones: list[Vertebra], sacrum: list[Vertebra]) -> list[Vector]:
    """The back of bodies: the front wall of the canal."""
    points = [b.frame.to_world((0.0, b.body.depth / 2, share * b.body.height)) for b in bones for share in (-0.42, 0.42)]
    for segment in sacrum:
        for share in (0.4, -0.4):
            back = 0.5 * segment.body.depth * (1.0 - segment.body.taper * (0.5 - share))
            points.append(segment.frame.to_world((0.0, back, share * segment.body.height)))
    return points


RETROVERTEBRAL_FAT_MM = 1.4
"""Fat and veins between the middle of a body and the sac; at the discs the sac lies close."""


def _draw_canal(
    rng: Generator, person: Person, draft: Draft, bones: list[Vertebra], discs: list[Disc], sacrum: list[Vertebra]
) -> Canal:
    points = _back_points(bones, sacrum)
    z, order = _knots(points)
    front = _line(z, points, order, 1, 3.0)
    lean = 1.0 / np.cos(np.arctan(np.gradient(front, z)))
    sacral_top = sacrum[0].top[2]
    below = np.clip((sacral_top - z) / 60.0, 0.0, 1.0)
    depth = person.canal_depth - 5.0 * below
    for disc in discs:
        depth += INTERLAMINAR_FAT_MM * np.exp(-(((z - disc.frame.origin[2] - 1.0) / 6.5) ** 2))
    depth *= lean
    sac = 0.80 * person.canal_depth * np.ones_like(z)
    for disc in discs:
        lost = draft.narrowing_mm.get(disc.label, 0.0) + 0.35 * disc.bulge
        sac -= lost * np.exp(-(((z - disc.frame.origin[2]) / 7.0) ** 2))
    anterior = 0.2 + rng.uniform(2.5, 6.0) * np.clip((sacral_top + 14.0 - z) / 30.0, 0.0, 1.0)
    for bone in bones:
        anterior += RETROVERTEBRAL_FAT_MM * np.exp(-(((z - bone.frame.origin[2]) / 6.0) ** 2))
    conus = _conus_height(rng, bones)
    return Canal(
        z=z,
        front_y=front,
        centre_x=_line(z, points, order, 0, 6.0),
        depth=depth,
        half_width=(12.0 + 1.6 * np.clip((sacral_top + 60 - z) / 60.0, 0, 1)) * person.size * np.ones_like(z),
        sac_depth=np.maximum(np.minimum(sac, person.canal_depth - 5.0 * below - anterior - 0.6) * lean, 2.0),
        anterior_fat=anterior * lean,
        conus_z=conus,
        sac_end_z=float(sacrum[1].frame.origin[2] + rng.normal(0.0, 6.0)),
        cord_depth=float(np.clip(rng.normal(7.6, 0.5), 6.4, 9.0)),
        root_seed=int(rng.integers(1 << 20)),
        root_crowding=float(rng.uniform(-0.5, 0.15) + (0.35 if draft.narrowing_mm else 0.0)),
    )


def _conus_height(rng: Generator, bones: list[Vertebra]) -> float:
    """The cord ends at the lower third of L1 on average, from the middle of T12 to the top of L3."""
    places = {b.label: b for b in bones}
    low, high = places[Anatomy.L3].top[2], places[Anatomy.T12].frame.origin[2]
    mean = places[Anatomy.L1].bottom[2] + 0.3 * places[Anatomy.L1].body.height
    return float(np.clip(rng.normal(mean, 14.0), low, high))


def _draw_surroundings(
    rng: Generator, person: Person, bones: list[Vertebra], sacrum: list[Vertebra], canal: Canal
) -> Surroundings:
    z = canal.z
    fronts = [b.frame.to_world(p) for b in bones for p in (rim_points(b.body)[2], rim_points(b.body)[0])]
    fronts += [s.frame.to_world(rim_points(s.body)[0]) for s in sacrum]
    middles = [b.frame.origin for b in bones] + [s.frame.origin for s in sacrum]
    fascia = _fascia(rng, bones, sacrum, z)
    fat = float(np.clip(rng.gamma(3.0, 7.0), 5.0, 55.0))
    low = np.clip((sacrum[0].top[2] + 70.0 - z) / 130.0, 0.0, 1.0)
    middle = _line(z, middles, np.argsort([p[2] for p in middles]), 1, 12.0)
    girth = rng.uniform(95.0, 150.0) + 0.8 * fat
    belly = np.mean([b.frame.origin[1] for b in bones[:6]]) - girth - 10.0 * np.sin((z - sacrum[0].top[2]) / 55.0)
    places = {b.label: b for b in bones}
    bifurcation = float(places[Anatomy.L4].frame.origin[2] + rng.normal(0.0, 8.0))
    front = _line(z, fronts, np.argsort([p[2] for p in fronts]), 1, 6.0)
    texture_seed = int(rng.integers(1 << 20))
    return Surroundings(
        z=z,
        front_y=front,
        middle_y=middle,
        fascia_y=fascia,
        subcutaneous=fat * (0.45 + 1.1 * low),
        belly_y=belly,
        belly_fat=8.0 + 0.9 * fat,
        muscle_fat=float(np.clip(0.15 + 0.75 * person.wear * rng.uniform(0.3, 1.0), 0.0, 0.9)),
        psoas_radius=float(rng.normal(19.0, 3.0)),
        psoas_top_z=float(places[Anatomy.T12].bottom[2]),
        aorta_x=float(rng.normal(9.0, 3.0)),
        aorta_radius=float(rng.uniform(6.5, 8.5) + 1.5 * person.wear),
        bifurcation_z=bifurcation,
        cava_radius=float(rng.uniform(7.0, 11.0)),
        body_half_width=float(rng.uniform(150.0, 190.0)),
        organs=draw_organs(rng, bones, sacrum, girth),
        texture_seed=texture_seed,
        marrow_mottling=float(0.05 + 0.10 * person.wear * rng.uniform()),
    )


def _fascia(rng: Generator, bones: list[Vertebra], sacrum: list[Vertebra], z: Vector) -> Vector:
    """Back border of the muscles: a few millimetres behind the tips of the spinous processes, drawn tight."""
    points = []
    for bone in bones:
        if bone.arch is not None:
            tip = bone.body.depth / 2 + bone.arch.canal_depth + bone.arch.spinous_length
            points.append(bone.frame.to_world((0.0, tip + 3.0, -10.0)))
    points += [s.frame.to_world((0.0, s.body.depth / 2 + 22.0 - 2.0 * n, 0.0)) for n, s in enumerate(sacrum)]
    order = np.argsort([p[2] for p in points])
    tight = _line(z, points, order, 1, 26.0)
    loose = _line(z, points, order, 1, 5.0)
    result: Vector = ndimage.gaussian_filter1d(np.maximum(tight, loose + 1.0), 8.0 / KNOT_STEP_MM, mode="nearest")
    return result + float(rng.uniform(0.0, 5.0))
