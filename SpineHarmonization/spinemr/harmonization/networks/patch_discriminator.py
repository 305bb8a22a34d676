"""The discriminator of Kim 2024: PatchGAN (Isola 2017), every output judging a patch of 34 x 34 pixels.

A strided 4x4 convolution, two blocks (one strided, one not) with instance normalisation, and a last one; LeakyReLU between.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

KERNEL = 4
STRIDES = (2, 2, 1, 1)


def patch_discriminator(width: int = 64, inputs: int = 1) -> nn.Module:
    """A discriminator with random weights; it gives a logit for each patch (above 0: real)."""
    from torch import nn

    widths = (inputs, width, 2 * width, 4 * width, 1)
    layers: list[nn.Module] = []
    for index, stride in enumerate(STRIDES):
        first, last = index == 0, index == len(STRIDES) - 1
        layers.append(nn.Conv2d(widths[index], widths[index + 1], KERNEL, stride, padding=1))
        layers += [] if first or last else [nn.InstanceNorm2d(widths[index + 1])]
        layers += [] if last else [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers)


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """Pixels a value of the last layer depends on, from (kernel, stride) of each: ``r <- (r - 1) stride + kernel`` backwards."""
    field = 1
    for kernel, stride in reversed(tuple(layers)):
        field = (field - 1) * stride + kernel
    return field
