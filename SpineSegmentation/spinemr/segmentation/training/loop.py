"""The training loop: one run from its configuration to the best averaged weights (:mod:`~spinemr.segmentation.training.run`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.segmentation.networks.registry import build_network
from spinemr.segmentation.training.averaging import AveragedWeights
from spinemr.segmentation.training.checkpoint import BEST, Checkpoint, load_weights
from spinemr.segmentation.training.config import OptimizerSettings, TrainingConfig
from spinemr.segmentation.training.data import Batch, DataOf, TrainingData
from spinemr.segmentation.training.losses import SegmentationLoss
from spinemr.segmentation.training.run import RECENT, Run, Start, begin, kept_if_used
from spinemr.segmentation.training.validation import SetDice, dice_of, thinned

if TYPE_CHECKING:
    from torch import nn

COLUMNS = ("step", "loss", "learning_rate", "seconds", "mean_dice")
"""Of the journal, before the Dice of each structure in each set."""


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
    with kept_if_used(folder):
        start = begin(config, folder, Checkpoint.read, resume=resume)
        progress(Progress("train", 0.0, "Reading the data"))
        run = _Run(config, start, data or DataOf(config).open(start.processes.rank))
        run.follow(progress)
    return Outcome(run.step, tuple(run.losses), run.best_dice, folder / BEST)


def learning_rate(settings: OptimizerSettings, step: int, steps: int) -> float:
    """Linear warm-up to the peak, then ``last + (1 - last) (1 + cos(pi t)) / 2`` of it over what remains."""
    if step < settings.warm_up_steps:
        return settings.learning_rate * (step + 1) / settings.warm_up_steps
    done = (step - settings.warm_up_steps) / max(1, steps - settings.warm_up_steps)
    share = settings.last_share + (1 - settings.last_share) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return settings.learning_rate * share


class _Run(Run[Checkpoint, Batch, float]):
    """A network that learns to segment."""

    def __init__(self, config: TrainingConfig, start: Start[Checkpoint], data: TrainingData) -> None:
        import torch

        judged = tuple(f"{found.name} {name}" for found in data.validation for name in found.judged)
        super().__init__(config, start, data.mixture, (*COLUMNS, *judged))
        self._config, self._validation = config, data.validation
        self._device = start.processes.device(start.kind)
        torch.manual_seed(config.seed)
        self._network = build_network(config.network.name, config.network.options)
        if config.start_from and start.state is None:
            load_weights(self._network, Path(config.start_from))
        self._network.to(self._device, memory_format=channels_last(config))
        self._averaged = AveragedWeights(self._network, config.optimizer.ema_decay)
        self._optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=config.optimizer.weight_decay)
        self._loss = SegmentationLoss(config.loss.cross_entropy, config.loss.dice, config.loss.iou)
        self.best_dice = -1.0
        if start.state is not None:
            self._restore(start.state)

    def _restore(self, state: Checkpoint) -> None:
        self._network.load_state_dict(dict(state.network))
        for name, value in state.averaged.items():
            self._averaged.state[name].copy_(value)
        self._optimizer.load_state_dict(dict(state.optimizer))
        self.step, self.best_dice = state.step, state.best_dice

    def take_step(self, batch: Batch) -> float:
        """The loss of a batch, and one step of the optimizer against it."""
        import torch

        self._network.train()
        rate = learning_rate(self._config.optimizer, self.step, self._config.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        images = torch.from_numpy(batch.images).to(self._device, memory_format=channels_last(self._config))
        sets = torch.from_numpy(batch.sets).to(self._device)
        with torch.autocast(self.start.kind, dtype=torch.bfloat16, enabled=self._config.precision == "bf16"):
            logits = self._network(images)
        loss = self._loss(logits, sets)
        if not torch.isfinite(loss):
            raise InputError(f"The loss is no longer a number at step {self.step}.", "Lower the learning rate.")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.start.processes.average_gradients(self._network)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._config.optimizer.clip_norm)
        self._optimizer.step()
        self._averaged.update(self._network, self.step)
        return float(loss.detach())

    def judge(self) -> dict[str, float]:
        """Judge the averaged weights and keep them if they are the best; without validation slices the newest are kept."""
        scores = self._scores()
        mean = float(np.nanmean([s.mean() for s in scores])) if scores else float("nan")
        rate = learning_rate(self._config.optimizer, self.step - 1, self._config.steps)
        line = {"loss": float(np.mean(self.losses[-self._config.validate_every :])), "learning_rate": rate}
        line |= {"mean_dice": mean} if scores else {}
        line |= {f"{s.name} {name}": float(np.mean(values)) for s in scores for name, values in s.of_subjects.items() if values}
        if not scores or mean > self.best_dice:
            self.best_dice = mean if scores else self.best_dice
            self.state().write(self.start.folder / BEST)
        return line

    def _scores(self) -> tuple[SetDice, ...]:
        network = averaged_network(self._config, self._averaged.state, self._device)
        held = [thinned(found, self._config.view, self._config.validation_slices) for found in self._validation]
        return dice_of(network, held, self._config.view, self._device)

    def state(self) -> Checkpoint:
        """All of the run as it is now."""
        weights, averages = self._network.state_dict(), self._averaged.state
        return Checkpoint(self._config, self.step, weights, averages, self._optimizer.state_dict(), self.best_dice)

    def message(self) -> str:
        """The mean of the last losses, and the best Dice so far."""
        dice = f", Dice {self.best_dice:.3f}" if self.best_dice >= 0 else ""
        return f"loss {float(np.mean(self.losses[-RECENT:])):.3f}{dice}"


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
