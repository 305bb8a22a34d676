"""What a rule says: the figure, the limit, a sentence for the clinician and the slice to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from spinemr.radiomics.viewing import Place


class Outcome(str, Enum):
    """How a rule ended."""

    PASSED = "passed"
    REVIEW = "review"
    DISTRUST = "do not trust"
    NOT_CHECKED = "not checked"

    @property
    def failed(self) -> bool:
        """Whether somebody has to look."""
        return self in (Outcome.REVIEW, Outcome.DISTRUST)


@dataclass(frozen=True)
class Finding:
    """One rule's word on one structure, or on the whole case."""

    rule: str
    title: str
    outcome: Outcome
    sentence: str
    figure: float | None = None
    unit: str = ""
    limit: float | None = None
    """The limit that was crossed; where none was, the first that would have been."""
    worse: str = ""
    """Which side of the limit is the bad one: "above" or "below"."""
    label: int | None = None
    structure: str = ""
    place: Place | None = None
    weight: float = 0.0
    """Orders reasons: severity first, then the rule's own weight, then how far beyond the limit."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rule": self.rule,
            "title": self.title,
            "outcome": self.outcome.value,
            "sentence": self.sentence,
            "figure": None if self.figure is None else _rounded(self.figure),
            "unit": self.unit,
            "limit": self.limit,
            "worse": self.worse,
            "label": self.label,
            "structure": self.structure,
            "slice": None if self.place is None else self.place.slice,
            "place": None if self.place is None else self.place.as_dict(),
            "weight": round(self.weight, 2),
        }


def _rounded(value: float) -> float | None:
    """Five significant digits; JSON has no word for infinite."""
    return float(f"{value:.5g}") if abs(value) < float("inf") else None
