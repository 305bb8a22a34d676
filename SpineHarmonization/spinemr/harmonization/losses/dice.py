"""The three Dice losses of Kim 2024 (their Fig. 4): what a segmentation network sees must not change with the appearance."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SMOOTH = 1.0


def soft_dice_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """``1 - (2 sum p t + s) / (sum p + sum t + s)`` for each image and class but the background, averaged.

    Both are probabilities ``[batch][class][row][column]``; the truth may be a prediction of its own, that no gradient should
    flow through (:func:`pseudo_truth`).
    """
    foreground, wanted = prediction[:, 1:].float(), truth[:, 1:].float()
    both = (foreground * wanted).sum(dim=(2, 3))
    total = foreground.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3))
    return (1 - (2 * both + SMOOTH) / (total + SMOOTH)).mean()


def pseudo_truth(logits: Tensor) -> Tensor:
    """The likeliest class of each pixel as one-hot maps without gradient: "GT" of their Fig. 4."""
    import torch

    chosen = logits.detach().argmax(dim=1)
    return torch.nn.functional.one_hot(chosen, logits.shape[1]).movedim(-1, 1).float()
