"""A case to judge: what there is of image, mask, harmonized image, confidences, features and reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.radiomics.preservation.preservation import Preservation
from spinemr.radiomics.table import FeatureTable
from spinemr.radiomics.verdict.profile import Profile


@dataclass(frozen=True)
class Confidences:
    """What a segmentation says of itself, 0 to 1."""

    structures: Mapping[int, float] = field(default_factory=dict)
    """By label."""
    levels: float | None = None
    """That the numbers are not shifted by a level."""
    flags: tuple[str, ...] = ()
    """Sentences on what was unusual."""

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> Confidences:
        """The confidences in the JSON that ``spinemr segment`` writes beside its labels."""
        try:
            structures = {int(found["label"]): float(found["confidence"]) for found in report.get("structures", ())}
            levels = report.get("level_confidence")
            flags = tuple(str(flag) for flag in report.get("flags", ()))
            return cls(structures, None if levels is None else float(levels), flags)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("The report is not one of a segmentation.", "Give the .json that lies beside its labels.") from error


@dataclass(frozen=True)
class Case:
    """Everything a verdict can rest on; only the image has to be there, and rules that lack their input say so."""

    image: sitk.Image
    segmentation: sitk.Image | None = None
    """Label map of anatomy numbers (:mod:`spinemr.imaging.anatomy`)."""
    harmonized: sitk.Image | None = None
    confidences: Confidences | None = None
    preservation: Preservation | None = None
    """Of image and harmonized; computed where it is missing."""
    features_before: FeatureTable | None = None
    """Of the image."""
    features_after: FeatureTable | None = None
    """Of the harmonized image."""
    reference: Profile | None = None
    """What harmonization aims at: features of the reference domain."""
    known: Profile | None = None
    """Appearances the models know; without one, those that are shipped."""

    def with_report(self, report: Mapping[str, Any]) -> Case:
        """The case with the confidences of a segmentation's JSON."""
        return replace(self, confidences=Confidences.from_report(report))
