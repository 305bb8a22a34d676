"""The training loop: one run from its configuration to the last averaged weights, resumable after a kill at any moment.

Batch, learning rate and random numbers of a step depend on the seed and the step alone, and a checkpoint holds everything else,
the pools of earlier images included; so a resumed run takes the very steps that the interrupted one would have taken. Of several
processes the first one's pool is remembered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.checkpoint import LAST, HarmonizationCheckpoint
from spinemr.harmonization.training.config import HarmonizationConfig
from spinemr.harmonization.training.cycle_gan import CycleGan
from spinemr.harmonization.training.domains import Batches, DomainImages, ImageBatch, open_domains
from spinemr.harmonization.training.learner import Learner, Machine, Moment
from spinemr.harmonization.training.pairs import COLUMNS, TruePairs, draw_true_pairs, nearness
from spinemr.harmonization.training.panels import write_panel
from spinemr.harmonization.training.style_blind import StyleBlindAutoEncoder
from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.segmentation.training.checkpoint import torch_or_sentence
from spinemr.segmentation.training.journal import Journal
from spinemr.segmentation.training.loop import CONFIG, device_for
from spinemr.segmentation.training.processes import Processes

FloatArray = NDArray[np.float32]
FIRST_COLUMNS = ("step", "seconds")
PANEL_ROWS = 3
RECENT = 20
"""Steps whose mean the progress shows."""


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
    torch = torch_or_sentence()
    state = _state_to_resume(config, folder) if resume else None
    kind = device_for(config.device)
    processes = Processes.join(kind)
    if processes.first and not resume:
        _make_fresh(folder)
    if config.threads:
        torch.set_num_threads(config.threads)
    machine = Machine(kind, processes.device(kind), config.precision == "bf16", processes)
    run = _Run(config, folder, machine, state, progress if processes.first else silent)
    if not processes.first:
        return run.finish(silent)
    write_json_atomic(config.as_dict(), folder / CONFIG)
    run.journal = Journal(folder, (*run.learner.terms, *COLUMNS), run.step, first_columns=FIRST_COLUMNS)
    try:
        return run.finish(progress)
    finally:
        run.journal.close()


class _Run:
    """One run on its way; without a journal it neither judges nor writes."""

    journal: Journal | None = None

    def __init__(
        self,
        config: HarmonizationConfig,
        folder: Path,
        machine: Machine,
        state: HarmonizationCheckpoint | None,
        progress: ProgressCallback,
    ) -> None:
        import torch

        self._config, self._folder, self._machine = config, folder, machine
        self._batches = Batches(_domains_of(config, folder, machine.processes, progress), config, machine.processes.rank)
        torch.manual_seed(config.seed)
        self.learner = _learner(config, machine, self._batches)
        self.step, self._losses, self._nearness = 0, list[dict[str, float]](), dict[str, float]()
        self._pairs: TruePairs | None = None
        if state is not None:
            self.learner.restore(state.learner)
            self.step, self._nearness = state.step, dict(state.nearness)

    def finish(self, progress: ProgressCallback) -> HarmonizationOutcome:
        """Take the steps that are left."""
        self._started = time.monotonic()
        for batch in _upcoming(self._batches, self.step, self._config):
            self._losses.append(self._take_step(batch))
            self.step += 1
            self._report(progress)
            if self.journal:
                self._write(self.journal)
        self._machine.processes.wait()
        return HarmonizationOutcome(self.step, tuple(self._losses), self._nearness, self._folder / LAST)

    def _take_step(self, batch: ImageBatch) -> dict[str, float]:
        import torch

        seeds = np.random.SeedSequence([self._config.seed, self.step, self._machine.processes.rank])
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        images, domains = self._machine.tensor(batch.images), self._machine.tensor(batch.domains)
        values = self.learner.take_step(images, domains, Moment(self.step, np.random.default_rng(seeds.spawn(1)[0])))
        self.learner.average(self.step)
        return values

    def _write(self, journal: Journal) -> None:
        """What is due at this step: a line with the means of the terms, a panel, a checkpoint."""
        last = self.step == self._config.steps
        if last or self.step % self._config.validate_every == 0:
            self._judge(journal)
        if last or self.step % self._config.panel_every == 0:
            self._panel()
        if last or self.step % self._config.checkpoint_every == 0:
            state = HarmonizationCheckpoint(self._config, self.step, self.learner.state(), self._nearness)
            state.write(self._folder / LAST)

    def _judge(self, journal: Journal) -> None:
        if self._config.pairs.target:
            self._pairs = self._pairs or draw_true_pairs(self._config.pairs, self._config.grid, self._config.inputs)
            self._nearness = nearness(self._pairs, self._harmonized)
        line = {"step": float(self.step), "seconds": time.monotonic() - self._started}
        journal.write(line | self._means(self._config.validate_every) | self._nearness)

    def _harmonized(self, images: FloatArray) -> FloatArray:
        """A few images at a time by the averaged weights."""
        size = self._config.batch_size
        parts = [self.learner.harmonized(self._machine.tensor(images[i : i + size])) for i in range(0, len(images), size)]
        return np.concatenate([part[:, 0].cpu().numpy() for part in parts])

    def _panel(self) -> None:
        batch = self._batches.still(PANEL_ROWS)
        columns = self.learner.panel(self._machine.tensor(batch.images), self._machine.tensor(batch.domains))
        write_panel(columns, self._folder, self.step)

    def _means(self, count: int) -> dict[str, float]:
        recent = self._losses[-count:]
        return {name: float(np.mean([values[name] for values in recent])) for name in self.learner.terms}

    def _report(self, progress: ProgressCallback) -> None:
        terms = ", ".join(f"{name} {value:.3f}" for name, value in self._means(RECENT).items())
        message = f"Step {self.step} of {self._config.steps}: {terms}"
        progress(Progress("train", self.step / self._config.steps, message))


def _learner(config: HarmonizationConfig, machine: Machine, batches: Batches) -> Learner:
    if config.method == "harmonae":
        return StyleBlindAutoEncoder(config, machine)
    return CycleGan(config, machine, lambda count: batches.of_domain(config.target_index, count))


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


def _upcoming(batches: Batches, first: int, config: HarmonizationConfig) -> Iterator[ImageBatch]:
    """The batches of the steps from ``first`` on, prepared here or by other processes."""
    if not config.workers:
        yield from (batches[step] for step in range(first, config.steps))
        return
    from torch.utils.data import DataLoader

    steps = range(first, config.steps)
    yield from DataLoader(batches, batch_size=None, sampler=steps, num_workers=config.workers, collate_fn=_as_it_is)


def _as_it_is(batch: ImageBatch) -> ImageBatch:
    return batch


def _make_fresh(folder: Path) -> None:
    if (folder / LAST).exists():
        raise OutputError(f"The folder {folder} holds a run already.", "Go on with it by --resume, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made.", "Choose another place.") from error


def _state_to_resume(config: HarmonizationConfig, folder: Path) -> HarmonizationCheckpoint:
    """Only what does not change a step may differ: the device, threads, workers."""
    state = HarmonizationCheckpoint.read(folder / LAST)
    there = state.config
    same = replace(config, workers=there.workers, device=there.device, threads=there.threads)
    if same.as_dict() != there.as_dict():
        raise InputError(
            f"The run in {folder} was started with another configuration.", f"Resume it with the {CONFIG} beside it."
        )
    return state
