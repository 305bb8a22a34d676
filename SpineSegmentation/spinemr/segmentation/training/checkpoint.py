"""Checkpoints of a run: written whole or not at all, read back with a sentence where something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.config import TrainingConfig, config_from

if TYPE_CHECKING:
    from torch import nn

VERSION = 1
LAST, BEST = "last.pt", "best.pt"


@dataclass(frozen=True)
class Checkpoint:
    """A run at a step: its configuration, both sets of weights, and what the optimizer remembers."""

    config: TrainingConfig
    step: int
    network: Mapping[str, Any]
    averaged: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    best_dice: float
    """The best mean Dice of a validation so far; -1 before the first."""

    def write(self, path: Path) -> None:
        """Write atomically: a kill leaves the checkpoint before."""
        import torch

        content = {
            "version": VERSION,
            "config": self.config.as_dict(),
            "step": self.step,
            "network": dict(self.network),
            "averaged": dict(self.averaged),
            "optimizer": dict(self.optimizer),
            "best_dice": self.best_dice,
        }
        with atomic_path(path) as temporary:
            torch.save(content, temporary)

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a checkpoint; nothing but tensors and plain values is ever unpickled."""
        torch = torch_or_sentence()
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            if content["version"] != VERSION:
                raise InputError(f"{path} was written by another version of this software.")
            config = config_from(content["config"], f"the checkpoint {path.name}")
            names = ("step", "network", "averaged", "optimizer", "best_dice")
            return cls(config, **{name: content[name] for name in names})
        except InputError:
            raise
        except Exception as error:  # torch raises many kinds for files that are no checkpoint
            raise InputError(f"{path} is not a checkpoint of a training run.", f"Give its {BEST} or {LAST}.") from error

    def network_of_averages(self) -> nn.Module:
        """The network with the averaged weights, ready to predict."""
        from spinemr.segmentation.networks.registry import build_network

        network = build_network(self.config.network.name, self.config.network.options)
        network.load_state_dict(dict(self.averaged))
        network.eval()
        return network


def load_weights(network: nn.Module, path: Path) -> None:
    """Begin with the (averaged) weights of a checkpoint or with those of a ``.safetensors`` file."""
    weights = _safetensors(path) if path.suffix == ".safetensors" else Checkpoint.read(path).averaged
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        hint = "Give those of a network of the same name and options."
        raise InputError(f"The weights of {path.name} do not fit this network.", hint) from error


def _safetensors(path: Path) -> Mapping[str, Any]:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        hint = "Install it with: pip install 'spinemr[train]'"
        raise InputError("Reading weights needs the package safetensors.", hint) from error
    try:
        return cast(Mapping[str, Any], load_file(path))
    except Exception as error:  # the package raises kinds of its own
        raise InputError(f"{path} is not a file of weights.") from error


def torch_or_sentence() -> Any:  # noqa: ANN401 - a module
    """PyTorch, or the sentence that says how to get it."""
    try:
        import torch
    except ImportError as error:
        raise InputError("Training needs PyTorch.", "Install it with: pip install 'spinemr[train]'") from error
    return torch
