"""Trained networks as harmonization methods: CycleGAN to one reference, HarMOnAE to any of its targets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.inference.reference import Reference, named, shipped_references
from spinemr.harmonization.inference.runtime import OpenVinoRuntime, Runtime, TorchRuntime
from spinemr.harmonization.inference.safety import Limits, default_limits
from spinemr.harmonization.inference.slices import SliceReport, grid_for, harmonized_slices
from spinemr.harmonization.method import Outcome
from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.intensity import stretch
from spinemr.imaging.model_files import checked_file, file_of_kind
from spinemr.imaging.network_file import chosen_device
from spinemr.imaging.progress import ProgressCallback, silent

FloatArray = NDArray[np.float32]
FULL_RANGE = 255.0


@dataclass(frozen=True)
class NetworkMethod:
    """A network that is open, and the reference it gives images the appearance of."""

    reference: Reference
    runtime: Runtime
    sha256: str
    """Of the weights in use."""
    limits: Limits = field(default_factory=default_limits)

    @property
    def name(self) -> str:
        """The method."""
        return self.reference.method

    @property
    def units(self) -> str:
        """What the numbers mean."""
        scale = self.reference.harmonizer.scale
        if scale:
            return f"0 to 255 as in images of {self.reference.name} on the {scale.upper()} scale (nyul); clipped"
        low, high = self.reference.card.input.percentiles
        return f"0 to 255 as in images of {self.reference.name}, whose percentiles {low:g} and {high:g} are 0 and 255; clipped"

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:
        """The image with the reference's appearance; slices whose anatomy would change as they were, on the same scale."""
        return self.outcome(image, progress=progress).image

    def outcome(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> Outcome:
        """The image, and which slices were returned as they were."""
        card = self.reference.card
        frame = WorkingFrame.of(image)
        grid = grid_for(frame, card.input)
        pixels = self._shown(image, frame)
        if pixels.min() == pixels.max():
            raise InputError("All of the image has one intensity.", "Look at it: is it empty?")
        reports = harmonized_slices(pixels, grid, self.runtime, self.reference.harmonizer.slices, self.limits, progress)
        pixels *= np.float32(FULL_RANGE)
        sentence = returned_sentence(reports)
        if sentence:
            warnings.warn(sentence, ImagingWarning, stacklevel=2)
        return Outcome(frame.back_from_array(pixels), self, details=_details(reports, frame))

    def _shown(self, image: sitk.Image, frame: WorkingFrame) -> FloatArray:
        """The slices as the network has to see them, 0..1: on its scale, or else between their percentiles."""
        scale = self.reference.harmonizer.scale
        if not scale:
            percentiles = self.reference.card.input.percentiles
            return stretch(frame.forward_array(sitk.GetArrayViewFromImage(image)), *percentiles, 1.0)
        brought = sitk.GetArrayFromImage(shipped_scale(scale).transform(image))
        return np.asarray(frame.forward_array(brought) / np.float32(FULL_RANGE), dtype=np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Which network and which target."""
        target = self.reference.target
        return {
            "name": self.name,
            "model": self.reference.card.name,
            "target": target.name,
            "code": list(target.code),
            "version": self.reference.card.version,
            "sha256": self.sha256,
            "device": self.runtime.device,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> NetworkMethod:
        """From :meth:`as_dict`, where the model ships."""
        name = f"{content['model']}/{content['target']}"
        return open_reference(named(shipped_references(str(content["name"])), name))


def open_reference(reference: Reference, device: str = "auto", *, threads: int = 0) -> NetworkMethod:
    """Make a reference ready: OpenVINO runs its ONNX file on the processor, PyTorch its safetensors elsewhere.

    The weights have to have the digest the card states.
    """
    target = chosen_device(device)
    file = file_of_kind(reference.card, "onnx" if target == "cpu" else "safetensors")
    path = checked_file(reference.card, file, reference.folder)
    code = reference.target.code
    if target == "cpu":
        return NetworkMethod(reference, OpenVinoRuntime(path, code, threads), file.sha256)
    from spinemr.harmonization.networks.stored import network_in

    return NetworkMethod(reference, TorchRuntime(network_in(path), target, code), file.sha256)


def returned_sentence(reports: tuple[SliceReport, ...]) -> str:
    """Which slices were returned as they were and why; empty where all were harmonized."""
    kept = [one for one in reports if one.refused]
    if not kept:
        return ""
    which = "All slices were" if len(kept) == len(reports) else f"{len(kept)} of {len(reports)} slices were"
    return f"{which} returned as they were, because {kept[0].refused}."


def _details(reports: tuple[SliceReport, ...], frame: WorkingFrame) -> dict[str, Any]:
    """Slices by their number in the file, from 0."""
    last, flipped = len(reports) - 1, frame.flips[2]
    slices = [
        {"slice": last - one.index if flipped else one.index, **one.found.as_dict(), "returned": one.refused or None}
        for one in reports
    ]
    slices.sort(key=lambda one: int(one["slice"] or 0))
    return {"slices": slices, "returned_slices": [one["slice"] for one in slices if one["returned"]]}
