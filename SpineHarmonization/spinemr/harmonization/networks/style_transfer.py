"""The generator of Kim 2024: the style-transfer network of Johnson 2016 (doi:10.1007/978-3-319-46475-6_43).

A 9x9 convolution, two strided 3x3 ones, residual blocks, two upsampling ones and a 9x9 one; reflected borders, instance
normalisation and ReLU. Images are ``[batch][1][row][column]`` of 0..1; rows and columns have to be multiples of 4.
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
class StyleTransferOptions:
    """How large, and whether the network draws the image anew (as published) or what is to be added to it."""

    width: int = 32
    """Channels of the first level: 32 in Johnson 2016; the two below have two and four times as many."""
    blocks: int = 5
    residual_image: bool = False
    """The network's output is added to the logit of its input: with its last layer at 0 it is the identity to begin with."""
    inputs: int = 1
    """Channels: 1, or 3 for a slice between its neighbours (2.5D); the middle one is harmonized."""

    def __post_init__(self) -> None:
        require(self.width >= 1 and self.blocks >= 0, "A generator needs at least one channel.")
        require(self.inputs in (1, 3, 5), "A generator takes 1, 3 or 5 slices at a time.")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> StyleTransferOptions:
        """From a configuration."""
        return options_of(cls, options)


def style_transfer(options: StyleTransferOptions) -> nn.Module:
    """A generator with random weights."""
    network: nn.Module = _classes()(options)
    return network


@cache
def _classes() -> Any:  # noqa: ANN401 - a class of PyTorch's
    import torch
    from torch import nn

    def conv(incoming: int, outgoing: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        return [
            nn.ReflectionPad2d(kernel // 2),
            nn.Conv2d(incoming, outgoing, kernel, stride),
            nn.InstanceNorm2d(outgoing, affine=True),
        ]

    class ResidualBlock(nn.Module):  # type: ignore[misc]
        def __init__(self, width: int) -> None:
            super().__init__()
            self.path = nn.Sequential(
                *conv(width, width, 3), nn.ReLU(inplace=True), nn.LeakyReLU(0.2), *conv(width, width, 3), nn.ReLU()
            )

        def forward(self, features: Tensor) -> Tensor:
            return features + self.path(features)

    class StyleTransfer(nn.Module):  # type: ignore[misc]
        """See the text of the file."""

        def __init__(self, options: StyleTransferOptions) -> None:
            super().__init__()
            w = options.width
            self.residual_image, self.middle = options.residual_image, options.inputs // 2
            layers: list[nn.Module] = []
            for incoming, outgoing, kernel, stride in ((options.inputs, w, 9, 1), (w, 2 * w, 3, 2), (2 * w, 4 * w, 3, 2)):
                layers += [*conv(incoming, outgoing, kernel, stride), nn.ReLU(inplace=True)]
            layers += [ResidualBlock(4 * w) for _ in range(options.blocks)]
            for incoming, outgoing in ((4 * w, 2 * w), (2 * w, w)):
                layers += [nn.Upsample(scale_factor=2.0), *conv(incoming, outgoing, 3), nn.ReLU(inplace=True)]
            self.body = nn.Sequential(*layers)
            self.head = nn.Sequential(nn.ReflectionPad2d(4), nn.Conv2d(w, 1, 9))
            if options.residual_image:
                nn.init.zeros_(self.head[1].weight)
                nn.init.zeros_(self.head[1].bias)

        def forward(self, image: Tensor) -> Tensor:
            drawn = self.head(self.body(2 * image - 1))
            if self.residual_image:
                kept = image[:, self.middle : self.middle + 1].clamp(0.002, 0.998)
                drawn = drawn + torch.log(kept / (1 - kept))
            return torch.sigmoid(drawn)

    return StyleTransfer
