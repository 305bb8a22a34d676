"""The parts of a run: where images come from, what each loss weighs, how the optimizer goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spinemr.imaging.errors import require
from spinemr.segmentation.training.config import GridSettings
from spinemr.synthesis.scanners import scanner

SOURCE_KINDS = ("drawn", "packed", "folder")
REGIONS = ("centre", "mask", "whole")
STARTS = ("untrained", "target")
SCALES = ("mean", "spread", "nothing")


@dataclass(frozen=True)
class ImageSource:
    """Where a share of a domain's images comes from; nobody asks for labels.

    ``drawn`` anatomies are imaged by the simulated ``scanners`` in turn; ``packed`` is a file of
    :mod:`spinemr.segmentation.training.pack` (its training side); ``folder`` holds images of any format, one study a file.
    """

    kind: str
    share: float = 1.0
    scanners: tuple[str, ...] = ()
    anatomies: int = 100
    """Of a drawn source: so many are drawn once, before the first step."""
    path: str = ""
    group: str = ""
    """Of a packed file: only the slices of this set."""
    pixel_mm: float = 0.0
    """Of a folder of pictures, which do not know it; 0 believes the files."""
    rescanned: float = 0.0
    """Of files: how far each study is changed as if another scanner had stored it, from 0 (as it is) to 1."""

    def __post_init__(self) -> None:
        kinds = ", ".join(SOURCE_KINDS)
        require(self.kind in SOURCE_KINDS, f"'{self.kind}' is no kind of source of images.", f"Choose from: {kinds}.")
        require(math.isfinite(self.share) and self.share > 0, f"The share of a source must be above 0, not {self.share}.")
        drawn = self.kind == "drawn"
        require(bool(self.path) != drawn, "Sources of files need a path, and drawn ones have none.")
        require(bool(self.scanners) == drawn, "A drawn source names its scanners, and others have none.")
        require(self.anatomies >= 1, "A drawn source needs at least one anatomy.")
        require(0 <= self.rescanned <= 1, "How far images are rescanned has to be from 0 to 1.")
        require(not (drawn and self.rescanned), "Drawn sources have scanners of their own: only files are rescanned.")
        require(0 <= self.pixel_mm <= 10, "The pixels of a source have to measure up to 10 mm.")
        for name in self.scanners:
            scanner(name)


@dataclass(frozen=True)
class Domain:
    """Images of one appearance."""

    name: str
    sources: tuple[ImageSource, ...]
    truth_of: str = ""
    """HarMOnAE: the domain whose appearance rescanned images of this one had before; the weight ``paired`` asks for it."""

    def __post_init__(self) -> None:
        require(bool(self.name), "Every domain needs a name.")
        require(bool(self.sources), f"The domain {self.name} needs at least one source of images.")


@dataclass(frozen=True)
class Grid(GridSettings):
    """The pixels networks are trained on."""

    rows: int = 320
    columns: int = 320
    pixel_mm: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.rows % 4 == self.columns % 4 == 0, "Rows and columns have to be multiples of 4.")


@dataclass(frozen=True)
class Geometry:
    """How images are moved, never changed in appearance: that is what is to be learned."""

    rotation_deg: float = 5.0
    shift_mm: float = 10.0
    scale: float = 0.1
    """1.1 to 0.9 times as large."""
    mirrored: float = 0.5
    """How often front and back change places."""

    def __post_init__(self) -> None:
        require(min(self.rotation_deg, self.shift_mm, self.scale) >= 0, "Movements of images cannot be negative.")
        require(self.rotation_deg <= 180 and self.scale <= 0.8, "Images turn by up to 180 degrees and scale by up to 0.8.")
        require(0 <= self.mirrored <= 1, "How often images are mirrored has to be from 0 to 1.")


@dataclass(frozen=True)
class CycleWeights:
    """What each term of Kim 2024 weighs (their section III-C-3); 0 leaves it out."""

    adversarial: float = 10.0
    cycle: float = 10.0
    identity: float = 10.0
    dice_target: float = 20.0
    """Of what S_Y says: identity and cycle."""
    dice_source: float = 10.0
    """Of what S_X says: identity, cycle and harmonization."""
    dice_identity: float = 1.0
    """Shares of the three kinds of Dice loss, by which those two are multiplied (their Table 4 leaves one out at a time)."""
    dice_cycle: float = 1.0
    dice_harmonization: float = 1.0
    radiomics: float = 10.0
    paired: float = 0.0
    """Not published: mean absolute error to the target's own image, where a source is rescanned and it is known."""

    def __post_init__(self) -> None:
        _require_weights(self)

    @property
    def segments(self) -> bool:
        """Whether any Dice loss counts."""
        of_target = self.dice_target * max(self.dice_identity, self.dice_cycle)
        of_source = self.dice_source * max(self.dice_identity, self.dice_cycle, self.dice_harmonization)
        return of_target + of_source > 0

    def without_extras(self) -> CycleWeights:
        """Only what Modanwal 2021 has: no segmentation, no radiomic features."""
        return replace(self, dice_target=0.0, dice_source=0.0, radiomics=0.0, paired=0.0)


@dataclass(frozen=True)
class StyleBlindWeights:
    """What each term of HarMOnAE weighs; the paper does not print its weights."""

    reconstruction: float = 10.0
    adversarial: float = 1.0
    latent: float = 1.0
    image: float = 0.0
    """Of an image discriminator, which the paper warns of: it moves anatomy."""
    paired: float = 0.0
    """Not published: the reconstruction loss to the image before it was rescanned, in domains that say whose look that is."""

    def __post_init__(self) -> None:
        _require_weights(self)


def _require_weights(weights: CycleWeights | StyleBlindWeights) -> None:
    values = list(vars(weights).values())
    require(all(math.isfinite(value) and value >= 0 for value in values), "Weights of losses have to be at least 0.")
    shares = ("dice_identity", "dice_cycle", "dice_harmonization")
    counting = [value for name, value in vars(weights).items() if name not in shares]
    require(max(counting) > 0, "At least one loss has to weigh something.")


@dataclass(frozen=True)
class Teachers:
    """The segmentation networks of Kim 2024: S_Y, trained on the target and frozen, and S_X, which learns along."""

    model: str = ""
    """S_Y: a checkpoint (.pt), a .safetensors file, or a model by its name or card."""
    source_starts: str = "untrained"
    """S_X: ``untrained`` as published, or with the weights of S_Y (``target``)."""

    def __post_init__(self) -> None:
        starts = ", ".join(STARTS)
        require(self.source_starts in STARTS, f"S_X cannot start '{self.source_starts}'.", f"Choose from: {starts}.")


@dataclass(frozen=True)
class RadiomicTerm:
    """Which features are to become those of the target, and where they are taken."""

    features: tuple[str, ...] = ()
    """By full names; none: five are selected on the target by coefficient of variation and correlation (section III-B)."""
    region: str = "centre"
    """``centre``: all rows, the middle ``columns_share`` of the columns; ``mask``: the box of S_Y's mask; ``whole``."""
    columns_share: float = 0.375
    """120 of 320 columns, as published."""
    slices: int = 200
    """Of the target, that the features are measured on before training (1000 as published)."""
    bin_width: float = 25.0
    temperature: float = 0.1
    """Softness of the grey levels in bins, in training and in the measured values alike."""
    scale_by: str = "mean"
    """What differences are divided by: the target's mean, its spread, or nothing (as published)."""

    def __post_init__(self) -> None:
        require(self.region in REGIONS, f"'{self.region}' is no region.", f"Choose from: {', '.join(REGIONS)}.")
        require(self.scale_by in SCALES, f"Features cannot be scaled by '{self.scale_by}'.", f"Choose from: {', '.join(SCALES)}.")
        require(0 < self.columns_share <= 1, "The share of the columns has to be above 0 and at most 1.")
        require(self.slices >= 3, "The features of a target need at least 3 slices.")
        require(self.bin_width > 0 and 0 < self.temperature <= 1, "Grey levels need a width above 0 and a temperature up to 1.")


@dataclass(frozen=True)
class Adam:
    """The optimizer of every network; the rate stays, and from ``decay_from`` of the steps falls evenly to 0."""

    learning_rate: float = 1e-4
    """The upper end of what Kim 2024 examined."""
    discriminator_rate: float = 0.0
    """Of discriminators and classifiers; 0: the same."""
    beta1: float = 0.5
    beta2: float = 0.999
    decay_from: float = 0.5
    ema_decay: float = 0.998

    def __post_init__(self) -> None:
        rates = (self.learning_rate, self.discriminator_rate)
        require(0 < self.learning_rate <= 1 and 0 <= self.discriminator_rate <= 1, f"Learning rates cannot be {rates}.")
        require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, "The momentum of Adam has to be from 0 to below 1.")
        require(0 <= self.decay_from <= 1, "The rate starts to fall at a share of the steps from 0 to 1.")
        require(0 <= self.ema_decay < 1, "The decay of the averaged weights must be from 0 to below 1.")

    def rate(self, step: int, steps: int) -> float:
        """The share of the learning rate at a step (the first is 0)."""
        first = self.decay_from * steps
        return 1.0 if step < first else max(0.0, (steps - step) / max(1.0, steps - first))


@dataclass(frozen=True)
class Pairs:
    """Held-out images whose truth is known; with neither scanners nor a file nothing is judged.

    Either drawn anatomies imaged by two simulated scanners, or the validation side of a packed file, rescanned at full strength.
    """

    sources: tuple[str, ...] = ()
    target: str = ""
    anatomies: int = 4
    """Of drawn pairs; of packed ones, so many slices spread over the set."""
    path: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        require(bool(self.sources) == bool(self.target), "Pairs to validate on need source scanners and a target scanner.")
        require(not (self.path and self.target), "Pairs to validate on are either drawn or of a file.")
        require(self.anatomies >= 1, "Pairs to validate on need at least one anatomy.")
        for name in (*self.sources, *((self.target,) if self.target else ())):
            scanner(name)


@dataclass(frozen=True)
class CycleGanSettings:
    """Kim 2024, or the comparator Modanwal 2021 (``variant: modanwal``), which has neither segmentation nor radiomic losses."""

    variant: str = "kim"
    generator: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`~spinemr.harmonization.networks.style_transfer.StyleTransferOptions`."""
    discriminator_width: int = 64
    weights: CycleWeights = field(default_factory=CycleWeights)
    least_squares: bool = False
    pool: int = 50
    """Harmonized images that discriminators see again later; 0 shows them only the newest."""
    teachers: Teachers = field(default_factory=Teachers)
    radiomics: RadiomicTerm = field(default_factory=RadiomicTerm)

    def __post_init__(self) -> None:
        from spinemr.harmonization.networks.style_transfer import StyleTransferOptions

        StyleTransferOptions.of(self.generator)
        require(self.variant in ("kim", "modanwal"), f"'{self.variant}' is no variant.", "Choose from: kim, modanwal.")
        require(self.discriminator_width >= 1 and self.pool >= 0, "Discriminators need a channel, and no negative pool.")
        require(
            bool(self.teachers.model) or not self.terms.segments,
            "The Dice losses need a segmentation network of the target.",
            "Name it as teachers: {model: ...}, or set the weights dice_target and dice_source to 0.",
        )
        masked = self.terms.radiomics > 0 and self.radiomics.region == "mask"
        require(bool(self.teachers.model) or not masked, "The region 'mask' of radiomic features needs teachers: {model: ...}.")

    @property
    def terms(self) -> CycleWeights:
        """The weights that count."""
        return self.weights.without_extras() if self.variant == "modanwal" else self.weights


@dataclass(frozen=True)
class StyleBlindSettings:
    """HarMOnAE (Fatania 2022)."""

    network: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`~spinemr.harmonization.networks.style_blind.StyleBlindOptions`; the scanners are the domains."""
    weights: StyleBlindWeights = field(default_factory=StyleBlindWeights)
    classifier_steps: int = 1
    """Of the classifier for each of the auto-encoder."""
    warm_up_steps: int = 0
    """So many steps the auto-encoder only learns to reconstruct, while the classifier already learns to guess."""
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        from spinemr.harmonization.networks.style_blind import StyleBlindOptions

        require("scanners" not in self.network, "The number of scanners is that of the domains.", "Leave it out.")
        StyleBlindOptions.of(self.network)
        require(self.classifier_steps >= 1 and self.warm_up_steps >= 0, "The classifier has to take at least one step.")
        require(self.discriminator_width >= 1, "A discriminator needs at least one channel.")
