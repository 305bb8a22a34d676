"""Losses on images: Kim 2024, equations 1 to 3, and HarMOnAE's reconstruction and adversarial losses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def discriminator_loss(real: Tensor, fake: Tensor, least_squares: bool = False) -> Tensor:
    """What the discriminator minimises: minus equation 1 of Kim 2024, half of each side.

    ``real`` and ``fake`` are logits of real images and of harmonized ones that no gradient flows through. ``least_squares`` is
    the steadier variant of Mao 2017 that Modanwal 2021 uses.
    """
    import torch
    from torch.nn import functional

    if least_squares:
        return (((real - 1) ** 2).mean() + (fake**2).mean()) / 2
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    both = functional.binary_cross_entropy_with_logits(real, ones) + functional.binary_cross_entropy_with_logits(fake, zeros)
    return both / 2


def generator_loss(fake: Tensor, least_squares: bool = False) -> Tensor:
    """What the generator minimises: ``-log D(G(x))``, the form of equation 1 whose gradient does not vanish (Goodfellow 2014)."""
    import torch
    from torch.nn import functional

    if least_squares:
        return ((fake - 1) ** 2).mean()
    return functional.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def cycle_loss(returned: Tensor, original: Tensor) -> Tensor:
    """One direction of equation 2 of Kim 2024: ``||G_YX(G_XY(x)) - x||_1``, the mean over pixels."""
    return (returned - original).abs().mean()


def identity_loss(mapped: Tensor, original: Tensor) -> Tensor:
    """One domain of equation 3 of Kim 2024: ``||G_XY(y) - y||_1``, the mean over pixels."""
    return (mapped - original).abs().mean()


def reconstruction_loss(made: Tensor, original: Tensor) -> Tensor:
    """HarMOnAE: L1 on the image and on its first derivatives along rows and columns."""
    difference = made - original
    down, across = difference.diff(dim=-2), difference.diff(dim=-1)
    return difference.abs().mean() + down.abs().mean() + across.abs().mean()


def perplexity_loss(guesses: Tensor, scanners: Tensor) -> Tensor:
    """HarMOnAE's adversarial term ``<|-log(1/n) - CCE(scanner, guess)|>``: least where the guess of the true scanner is 1/n."""
    from torch.nn import functional

    chance = math.log(guesses.shape[1])
    return (chance - functional.cross_entropy(guesses, scanners, reduction="none")).abs().mean()


def classifier_loss(guesses: Tensor, scanners: Tensor) -> Tensor:
    """What HarMOnAE's classifier minimises: categorical cross entropy."""
    from torch.nn import functional

    return functional.cross_entropy(guesses, scanners)


def latent_loss(again: Tensor, latent: Tensor) -> Tensor:
    """L1 between the latent image and that of the harmonized image encoded once more: content survives a change of scanner."""
    return (again - latent.detach()).abs().mean()
