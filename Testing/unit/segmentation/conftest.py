"""Quickly drawn label maps and runs small enough to train inside a test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spinemr.imaging.anatomy import Anatomy, posterior_of
from spinemr.segmentation.classes import STRUCTURES, class_table, set_table
from spinemr.segmentation.training.config import config_from
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet
from spinemr.synthesis.anatomy.assemble import draw_spine, stream
from spinemr.synthesis.anatomy.render import render
from spinemr.synthesis.anatomy.request import Request
from spinemr.synthesis.anatomy.truth import measurements
from spinemr.synthesis.sample import draw_samples
from spinemr.synthesis.scanners import SCANNERS
from spinemr.synthesis.study import plan


@pytest.fixture(scope="session")
def tiny_run():
    """A function that makes a run on drawn slices of 64 x 64 pixels; its arguments are top-level settings."""
    plain = {
        "seed": 5,
        "steps": 6,
        "batch_size": 4,
        "network": {"name": "plain-unet", "options": {"width": 8, "levels": 3}},
        "grid": {"rows": 64, "columns": 64, "pixel_mm": 3.0},
        "optimizer": {"learning_rate": 0.01, "warm_up_steps": 2, "ema_decay": 0.9},
        "sources": [{"kind": "drawn", "share": 1.0}],
        "augment": False,
        "validate_every": 100,
        "checkpoint_every": 2,
        "precision": "fp32",
        "threads": 1,
    }
    return lambda **changes: config_from({**plain, **changes})


@pytest.fixture(scope="session")
def drawn_set():
    """Sixteen drawn slices of eight subjects, half of them for validation, every class labelled."""
    stream = draw_samples(11, rows=96, columns=96)
    slices = []
    for index, drawn in zip(range(16), stream, strict=False):
        split = VALIDATION if index % 2 else TRAIN
        image = np.rint(drawn.image * 255).astype(np.uint8)
        slices.append(LabelledSlice(image, drawn.labels, f"{split} {index // 4}", drawn.spacing_mm[0] * 2, split))
    return SliceSet("drawn slices", tuple(slices), set_table(STRUCTURES), ("vertebra", "disc"))


@dataclass(frozen=True)
class DrawnLabels:
    """Label map (sacrum undivided), its classes, spacing and ground truth of a drawn study that was not imaged."""

    labels: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    truth: dict[str, Any]

    @property
    def classes(self):
        return class_table()[self.labels]


@pytest.fixture(scope="session")
def drawn_labels():
    """A function that draws the label map of a seed with named pathologies, as a named scanner would slice it; cached."""

    @cache
    def draw(seed, *pathologies, scanner="cedar-3t-stir", grade=None):
        spine = draw_spine(seed, Request(grade, pathologies))
        grid = plan(spine, SCANNERS[scanner].protocol, stream(seed, "planning"))
        labels = render(spine, grid).slice_labels()
        labels[labels == posterior_of(Anatomy.SACRUM)] = Anatomy.SACRUM
        return DrawnLabels(labels, grid.spacing_mm, measurements(spine))

    return draw
