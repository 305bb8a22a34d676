"""One file, YAML or JSON, describes a run; it is checked whole before anything starts and stored in every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from spinemr.harmonization.classical.scales import SCALE_NAMES
from spinemr.harmonization.training.settings import (
    Adam,
    CycleGanSettings,
    Domain,
    Geometry,
    Grid,
    ImageSource,
    Pairs,
    StyleBlindSettings,
    Teachers,
)
from spinemr.imaging.errors import require
from spinemr.imaging.settings_file import built, parsed, read_text
from spinemr.segmentation.training.run_settings import RunSettings, beside

METHODS = ("cyclegan", "harmonae")


@dataclass(frozen=True, kw_only=True)
class HarmonizationConfig(RunSettings):
    """A whole run."""

    method: str
    domains: tuple[Domain, ...]
    target: str
    """The domain whose appearance is wanted; HarMOnAE also learns the way to every other."""
    cyclegan: CycleGanSettings | None = None
    harmonae: StyleBlindSettings | None = None
    grid: Grid = field(default_factory=Grid)
    geometry: Geometry = field(default_factory=Geometry)
    optimizer: Adam = field(default_factory=Adam)
    pairs: Pairs = field(default_factory=Pairs)
    scale: str = ""
    """A scale that ships (``t1`` or ``t2``): every image is brought there first, and the network sees nothing else."""
    start_from: str = ""
    """A checkpoint of another run of the same method whose weights this one begins with; empty: random weights.

    HarMOnAE finds its scanners there by the names of the domains. New ones begin as the mean of those.
    """
    steps: int = 20000
    batch_size: int = 4
    """Images of each domain (CycleGAN), or of all together (HarMOnAE)."""
    validate_every: int = 500
    checkpoint_every: int = 200
    panel_every: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.panel_every >= 1, "The interval of panels must be at least 1.")
        require(self.method in METHODS, f"'{self.method}' is no method to train.", f"Choose from: {', '.join(METHODS)}.")
        require(self.scale in ("", *SCALE_NAMES), f"No scale '{self.scale}' ships.", f"Choose from: {', '.join(SCALE_NAMES)}.")
        names = [domain.name for domain in self.domains]
        require(len(set(names)) == len(names) >= 2, "A run needs at least two domains, each with a name of its own.")
        require(self.target in names, f"There is no domain '{self.target}' to be the target.", f"There are: {', '.join(names)}.")
        others = [name for name in METHODS if name != self.method and getattr(self, name) is not None]
        require(not others, f"A run of the method {self.method} has no settings of {', '.join(others)}.")
        require(self.method != "cyclegan" or len(names) == 2, "A CycleGAN has two domains: the source and the target.")
        self._check_truths(names)
        if self.method == "cyclegan":
            require(self.cyclegan is not None, "A run of the method cyclegan needs the settings 'cyclegan'.")

    def _check_truths(self, names: list[str]) -> None:
        """Domains that say what their rescanned images were."""
        blind, telling = self.method == "harmonae", [domain for domain in self.domains if domain.truth_of]
        require(blind or not telling, "Only domains of HarMOnAE say whose truth they have.")
        foreign = sorted({domain.truth_of for domain in telling} - set(names))
        require(not foreign, f"There is no domain '{', '.join(foreign)}' to tell a truth.", f"There are: {', '.join(names)}.")
        told = any(source.rescanned for domain in telling for source in domain.sources)
        wanted = blind and self.style_blind.weights.paired > 0
        require(told or not wanted, "The weight 'paired' needs a domain of rescanned images that says whose truth they have.")

    @property
    def target_index(self) -> int:
        """The place of the target among the domains."""
        return [domain.name for domain in self.domains].index(self.target)

    @property
    def cycle_gan(self) -> CycleGanSettings:
        """The settings of the CycleGAN."""
        return cast(CycleGanSettings, self.cyclegan)

    @property
    def style_blind(self) -> StyleBlindSettings:
        """The settings of HarMOnAE."""
        return self.harmonae or StyleBlindSettings()

    @property
    def inputs(self) -> int:
        """Slices a network sees at a time."""
        options = self.cycle_gan.generator if self.method == "cyclegan" else self.style_blind.network
        return int(options.get("inputs", 1))


def read_config(path: Path) -> HarmonizationConfig:
    """Read and check a run; paths in it are relative to the file. :class:`InputError` names what is wrong."""
    config = config_from(parsed(read_text(path), path), path.name)
    domains = tuple(replace(d, sources=tuple(_placed(s, path.parent) for s in d.sources)) for d in config.domains)
    pairs, start_from = replace(config.pairs, path=beside(config.pairs.path, path.parent)), beside(config.start_from, path.parent)
    config = replace(config, domains=domains, pairs=pairs, start_from=start_from)
    if config.cyclegan is None:
        return config
    teachers = _taught(config.cyclegan.teachers, path.parent)
    return replace(config, cyclegan=replace(config.cyclegan, teachers=teachers))


def config_from(content: object, named: str = "the configuration") -> HarmonizationConfig:
    """A run from plain values."""
    return built(HarmonizationConfig, content, named)


def _placed(source: ImageSource, folder: Path) -> ImageSource:
    return replace(source, path=beside(source.path, folder))


def _taught(teachers: Teachers, folder: Path) -> Teachers:
    """A file is looked for beside the configuration; anything else is the name of a model that ships."""
    is_file = teachers.model.endswith((".pt", ".safetensors", ".json"))
    return replace(teachers, model=beside(teachers.model, folder)) if is_file else teachers
