"""The reference an image has not named: the one of its own contrast, a network or a scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import SimpleITK as sitk

from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.contrast import Contrast, seen_contrast
from spinemr.harmonization.inference.network_method import open_reference
from spinemr.harmonization.inference.reference import Reference, of_contrast, said
from spinemr.harmonization.inference.slices import LEAST_MM, least_extent_mm
from spinemr.harmonization.method import Method, Outcome, outcome_of
from spinemr.imaging.errors import InputError, MissingPackageError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within


@dataclass(frozen=True)
class ByContrast:
    """Chooses among references by what an image looks like, and leaves the work to the one chosen.

    Where no network is for the contrast, one of ``scales`` (the names of those that ship) does it. Where none of both is, or the
    contrast cannot be told, ``otherwise`` does it; without one that is an error.
    """

    references: tuple[Reference, ...]
    name: str
    device: str = "auto"
    otherwise: Method | None = None
    scales: tuple[str, ...] = ()
    _opened: dict[str, Method] = field(default_factory=dict, compare=False, repr=False)
    """Networks that images have asked for so far: each is opened once."""

    @property
    def units(self) -> str:
        """What the numbers mean."""
        return "those of the reference that has the contrast of the image"

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:
        """The image as the chosen reference makes it."""
        return self.outcome(image, progress=progress).image

    def outcome(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> Outcome:
        """The image, and which reference was chosen and why."""
        progress(Progress("contrast", 0.0, "Looking at the contrast"))
        contrast, why_not = self._contrast(image)
        method, named = self._chosen(contrast)
        if method is None:
            if self.otherwise is None:
                offered = said(self.references) if self.references else f"Known are: {', '.join(self.scales)}."
                raise InputError(f"No reference can be chosen: {why_not}.", f"Name one with --target. {offered}")
            done = outcome_of(self.otherwise, image, progress=within(progress, 0.2, 1.0))
            note = f"The method is {done.method.name}: {why_not}"
        else:
            done = outcome_of(method, image, progress=within(progress, 0.2, 1.0))
            note = f"The image {contrast.sentence if contrast else ''}; the reference is {named}"
        details = {**done.details, "contrast": _as_dict(contrast), "chosen": dict(done.method.as_dict())}
        return Outcome(done.image, done.method, (f"{note}.", *done.notes), details)

    def _chosen(self, contrast: Contrast | None) -> tuple[Method | None, str]:
        """What is for a contrast, ready to use, and how it is called."""
        if contrast is None:
            return None, ""
        network = of_contrast(self.references, contrast.kind)
        if network is not None:
            if network.name not in self._opened:
                self._opened[network.name] = open_reference(network, self.device)
            return self._opened[network.name], network.name
        if contrast.kind in self.scales:
            return shipped_scale(contrast.kind), f"the {contrast.kind.upper()} scale (nyul)"
        return None, ""

    def _contrast(self, image: sitk.Image) -> tuple[Contrast | None, str]:
        """The contrast, and why it gives no reference."""
        if least_extent_mm(WorkingFrame.of(image)) < LEAST_MM:
            return None, f"the image shows less than {LEAST_MM:.0f} mm of the sagittal plane"
        try:
            contrast = seen_contrast(image)
        except MissingPackageError:
            if self.otherwise is None:
                raise
            return None, "without OpenVINO nobody sees the contrast"
        if contrast is None:
            return None, "no spine is seen whose contrast could be told"
        return contrast, f"the image {contrast.sentence}, and no reference does"

    def as_dict(self) -> dict[str, Any]:
        """What could be chosen."""
        return {"name": self.name, "references": [one.name for one in self.references], "scales": list(self.scales)}


def _as_dict(contrast: Contrast | None) -> Mapping[str, Any] | None:
    return None if contrast is None else {"kind": contrast.kind, "canal_to_marrow": round(contrast.canal_to_marrow, 3)}
