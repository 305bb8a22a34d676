"""Change the numbers of a drawn spine so that it shows what was asked for, or what occurs by nature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spinemr.imaging.anatomy import Anatomy, name_of
from spinemr.synthesis.anatomy.draw_numbers import GRADE_HEIGHT, Generator, Person
from spinemr.synthesis.anatomy.placement import Curve
from spinemr.synthesis.anatomy.request import PREVALENCE, Request
from spinemr.synthesis.anatomy.spine import Disc, Herniation, Vertebra


@dataclass
class Draft:
    """A spine before it is stacked: bones and discs from below, and what was done to them."""

    bones: list[Vertebra]
    discs: list[Disc]
    curve: Curve
    canal_depth: float
    slips_mm: dict[int, float] = field(default_factory=dict)
    narrowing_mm: dict[int, float] = field(default_factory=dict)
    report: list[dict[str, Any]] = field(default_factory=list)

    def note(self, kind: str, label: int | None, **values: float | str | bool) -> None:
        """Write down what was drawn, for the ground truth."""
        where = {} if label is None else {"label": int(label), "structure": name_of(int(label))}
        self.report.append({"kind": kind, **where, **values})


def choose(rng: Generator, person: Person, request: Request) -> list[str]:
    """The pathologies of this spine: those asked for, or by prevalence (more with wear)."""
    if request.pathologies is not None:
        return list(request.pathologies)
    lottery = rng.uniform(size=len(PREVALENCE))
    chosen = [name for name, u in zip(PREVALENCE, lottery, strict=True) if u < PREVALENCE[name] * (0.4 + 1.2 * person.wear)]
    return [name for name in chosen if name != "sacralised_l5" or "l6" not in chosen]


def apply(rng: Generator, draft: Draft, name: str) -> None:
    """Change the draft so that it shows a named pathology."""
    if name in ACTIONS:
        ACTIONS[name](rng, draft)


def _lumbar(rng: Generator, lowest: int = 0, highest: int = 5) -> int:
    """Index of a lumbar bone, drawn toward the lower levels."""
    choices = np.arange(lowest, highest)
    weights = np.linspace(1.6, 0.7, choices.size)
    return int(rng.choice(choices, p=weights / weights.sum()))


def _modic(kind: str) -> Callable[[Generator, Draft], None]:
    def change(rng: Generator, draft: Draft) -> None:
        """Both end plates beside one disc change together; the disc is worn."""
        i = _lumbar(rng, 0, 4)
        upper = draft.bones[i]
        draft.bones[i] = replace(upper, modic=(upper.modic[0], kind))
        if i > 0:
            draft.bones[i - 1] = replace(draft.bones[i - 1], modic=(kind, draft.bones[i - 1].modic[1]))
        worsen(draft, i, 4)
        draft.note(f"modic_{kind}", draft.discs[i].label)

    return change


def worsen(draft: Draft, index: int, at_least: int) -> None:
    """Raise a disc's grade to at least this and lower its height accordingly."""
    disc = draft.discs[index]
    if disc.grade >= at_least:
        return
    ratio = GRADE_HEIGHT[at_least] / GRADE_HEIGHT[disc.grade]
    draft.discs[index] = replace(
        disc, grade=at_least, height_anterior=disc.height_anterior * ratio, height_posterior=disc.height_posterior * ratio
    )


def _schmorl(rng: Generator, draft: Draft) -> None:
    i = _lumbar(rng, 1, 6)
    bone = draft.bones[i]
    depth = float(rng.uniform(3.0, 6.5))
    spot = {
        "schmorl_depth": depth,
        "schmorl_at": (float(rng.uniform(-6, 6)), float(rng.uniform(-5, 7))),
        "schmorl_radius": float(rng.uniform(4.0, 7.5)),
    }
    upper = rng.uniform() < 0.5
    plate = "upper" if upper else "lower"
    changed = replace(getattr(bone.body, plate), **spot)
    body = replace(bone.body, upper=changed) if upper else replace(bone.body, lower=changed)
    draft.bones[i] = replace(bone, body=body)
    draft.note("schmorl", bone.label, endplate=plate, depth_mm=round(depth, 2))


def _osteophytes(rng: Generator, draft: Draft) -> None:
    """Lips on the facing front rims of one to three discs."""
    for i in sorted(rng.choice(5, size=int(rng.integers(1, 4)), replace=False)):
        length = float(rng.uniform(2.0, 6.0))
        bone = draft.bones[i]
        draft.bones[i] = replace(bone, body=replace(bone.body, osteophytes=(bone.body.osteophytes[0], length)))
        if i > 0:
            lower = draft.bones[i - 1]
            draft.bones[i - 1] = replace(lower, body=replace(lower.body, osteophytes=(0.8 * length, lower.body.osteophytes[1])))
        worsen(draft, int(i), 3)
        draft.note("osteophytes", draft.discs[i].label, length_mm=round(length, 2))


def _fracture(rng: Generator, draft: Draft) -> None:
    """Front or middle of a body loses 20-50 % of its height; fresh ones have oedema."""
    i = int(rng.integers(2, 7))
    bone = draft.bones[i]
    loss = float(rng.uniform(0.2, 0.5))
    fresh = bool(rng.uniform() < 0.5)
    shape = replace(
        bone.body,
        height_anterior=bone.body.height_anterior * (1 - loss),
        height_posterior=bone.body.height_posterior * (1 - 0.15 * loss),
        upper=replace(bone.body.upper, concavity=bone.body.upper.concavity + 3.0 * loss),
    )
    draft.bones[i] = replace(bone, body=shape, fracture_oedema=fresh)
    draft.note("fracture", bone.label, front_height_loss=round(loss, 3), fresh=fresh)


def _spondylolisthesis(rng: Generator, draft: Draft) -> None:
    """L4 or L5 slips forward 4-11 mm; at L5 with a gap in the pars."""
    i = int(rng.integers(0, 2))
    bone = draft.bones[i]
    slip = float(rng.uniform(4.0, 11.0))
    draft.slips_mm[int(bone.label)] = slip
    if bone.arch is not None and i == 0:
        draft.bones[i] = replace(bone, arch=replace(bone.arch, pars_defect=True))
    worsen(draft, i, 4)
    draft.note("spondylolisthesis", bone.label, slip_mm=round(slip, 2))


def _scoliosis(rng: Generator, draft: Draft) -> None:
    """A sideways curve of 10-35 degrees between its steepest parts."""
    cobb = float(rng.uniform(10.0, 35.0))
    length = float(rng.uniform(200.0, 280.0))
    amplitude = np.tan(np.radians(cobb / 2)) * length / (2 * np.pi) * float(rng.choice([-1.0, 1.0]))
    draft.curve = replace(
        draft.curve,
        lateral_amplitude_mm=amplitude,
        lateral_length_mm=length,
        lateral_apex_mm=float(rng.uniform(60.0, 120.0)),
        twist_deg=0.3 * cobb * float(np.sign(amplitude)),
    )
    draft.note("scoliosis", None, cobb_deg=round(cobb, 1))


def _haemangioma(rng: Generator, draft: Draft) -> None:
    i = int(rng.integers(0, 7))
    radius = float(rng.uniform(4.0, 8.0))
    place = (float(rng.uniform(-8, 8)), float(rng.uniform(-7, 5)), float(rng.uniform(-4, 4)))
    draft.bones[i] = replace(draft.bones[i], haemangioma_radius=radius, haemangioma_at=place)
    draft.note("haemangioma", draft.bones[i].label, radius_mm=round(radius, 2))


def _stenosis(rng: Generator, draft: Draft) -> None:
    """The sac loses 45-75 % of its depth at one disc, which bulges."""
    i = int(rng.integers(1, 4))
    share = float(rng.uniform(0.45, 0.75))
    disc = draft.discs[i]
    draft.narrowing_mm[disc.label] = share * draft.canal_depth * 0.8
    worsen(draft, i, 4)
    draft.discs[i] = replace(draft.discs[i], bulge=draft.discs[i].bulge + 1.5)
    draft.note("stenosis", disc.label, depth_lost=round(share, 3))


def _herniation(rng: Generator, draft: Draft) -> None:
    i = int(rng.choice(4, p=(0.42, 0.40, 0.12, 0.06)))
    out = Herniation(
        reach=float(rng.uniform(3.5, 8.5)),
        x=float(np.clip(rng.normal(0.0, 5.0), -11, 11)),
        migration=float(rng.normal(0.0, 3.5)),
    )
    worsen(draft, i, 3)
    draft.discs[i] = replace(draft.discs[i], herniation=out)
    draft.note(
        "herniation",
        draft.discs[i].label,
        reach_mm=round(out.reach, 2),
        x_mm=round(out.x, 2),
        migration_mm=round(out.migration, 2),
    )


def _sacralised(_rng: Generator, draft: Draft) -> None:
    """The last disc is a remnant; the last body is squared and joined to the wings of the sacrum."""
    disc = draft.discs[0]
    draft.discs[0] = replace(
        disc, grade=3, height_anterior=3.6, height_posterior=2.8, width=0.72 * disc.width, depth=0.80 * disc.depth, bulge=0.0
    )
    bone = draft.bones[0]
    if bone.arch is not None:
        draft.bones[0] = replace(bone, arch=replace(bone.arch, spinous_length=14.0, spinous_height=11.0, transverse_length=34.0))
    draft.note("sacralised_l5", Anatomy.L5)


def _metal(rng: Generator, draft: Draft) -> None:
    """Pedicle screws in two neighbouring vertebrae."""
    i = int(rng.integers(0, 3))
    for k in (i, i + 1):
        draft.bones[k] = replace(draft.bones[k], screws=True)
        draft.note("metal", draft.bones[k].label)


ACTIONS: dict[str, Callable[[Generator, Draft], None]] = {
    "modic_1": _modic("1"),
    "modic_2": _modic("2"),
    "modic_3": _modic("3"),
    "schmorl": _schmorl,
    "osteophytes": _osteophytes,
    "fracture": _fracture,
    "spondylolisthesis": _spondylolisthesis,
    "scoliosis": _scoliosis,
    "haemangioma": _haemangioma,
    "stenosis": _stenosis,
    "herniation": _herniation,
    "sacralised_l5": _sacralised,
    "metal": _metal,
}
"""What each pathology does; "l6" adds a vertebra and is handled where the bones are drawn."""
