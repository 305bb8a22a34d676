"""A new target for a trained HarMOnAE from a few studies, in minutes: the encoder and the convolutions stay as they are.

What the decoder knows of a scanner is a code and the MLP that turns it into scales and offsets (AdaIN). Both are fitted so that
encoding and decoding gives the studies back (HarMOnAE's reconstruction loss), beginning with the trained scanner that does so
best. Because the latent image is blind to the scanner, any other study decoded with the new code then looks like these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.inference.reference import Reference
from spinemr.harmonization.inference.runtime import OpenVinoRuntime
from spinemr.harmonization.losses.image import reconstruction_loss
from spinemr.harmonization.networks.stored import network_in, options_in
from spinemr.harmonization.networks.style_blind import MULTIPLE
from spinemr.harmonization.training.export import Product, metric, write_model
from spinemr.harmonization.training.settings import ImageSource
from spinemr.harmonization.training.stacks import ByteArray, Stack, on_scale, read_stacks
from spinemr.imaging.errors import InputError, require
from spinemr.imaging.harmonizer import HarmonizationTarget, Harmonizer
from spinemr.imaging.model_card import CardMetric, ModelCard, TrainingData
from spinemr.imaging.model_files import checked_file, file_of_kind
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.segmentation.training.card_texts import NOT_STATED, CardTexts
from spinemr.segmentation.training.checkpoint import torch_or_sentence
from spinemr.segmentation.training.run import device_for
from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.augmentation.spatial import Crop

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = NDArray[np.float32]
OWN = "studies of whoever fitted the target"
LEAST_PIXELS, MOST_PIXELS = 32, 320
HELD_EVERY = 5
"""Of the studies (of one study: its slices) each fifth is kept to judge on."""
SHOWN_SLICES, JUDGED_SLICES, COMPARED_SLICES = 48, 24, 8
"""So many slices are fitted on, judged on, and looked at to choose where to begin."""


@dataclass(frozen=True)
class Fit:
    """How a target is fitted."""

    steps: int = 200
    batch_size: int = 4
    code_rate: float = 0.05
    mlp_rate: float = 2e-3
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        require(min(self.steps, self.batch_size) >= 1, "Steps and batch size must be at least 1.")


def fit_target(
    studies: Path,
    base: Reference,
    folder: Path,
    *,
    name: str,
    contrast: str = "",
    fit: Fit | None = None,
    progress: ProgressCallback = silent,
) -> ModelCard:
    """Write a model into ``folder`` that gives images the appearance of the studies in a folder.

    The model is of HarMOnAE with one target, called ``name`` as the model is. Its card states by how much encoding and decoding
    changes slices that were not fitted on, with the new code and with the best trained one.
    """
    torch_or_sentence()
    fit = fit or Fit()
    require(base.method == "harmonae", f"A target can be fitted to HarMOnAE only, and {base.card.name} is {base.method}.")
    file = file_of_kind(base.card, "safetensors")
    weights = checked_file(base.card, file, base.folder)
    network: Any = network_in(weights)
    stacks = _read(studies, base)
    shown, held = _split(stacks)
    slices = base.harmonizer.slices
    code = _fitted(network, base, _shown_images(shown, slices), fit, within(progress, 0.0, 0.8))
    target = HarmonizationTarget(name, contrast, tuple(round(value, 6) for value in code))
    harmonizer = Harmonizer("harmonae", slices, (target,), base.harmonizer.scale)
    product = Product(network.cpu().eval(), options_in(weights), harmonizer, base.card.input.pixel_mm)
    images = _whole(held, slices)

    def judged(onnx: Path) -> tuple[CardMetric, ...]:
        before_file = checked_file(base.card, file_of_kind(base.card, "onnx"), base.folder)
        before = min((_errors(before_file, one.code, images) for one in base.harmonizer.targets), key=np.mean)
        data = f"{len(images)} slices of the studies, not fitted on"
        return (
            metric("Mean absolute error of encoding and decoding (0 to 1), new target", _errors(onnx, target.code, images), data),
            metric("Mean absolute error of encoding and decoding (0 to 1), best trained target", before, data),
        )

    remark = f"Code and MLP of {base.card.name} {base.card.version} fitted to {len(stacks)} studies in {fit.steps} steps."
    return write_model(product, folder, _texts(name, base, len(stacks)), judged, (remark,), within(progress, 0.8, 1.0))


def _read(studies: Path, base: Reference) -> tuple[Stack, ...]:
    """The studies as the network sees them."""
    pixel_mm = base.card.input.pixel_mm
    stacks = read_stacks(ImageSource("folder", path=str(studies)), pixel_mm)
    return tuple(on_scale(stack, pixel_mm, base.harmonizer.scale) for stack in stacks)


def _texts(name: str, base: Reference, studies: int) -> CardTexts:
    plain = CardTexts.unstated(name, f"{base.card.title}, fitted to own studies", ())
    own = TrainingData(OWN, NOT_STATED, NOT_STATED, studies)
    return replace(plain, licence=base.card.licence, limits=base.card.limits, training_data=(own, *base.card.training_data))


def _split(stacks: tuple[Stack, ...]) -> tuple[list[ByteArray], list[ByteArray]]:
    """What is fitted on and what is judged on: other studies, or of few studies other slices."""
    if len(stacks) >= HELD_EVERY:
        shown = [one.pixels for index, one in enumerate(stacks) if index % HELD_EVERY]
        return shown, [one.pixels for one in stacks[::HELD_EVERY]]
    pixels = [one.pixels for one in stacks]
    if sum(map(len, pixels)) < 2:
        raise InputError("One slice is too little to fit a target to.", "Give a folder with a study of several slices.")
    cut = [max(1, len(one) - len(one) // HELD_EVERY) if len(one) > 1 else 1 for one in pixels]
    shown = [one[:count] for one, count in zip(pixels, cut, strict=True)]
    held = [one[count:] for one, count in zip(pixels, cut, strict=True) if len(one) > count]
    return shown, held or [one[-1:] for one in pixels]


def _shown_images(shown: list[ByteArray], slices: int) -> FloatArray:
    """Slices ``[image][slice][row][column]`` of 0..1 spread over the studies, all cut or padded to their median size."""
    rows, columns = (_whole_multiple(int(np.median([one.shape[axis] for one in shown]))) for axis in (1, 2))
    cut, rng = Crop(None, rows, columns, centred=True), np.random.default_rng(0)
    found = []
    for near in _spread(shown, slices, SHOWN_SLICES):
        sample = Sample(near.astype(np.float32) / np.float32(255), np.zeros(near.shape, np.uint8), (1.0, 1.0, 1.0))
        found.append(cut(sample, rng).image)
    return np.stack(found)


def _spread(stacks: list[ByteArray], slices: int, count: int) -> Iterator[ByteArray]:
    """At most so many slices, evenly spread, each between its neighbours (the outermost stand in)."""
    places = [(one, index) for one in stacks for index in range(len(one))]
    for place in np.unique(np.linspace(0, len(places) - 1, min(len(places), count)).astype(int)):
        one, index = places[place]
        yield one[np.clip(np.arange(index - slices // 2, index + slices // 2 + 1), 0, len(one) - 1)]


def _whole_multiple(pixels: int) -> int:
    return min(MOST_PIXELS, max(LEAST_PIXELS, pixels // MULTIPLE * MULTIPLE))


def _fitted(network: Any, base: Reference, shown: FloatArray, fit: Fit, progress: ProgressCallback) -> list[float]:  # noqa: ANN401
    """The code; the MLP of the network is changed in place. Latent images are made once, as the encoder stays as it is."""
    import torch

    device = device_for(fit.device)
    network.to(device).eval().requires_grad_(False)
    network.mlp.requires_grad_(True)
    with torch.no_grad():
        latents = torch.cat([network.encode(torch.from_numpy(one[None]).to(device)) for one in shown])
    wanted = torch.from_numpy(np.ascontiguousarray(shown[:, shown.shape[1] // 2, None])).to(device)
    code = _nearest_code(network, base, latents, wanted).requires_grad_(True)
    rates = (fit.code_rate, fit.mlp_rate)
    optimizer = torch.optim.Adam([{"params": [code], "lr": rates[0]}, {"params": list(network.mlp.parameters()), "lr": rates[1]}])
    rng = np.random.default_rng(fit.seed)
    for step in range(fit.steps):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1 - step / fit.steps)
        chosen = torch.from_numpy(rng.integers(len(shown), size=fit.batch_size)).to(device)
        made = network.decode(latents[chosen], code.expand(fit.batch_size, -1))
        loss = reconstruction_loss(made, wanted[chosen])
        if not torch.isfinite(loss):
            raise InputError("The fit does not hold: the loss is no longer a number.", "Look at the studies: are some empty?")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        progress(Progress("fit", (step + 1) / fit.steps, f"Step {step + 1} of {fit.steps}: {float(loss.detach()):.4f}"))
    return [float(value) for value in code.detach().cpu()[0]]


def _nearest_code(network: Any, base: Reference, latents: Tensor, wanted: Tensor) -> Tensor:  # noqa: ANN401
    """The code of the trained target that gives the images back best, ``[1][scanner]``."""
    import torch

    codes = torch.tensor([one.code for one in base.harmonizer.targets], device=latents.device)
    few = slice(None, None, max(1, len(latents) // COMPARED_SLICES))
    with torch.no_grad():
        made = [network.decode(latents[few], one.expand(len(latents[few]), -1)) for one in codes]
    return codes[int(np.argmin([float(reconstruction_loss(one, wanted[few])) for one in made]))][None].clone()


def _whole(held: list[ByteArray], slices: int) -> list[FloatArray]:
    """A few held slices, cut to what the network takes."""
    found = []
    for near in _spread(held, slices, JUDGED_SLICES):
        rows, columns = (size // MULTIPLE * MULTIPLE for size in near.shape[1:])
        found.append((near[None, :, :rows, :columns] / np.float32(255)).astype(np.float32))
    return found


def _errors(onnx: Path, code: tuple[float, ...], images: list[FloatArray]) -> NDArray[np.float64]:
    runtime = OpenVinoRuntime(onnx, code)
    return np.array([np.abs(runtime(one)[0] - one[0, one.shape[1] // 2]).mean() for one in images], dtype=np.float64)
