"""The adversary of HarMOnAE (Fatania 2022): it guesses the scanner from the latent image.

Five strided convolutions with layer normalisation and ReLU, 16 channels doubled by each halving, and a fully connected layer
on the mean over what is left of the image. Whoever trains the encoder wants it to do no better than chance.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from spinemr.harmonization.networks.style_blind import StyleBlindOptions

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYERS = 5


def scanner_classifier(options: StyleBlindOptions) -> nn.Module:
    """A classifier with random weights: latent image to a logit for each scanner."""
    network: nn.Module = _class()(options)
    return network


@cache
def _class() -> Any:  # noqa: ANN401 - a class of PyTorch's
    from torch import nn

    class ScannerClassifier(nn.Module):  # type: ignore[misc]
        """See the text of the file."""

        def __init__(self, options: StyleBlindOptions) -> None:
            super().__init__()
            widths = [4 * options.width, *(options.width * 2**n for n in range(LAYERS))]
            layers: list[nn.Module] = []
            for incoming, outgoing in pairwise(widths):
                layers += [nn.Conv2d(incoming, outgoing, 3, 2, padding=1), nn.GroupNorm(1, outgoing), nn.ReLU(inplace=True)]
            self.path = nn.Sequential(*layers)
            self.guess = nn.Linear(widths[-1], options.scanners)

        def forward(self, latent: Tensor) -> Tensor:
            return self.guess(self.path(latent).mean(dim=(2, 3)))

    return ScannerClassifier
