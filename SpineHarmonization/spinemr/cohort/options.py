"""What is done to every study of a cohort: the wishes of ``spinemr run``, once for all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from spinemr.cohort.study import Study
from spinemr.harmonization.chosen import AUTO
from spinemr.imaging.provenance import sha256_of
from spinemr.pipeline.request import FEATURE_SETTINGS, CaseRequest, Seen
from spinemr.radiomics.settings import Settings
from spinemr.segmentation.inference.model import DEFAULT_MODEL

Keep = Literal["all", "labels", "tables"]
KEEP: tuple[Keep, ...] = ("all", "labels", "tables")


@dataclass(frozen=True)
class CohortOptions:
    """Fields as in :class:`~spinemr.pipeline.request.CaseRequest`, and which files stay."""

    harmonize: str = AUTO
    target: str | None = None
    strength: float = 1.0
    segment_on: Seen = "source"
    model: str = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "auto"
    parts: bool = False
    scheme: str = "verse"
    settings: Settings = field(default=FEATURE_SETTINGS)
    keep: Keep = "all"
    """Everything, all but the images, or neither images nor label maps."""

    def __post_init__(self) -> None:
        self._request(Path("image"), "case", None)  # refuses what no study could be run with

    def request(self, study: Study, image: Path) -> CaseRequest:
        """The request for one study whose image lies here."""
        return self._request(image, study.id, study.series)

    def described(self) -> dict[str, Any]:
        """Plain values for JSON; a target by its digest, wherever it lies."""
        values = asdict(self)
        path = None if self.target is None else Path(self.target)
        if path is not None and path.exists():
            values["target"] = sha256_of(path)
        if Path(self.model).exists():
            values["model"] = sha256_of(Path(self.model))
        return values

    def _request(self, image: Path, case: str, series: str | None) -> CaseRequest:
        same = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "keep"}
        return CaseRequest(image, case=case, series=series, **same)
