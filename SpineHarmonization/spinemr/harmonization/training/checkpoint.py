"""Checkpoints of a run: written whole or not at all, read back with a sentence where something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinemr.harmonization.networks.stored import Options, built_network
from spinemr.harmonization.networks.style_blind import StyleBlindOptions
from spinemr.harmonization.networks.style_transfer import StyleTransferOptions
from spinemr.harmonization.training.config import HarmonizationConfig, config_from
from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.checkpoint import LAST, torch_or_sentence

if TYPE_CHECKING:
    from torch import nn

KIND, VERSION = "spinemr harmonization", 1


@dataclass(frozen=True)
class HarmonizationCheckpoint:
    """A run at a step: its configuration and everything its learner remembers."""

    config: HarmonizationConfig
    step: int
    learner: Mapping[str, Any]
    """What :meth:`spinemr.harmonization.training.learner.Learner.state` gave."""
    nearness: Mapping[str, float]
    """The last judgement on true pairs; empty where there are none."""

    def write(self, path: Path) -> None:
        """Write atomically: a kill leaves the checkpoint before."""
        import torch

        content = {
            "kind": KIND,
            "version": VERSION,
            "config": self.config.as_dict(),
            "step": self.step,
            "learner": dict(self.learner),
            "nearness": dict(self.nearness),
        }
        with atomic_path(path) as temporary:
            torch.save(content, temporary)

    @classmethod
    def read(cls, path: Path) -> HarmonizationCheckpoint:
        """Read a checkpoint; nothing but tensors and plain values is ever unpickled."""
        torch = torch_or_sentence()
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            if content["kind"] != KIND or content["version"] != VERSION:
                raise InputError(f"{path} was written by another version of this software.")
            config = config_from(content["config"], f"the checkpoint {path.name}")
            return cls(config, content["step"], content["learner"], content["nearness"])
        except InputError:
            raise
        except Exception as error:  # torch raises many kinds for files that are no checkpoint
            raise InputError(f"{path} is not a checkpoint of a harmonization run.", f"Give its {LAST}.") from error

    @property
    def options(self) -> Options:
        """Those of what harmonizes."""
        if self.config.method == "cyclegan":
            return StyleTransferOptions.of(self.config.cycle_gan.generator)
        return StyleBlindOptions.of({**self.config.style_blind.network, "scanners": len(self.config.domains)})

    def network_of_averages(self) -> nn.Module:
        """What harmonizes, with its averaged weights, ready to use.

        Of a CycleGAN the generator to the target: ``image[batch][slice][row][column] -> [batch][1][row][column]``. Of HarMOnAE
        the auto-encoder, which also takes a code of the scanners ``[batch][scanner]`` in the order of the domains.
        """
        network = built_network(self.options)
        network.load_state_dict(self.learner["averaged"]["to_y" if self.config.method == "cyclegan" else "autoencoder"])
        return network.eval()


def is_harmonizer(path: Path) -> bool:
    """Whether a file is a checkpoint of a harmonization run; whoever reads another one says what is wrong with it."""
    try:
        import torch

        return bool(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["kind"] == KIND)
    except Exception:  # torch raises many kinds for files that are no checkpoint
        return False
