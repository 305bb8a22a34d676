"""Runs small enough to train inside a test."""

from __future__ import annotations

import pytest

from spinemr.harmonization.training.config import config_from


def drawn(name, scanner, anatomies=4):
    return {"name": name, "sources": [{"kind": "drawn", "scanners": [scanner], "anatomies": anatomies}]}


@pytest.fixture(scope="session")
def tiny_harmonizer():
    """A function that makes a run on drawn slices of 32 x 32 pixels; its arguments are a method and top-level settings."""
    plain = {
        "target": "t1",
        "domains": [drawn("t2", "alder-1.5t-t2"), drawn("t1", "birch-3t-t1")],
        "seed": 5,
        "steps": 5,
        "batch_size": 2,
        "grid": {"rows": 32, "columns": 32, "pixel_mm": 5.0},
        "optimizer": {"learning_rate": 1e-3, "ema_decay": 0.9},
        "validate_every": 2,
        "checkpoint_every": 2,
        "panel_every": 100,
        "precision": "fp32",
        "device": "cpu",
        "threads": 1,
    }
    own = {
        "cyclegan": {
            "generator": {"width": 4, "blocks": 1},
            "discriminator_width": 4,
            "weights": {"dice_target": 0.0, "dice_source": 0.0},
            "pool": 3,
            "radiomics": {"slices": 6, "features": ["original_glcm_SumEntropy", "original_glrlm_ShortRunEmphasis"]},
        },
        "harmonae": {"network": {"width": 4, "blocks": 1, "code_width": 8}},
    }

    def run(method, options=None, **changes):
        settings = {**own[method], **(options or {})}
        return config_from({**plain, "method": method, method: settings, **changes})

    return run
