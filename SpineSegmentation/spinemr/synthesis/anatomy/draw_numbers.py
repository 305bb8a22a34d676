"""Draw the numbers of one spine from published ranges (means of healthy and symptomatic adults; mm and degrees)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from spinemr.imaging.anatomy import Anatomy, disc_below
from spinemr.synthesis.anatomy.request import GRADE_PREVALENCE
from spinemr.synthesis.anatomy.spine import Body, Disc, Endplate, Frame, PosteriorArch, Vertebra

Generator = np.random.Generator
NOWHERE = Frame(np.zeros(3), np.eye(3))

LEVELS: tuple[Anatomy, ...] = (
    Anatomy.L5, Anatomy.L4, Anatomy.L3, Anatomy.L2, Anatomy.L1,
    Anatomy.T12, Anatomy.T11, Anatomy.T10, Anatomy.T9,
)  # fmt: skip
"""Bones drawn above the sacrum, from below; T9 and T10 only fill the top of a tall field of view."""

HEIGHT_MM = (25.6, 25.8, 25.6, 25.2, 24.4, 23.0, 21.6, 20.6, 19.8)
DEPTH_MM = (34.5, 34.4, 34.0, 33.4, 32.4, 31.2, 30.0, 29.0, 28.2)
WIDTH_MM = (47.0, 45.6, 43.8, 42.2, 40.6, 39.5, 37.0, 34.0, 32.0)
BODY_WEDGE_DEG = (6.5, 1.2, 0.0, -1.4, -2.6, -3.4, -3.4, -3.0, -3.0)
DISC_MID_HEIGHT_MM = (11.4, 13.3, 13.0, 10.7, 9.0, 7.6, 6.4, 5.6, 5.2)
DISC_WEDGE_DEG = (13.5, 9.2, 7.4, 5.8, 4.0, 1.6, 0.4, 0.0, 0.0)
LUMBAR_SHARE = 5
"""How many of the entries, from below, count for the lordosis L1-S1."""
GRADE_HEIGHT = {1: 1.0, 2: 0.98, 3: 0.88, 4: 0.72, 5: 0.42}
PEDICLE_X_MM = (17.5, 14.0, 12.6, 12.0, 11.8, 11.6, 11.0, 10.6, 10.2)
PEDICLE_WIDTH_MM = (13.0, 10.0, 8.6, 7.6, 7.4, 7.4, 7.6, 6.6, 6.2)
SPINOUS_LENGTH_MM = (21.0, 28.0, 31.0, 31.0, 29.0, 27.0, 27.0, 30.0, 32.0)
SPINOUS_HEIGHT_MM = (13.5, 18.0, 21.5, 22.0, 21.0, 17.0, 12.5, 10.0, 9.0)
SPINOUS_TILT_DEG = (12.0, 10.0, 10.0, 12.0, 14.0, 22.0, 38.0, 50.0, 55.0)
SACRAL_HEIGHT_MM = (27.5, 23.5, 20.0, 17.5, 15.0)
SACRAL_DEPTH_MM = (29.0, 22.5, 17.0, 13.0, 10.0)
SACRAL_WIDTH_MM = (46.0, 34.0, 27.0, 22.0, 18.0)


@dataclass(frozen=True)
class Person:
    """What the parts of one body share: size, wear (0 none to 1 heavy) and how the spine is curved."""

    size: float
    wear: float
    lordosis_deg: float
    sacral_slope_deg: float
    canal_depth: float


def draw_person(rng: Generator) -> Person:
    """Size, wear and curvature; the lordosis aimed at is 49 degrees, of which thin discs give some back (about 44 remain)."""
    lordosis = float(np.clip(rng.normal(49.0, 10.0), 22.0, 78.0))
    slope = float(np.clip(0.55 * lordosis + 9.0 + rng.normal(0.0, 4.0), 16.0, 58.0))
    size = float(np.clip(rng.normal(1.0, 0.06), 0.86, 1.15))
    return Person(size, float(rng.uniform()), lordosis, slope, float(np.clip(rng.normal(16.2, 1.5), 13.0, 20.0)))


def draw_grade(rng: Generator, person: Person, index: int) -> int:
    """A Pfirrmann grade: the published prevalence overall, higher with wear and toward the foot."""
    latent = 1.9 * (person.wear - 0.5) + 0.18 * (2 - min(index, 6)) + 0.8 * rng.normal()
    edges = np.cumsum(np.asarray(GRADE_PREVALENCE) / sum(GRADE_PREVALENCE))
    return int(np.clip(np.searchsorted(edges, float(ndtr(latent))), 0, 4)) + 1


def draw_body(rng: Generator, person: Person, index: int) -> Body:
    """One body of its level, with its own small variation."""
    height = HEIGHT_MM[index] * person.size * rng.normal(1.0, 0.02)
    depth = DEPTH_MM[index] * person.size * rng.normal(1.0, 0.025)
    tilt = depth * np.tan(np.radians(np.clip(rng.normal(BODY_WEDGE_DEG[index], 1.3), -7.0, 10.0))) / 2
    return Body(
        width=WIDTH_MM[index] * person.size * rng.normal(1.0, 0.03),
        depth=depth,
        height_anterior=height + tilt,
        height_posterior=height - tilt,
        upper=Endplate(float(rng.uniform(0.6, 2.0)), float(rng.uniform(0.0, 0.25))),
        lower=Endplate(float(rng.uniform(1.2, 2.8)), float(rng.uniform(0.1, 0.4))),
        waist=float(rng.uniform(0.9, 2.2)),
        back_hollow=float(rng.uniform(0.8, 1.8)) if index < 5 else 0.6,
        cortex=float(rng.uniform(0.45, 0.75)),
        vein=float(rng.uniform(0.5, 1.5)),
    )


def draw_arch(rng: Generator, person: Person, index: int) -> PosteriorArch:
    """Pedicles and processes of a level."""
    vary = person.size * rng.normal(1.0, 0.05, size=5)
    return PosteriorArch(
        pedicle_x=PEDICLE_X_MM[index] * vary[0],
        pedicle_width=PEDICLE_WIDTH_MM[index] * vary[1],
        pedicle_height=14.5 * vary[2],
        canal_depth=person.canal_depth,
        spinous_length=SPINOUS_LENGTH_MM[index] * vary[3],
        spinous_height=SPINOUS_HEIGHT_MM[index] * vary[4],
        spinous_thickness=float(rng.uniform(6.0, 9.5)),
        spinous_tilt_deg=float(rng.normal(SPINOUS_TILT_DEG[index], 3.0)),
        transverse_length=float(rng.uniform(20.0, 30.0)) if index < 6 else 12.0,
        facet_size=1.0 + 0.35 * person.wear,
    )


def draw_bones(rng: Generator, person: Person, lumbar: int = 5) -> list[Vertebra]:
    """All bones above the sacrum, from below, not yet placed; ``lumbar=6`` puts an L6 under L5."""
    labels = LEVELS if lumbar == 5 else (Anatomy.L6, *LEVELS)
    marrow = "marrow_fatty" if rng.uniform() < 0.25 + 0.4 * person.wear else "marrow"
    bones = []
    for position, label in enumerate(labels):
        index = max(position - (lumbar - 5), 0)
        bones.append(Vertebra(label, draw_body(rng, person, index), draw_arch(rng, person, index), NOWHERE, marrow))
    return bones


def draw_discs(rng: Generator, person: Person, bones: list[Vertebra], grade: int | None) -> list[Disc]:
    """The disc under each bone; their opening angles are scaled so that the lordosis comes out as drawn."""
    lumbar = [b for b in bones if b.label >= Anatomy.L1]
    wanted = person.lordosis_deg - sum(b.body.wedge_deg for b in lumbar)
    base = [DISC_WEDGE_DEG[max(i - (len(lumbar) - LUMBAR_SHARE), 0)] for i in range(len(lumbar))]
    scale = float(np.clip(wanted / sum(base), 0.15, 1.9))
    discs = []
    for position, bone in enumerate(bones):
        index = max(position - (len(lumbar) - LUMBAR_SHARE), 0)
        wedge = DISC_WEDGE_DEG[index] * (scale if position < len(lumbar) else 1.0) + rng.normal(0.0, 0.8)
        lower = bones[position - 1].body if position else None
        discs.append(draw_disc(rng, person, bone, lower, index, wedge, grade or draw_grade(rng, person, index)))
    return discs


def draw_disc(
    rng: Generator, person: Person, upper: Vertebra, lower: Body | None, index: int, wedge_deg: float, grade: int
) -> Disc:
    """One disc of a grade: mid height less the hollows of both end plates is the height at the rims."""
    below = lower.upper.concavity if lower else 0.4
    middle = DISC_MID_HEIGHT_MM[index] * person.size * GRADE_HEIGHT[grade] * rng.normal(1.0, 0.07)
    depth = upper.body.depth if lower is None else 0.5 * (upper.body.depth + lower.depth)
    rim = max(middle - 0.7 * (upper.body.lower.concavity + below), 1.6)
    opening = min(depth * np.tan(np.radians(max(wedge_deg, 0.0))) / 2, rim - 0.8)
    return Disc(
        label=disc_below(upper.label),
        grade=grade,
        height_anterior=rim + opening,
        height_posterior=rim - opening,
        width=upper.body.width * 1.01,
        depth=depth * 1.01,
        frame=NOWHERE,
        bulge=float(rng.uniform(0.0, 0.8) + (0.0, 0.0, 0.3, 1.0, 1.6, 1.8)[grade] * rng.uniform(0.3, 1.0)),
        vacuum=grade == 5 and rng.uniform() < 0.4,
    )


def draw_sacral_segments(rng: Generator, person: Person, marrow: str, first: Mapping[str, float]) -> list[Vertebra]:
    """S1 to S5, each smaller than the one above; ``first`` gives the depth and width S1 needs at its top."""
    segments = []
    for number in range(5):
        height = SACRAL_HEIGHT_MM[number] * person.size * rng.normal(1.0, 0.03)
        depth = SACRAL_DEPTH_MM[number] * person.size if number else 0.92 * first["depth"]
        body = Body(
            width=SACRAL_WIDTH_MM[number] * person.size if number else 1.02 * first["width"],
            depth=depth,
            height_anterior=height * 1.04,
            height_posterior=height * 0.96,
            upper=Endplate(0.4 if number == 0 else 0.2),
            lower=Endplate(0.3),
            waist=float(rng.uniform(1.2, 2.2)) if number else 2.2,
            back_hollow=0.5,
            vein=0.0,
            taper=0.30 if number == 0 else 0.22,
        )
        segments.append(Vertebra(Anatomy.SACRUM, body, None, NOWHERE, marrow))
    return segments
