"""A run on its way, whatever it learns: begun or resumed, step by step, judged and kept; a kill at any moment costs few steps.

Batch and random numbers of a step depend on the seed and the step alone (and of several processes on which one it is), and a
checkpoint holds everything else; so a resumed run takes the very steps that the interrupted one would have taken.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.segmentation.training.checkpoint import LAST, torch_or_sentence
from spinemr.segmentation.training.journal import Journal
from spinemr.segmentation.training.processes import Processes
from spinemr.segmentation.training.run_settings import RunSettings

CONFIG = "config.json"
RECENT = 20
"""Steps whose mean the progress shows."""


class RunState(Protocol):
    """A checkpoint."""

    @property
    def config(self) -> RunSettings:
        """What the run was told."""
        ...

    def write(self, path: Path) -> None:
        """Write atomically."""
        ...


State = TypeVar("State", bound=RunState)
Batch = TypeVar("Batch")
BatchOf = TypeVar("BatchOf", covariant=True)
Values = TypeVar("Values")
"""What a step gives: the value of its loss, or of several."""


class Batches(Protocol[BatchOf]):
    """A batch for each step: also the map-style data set that PyTorch's loader wants."""

    def __getitem__(self, step: int) -> BatchOf:
        """The batch of a step."""
        ...


@dataclass(frozen=True)
class Start(Generic[State]):
    """Where a run begins."""

    folder: Path
    kind: str
    """Of the device: cpu, cuda or mps."""
    processes: Processes
    state: State | None
    """What it goes on from."""


def begin(config: RunSettings, folder: Path, read: Callable[[Path], State], *, resume: bool) -> Start[State]:
    """Meet the other processes; make the folder, or with ``resume`` read the checkpoint that lies there.

    A folder that holds a run is never begun anew, and a run is never resumed as another.
    """
    torch = torch_or_sentence()
    state = _state_to_resume(config, folder, read) if resume else None
    kind = device_for(config.device)
    processes = Processes.join(kind)
    if processes.first and not resume:
        _make_fresh(folder)
    if config.threads:
        torch.set_num_threads(config.threads)
    return Start(folder, kind, processes, state)


@contextmanager
def kept_if_used(folder: Path) -> Iterator[None]:
    """Take a new folder away again where a run fails before anything lies in it."""
    is_new = not folder.exists()
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def device_for(wanted: str) -> str:
    """The device to train on; ``auto`` takes CUDA, else MPS, else the processor."""
    torch = torch_or_sentence()
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[wanted]:
        raise InputError(f"There is no {wanted} device on this machine.", "Use --device auto or cpu.")
    return wanted


class Run(ABC, Generic[State, Batch, Values]):
    """Takes steps and does what is due after each; of several processes only the first one judges, writes and reports."""

    def __init__(self, settings: RunSettings, start: Start[State], batches: Batches[Batch], columns: tuple[str, ...]) -> None:
        """Columns are those of the journal, ``step`` the first; a subclass that resumes sets ``step``."""
        self._settings, self.start, self._batches, self._columns = settings, start, batches, columns
        self.step = 0
        self.losses: list[Values] = []

    @abstractmethod
    def take_step(self, batch: Batch) -> Values:
        """Learn from a batch."""

    @abstractmethod
    def judge(self) -> dict[str, float]:
        """What the journal says of this step beside its number and the seconds."""

    @abstractmethod
    def state(self) -> State:
        """The checkpoint of this step."""

    @abstractmethod
    def message(self) -> str:
        """How it goes."""

    def follow(self, progress: ProgressCallback) -> None:
        """Take the steps that are left."""
        if not self.start.processes.first:
            self._take_steps(silent, None)
            return
        write_json_atomic(self._settings.as_dict(), self.start.folder / CONFIG)
        journal = Journal(self.start.folder, self._columns, self.step)
        try:
            self._take_steps(progress, journal)
        finally:
            journal.close()

    def _take_steps(self, progress: ProgressCallback, journal: Journal | None) -> None:
        import torch

        steps, begun = self._settings.steps, time.monotonic()
        for batch in _upcoming(self._batches, self.step, self._settings):
            torch.manual_seed(int(self._seeds().generate_state(1)[0]))
            self.losses.append(self.take_step(batch))
            self.step += 1
            progress(Progress("train", self.step / steps, f"Step {self.step} of {steps}: {self.message()}"))
            if journal is not None:
                self.write(journal, time.monotonic() - begun)
        self.start.processes.wait()

    def write(self, journal: Journal, seconds: float) -> None:
        """What is due at this step: a line of the journal, a checkpoint."""
        if self.is_due(self._settings.validate_every):
            journal.write({"step": float(self.step), "seconds": seconds} | self.judge())
        if self.is_due(self._settings.checkpoint_every):
            self.state().write(self.start.folder / LAST)

    def is_due(self, every: int) -> bool:
        """Whether something that is done every so many steps, and after the last one, is done now."""
        return self.step == self._settings.steps or self.step % every == 0

    def generator(self) -> np.random.Generator:
        """Random numbers of this step and process, apart from those of PyTorch's generator."""
        return np.random.default_rng(self._seeds().spawn(1)[0])

    def _seeds(self) -> np.random.SeedSequence:
        return np.random.SeedSequence([self._settings.seed, self.step, self.start.processes.rank])


def _upcoming(batches: Batches[Batch], first: int, settings: RunSettings) -> Iterator[Batch]:
    """The batches of the steps from ``first`` on, prepared here or by other processes."""
    steps = range(first, settings.steps)
    if not settings.workers:
        yield from (batches[step] for step in steps)
        return
    from torch.utils.data import DataLoader

    yield from DataLoader(batches, batch_size=None, sampler=steps, num_workers=settings.workers, collate_fn=_as_it_is)


def _as_it_is(batch: Batch) -> Batch:
    return batch


def _make_fresh(folder: Path) -> None:
    if (folder / LAST).exists():
        raise OutputError(f"The folder {folder} holds a run already.", "Go on with it by --resume, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made.", "Choose another place.") from error


def _state_to_resume(config: RunSettings, folder: Path, read: Callable[[Path], State]) -> State:
    state = read(folder / LAST)
    if not config.takes_the_steps_of(state.config):
        hint = f"Resume it with the {CONFIG} beside it."
        raise InputError(f"The run in {folder} was started with another configuration.", hint)
    return state
