"""HarMOnAE (Fatania 2022): an auto-encoder whose latent space knows the content and not the scanner.

Encoder: a convolution, two strided ones, four residual blocks, instance normalisation and ReLU throughout. Decoder: its
mirror, the residual blocks with adaptive instance normalisation whose scales and offsets an MLP makes from the scanner's code,
and layer normalisation where it upsamples, so that the injected contrast survives. 16 channels to begin with,
doubled by each halving (their text; MUNIT, Huang 2018, is where the shapes come from).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from spinemr.harmonization.networks.options import options_of
from spinemr.imaging.errors import require

if TYPE_CHECKING:
    from torch import Tensor, nn

MULTIPLE = 4


@dataclass(frozen=True)
class StyleBlindOptions:
    """How large, and how many scanners."""

    scanners: int = 2
    width: int = 16
    blocks: int = 4
    code_width: int = 64
    """Hidden units of the MLP."""
    inputs: int = 1
    """Slices at a time: 1, or 3 or 5 for a slice between its neighbours (2.5D)."""

    def __post_init__(self) -> None:
        require(self.scanners >= 2, "A style-blind auto-encoder needs at least two scanners.")
        require(min(self.width, self.blocks, self.code_width) >= 1, "Its width, blocks and code width have to be at least 1.")
        require(self.inputs in (1, 3, 5), "It takes 1, 3 or 5 slices at a time.")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> StyleBlindOptions:
        """From a configuration."""
        return options_of(cls, options)


def style_blind(options: StyleBlindOptions) -> nn.Module:
    """An auto-encoder with random weights: ``encode(image)``, ``decode(latent, code)``, and both when called.

    A code is a vector over the scanners ``[batch][scanner]``, one-hot for a trained one; other vectors mix them, and a
    fitted one stands for a scanner that was not trained.
    """
    network: nn.Module = _class()(options)
    return network


@cache
def _class() -> Any:  # noqa: ANN401, C901 - a class of PyTorch's and its parts
    import torch
    from torch import nn

    def conv(incoming: int, outgoing: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(incoming, outgoing, kernel, stride)]

    def normalised(incoming: int, outgoing: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        return [*conv(incoming, outgoing, kernel, stride), nn.InstanceNorm2d(outgoing), nn.ReLU(inplace=True)]

    class ContentBlock(nn.Module):  # type: ignore[misc]
        def __init__(self, width: int) -> None:
            super().__init__()
            self.path = nn.Sequential(*normalised(width, width, 3), *conv(width, width, 3), nn.InstanceNorm2d(width))

        def forward(self, features: Tensor) -> Tensor:
            return features + self.path(features)

    class AdaptiveBlock(nn.Module):  # type: ignore[misc]
        """Two convolutions, each normalised by instance and then scaled and moved as the scanner's code says."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = nn.Sequential(*conv(width, width, 3)), nn.Sequential(*conv(width, width, 3))
            self.norm = nn.InstanceNorm2d(width)

        def forward(self, features: Tensor, style: Tensor) -> Tensor:
            scale1, move1, scale2, move2 = style[:, :, :, None, None].unbind(1)
            inner = torch.relu(self.norm(self.first(features)) * (1 + scale1) + move1)
            return features + self.norm(self.second(inner)) * (1 + scale2) + move2

    class StyleBlind(nn.Module):  # type: ignore[misc]
        """See the text of the file."""

        def __init__(self, options: StyleBlindOptions) -> None:
            super().__init__()
            w, deep = options.width, 4 * options.width
            self.encoder = nn.Sequential(
                *normalised(options.inputs, w, 7),
                *normalised(w, 2 * w, 3, 2),
                *normalised(2 * w, deep, 3, 2),
                *(ContentBlock(deep) for _ in range(options.blocks)),
            )
            self.blocks = nn.ModuleList(AdaptiveBlock(deep) for _ in range(options.blocks))
            hidden, self.styles = options.code_width, (options.blocks, 4, deep)
            self.mlp = nn.Sequential(
                nn.Linear(options.scanners, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                nn.Linear(hidden, options.blocks * 4 * deep),
            )  # fmt: skip
            layers: list[nn.Module] = []
            for incoming, outgoing in ((deep, 2 * w), (2 * w, w)):
                layers += [
                    nn.Upsample(scale_factor=2.0),
                    *conv(incoming, outgoing, 5),
                    nn.GroupNorm(1, outgoing),
                    nn.ReLU(inplace=True),
                ]
            self.up = nn.Sequential(*layers, *conv(w, 1, 7))

        def encode(self, image: Tensor) -> Tensor:
            return self.encoder(2 * image - 1)

        def decode(self, latent: Tensor, code: Tensor) -> Tensor:
            styles = self.mlp(code).unflatten(1, self.styles)
            features = latent
            for index, block in enumerate(self.blocks):
                features = block(features, styles[:, index])
            return torch.sigmoid(self.up(features))

        def forward(self, image: Tensor, code: Tensor) -> Tensor:
            return self.decode(self.encode(image), code)

    return StyleBlind
