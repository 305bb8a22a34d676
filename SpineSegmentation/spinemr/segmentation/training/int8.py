"""Eight-bit variants: calibrated on training images, judged on validation subjects, kept only where hardly anything is lost."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.imaging.network_file import FloatArray
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.silent_packages import unreported
from spinemr.segmentation.inference.runtime import OpenVinoRuntime
from spinemr.segmentation.training.checkpoint import Checkpoint
from spinemr.segmentation.training.config import TrainingConfig
from spinemr.segmentation.training.data import DataOf
from spinemr.segmentation.training.sources import SliceSet
from spinemr.segmentation.training.validation import SetDice, dice_of
from spinemr.segmentation.training.weights import write_onnx

if TYPE_CHECKING:
    from torch import nn

LARGEST_LOSS = 0.003
"""A variant is kept where the mean Dice of every judged structure of every set loses less."""

CALIBRATION_IMAGES = 128
TIMED_ROUNDS = 9


@dataclass(frozen=True)
class Trial:
    """What a variant was found to be worth."""

    scores: tuple[SetDice, ...]
    losses: Mapping[str, float]
    """Dice lost by "set structure", negative where it gained."""
    speed_up: float
    """Time of the full network over that of the variant, the median of alternating rounds."""

    @property
    def accepted(self) -> bool:
        """Whether every structure loses less than :data:`LARGEST_LOSS`; without a figure nothing is accepted."""
        return bool(self.losses) and all(loss < LARGEST_LOSS for loss in self.losses.values())

    def remark(self) -> str:
        """What the card says about it."""
        worst = max(self.losses, key=lambda name: self.losses[name], default="nothing")
        lost = f"largest loss of mean Dice {self.losses.get(worst, float('nan')):.4f} ({worst}), limit {LARGEST_LOSS}"
        verdict = "kept" if self.accepted else "measured and dropped"
        return f"Eight-bit variant {verdict}: {lost}; {self.speed_up:.1f} times as fast on the processor it was measured on."


def try_int8(
    network: nn.Module,
    state: Checkpoint,
    held: Sequence[SliceSet],
    full: Sequence[SetDice],
    onnx: Path,
    target: Path,
    progress: ProgressCallback = silent,
) -> Trial:
    """Write an eight-bit variant of a network to ``target`` and hold it against the full one (its scores, its ``onnx`` file)."""
    images = calibration_images(state.config, within(progress, 0.0, 0.1))
    progress(Progress("export", 0.1, "Calibrating the eight-bit variant"))
    quantise(network, state, images, target)
    runtime = OpenVinoRuntime(target)
    scores = dice_of(runtime, held, state.config.view, progress=within(progress, 0.4, 1.0))
    return Trial(scores, dice_lost(full, scores), speed_up(OpenVinoRuntime(onnx), runtime, images[0]))


def calibration_images(config: TrainingConfig, progress: ProgressCallback = silent) -> list[FloatArray]:
    """Images of the training side of every source in its share, as they are: no contrast is changed, nothing is bent."""
    plain = replace(config, augment=False, batch_size=1)
    mixture = DataOf(plain).open().mixture
    found = []
    for number in range(CALIBRATION_IMAGES):
        found.append(mixture[number].images)
        progress(Progress("export", (number + 1) / CALIBRATION_IMAGES, "Gathering images to calibrate with"))
    return found


def quantise(network: nn.Module, state: Checkpoint, images: Sequence[FloatArray], target: Path) -> None:
    """Post-training quantisation by NNCF: weights and activations in eight bits, their ranges from the images."""
    nncf, onnx = _packages()
    nncf.set_log_level(logging.ERROR)
    write_onnx(network, state, target, folded=True)
    with contextlib.redirect_stdout(io.StringIO()):  # it draws bars of its own
        model = nncf.quantize(
            onnx.load(target),
            nncf.Dataset(images, lambda image: {"image": image}),
            subset_size=len(images),
            preset=nncf.QuantizationPreset.MIXED,
        )
    target.write_bytes(model.SerializeToString())


def dice_lost(full: Iterable[SetDice], small: Iterable[SetDice]) -> dict[str, float]:
    """Mean Dice over subjects of the full network less that of the variant, for each structure of each set."""
    return {
        f"{before.name} {structure}": float(np.mean(values) - np.mean(after.of_subjects[structure]))
        for before, after in zip(full, small, strict=True)
        for structure, values in before.of_subjects.items()
        if values
    }


def speed_up(full: OpenVinoRuntime, small: OpenVinoRuntime, image: FloatArray) -> float:
    """How many times as fast the second is, as they look at one image in turns; the first round is not counted."""
    ratios = []
    for _ in range(TIMED_ROUNDS + 1):
        slow, fast = (_seconds(runtime, image) for runtime in (full, small))
        ratios.append(slow / fast)
    return float(median(ratios[1:]))


def _seconds(runtime: OpenVinoRuntime, image: FloatArray) -> float:
    start = time.perf_counter()
    runtime(image)
    return time.perf_counter() - start


def _packages() -> tuple[Any, Any]:
    try:
        with unreported():
            import nncf
        import onnx
        import onnxruntime  # noqa: F401 - what NNCF looks at images with
    except ImportError as error:
        hint = "Install them with: pip install 'spinemr[train]', or leave out --int8."
        raise InputError("An eight-bit variant needs the packages nncf, onnx and onnxruntime.", hint) from error
    return nncf, onnx
