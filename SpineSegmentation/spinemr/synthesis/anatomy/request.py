"""What can be asked of a drawn anatomy, and how often things occur by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spinemr.imaging.errors import InputError

PATHOLOGIES: Mapping[str, str] = {
    "modic_1": "oedema of the marrow beside an end plate (Modic type 1)",
    "modic_2": "fat in the marrow beside an end plate (Modic type 2)",
    "modic_3": "sclerosis of the marrow beside an end plate (Modic type 3)",
    "schmorl": "disc pushed into an end plate (Schmorl node)",
    "osteophytes": "bony lips at the front of neighbouring rims",
    "fracture": "compression fracture of one body",
    "spondylolisthesis": "one vertebra slipped forward on the next",
    "scoliosis": "sideways curve with rotation",
    "haemangioma": "round bright lesion in one body",
    "stenosis": "narrow canal at one level",
    "herniation": "disc material behind its disc",
    "l6": "six lumbar vertebrae",
    "sacralised_l5": "last lumbar vertebra grown into the sacrum",
    "metal": "signal void of pedicle screws at two levels",
}
"""Every pathology that can be asked for, with a line on what it is."""

PREVALENCE: Mapping[str, float] = {
    "modic_1": 0.06, "modic_2": 0.14, "modic_3": 0.015, "schmorl": 0.16, "osteophytes": 0.25, "fracture": 0.05,
    "spondylolisthesis": 0.06, "scoliosis": 0.08, "haemangioma": 0.10, "stenosis": 0.12, "herniation": 0.25,
    "l6": 0.03, "sacralised_l5": 0.04, "metal": 0.02,
}  # fmt: skip
"""Share of drawn adults that show each (order of magnitude of symptomatic adults sent to lumbar MRI)."""

GRADE_PREVALENCE: tuple[float, ...] = (0.14, 0.26, 0.27, 0.30, 0.05)
"""Pfirrmann I to V over all lumbar discs (sums to 1.02 as published; normalised where used)."""

GRADES: Mapping[str, int] = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5}


@dataclass(frozen=True)
class Request:
    """What a drawn anatomy has to show; ``pathologies=None`` means at natural prevalence."""

    grade: str | None = None
    pathologies: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.grade is not None and self.grade not in GRADES:
            raise InputError(f"'{self.grade}' is not a Pfirrmann grade.", f"Choose one of {', '.join(GRADES)}.")
        for name in self.pathologies or ():
            if name not in PATHOLOGIES:
                raise InputError(f"'{name}' is not a known pathology.", f"Choose from {', '.join(PATHOLOGIES)}.")
        if {"l6", "sacralised_l5"} <= set(self.pathologies or ()):
            raise InputError("A spine cannot have six lumbar vertebrae and a sacralised L5 at once.", "Ask for one of the two.")
