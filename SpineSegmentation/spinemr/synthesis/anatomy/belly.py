"""Organs in front of and beside the spine: kidneys, liver, bowel, bladder, rectum, lung bases."""

from __future__ import annotations

import numpy as np

from spinemr.synthesis.anatomy.spine import Organ, Vector, Vertebra

Generator = np.random.Generator
BOWEL_CONTENTS = ("bowel_content", "bowel_content", "bowel_gas", "bowel_gas", "bowel_wall")
Triple = tuple[float, float, float]


def draw_organs(rng: Generator, bones: list[Vertebra], sacrum: list[Vertebra], belly: float) -> tuple[Organ, ...]:
    """All organs of one body; ``belly`` is the mean distance from the bodies to the skin of the belly."""
    lumbar = [b.frame.origin for b in bones[:5]]
    third = np.asarray(lumbar[2])
    return (
        *_bowel(rng, third, belly),
        *_upper_organs(rng, np.asarray(bones[5].frame.origin)),
        *_kidneys(rng, np.asarray(lumbar[3])),
        *_pelvis(rng, np.asarray(sacrum[0].frame.origin), np.asarray(sacrum[2].frame.origin)),
    )


def _shift(point: Vector, x: float, y: float, z: float) -> Triple:
    return (float(point[0] + x), float(point[1] + y), float(point[2] + z))


def _bowel(rng: Generator, third: Vector, belly: float) -> list[Organ]:
    loops = []
    for _ in range(int(rng.integers(55, 85))):
        place = _shift(third, rng.uniform(-95, 95), -rng.uniform(40.0, max(belly - 26.0, 60.0)), rng.uniform(-125, 85))
        size = rng.uniform(7.0, 17.0)
        radii = (float(size * rng.uniform(1.0, 2.2)), float(size * rng.uniform(0.7, 1.1)), float(size * rng.uniform(0.8, 1.7)))
        content = BOWEL_CONTENTS[int(rng.integers(len(BOWEL_CONTENTS)))]
        loops.append(Organ(place, radii, "bowel_wall", content, float(rng.uniform(1.5, 3.0)), float(rng.uniform(-60, 60))))
    return loops


def _upper_organs(rng: Generator, twelfth: Vector) -> list[Organ]:
    """Liver on the right, stomach and spleen on the left, lung bases behind both."""
    organs = [
        Organ(_shift(twelfth, -70, -62, 8), (66.0, 56.0, float(rng.uniform(58, 76))), "fascia", "liver", 0.8),
        Organ(_shift(twelfth, 62, -70, 16), (46.0, 38.0, 44.0), "bowel_wall", "bowel_content", 3.5),
        Organ(_shift(twelfth, 92, 4, 22), (30.0, 34.0, 46.0), "fascia", "liver", 0.8),
    ]
    lungs = [
        Organ(_shift(twelfth, side * 72, 20, 78), (48.0, 42.0, float(rng.uniform(50, 66))), "fascia", "bowel_gas", 1.2)
        for side in (-1.0, 1.0)
    ]
    return organs + lungs


def _kidneys(rng: Generator, second: Vector) -> list[Organ]:
    organs = []
    for side in (-1.0, 1.0):
        place = _shift(second, side * rng.uniform(58, 68), rng.uniform(-2, 8), rng.uniform(-2, 16))
        lean = float(rng.uniform(8, 22))
        size = rng.uniform(0.9, 1.12)
        organs.append(Organ(place, (38.0 * size, 40.0 * size, 66.0 * size), "abdominal_fat", "abdominal_fat", 1.0, lean))
        organs.append(Organ(place, (24.0 * size, 24.0 * size, 52.0 * size), "kidney_cortex", "kidney_medulla", 8.0, lean))
        organs.append(Organ(place, (15.0 * size, 9.0 * size, 26.0 * size), "abdominal_fat", "abdominal_fat", 1.0, lean))
    return organs


def _pelvis(rng: Generator, first: Vector, third: Vector) -> list[Organ]:
    fill = float(rng.uniform(0.7, 1.2))
    rectum = "bowel_gas" if rng.uniform() < 0.5 else "bowel_content"
    return [
        Organ(_shift(third, 0, -38, -22), (18.0, 11.0, 34.0), "bowel_wall", rectum, 3.0, float(rng.uniform(10, 35))),
        Organ(_shift(first, 0, -62, -66), (42.0 * fill, 34.0 * fill, 30.0 * fill), "muscle", "csf", 3.5),
        Organ(_shift(first, rng.uniform(-10, 10), -26, -58), (26.0, 21.0, 28.0), "muscle", "bowel_wall", 9.0, 30.0),
    ]
