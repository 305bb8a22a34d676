"""Losses on sets of possible classes (:mod:`spinemr.segmentation.classes`), so that every source teaches only what it labels.

With probabilities p and the set S of classes a pixel may have:

* cross entropy ``-log sum_{c in S} p_c`` (the marginal loss of Shi et al. 2021, doi:10.1016/j.media.2021.101979): probability
  moved between classes of the same set changes nothing, and a pixel about which nothing is known contributes nothing;
* soft Dice of a structure G (one class, or the union of several), with ``p_G = sum_{c in G} p_c`` over the pixels that certainly
  belong to G or certainly do not: ``1 - 2 sum(p_G t) / (sum p_G + sum t)``; IoU alike. Structures of which a batch holds no
  certain pixel contribute nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spinemr.segmentation.classes import ANYTHING, CLASS_COUNT, STRUCTURES, members

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SegmentationLoss:
    """A weighted sum; ``cross_entropy=1, dice=1`` is the usual one, ``dice=1`` alone that of Kim 2024's network S."""

    cross_entropy: float = 1.0
    dice: float = 1.0
    iou: float = 0.0

    def __call__(self, logits: Tensor, sets: Tensor) -> Tensor:
        """The loss of logits ``[batch][class]...`` against sets ``[batch]...`` (uint8 bit masks)."""
        total = logits.new_zeros(())
        if self.cross_entropy:
            total = total + self.cross_entropy * marginal_cross_entropy(logits, sets)
        if self.dice or self.iou:
            dice, iou = soft_overlaps(logits, sets)
            total = total + self.dice * (1 - dice) + self.iou * (1 - iou)
        return total


def marginal_cross_entropy(logits: Tensor, sets: Tensor) -> Tensor:
    """``log sum_all exp - log sum_{allowed} exp``, the mean over pixels of which something is known."""
    import torch

    logits = logits.float()
    allowed = _allowed(logits, sets)
    kept = logits.masked_fill(~allowed, -torch.inf).logsumexp(dim=1)
    known = (sets != ANYTHING) & allowed.any(dim=1)
    losses = (logits.logsumexp(dim=1) - kept)[known]
    return losses.sum() / max(int(known.sum()), 1)


def soft_overlaps(logits: Tensor, sets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean soft Dice and mean soft IoU over the structures a batch certainly holds; 1 where it holds none."""
    import torch

    shares = logits.float().softmax(dim=1)
    dices, ious = [], []
    for region in STRUCTURES.values():
        inside = (sets & (ANYTHING & ~region)) == 0
        known = inside | ((sets & region) == 0)
        size = inside.sum()
        if not int(size):
            continue
        share = shares[:, list(members(region))].sum(dim=1)
        both = share[inside].sum()
        total = share[known].sum() + size
        dices.append(2 * both / total)
        ious.append(both / (total - both))
    if not dices:
        one = shares.sum() * 0 + 1
        return one, one
    return torch.stack(dices).mean(), torch.stack(ious).mean()


def _allowed(logits: Tensor, sets: Tensor) -> Tensor:
    """Which classes each pixel may have, in the shape of the logits."""
    import torch

    if logits.shape[1] != CLASS_COUNT:
        raise ValueError(f"expected {CLASS_COUNT} classes, not {logits.shape[1]}")
    bits = torch.tensor([1 << index for index in range(CLASS_COUNT)], dtype=torch.uint8, device=sets.device)
    return (sets.unsqueeze(1) & bits.view(1, -1, *[1] * (sets.ndim - 1))) != 0


