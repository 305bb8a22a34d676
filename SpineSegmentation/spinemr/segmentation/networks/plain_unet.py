"""A compact U-Net (Ronneberger 2015) with the options that Markhali 2024 compares.

Two 3x3 convolutions a level, each with batch normalisation and ReLU; halving by the largest of four, doubling by bilinear
interpolation; the skip is joined as channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class PlainUNetOptions:
    """How large and of what kind; the defaults give a net of 2.0 million parameters."""

    width: int = 16
    """Channels of the first level at 100 %; each level down doubles them."""
    levels: int = 5
    filters: float = 1.0
    """Share of the channels: 0.5, 0.75 or 1 in Markhali 2024."""
    batch_norm: bool = True
    dilation: int = 1
    """Of the convolutions in the bottleneck: 2 in Markhali's dilated network."""
    dropout: float = 0.0
    """Share of bottleneck channels silenced in training: 0.2 to 0.8 in Markhali 2024."""

    def __post_init__(self) -> None:
        if not 2 <= self.levels <= 7 or self.channels[0] < 1:
            raise InputError("A plain U-Net needs 2 to 7 levels and at least one channel.")
        if not 0 < self.filters <= 4 or self.dilation < 1 or not 0 <= self.dropout < 1:
            raise InputError("A plain U-Net needs filters in 0..4, a dilation of at least 1 and a dropout of 0 to below 1.")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PlainUNetOptions:
        """From a configuration; :class:`InputError` names what is no option."""
        known = [field.name for field in fields(cls)]
        for name, value in options.items():
            if name not in known:
                raise InputError(f"A plain U-Net has no option '{name}'.", f"Choose from: {', '.join(known)}.")
            if isinstance(value, str):
                raise InputError(f"The option {name} of a plain U-Net is a number, not '{value}'.")
        return cls(**options)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, from the finest to the bottleneck."""
        return tuple(round(self.width * self.filters * 2**level) for level in range(self.levels))


def plain_unet(options: PlainUNetOptions, classes: int) -> nn.Module:
    """The network; its input sizes are multiples of ``2 ** (levels - 1)``."""
    network: nn.Module = _module_class()(options, classes)
    return network


@cache
def _module_class() -> type[Any]:
    """The module's class, made when first needed because its base lives in PyTorch."""
    import torch
    from torch import nn
    from torch.nn.functional import interpolate

    def block(incoming: int, outgoing: int, batch_norm: bool, dilation: int = 1) -> nn.Module:
        layers: list[nn.Module] = []
        for source in (incoming, outgoing):
            layers.append(nn.Conv2d(source, outgoing, 3, padding=dilation, dilation=dilation, bias=not batch_norm))
            layers += [nn.BatchNorm2d(outgoing)] if batch_norm else []
            layers.append(nn.ReLU(inplace=True))
        return nn.Sequential(*layers)

    class PlainUNet(nn.Module):  # type: ignore[misc]
        """See the text of the file."""

        def __init__(self, options: PlainUNetOptions, classes: int) -> None:
            super().__init__()
            widths, norm = options.channels, options.batch_norm
            self.down = nn.ModuleList(block(i, o, norm) for i, o in zip((1, *widths[:-2]), widths[:-1], strict=True))
            self.bottleneck = block(widths[-2], widths[-1], norm, options.dilation)
            self.dropout = nn.Dropout2d(options.dropout)
            pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
            self.up = nn.ModuleList(block(deep + fine, fine, norm) for deep, fine in pairs)
            self.head = nn.Conv2d(widths[0], classes, 1)

        def forward(self, image: Tensor) -> Tensor:
            skips: list[Tensor] = []
            features = image
            for level in self.down:
                features = level(features)
                skips.append(features)
                features = nn.functional.max_pool2d(features, 2)
            features = self.dropout(self.bottleneck(features))
            for level, skip in zip(self.up, reversed(skips), strict=True):
                finer = interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
                features = level(torch.cat([finer, skip], dim=1))
            return self.head(features)

    return PlainUNet
