"""From a checkpoint to a model that ships: ONNX, safetensors and a card whose figures were measured on the very files.

The averaged weights are exported, in half precision (:mod:`~spinemr.segmentation.training.weights`). The ONNX file, run by
OpenVINO, has to give what PyTorch gives; validation Dice is measured with the rounded weights on subjects nobody trained on, and
a card is not written without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.model_card import CARD_SUFFIX, CardMetric, ModelCard, ModelFile, ModelInput, PatchInput
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.provenance import sha256_of
from spinemr.imaging.staged_folder import staged_folder
from spinemr.segmentation.inference.model import INT8, network_in
from spinemr.segmentation.networks.registry import network_entry
from spinemr.segmentation.training.card_texts import CardTexts, move_model
from spinemr.segmentation.training.checkpoint import Checkpoint
from spinemr.segmentation.training.config import PatchSettings, TrainingConfig
from spinemr.segmentation.training.data import DataOf
from spinemr.segmentation.training.int8 import Trial, try_int8
from spinemr.segmentation.training.sources import SliceSet
from spinemr.segmentation.training.validation import SetDice, confidence_interval, dice_of
from spinemr.segmentation.training.weights import round_to_half, write_onnx, write_safetensors

if TYPE_CHECKING:
    from torch import nn

PARITY_TOLERANCE = 1e-3
"""Largest difference of a class probability between PyTorch and OpenVINO."""


def export(
    checkpoint: Path,
    folder: Path,
    texts: CardTexts | None = None,
    *,
    name: str = "own",
    int8: bool = False,
    progress: ProgressCallback = silent,
) -> ModelCard:
    """Write ``<name>.onnx``, ``<name>.safetensors`` and ``<name>.card.json`` into a folder, beside other models.

    With ``int8`` an eight-bit variant is tried; it becomes ``<name>.int8.onnx`` if it is good enough, and the card says so either
    way. Without texts the model gets ``name`` and a card that states nothing but what was measured. An older model of the same
    name is replaced, once everything of the new one is there.
    """
    state = Checkpoint.read(checkpoint)
    texts = texts or _unstated(name, state)
    network = state.network_of_averages()
    round_to_half(network)
    held = _held(state)
    scores = dice_of(network, held, state.config.view, progress=within(progress, 0.0, 0.4 if int8 else 0.8))
    staged = folder / f".{texts.name}"
    with staged_folder(staged, replaceable=lambda _: True) as place:
        weights = _write_weights(network, state, place, texts.name, within(progress, 0.4, 0.5) if int8 else progress)
        files, remarks = [ModelFile(path.suffix[1:], path.name, sha256_of(path)) for path in weights], []
        if int8:
            small = place / f"{texts.name}.int8.onnx"
            trial = try_int8(network, state, held, scores, weights[0], small, within(progress, 0.5, 1.0))
            files += _kept(trial, small)
            remarks.append(trial.remark())
        card = _card(texts, state, files, scores, remarks)
        write_json_atomic(card.as_dict(), place / f"{texts.name}{CARD_SUFFIX}")
        ModelCard.read(place / f"{texts.name}{CARD_SUFFIX}")
    move_model(staged, folder)
    progress(Progress("export", 1.0, "Done"))
    return card


def _unstated(name: str, state: Checkpoint) -> CardTexts:
    sources = [source for source in state.config.sources if source.share > 0]
    names = [source.group or Path(source.path).name or "drawn spines" for source in sources]
    return CardTexts.unstated(name, f"Segmentation network {name}", names)


def _write_weights(
    network: nn.Module, state: Checkpoint, place: Path, name: str, progress: ProgressCallback
) -> tuple[Path, Path]:
    """Both files; what was written is read back and compared."""
    onnx, safetensors = place / f"{name}.onnx", place / f"{name}.safetensors"
    progress(Progress("export", 0.8, "Writing the weights"))
    write_safetensors(network, state, safetensors)
    write_onnx(network, state, onnx)
    progress(Progress("export", 0.9, "Comparing OpenVINO with PyTorch"))
    refuse_other_results(network_in(safetensors).eval(), onnx, _shapes(state.config))
    return onnx, safetensors


def _kept(trial: Trial, path: Path) -> list[ModelFile]:
    """The entry of an eight-bit variant that was accepted; the file of another is removed."""
    if not trial.accepted:
        path.unlink()
        return []
    metrics = tuple(metric for score in trial.scores for metric in _metrics(score))
    return [ModelFile(INT8, path.name, sha256_of(path), metrics, round(trial.speed_up, 2))]


def refuse_other_results(network: nn.Module, onnx: Path, shapes: Iterable[tuple[int, ...]]) -> None:
    """Raise unless OpenVINO gives the probabilities PyTorch gives for images of these shapes."""
    import torch

    from spinemr.segmentation.inference.runtime import OpenVinoRuntime, softmax

    rng = np.random.default_rng(0)
    runtime = OpenVinoRuntime(onnx)
    for shape in shapes:
        images = rng.random(shape, dtype=np.float32)
        with torch.inference_mode():
            wanted = softmax(network(torch.from_numpy(images)).float().numpy().copy())
        difference = float(np.abs(runtime(images) - wanted).max())
        if not difference <= PARITY_TOLERANCE:
            raise OutputError(f"OpenVINO and PyTorch differ by {difference:.2g} in a probability; nothing was exported.")


def _shapes(config: TrainingConfig) -> Iterable[tuple[int, ...]]:
    """Two shapes a network can be shown, with different numbers of slices and, where these are free, different sizes."""
    if config.patch:
        return (1, 1, *config.patch.size), (3, 1, *config.patch.size)
    multiple = network_entry(config.network.name).multiple
    return (1, 1, 8 * multiple, 8 * multiple), (3, 1, 5 * multiple, 9 * multiple)


def _input(config: TrainingConfig) -> ModelInput:
    view, multiple = config.view, network_entry(config.network.name).multiple
    patch = PatchInput(*view.size, view.slice_mm) if isinstance(view, PatchSettings) else None
    return ModelInput(view.pixel_mm, multiple, patch=patch)


def _held(state: Checkpoint) -> tuple[SliceSet, ...]:
    held = DataOf(state.config).validation()
    if not held:
        raise InputError(
            "The sources of this run hold no validation slices, so nothing can be said about the model.",
            "Give some subjects the split 'validation' and train again.",
        )
    return held


def _card(
    texts: CardTexts, state: Checkpoint, files: Sequence[ModelFile], scores: Sequence[SetDice], remarks: Sequence[str]
) -> ModelCard:
    about: dict[str, Any] = texts.as_fields()
    return ModelCard(
        task="segmentation",
        input=_input(state.config),
        files=tuple(files),
        training_data=texts.training_data,
        metrics=tuple(metric for score in scores for metric in _metrics(score)),
        remarks=tuple(remarks),
        **about,
    )


def _metrics(score: SetDice) -> list[CardMetric]:
    """Rounded to four places, as figures of so few subjects deserve."""
    found = []
    for structure, values in score.of_subjects.items():
        if values:
            low, high = confidence_interval(values)
            mean = float(np.mean(values))
            data = f"validation subjects of {score.name}, never trained on; measured by spinemr export"
            rounded = (round(low, 4), round(high, 4))
            found.append(CardMetric(f"Dice of {structure}, mean over subjects", round(mean, 4), rounded, len(values), data))
    return found
