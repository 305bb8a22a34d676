"""What is wanted of a case, and what that needs before work starts: the method and the model."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from spinemr.harmonization.chosen import AUTO, chosen_method
from spinemr.harmonization.method import Method
from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import ProgressCallback, silent
from spinemr.imaging.schemes import SCHEMES
from spinemr.radiomics.settings import Settings
from spinemr.segmentation.inference.model import DEFAULT_MODEL, OpenModel, open_model

NO_METHOD = "none"
FEATURE_SETTINGS = Settings(bin_count=64)
"""A fixed number of bins: source and harmonized have no common scale, so that one bin width cannot suit both."""

Seen = Literal["source", "harmonized"]


@dataclass(frozen=True)
class CaseRequest:
    """One case: the image, and how each stage is to work on it."""

    image: Path
    case: str = "case"
    """Its name in tables; no name of a patient."""
    harmonize: str = AUTO
    """A method of :data:`spinemr.harmonization.registry.METHODS`, :data:`~spinemr.harmonization.chosen.AUTO`, or "none"."""
    target: str | Path | None = None
    """Whose appearance, as :func:`~spinemr.harmonization.chosen.chosen_method` takes it: a path, or a shipped name."""
    strength: float = 1.0
    segment_on: Seen = "source"
    """Which image the network looks at (docs/decisions/0005)."""
    model: str = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "auto"
    shift: int = 0
    """Moves all levels down by so many."""
    parts: bool = False
    """Whether posterior elements keep numbers of their own."""
    scheme: str = "verse"
    """Whose numbers segmentation.nii.gz holds."""
    spacing_mm: tuple[float, ...] | None = None
    series: str | None = None
    settings: Settings = field(default=FEATURE_SETTINGS)

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise InputError(f"The strength has to be from 0 to 1, not {self.strength:g}.")
        if self.scheme not in SCHEMES:
            raise InputError(f"There is no label scheme {self.scheme}.", f"Known are {', '.join(SCHEMES)}.")
        if self.harmonize == NO_METHOD and self.target is not None:
            raise InputError("A target is of no use without harmonization.", "Leave out the target, or name a method.")
        if self.harmonize == NO_METHOD and self.segment_on == "harmonized":
            raise InputError("There is no harmonized image to segment.", "Name a method, or segment the source.")

    @property
    def target_path(self) -> Path | None:
        """Where the target lies, if it is one's own."""
        path = None if self.target is None else Path(self.target)
        return path if path is not None and path.exists() else None

    def as_dict(self) -> dict[str, object]:
        """Everything but the image itself, for the provenance of the results."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("image", "settings")}


@dataclass(frozen=True)
class Tools:
    """What can serve many cases: a method (``None``: no harmonization) and an open model."""

    method: Method | None
    model: OpenModel


def open_tools(request: CaseRequest, *, progress: ProgressCallback = silent) -> Tools:
    """The method and the model of a request; :class:`InputError` says which of them there is not."""
    model = open_model(request.model, request.device, precision=request.precision)
    return Tools(_method(request, progress), model)


def _method(request: CaseRequest, progress: ProgressCallback) -> Method | None:
    if request.harmonize == NO_METHOD:
        return None
    return chosen_method(request.harmonize, request.target, device=request.device, progress=progress)
