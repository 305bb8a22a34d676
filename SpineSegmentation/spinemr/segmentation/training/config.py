"""One file, YAML or JSON, describes a training run; it is checked whole before anything starts and stored in every checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from spinemr.imaging.errors import require
from spinemr.imaging.settings_file import built, parsed, read_text
from spinemr.segmentation.classes import STRUCTURES
from spinemr.segmentation.networks.registry import network_entry
from spinemr.segmentation.training.run_settings import RunSettings, beside

SOURCE_KINDS = ("drawn", "packed", "folder")


@dataclass(frozen=True)
class NetworkSettings:
    """Which network, and the options its constructor takes."""

    name: str = "plain-unet"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        network_entry(self.name)


@dataclass(frozen=True)
class GridSettings:
    """The pixels a network is trained on."""

    rows: int = 256
    columns: int = 256
    pixel_mm: float = 1.1

    def __post_init__(self) -> None:
        require(min(self.rows, self.columns) >= 32, "A training grid needs at least 32 rows and columns.")
        require(0.2 <= self.pixel_mm <= 5, "The pixels of a training grid have to measure 0.2 to 5 mm.")


@dataclass(frozen=True)
class PatchSettings:
    """The voxels a network of volumes is trained on: those of Arias Martinez 2024 (II.C)."""

    slices: int = 32
    rows: int = 80
    columns: int = 80
    pixel_mm: float = 0.7
    slice_mm: float = 2.2

    def __post_init__(self) -> None:
        require(min(self.slices, self.rows, self.columns) >= 1, "A patch needs slices, rows and columns.")
        sizes = (self.pixel_mm, self.slice_mm)
        require(min(sizes) >= 0.2 and max(sizes) <= 20, "The voxels of a patch have to measure 0.2 to 20 mm.")

    @property
    def size(self) -> tuple[int, int, int]:
        """Slices, rows and columns."""
        return self.slices, self.rows, self.columns


View = GridSettings | PatchSettings
"""What a network is shown: whole slices, or patches of volumes."""


@dataclass(frozen=True)
class SourceSettings:
    """Where a share of every batch comes from.

    ``drawn`` slices come from the anatomy generator; ``packed`` from a file of :mod:`~spinemr.segmentation.training.pack`;
    ``folder`` is a folder with ``index.csv`` (columns image, label, and if wanted subject and split) whose maps hold anatomy
    numbers and label the structures in ``labelled``. Blank-slice removal and contrast stretch are those of Markhali 2024.
    """

    kind: str
    share: float
    path: str = ""
    group: str = ""
    """Of a packed file: only the slices of this set."""
    labelled: tuple[str, ...] = ("vertebra", "disc", "canal")
    remove_blank_slices: bool = False
    contrast_stretch: bool = False
    slice_mm: float = 0.0
    """Distance of the slices, for networks of volumes, where the file does not say it."""

    def __post_init__(self) -> None:
        require(
            self.kind in SOURCE_KINDS, f"'{self.kind}' is no kind of source.", f"Choose from: {', '.join(SOURCE_KINDS)}."
        )
        require(math.isfinite(self.share) and self.share >= 0, f"The share of a source must be at least 0, not {self.share}.")
        require(bool(self.path) != (self.kind == "drawn"), "Sources of files need a path, and drawn ones have none.")
        require(self.slice_mm >= 0, "The distance of slices cannot be negative.")
        for name in self.labelled:
            require(name in STRUCTURES, f"'{name}' is no structure.", f"Choose from: {', '.join(STRUCTURES)}.")


@dataclass(frozen=True)
class LossSettings:
    """The weights of cross entropy, soft Dice and soft IoU."""

    cross_entropy: float = 1.0
    dice: float = 1.0
    iou: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.cross_entropy, self.dice, self.iou)
        require(min(weights) >= 0 < max(weights) < math.inf, "A loss needs weights of at least 0, one of them above 0.")


@dataclass(frozen=True)
class OptimizerSettings:
    """AdamW, its rate rising over ``warm_up_steps`` and then falling as a cosine to ``last_share`` of its peak."""

    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up_steps: int = 100
    last_share: float = 0.01
    clip_norm: float = 1.0
    ema_decay: float = 0.998

    def __post_init__(self) -> None:
        require(0 < self.learning_rate <= 1, f"The learning rate must be above 0 and at most 1, not {self.learning_rate}.")
        smallest = min(self.weight_decay, self.warm_up_steps, self.last_share)
        require(smallest >= 0, "Settings of the optimizer cannot be negative.")
        require(self.clip_norm > 0, "The norm that gradients are clipped to must be above 0.")
        require(0 <= self.ema_decay < 1, f"The decay of the averaged weights must be from 0 to below 1, not {self.ema_decay}.")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(RunSettings):
    """A whole run."""

    sources: tuple[SourceSettings, ...]
    steps: int = 2000
    batch_size: int = 8
    network: NetworkSettings = field(default_factory=NetworkSettings)
    start_from: str = ""
    """A checkpoint or ``.safetensors`` file of the same network whose weights the run begins with; empty: random weights."""
    grid: GridSettings = field(default_factory=GridSettings)
    patch: PatchSettings | None = None
    """Of a network of volumes, instead of a grid."""
    loss: LossSettings = field(default_factory=LossSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    augment: bool = True
    validate_every: int = 200
    checkpoint_every: int = 100
    validation_slices: int = 120
    """At most so many slices of each set are looked at in a validation during training, spread over all subjects."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.sources) and sum(s.share for s in self.sources) > 0, "A run needs a source with a share above 0.")
        require(self.validation_slices >= 1, "A validation needs at least one slice.")
        self._check_view()

    def _check_view(self) -> None:
        entry = network_entry(self.network.name)
        if entry.dimensions == 2:
            require(self.patch is None, f"The network {entry.name} works slice by slice: it takes a grid, not a patch.")
            sizes: tuple[int, ...] = (self.grid.rows, self.grid.columns)
        else:
            require(self.patch is not None, f"The network {entry.name} works on volumes: it takes a patch instead of a grid.")
            require(self.grid == GridSettings(), "A run has a grid or a patch, not both.")
            blanks = any(source.remove_blank_slices for source in self.sources)
            require(not blanks, "Blank slices cannot be removed from volumes.")
            sizes = cast(PatchSettings, self.patch).size
        fits = all(size % entry.multiple == 0 for size in sizes)
        require(fits, f"What {entry.name} is shown has to have multiples of {entry.multiple} along each axis.")

    @property
    def view(self) -> View:
        """What the network is shown."""
        return self.patch or self.grid


def read_config(path: Path) -> TrainingConfig:
    """Read and check a run; paths in it are relative to the file. :class:`InputError` names what is wrong."""
    config = config_from(parsed(read_text(path), path), path.name)
    sources = tuple(replace(s, path=beside(s.path, path.parent)) for s in config.sources)
    return replace(config, sources=sources, start_from=beside(config.start_from, path.parent))


def config_from(content: object, named: str = "the configuration") -> TrainingConfig:
    """A run from plain values."""
    return built(TrainingConfig, content, named)
