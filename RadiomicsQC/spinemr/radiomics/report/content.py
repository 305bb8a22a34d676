"""What a report says, before it is laid out: plain values, none of which names a patient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.radiomics.table import FeatureTable

Status = Literal["pass", "review", "do not trust"]
STATUSES: tuple[Status, ...] = ("pass", "review", "do not trust")
_SPELLINGS = {"passed": "pass", "distrust": "do not trust", "do_not_trust": "do not trust"}


@dataclass(frozen=True)
class ReportReason:
    """One reason for a verdict: what was measured, the limit it crossed, and the slice that shows it."""

    name: str
    sentence: str
    figure: float | None = None
    unit: str = ""
    limit: float | None = None
    severity: str = "review"
    structure: str = ""
    slice: int | None = None
    """In the file's own order along the axis the slices were stacked on, from 0."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ReportReason:
        """From a finding's ``as_dict()``; unknown keys are ignored."""
        severity = str(values.get("severity") or values.get("outcome") or "review")
        return cls(
            name=_title(values) or "reason",
            sentence=str(values.get("sentence") or ""),
            figure=_number(values.get("figure")),
            unit=str(values.get("unit") or ""),
            limit=_number(values.get("limit")),
            severity=_SPELLINGS.get(severity, severity),
            structure=str(values.get("structure") or ""),
            slice=_whole(values.get("slice")),
        )


@dataclass(frozen=True)
class ReportVerdict:
    """Whether to trust a case: the word, the reasons for it, and the names of the rules that had nothing to say against it."""

    status: Status
    reasons: tuple[ReportReason, ...] = ()
    passed: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ReportVerdict:
        """From a verdict's ``as_dict()``: its word under ``verdict`` or ``status``, and what it lists."""
        word = str(values.get("verdict", values.get("status", "")))
        status = _SPELLINGS.get(word, word)
        if status not in STATUSES:
            raise InputError("The verdict says none of pass, review and do not trust.", "Judge the case again.")
        reasons = _listed(values, "reasons")
        return cls(
            next(known for known in STATUSES if known == status),
            tuple(ReportReason.from_dict(given) for given in reasons),
            tuple(_title(given) for given in _listed(values, "passed")),
            tuple(_title(given) for given in _listed(values, "not_checked")),
        )


@dataclass(frozen=True)
class StructureRow:
    """One structure of the case: how sure its label is, and what was measured of it by name with unit (``height_mm``)."""

    label: int
    volume_mm3: float = math.nan
    confidence: float = math.nan
    measurements: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class ReportMap:
    """Values to show in colour over the source: differences, movement, similarity."""

    image: sitk.Image
    title: str
    unit: str
    limit: float
    kind: str = "sequential"


@dataclass(frozen=True)
class ReportContent:
    """Everything a report can show; what is missing is left out of the page."""

    title: str
    verdict: ReportVerdict | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Of the case, without identity: grid, spacing, orientation, contrast."""
    image: sitk.Image | None = None
    image_name: str = "source"
    """What the image is, in captions: a folder may hold the harmonized one alone."""
    harmonized: sitk.Image | None = None
    reference: sitk.Image | None = None
    labels: sitk.Image | None = None
    structures: tuple[StructureRow, ...] = ()
    features: FeatureTable = field(default_factory=lambda: FeatureTable(()))
    """Rows whose ``image`` says source, harmonized or reference."""
    maps: tuple[ReportMap, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences the reader has to know, such as "levels could be shifted by one"."""
    provenance: Mapping[str, str] = field(default_factory=dict)


def _listed(values: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The findings under a key; plain names stand for findings that say nothing else."""
    found = values.get(key)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [one if isinstance(one, Mapping) else {"title": str(one)} for one in found]


def _title(finding: Mapping[str, Any]) -> str:
    return str(finding.get("title") or finding.get("name") or finding.get("rule") or "")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
