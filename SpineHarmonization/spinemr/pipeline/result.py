"""What there is of a case, after any number of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import SimpleITK as sitk

from spinemr.harmonization.harmonize import Harmonized
from spinemr.imaging.errors import SpineMRError
from spinemr.imaging.parts import united
from spinemr.imaging.provenance import Provenance
from spinemr.pipeline.request import CaseRequest
from spinemr.radiomics.preservation.preservation import Preservation
from spinemr.radiomics.table import FeatureTable
from spinemr.radiomics.verdict.judge import Verdict
from spinemr.segmentation.inference.segment import Segmentation
from spinemr.segmentation.measurements import SpineMeasurements

TITLES = {
    "read": "Reading",
    "harmonize": "Harmonization",
    "segment": "Segmentation",
    "measure": "Measurement",
    "features": "Feature extraction",
    "judge": "Verdict",
    "report": "Report",
    "write": "Writing",
}
"""Every stage in its order, and what people call it."""

Outcome = Literal["done", "failed", "skipped"]


@dataclass(frozen=True)
class StageState:
    """How a stage ended."""

    state: Outcome
    sentence: str = ""
    """Why it failed or was skipped."""
    seconds: float = 0.0
    error: Exception | None = field(default=None, compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"state": self.state, "sentence": self.sentence}


@dataclass(frozen=True)
class CaseResult:
    """The request, the image as it was read, and whatever the stages made of it; ``None`` is what is not there (yet)."""

    request: CaseRequest
    source: sitk.Image
    provenance: Provenance
    harmonized: Harmonized | None = None
    segmentation: Segmentation | None = None
    labels: sitk.Image | None = None
    """The label map of the segmentation in the form that was asked for: with or without parts."""
    measurements: SpineMeasurements | None = None
    features: FeatureTable = field(default_factory=lambda: FeatureTable(()))
    kept: Preservation | None = None
    verdict: Verdict | None = None
    page: str | None = None
    """The report."""
    stages: Mapping[str, StageState] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was warned of on the way."""

    @property
    def failed(self) -> dict[str, StageState]:
        """The stages that failed."""
        return {name: stage for name, stage in self.stages.items() if stage.state == "failed"}

    @property
    def failure(self) -> Exception | None:
        """What to raise for the stages that failed: what nobody expected as it is, else a sentence on each of them."""
        failed = self.failed
        errors = [stage.error for stage in failed.values() if stage.error is not None]
        unexpected = [error for error in errors if not isinstance(error, SpineMRError)]
        if unexpected and not isinstance(unexpected[0], MemoryError):
            return unexpected[0]
        sentences = " ".join(f"{TITLES[name]} failed: {stage.sentence}" for name, stage in failed.items())
        return SpineMRError(sentences) if failed else None

    @property
    def harmonized_image(self) -> sitk.Image | None:
        """The harmonized image, where there is one."""
        return None if self.harmonized is None else self.harmonized.image

    def with_segmentation(self, segmentation: Segmentation) -> CaseResult:
        """The result with a segmentation, and its labels as they were asked for."""
        labels = segmentation.labels if self.request.parts else united(segmentation.labels)
        return replace(self, segmentation=segmentation, labels=labels)

    def with_stage(self, name: str, state: StageState) -> CaseResult:
        """The result once a stage has ended."""
        return replace(self, stages={**self.stages, name: state})

    def as_quality(self) -> dict[str, Any]:
        """The content of qc.json: the verdict, how each stage ended, and what segmentation and harmonization said."""
        harmonized, segmentation = self.harmonized, self.segmentation
        return {
            "case": self.request.case,
            **({} if self.verdict is None else self.verdict.as_dict()),
            "stages": {name: stage.as_dict() for name, stage in self.stages.items()},
            "harmonization": None
            if harmonized is None
            else {
                "method": harmonized.method,
                "units": harmonized.units,
                "strength": harmonized.strength,
                "notes": list(harmonized.notes),
                "details": dict(harmonized.details),
            },
            "preservation": None if self.kept is None else self.kept.as_dict(),
            "segmentation": None
            if segmentation is None
            else {"segmented_on": self.request.segment_on, **segmentation.report.as_dict()},
            "notes": list(self.notes),
        }
