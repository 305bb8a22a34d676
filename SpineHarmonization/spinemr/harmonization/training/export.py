"""From a checkpoint to a harmonizer that ships: ONNX, safetensors and a card whose figures were measured on the very files.

Of a CycleGAN the generator to the target is exported, of HarMOnAE encoder and decoder together with the scanner's code as a
second input; both with averaged weights in half precision (:mod:`spinemr.segmentation.training.weights`). OpenVINO has to give
what PyTorch gives. The card is judged on anatomies that no training draws: how near harmonized images come to the truth (where
the run names pairs of scanners), and whether edges stay in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.inference.runtime import OpenVinoRuntime
from spinemr.harmonization.inference.safety import check
from spinemr.harmonization.networks.stored import Options, header_of, network_in
from spinemr.harmonization.networks.style_blind import MULTIPLE, StyleBlindOptions
from spinemr.harmonization.training.checkpoint import HarmonizationCheckpoint
from spinemr.harmonization.training.config import HarmonizationConfig
from spinemr.harmonization.training.pairs import TruePairs, draw_true_pairs, true_pairs
from spinemr.harmonization.training.settings import Domain, Pairs
from spinemr.harmonization.training.stacks import HIGH, LOW
from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import OutputError, require
from spinemr.imaging.harmonizer import CONTRASTS, HarmonizationTarget, Harmonizer
from spinemr.imaging.model_card import CARD_SUFFIX, CardMetric, ModelCard, ModelFile, ModelInput
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.imaging.provenance import sha256_of
from spinemr.imaging.settings_file import parsed, read_text
from spinemr.imaging.staged_folder import staged_folder
from spinemr.radiomics.preservation.similarity import ssim
from spinemr.segmentation.training.card_texts import CardTexts, move_model
from spinemr.segmentation.training.validation import confidence_interval
from spinemr.segmentation.training.weights import round_to_half, save_onnx, save_tensors
from spinemr.synthesis.scanners import scanner

if TYPE_CHECKING:
    from torch import nn

FloatArray = NDArray[np.float32]
PARITY_TOLERANCE = 1e-3
"""Largest difference of an intensity of 0..1 between PyTorch and OpenVINO."""
PLAIN_PAIRS = Pairs(("birch-1.5t-t1", "birch-3t-t2"), "alder-1.5t-t1")
"""What edges are judged on where a run names no pairs of scanners."""
_TARGET = {"name", "contrast"}
_CONTRAST_OF_WEIGHTING = {"t1": "t1", "t2": "t2", "t2 space": "t2"}


@dataclass(frozen=True)
class HarmonizerTexts:
    """What nobody can measure: the texts of the card, and name and contrast of each target where they are not the domain's."""

    card: CardTexts
    targets: Mapping[str, HarmonizationTarget] = field(default_factory=dict)
    """By domain."""
    left_out: frozenset[str] = frozenset()
    """Domains that are no target: images of many scanners, say, that a network learned to see through."""

    @classmethod
    def read(cls, path: Path) -> HarmonizerTexts:
        """From a card file; its optional ``targets`` are by domain ``{name: ..., contrast: t1 or t2}``, or ``false``."""
        content = parsed(read_text(path), path)
        said = content.get("targets") or {} if isinstance(content, dict) else {}
        require(isinstance(said, dict), f"In {path.name}: targets are names and contrasts by domain.")
        left_out = frozenset(str(domain) for domain, one in said.items() if one is False)
        said = {str(domain): one for domain, one in said.items() if one is not False}
        plain = all(isinstance(one, dict) and set(one) <= _TARGET for one in said.values())
        require(plain, f"In {path.name}: a target has a name and a contrast, or is false: no target.")
        filled = {domain: {"name": domain, "contrast": "", **one} for domain, one in said.items()}
        named = {domain: HarmonizationTarget(str(one["name"]), str(one["contrast"])) for domain, one in filled.items()}
        require(all(one.contrast in CONTRASTS for one in named.values()), f"In {path.name}: a contrast is t1 or t2.")
        return cls(CardTexts.read(path), named, left_out)

    @classmethod
    def unstated(cls, name: str, data: tuple[str, ...]) -> HarmonizerTexts:
        """For somebody's own model."""
        return cls(CardTexts.unstated(name, f"Harmonization network {name}", data))


@dataclass(frozen=True)
class Product:
    """A network to be written, and what there is to know about it."""

    network: nn.Module
    options: Options
    harmonizer: Harmonizer
    pixel_mm: float


def export_harmonizer(
    checkpoint: Path,
    folder: Path,
    texts: HarmonizerTexts | None = None,
    *,
    name: str = "own",
    progress: ProgressCallback = silent,
) -> ModelCard:
    """Write ``<name>.onnx``, ``<name>.safetensors`` and ``<name>.card.json`` into a folder, beside other models.

    Without texts the model gets ``name`` and a card that states nothing but what was measured. An older model of the same name is
    replaced, once everything of the new one is there.
    """
    state = HarmonizationCheckpoint.read(checkpoint)
    texts = texts or HarmonizerTexts.unstated(name, tuple(domain.name for domain in state.config.domains))
    product = Product(state.network_of_averages(), state.options, _harmonizer(state.config, texts), state.config.grid.pixel_mm)
    remarks = (f"{state.step} of {state.config.steps} steps.",)

    def judged(onnx: Path) -> tuple[CardMetric, ...]:
        progress(Progress("export", 0.2, "Drawing anatomies to judge on"))
        return judge(onnx, state.config)

    return write_model(product, folder, texts.card, judged, remarks, progress)


def write_model(
    product: Product,
    folder: Path,
    texts: CardTexts,
    judged: Callable[[Path], tuple[CardMetric, ...]],
    remarks: tuple[str, ...],
    progress: ProgressCallback,
) -> ModelCard:
    """Write a network's files and its card; ``judged`` gives the metrics of the ONNX file."""
    round_to_half(product.network)
    staged = folder / f".{texts.name}"
    with staged_folder(staged, replaceable=lambda _: True) as place:
        progress(Progress("export", 0.0, "Writing the weights"))
        files = write_weights(product, place, texts.name)
        card = ModelCard(
            task="harmonization",
            input=ModelInput(product.pixel_mm, MULTIPLE, (LOW, HIGH)),
            files=tuple(ModelFile(path.suffix[1:], path.name, sha256_of(path)) for path in files),
            training_data=texts.training_data,
            metrics=judged(files[0]),
            remarks=remarks,
            harmonizer=product.harmonizer,
            **texts.as_fields(),
        )
        write_json_atomic(card.as_dict(), place / f"{texts.name}{CARD_SUFFIX}")
        ModelCard.read(place / f"{texts.name}{CARD_SUFFIX}")
    move_model(staged, folder)
    progress(Progress("export", 1.0, "Done"))
    return card


def _harmonizer(config: HarmonizationConfig, texts: HarmonizerTexts) -> Harmonizer:
    """The targets: the domain that was trained for; of HarMOnAE all, those that the texts name first and in their order."""
    names = [domain.name for domain in config.domains]
    foreign = sorted({*texts.targets, *texts.left_out} - set(names))
    require(not foreign, f"The run has no domain {', '.join(foreign)}.", f"There are: {', '.join(names)}.")
    main = config.domains[config.target_index].name
    require(main not in texts.left_out, f"The run was trained for {main}: it has to be a target.")
    named = list(texts.targets)
    several = config.method == "harmonae"

    def place(index: int) -> tuple[int, bool]:
        rank = named.index(names[index]) if several and names[index] in named else len(named)
        return rank, index != config.target_index

    order = sorted((index for index, name in enumerate(names) if name not in texts.left_out), key=place)
    targets = []
    for index in order if several else order[:1]:
        plain = HarmonizationTarget(names[index], contrast_of_domain(config.domains[index]))
        targets.append(replace(texts.targets.get(names[index], plain), code=_code(config, index)))
    return Harmonizer(config.method, config.inputs, tuple(targets), config.scale)


def _code(config: HarmonizationConfig, index: int) -> tuple[float, ...]:
    """What the network is told to give the appearance of a domain."""
    return tuple(np.eye(len(config.domains))[index].tolist()) if config.method == "harmonae" else ()


def contrast_of_domain(domain: Domain) -> str:
    """T1 or T2, where all its images come from simulated scanners of one weighting."""
    found = {
        _CONTRAST_OF_WEIGHTING.get(scanner(name).protocol.weighting, "") if name else ""
        for source in domain.sources
        for name in source.scanners or ("",)
    }
    return found.pop() if len(found) == 1 else ""


def write_weights(product: Product, place: Path, name: str) -> tuple[Path, Path]:
    """Both files; what was written is read back and compared."""
    import torch

    onnx, safetensors = place / f"{name}.onnx", place / f"{name}.safetensors"
    image = torch.rand(2, product.harmonizer.slices, 64, 64)
    inputs: dict[str, tuple[Any, tuple[int, ...]]] = {"image": (image, (0, 2, 3))}
    if isinstance(product.options, StyleBlindOptions):
        inputs["code"] = (torch.rand(2, product.options.scanners), (0,))
    save_tensors(product.network, header_of(product.options), safetensors)
    save_onnx(product.network, inputs, "harmonized", onnx)
    refuse_other_results(network_in(safetensors), onnx, product.harmonizer)
    return onnx, safetensors


def refuse_other_results(network: nn.Module, onnx: Path, harmonizer: Harmonizer) -> None:
    """Raise unless OpenVINO gives for every target what PyTorch gives."""
    import torch

    rng = np.random.default_rng(0)
    for target, (rows, columns) in zip(harmonizer.targets, [(64, 96), (52, 40)] * len(harmonizer.targets), strict=False):
        images = rng.random((2, harmonizer.slices, rows, columns), dtype=np.float32)
        codes = (torch.tensor([target.code] * 2),) if target.code else ()
        with torch.inference_mode():
            wanted = network(torch.from_numpy(images), *codes)[:, 0].numpy()
        difference = float(np.abs(OpenVinoRuntime(onnx, target.code)(images) - wanted).max())
        if not difference <= PARITY_TOLERANCE:
            raise OutputError(f"OpenVINO and PyTorch differ by {difference:.2g} of the range; nothing was exported.")


def judge(onnx: Path, config: HarmonizationConfig) -> tuple[CardMetric, ...]:
    """What the file does to anatomies nobody trained on; the unit of every interval is the anatomy."""
    true = true_pairs(config.pairs, config.grid, config.inputs, config.scale)
    pairs = true or draw_true_pairs(PLAIN_PAIRS, config.grid, config.inputs, config.scale)
    runtime = OpenVinoRuntime(onnx, _code(config, config.target_index))
    after = runtime(pairs.images)
    figures = _kept(pairs, after, config.grid.pixel_mm) | (_nearness(pairs, after) | _unchanged(pairs, runtime) if true else {})
    data = judged_on(config.pairs)
    return tuple(metric(name, values.reshape(pairs.anatomies, -1).mean(axis=1), data) for name, values in figures.items())


def judged_on(pairs: Pairs) -> str:
    """What the figures of a card come from, in words."""
    if pairs.path:
        named = pairs.group or "the set"
        return f"held-out images of {named}, changed as if other scanners had stored them, to the images as they are"
    sources = (pairs if pairs.target else PLAIN_PAIRS).sources
    target = f" to {pairs.target}" if pairs.target else ""
    return f"drawn anatomies never trained on, {' and '.join(sources)}{target}"


def _nearness(pairs: TruePairs, after: FloatArray) -> dict[str, NDArray[np.float64]]:
    before = pairs.images[:, pairs.images.shape[1] // 2]
    found = {}
    for word, images in (("after harmonization", after), ("before", before)):
        error = np.abs(images - pairs.truth).mean(axis=(1, 2), dtype=np.float64)
        found[f"Mean absolute error to the true image (0 to 1), {word}"] = error
        similar = [ssim(one, other, 1.0) for one, other in zip(images, pairs.truth, strict=True)]
        found[f"Structural similarity to the true image, {word}"] = np.array(similar)
    return found


def _unchanged(pairs: TruePairs, runtime: OpenVinoRuntime) -> dict[str, NDArray[np.float64]]:
    """What becomes of images that need no harmonization: those of the target itself."""
    shown = np.repeat(pairs.truth[:, None], pairs.images.shape[1], axis=1)
    change = np.abs(runtime(shown) - pairs.truth).mean(axis=(1, 2), dtype=np.float64)
    return {"Mean absolute change of images that look like the target already (0 to 1)": change}


def _kept(pairs: TruePairs, after: FloatArray, pixel_mm: float) -> dict[str, NDArray[np.float64]]:
    before = pairs.images[:, pairs.images.shape[1] // 2]
    checks = [check(one, other, pixel_mm) for one, other in zip(before, after, strict=True)]
    moved = np.array([one.moved_p95_mm for one in checks])
    return {
        "Edge alignment of harmonized images with the originals (1: all in place)": np.array([c.edge_alignment for c in checks]),
        "Movement by harmonization, mm (95 % of places with edges moved less)": np.nan_to_num(moved),
    }


def metric(name: str, values: NDArray[np.float64], data: str) -> CardMetric:
    """A figure of a card, one value a case. Rounded to four places, as figures of so few anatomies deserve."""
    low, high = confidence_interval(values)
    mean = float(values.mean())
    rounded = (min(round(low, 4), round(mean, 4)), max(round(high, 4), round(mean, 4)))
    return CardMetric(name, round(mean, 4), rounded, len(values), data)
