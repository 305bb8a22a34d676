"""The segmentation networks of Kim 2024 beside a CycleGAN: S_Y knows the target and is frozen, S_X learns the source."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from spinemr.harmonization.training.settings import Grid, Teachers
from spinemr.imaging.errors import require

if TYPE_CHECKING:
    from torch import nn

MULTIPLE = 32
"""What the deepest segmentation networks need."""


def target_network(teachers: Teachers, grid: Grid) -> nn.Module:
    """S_Y: from a checkpoint, a file of weights, or a model that ships; nothing changes it any more."""
    fits = grid.rows % MULTIPLE == grid.columns % MULTIPLE == 0
    require(fits, f"With a segmentation network rows and columns have to be multiples of {MULTIPLE}.")
    network = _read(teachers.model)
    network.requires_grad_(False)
    return network.eval()


def _read(model: str) -> nn.Module:
    from spinemr.segmentation.inference.model import network_in, torch_network
    from spinemr.segmentation.training.checkpoint import Checkpoint

    path = Path(model)
    if path.suffix in (".pt", ".safetensors"):
        require(path.is_file(), f"There is no segmentation network {path}.")
        return Checkpoint.read(path).network_of_averages() if path.suffix == ".pt" else network_in(path)
    return torch_network(model)


def source_network(target: nn.Module, starts: str) -> nn.Module:
    """S_X: of the same architecture as S_Y, untrained as published, or beginning with what S_Y knows."""
    network = copy.deepcopy(target)
    if starts == "untrained":
        for part in network.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
    network.requires_grad_(True)
    return network.train()
