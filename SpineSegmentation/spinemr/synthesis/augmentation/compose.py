"""Augmentations made of augmentations: one after the other, one of several, or only now and then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.synthesis.augmentation.labelled import Augmentation, Sample


@dataclass(frozen=True)
class Compose:
    """All steps in their order; no steps change nothing."""

    steps: tuple[Augmentation, ...]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Each step gets what the one before it left."""
        for step in self.steps:
            sample = step(sample, rng)
        return sample


@dataclass(frozen=True)
class OneOf:
    """One of several, all equally likely unless weights (any positive scale) say otherwise."""

    choices: tuple[Augmentation, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse nothing to choose from and weights that are no weights."""
        if not self.choices:
            raise InputError("OneOf needs at least one augmentation to choose from.")
        if self.weights and (
            len(self.weights) != len(self.choices) or min(self.weights) < 0 or not 0 < sum(self.weights) < np.inf
        ):
            raise InputError(
                f"OneOf needs a weight of at least 0 for each of its {len(self.choices)} choices, not {self.weights}."
            )

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw which, then let it draw."""
        edges = np.cumsum(self.weights or (1.0,) * len(self.choices))
        return self.choices[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))](sample, rng)


@dataclass(frozen=True)
class Maybe:
    """A step that happens with probability ``p`` (0..1)."""

    p: float
    step: Augmentation

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        if not 0 <= self.p <= 1:
            raise InputError(f"A probability must be from 0 to 1, not {self.p}.")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Toss, then do it or leave the sample as it is."""
        return self.step(sample, rng) if rng.random() < self.p else sample
