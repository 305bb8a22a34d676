"""The training loop: one run from its configuration to the best averaged weights, resumable after a kill at any moment.

Batch, learning rate and random state of a step depend on the seed and the step alone, so a resumed run takes the very steps
that the interrupted one would have taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.segmentation.networks.registry import build_network
from spinemr.segmentation.training.averaging import AveragedWeights
from spinemr.segmentation.training.checkpoint import BEST, LAST, Checkpoint, load_weights, torch_or_sentence
from spinemr.segmentation.training.config import OptimizerSettings, TrainingConfig
from spinemr.segmentation.training.data import Batch, DataOf, Mixture, TrainingData
from spinemr.segmentation.training.journal import Journal
from spinemr.segmentation.training.losses import SegmentationLoss
from spinemr.segmentation.training.processes import Processes
from spinemr.segmentation.training.validation import SetDice, dice_of, thinned

if TYPE_CHECKING:
    from torch import nn

CONFIG = "config.json"


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int
    losses: tuple[float, ...]
    """Of each step taken in this call."""
    best_dice: float
    best: Path
    """The checkpoint with the best validation."""


def train(
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    data: TrainingData | None = None,
    progress: ProgressCallback = silent,
) -> Outcome:
    """Train as the configuration says, into ``folder``: ``last.pt``, ``best.pt``, ``config.json``, ``log.csv``.

    With ``resume`` the run in the folder goes on; without, a folder that holds one is refused. Started by ``torchrun``, several
    processes train together (:mod:`~spinemr.segmentation.training.processes`), each on batches of the configured size.
    """
    torch = torch_or_sentence()
    state = _state_to_resume(config, folder) if resume else None
    processes = Processes.join(device_for(config.device))
    if processes.first and not resume:
        _make_fresh(folder)
    if config.threads:
        torch.set_num_threads(config.threads)
    progress(Progress("train", 0.0, "Reading the data"))
    run = _Run(config, folder, data or DataOf(config).open(processes.rank), state, processes)
    if not processes.first:
        return run.finish(silent)
    write_json_atomic(config.as_dict(), folder / CONFIG)
    run.journal = Journal(folder, run.columns, run.step)
    try:
        return run.finish(progress)
    finally:
        run.journal.close()


def learning_rate(settings: OptimizerSettings, step: int, steps: int) -> float:
    """Linear warm-up to the peak, then ``last + (1 - last) (1 + cos(pi t)) / 2`` of it over what remains."""
    if step < settings.warm_up_steps:
        return settings.learning_rate * (step + 1) / settings.warm_up_steps
    done = (step - settings.warm_up_steps) / max(1, steps - settings.warm_up_steps)
    share = settings.last_share + (1 - settings.last_share) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return settings.learning_rate * share


def device_for(wanted: str) -> str:
    """The device to train on; ``auto`` takes CUDA, else MPS, else the processor."""
    torch = torch_or_sentence()
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[wanted]:
        raise InputError(f"There is no {wanted} device on this machine.", "Use --device auto or cpu.")
    return wanted


class _Run:
    """One run on its way; without a journal it neither judges nor writes."""

    journal: Journal | None = None

    def __init__(
        self, config: TrainingConfig, folder: Path, data: TrainingData, state: Checkpoint | None, processes: Processes
    ) -> None:
        import torch

        self.config, self.folder, self.data, self._processes = config, folder, data, processes
        self._kind = device_for(config.device)
        self._device = processes.device(self._kind)
        torch.manual_seed(config.seed)
        self._network = build_network(config.network.name, config.network.options)
        if config.start_from and state is None:
            load_weights(self._network, Path(config.start_from))
        self._network.to(self._device, memory_format=channels_last(config))
        self._averaged = AveragedWeights(self._network, config.optimizer.ema_decay)
        self._optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=config.optimizer.weight_decay)
        self._loss = SegmentationLoss(config.loss.cross_entropy, config.loss.dice, config.loss.iou)
        self.step, self._best, self._losses = 0, -1.0, list[float]()
        if state is not None:
            self._restore(state)
        self.columns = tuple(f"{found.name} {name}" for found in data.validation for name in found.judged)

    def _restore(self, state: Checkpoint) -> None:
        self._network.load_state_dict(dict(state.network))
        for name, value in state.averaged.items():
            self._averaged.state[name].copy_(value)
        self._optimizer.load_state_dict(dict(state.optimizer))
        self.step, self._best = state.step, state.best_dice

    def finish(self, progress: ProgressCallback) -> Outcome:
        """Take the steps that are left."""
        self._started = time.monotonic()
        for batch in _batches(self.data.mixture, self.step, self.config):
            self._losses.append(self._take_step(batch))
            self.step += 1
            self._report(progress)
            last = self.step == self.config.steps
            if self.journal and (last or self.step % self.config.validate_every == 0):
                self._validate(self.journal)
            if self.journal and (last or self.step % self.config.checkpoint_every == 0):
                self._checkpoint().write(self.folder / LAST)
        self._processes.wait()
        return Outcome(self.step, tuple(self._losses), self._best, self.folder / BEST)

    def _take_step(self, batch: Batch) -> float:
        import torch

        torch.manual_seed(int(np.random.SeedSequence([self.config.seed, self.step, self._processes.rank]).generate_state(1)[0]))
        self._network.train()
        rate = learning_rate(self.config.optimizer, self.step, self.config.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        images = torch.from_numpy(batch.images).to(self._device, memory_format=channels_last(self.config))
        sets = torch.from_numpy(batch.sets).to(self._device)
        with torch.autocast(self._kind, dtype=torch.bfloat16, enabled=self.config.precision == "bf16"):
            logits = self._network(images)
        loss = self._loss(logits, sets)
        if not torch.isfinite(loss):
            raise InputError(f"The loss is no longer a number at step {self.step}.", "Lower the learning rate.")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._processes.average_gradients(self._network)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self.config.optimizer.clip_norm)
        self._optimizer.step()
        self._averaged.update(self._network, self.step)
        return float(loss.detach())

    def _validate(self, journal: Journal) -> None:
        """Judge the averaged weights and keep them if they are the best; without validation slices the newest are kept."""
        scores = self._scores()
        mean = float(np.nanmean([s.mean() for s in scores])) if scores else float("nan")
        rate = learning_rate(self.config.optimizer, self.step - 1, self.config.steps)
        recent = float(np.mean(self._losses[-self.config.validate_every :]))
        seconds = time.monotonic() - self._started
        line = {"step": float(self.step), "loss": recent, "learning_rate": rate, "seconds": seconds}
        line |= {"mean_dice": mean} if scores else {}
        line |= {f"{s.name} {name}": float(np.mean(values)) for s in scores for name, values in s.of_subjects.items() if values}
        journal.write(line)
        if not scores or mean > self._best:
            self._best = mean if scores else self._best
            self._checkpoint().write(self.folder / BEST)

    def _scores(self) -> tuple[SetDice, ...]:
        network = averaged_network(self.config, self._averaged.state, self._device)
        held = [thinned(found, self.config.view, self.config.validation_slices) for found in self.data.validation]
        return dice_of(network, held, self.config.view, self._device)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            self.config, self.step, self._network.state_dict(), self._averaged.state, self._optimizer.state_dict(), self._best
        )

    def _report(self, progress: ProgressCallback) -> None:
        dice = f", Dice {self._best:.3f}" if self._best >= 0 else ""
        recent = float(np.mean(self._losses[-20:]))
        message = f"Step {self.step} of {self.config.steps}, loss {recent:.3f}{dice}"
        progress(Progress("train", self.step / self.config.steps, message))


def averaged_network(config: TrainingConfig, state: dict[str, Any], device: str) -> nn.Module:
    """A network with the given averaged weights, ready to predict."""
    import torch

    random = torch.get_rng_state()
    network = build_network(config.network.name, config.network.options)
    torch.set_rng_state(random)
    network.load_state_dict(state)
    return network.to(device, memory_format=channels_last(config)).eval()


def channels_last(config: TrainingConfig) -> Any:  # noqa: ANN401 - torch is not typed
    """How images and weights lie in memory: with their channels side by side."""
    import torch

    return torch.channels_last_3d if config.patch else torch.channels_last


def _batches(mixture: Mixture, first: int, config: TrainingConfig) -> Iterator[Batch]:
    """The batches of the steps from ``first`` on, prepared here or by other processes."""
    if not config.workers:
        yield from (mixture[step] for step in range(first, config.steps))
        return
    from torch.utils.data import DataLoader

    steps = range(first, config.steps)
    yield from DataLoader(mixture, batch_size=None, sampler=steps, num_workers=config.workers, collate_fn=_as_it_is)


def _as_it_is(batch: Batch) -> Batch:
    return batch


def _make_fresh(folder: Path) -> None:
    if (folder / LAST).exists():
        raise OutputError(f"The folder {folder} holds a run already.", "Go on with it by --resume, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made.", "Choose another place.") from error


def _state_to_resume(config: TrainingConfig, folder: Path) -> Checkpoint:
    state = Checkpoint.read(folder / LAST)
    fixed = replace(config, steps=state.config.steps, workers=state.config.workers, device=state.config.device)
    fixed = replace(fixed, threads=state.config.threads)
    if fixed.as_dict() != state.config.as_dict() or config.steps != state.config.steps:
        raise InputError(
            f"The run in {folder} was started with another configuration.", "Resume it with the config.json beside it."
        )
    return state
