"""The training loop: one run from its configuration to the last averaged weights (:mod:`~spinemr.segmentation.training.run`).

A checkpoint holds the pools of earlier images too; of several processes the first one's are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.checkpoint import HarmonizationCheckpoint
from spinemr.harmonization.training.config import HarmonizationConfig
from spinemr.harmonization.training.cycle_gan import CycleGan
from spinemr.harmonization.training.domains import Batches, DomainImages, ImageBatch, open_domains
from spinemr.harmonization.training.learner import Learner, Machine, Moment
from spinemr.harmonization.training.pairs import COLUMNS, TruePairs, nearness, true_pairs
from spinemr.harmonization.training.panels import write_panel
from spinemr.harmonization.training.style_blind import StyleBlindAutoEncoder
from spinemr.imaging.errors import InputError, require
from spinemr.imaging.progress import ProgressCallback, silent
from spinemr.segmentation.training.checkpoint import LAST
from spinemr.segmentation.training.journal import Journal
from spinemr.segmentation.training.processes import Processes
from spinemr.segmentation.training.run import RECENT, Run, Start, begin, kept_if_used

FloatArray = NDArray[np.float32]
PANEL_ROWS = 3


@dataclass(frozen=True)
class HarmonizationOutcome:
    """How a run ended."""

    step: int
    losses: tuple[dict[str, float], ...]
    """The unweighted terms of each step taken in this call."""
    nearness: dict[str, float]
    """How near harmonized images came to the truth; empty without pairs."""
    last: Path
    """The checkpoint."""


def train_harmonization(
    config: HarmonizationConfig, folder: Path, *, resume: bool = False, progress: ProgressCallback = silent
) -> HarmonizationOutcome:
    """Train as the configuration says, into ``folder``: ``last.pt``, ``config.json``, ``log.csv``, ``panels``.

    With ``resume`` the run in the folder goes on; without, a folder that holds one is refused. Started by ``torchrun``, several
    processes train together, each on batches of the configured size.
    """
    earlier = None if resume else _earlier(config)
    with kept_if_used(folder):
        start = begin(config, folder, HarmonizationCheckpoint.read, resume=resume)
        run = _Run(config, start, _domains_of(config, folder, start.processes, progress), earlier)
        run.follow(progress)
    return HarmonizationOutcome(run.step, tuple(run.losses), run.nearness, folder / LAST)


class _Run(Run[HarmonizationCheckpoint, ImageBatch, dict[str, float]]):
    """A learner that harmonizes."""

    def __init__(
        self,
        config: HarmonizationConfig,
        start: Start[HarmonizationCheckpoint],
        domains: tuple[DomainImages, ...],
        earlier: HarmonizationCheckpoint | None,
    ) -> None:
        import torch

        batches = Batches(domains, config, start.processes.rank)
        machine = Machine(start.kind, start.processes.device(start.kind), config.precision == "bf16", start.processes)
        torch.manual_seed(config.seed)
        self._learner = _learner(config, machine, batches)
        super().__init__(config, start, batches, ("step", "seconds", *self._learner.terms, *COLUMNS))
        self._config, self._machine, self._images = config, machine, batches
        self.nearness: dict[str, float] = {}
        self._pairs: TruePairs | None = None
        if start.state is not None:
            self._learner.restore(start.state.learner)
            self.step, self.nearness = start.state.step, dict(start.state.nearness)
        elif earlier is not None:
            _begin(self._learner, earlier, Path(config.start_from).name)

    def take_step(self, batch: ImageBatch) -> dict[str, float]:
        """The unweighted terms of a batch; the learner's networks and their averages have taken a step."""
        images, domains = self._machine.tensor(batch.images), self._machine.tensor(batch.domains)
        moment = Moment(self.step, self.generator(), self._machine.tensor(batch.truth))
        values = self._learner.take_step(images, domains, moment)
        self._learner.average(self.step)
        return values

    def write(self, journal: Journal, seconds: float) -> None:
        """Panels too, and before the checkpoint: a run that is killed between the two draws its panel again."""
        if self.is_due(self._config.panel_every):
            batch = self._images.still(PANEL_ROWS)
            columns = self._learner.panel(self._machine.tensor(batch.images), self._machine.tensor(batch.domains))
            write_panel(columns, self.start.folder, self.step)
        super().write(journal, seconds)

    def judge(self) -> dict[str, float]:
        """The means of the terms; how near to the truth images come, where there are pairs."""
        self._pairs = self._pairs or true_pairs(
            self._config.pairs, self._config.grid, self._config.inputs, self._config.scale
        )
        if self._pairs is not None:
            self.nearness = nearness(self._pairs, self._harmonized)
        return self._means(self._config.validate_every) | self.nearness

    def state(self) -> HarmonizationCheckpoint:
        """All of the run as it is now."""
        return HarmonizationCheckpoint(self._config, self.step, self._learner.state(), self.nearness)

    def message(self) -> str:
        """The means of the last terms."""
        return ", ".join(f"{name} {value:.3f}" for name, value in self._means(RECENT).items())

    def _harmonized(self, images: FloatArray) -> FloatArray:
        """A few images at a time by the averaged weights."""
        size = self._config.batch_size
        parts = [self._learner.harmonized(self._machine.tensor(images[i : i + size])) for i in range(0, len(images), size)]
        return np.concatenate([part[:, 0].cpu().numpy() for part in parts])

    def _means(self, count: int) -> dict[str, float]:
        recent = self.losses[-count:]
        return {name: float(np.mean([values[name] for values in recent])) for name in self._learner.terms}


def _learner(config: HarmonizationConfig, machine: Machine, batches: Batches) -> Learner:
    if config.method == "harmonae":
        return StyleBlindAutoEncoder(config, machine)
    return CycleGan(config, machine, lambda count: batches.of_domain(config.target_index, count))


def _earlier(config: HarmonizationConfig) -> HarmonizationCheckpoint | None:
    """The run whose weights this one begins with; asked for before anything is drawn."""
    if not config.start_from:
        return None
    path = Path(config.start_from)
    require(path.is_file(), f"The run begins with the weights of {path}, and there is no such file.", "Train that one first.")
    found = HarmonizationCheckpoint.read(path)
    same = found.config.method == config.method
    require(same, f"{path.name} is of a run of {found.config.method}: a run of {config.method} cannot begin with it.")
    return found


def _begin(learner: Learner, earlier: HarmonizationCheckpoint, named: str) -> None:
    try:
        learner.begin_with(earlier.learner, [domain.name for domain in earlier.config.domains])
    except RuntimeError as error:
        raise InputError(f"The weights of {named} do not fit these networks.", "Give them the same options.") from error


def _domains_of(
    config: HarmonizationConfig, folder: Path, processes: Processes, progress: ProgressCallback
) -> tuple[DomainImages, ...]:
    """The first process draws, the others then read what it drew."""
    if not processes.first:
        processes.wait()
    domains = open_domains(config, folder, progress)
    if processes.first:
        processes.wait()
    return domains
