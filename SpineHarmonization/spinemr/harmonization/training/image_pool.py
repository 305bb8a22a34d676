"""Harmonized images that a discriminator sees again later (Shrivastava 2017; 50 in CycleGAN), so that it does not forget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class ImagePool:
    """Until it is full it keeps every image; then one image in two is exchanged for one from earlier.

    Images are kept in half precision, between 0 and 1 exact to 0.0005.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.images: list[Tensor] = []

    def exchanged(self, fresh: Tensor, rng: np.random.Generator) -> Tensor:
        """A batch for the discriminator: fresh images and earlier ones."""
        import torch

        if self._size == 0:
            return fresh
        given = []
        for image in fresh.detach():
            if len(self.images) < self._size:
                self.images.append(image.half())
                given.append(image)
            elif rng.random() < 0.5:
                place = int(rng.integers(self._size))
                given.append(self.images[place].to(image))
                self.images[place] = image.half()
            else:
                given.append(image)
        return torch.stack(given)

    def state(self) -> list[Tensor]:
        """What a checkpoint has to remember."""
        return [image.cpu() for image in self.images]

    def restore(self, state: list[Tensor], device: str) -> None:
        """Go on with what a checkpoint remembers."""
        self.images = [image.to(device) for image in state]
