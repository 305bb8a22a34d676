"""Quickly drawn label maps and runs small enough to train inside a test."""

from __future__ import annotations

import numpy as np
import pytest

from spinemr.segmentation.classes import STRUCTURES, set_table
from spinemr.segmentation.training.config import config_from
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet
from spinemr.synthesis.sample import draw_samples


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
