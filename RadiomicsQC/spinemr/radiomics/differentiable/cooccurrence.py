"""Soft grey-level co-occurrence matrices: for every direction ``P(i, j) = sum_p w_i(p) w_j(p + direction)``, made symmetric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from spinemr.imaging.errors import InputError
from spinemr.radiomics.differentiable.soft_levels import SoftLevels

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 2.0**-52
"""What pyradiomics adds inside logarithms."""


@dataclass(frozen=True)
class Cooccurrence:
    """Normalised symmetric matrices of a batch and what most features of them share."""

    shares: Tensor
    """``p(i, j)``, ``[batch][direction][level][level]``; all zero for a direction without a pair."""
    filled: Tensor
    """``[batch][direction]``: whether there is a pair."""
    highest: Tensor
    """``[batch]``: Ng."""

    @property
    def numbers(self) -> Tensor:
        """1, 2, ... as many as there are levels."""
        import torch

        return torch.arange(1, self.shares.shape[-1] + 1, device=self.shares.device, dtype=self.shares.dtype)

    @cached_property
    def margins(self) -> Tensor:
        """``p_x(i)``, which is ``p_y`` too."""
        return self.shares.sum(dim=-1)

    @cached_property
    def mean(self) -> Tensor:
        """``sum_i i p_x(i)``."""
        return self.margins @ self.numbers

    @cached_property
    def centred(self) -> Tensor:
        """``i - mean``."""
        return self.numbers - self.mean[..., None]

    @cached_property
    def variance(self) -> Tensor:
        """``sum_i (i - mean)^2 p_x(i)``."""
        return (self.margins * self.centred**2).sum(dim=-1)

    @cached_property
    def differences(self) -> Tensor:
        """``p_{x-y}(k)``, the share of pairs with ``|i - j| = k``, from 0."""
        numbers = self.numbers.long()
        return self._collected((numbers[:, None] - numbers).abs(), len(numbers))

    @cached_property
    def sums(self) -> Tensor:
        """``p_{x+y}(k)``, the share of pairs with ``i + j = k``, from 2."""
        numbers = self.numbers.long()
        return self._collected(numbers[:, None] + numbers - 2, 2 * len(numbers) - 1)

    @cached_property
    def entropy(self) -> Tensor:
        """HXY: ``-sum p log2(p + eps)``."""
        return entropy(self.shares.flatten(-2))

    @cached_property
    def margin_entropy(self) -> Tensor:
        """HX, which is HY too."""
        return entropy(self.margins)

    def _collected(self, places: Tensor, count: int) -> Tensor:
        empty = self.shares.new_zeros((*self.shares.shape[:2], count))
        return empty.index_add(-1, places.flatten(), self.shares.flatten(-2))


def entropy(shares: Tensor) -> Tensor:
    """``-sum p log2(p + eps)`` over the last axis."""
    return -(shares * (shares + EPSILON).log2()).sum(dim=-1)


def directions(distances: Sequence[int] = (1,)) -> tuple[tuple[int, int], ...]:
    """Steps (dy, dx) in the plane whose larger part is one of the distances, one of each opposite pair: four at distance 1."""
    if not distances or any(int(distance) != distance or distance < 1 for distance in distances):
        raise InputError("Distances between pixels of a pair are whole numbers from 1.")
    reach = range(-max(distances), max(distances) + 1)
    steps = ((dy, dx) for dy in reach if dy >= 0 for dx in reach if dy > 0 or dx > 0)
    return tuple((dy, dx) for dy, dx in steps if max(dy, abs(dx)) in distances)


def cooccurrence(levels: SoftLevels, distances: Sequence[int] = (1,), merged: bool = False) -> Cooccurrence:
    """The matrices of every direction; merged, one of all together. The levels need a margin of the largest distance."""
    offsets = tuple(dy * levels.line + dx for dy, dx in directions(distances))
    counts = _pair_counts().apply(levels.weights, offsets)
    if merged:
        counts = counts.sum(dim=1, keepdim=True)
    totals = counts.sum(dim=(-1, -2))
    filled = totals.detach() > 0.5
    alone = (~filled.any(dim=1)).nonzero().flatten().tolist()
    if alone:
        raise InputError(f"The mask of image {alone[0]} of the batch has no two pixels side by side: it has no texture.")
    return Cooccurrence(counts / totals.masked_fill(~filled, 1.0)[..., None, None], filled, levels.highest)


@cache
def _pair_counts() -> Any:  # noqa: ANN401 - a class of PyTorch's, which is imported here
    """``[batch][direction][level][level]``, symmetric, from weights and offsets, as an operation that keeps no shifted copies."""
    import torch
    from torch.autograd.function import once_differentiable

    class PairCounts(torch.autograd.Function):  # type: ignore[misc]
        """Matrix products of the pixel row with itself, moved by an offset; the gradient is one such product each."""

        @staticmethod
        def forward(ctx: Any, weights: Tensor, offsets: tuple[int, ...]) -> Tensor:  # noqa: ANN401
            ctx.save_for_backward(weights)
            ctx.offsets = offsets
            end = weights.shape[-1]
            counts = torch.stack([weights[..., : end - o] @ weights[..., o:].mT for o in offsets], dim=1)
            return counts + counts.mT

        @staticmethod
        @once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
            (weights,) = ctx.saved_tensors
            result, neighbours = torch.empty_like(weights), torch.empty_like(weights)
            for index, o in enumerate(ctx.offsets):
                neighbours[..., :-o], neighbours[..., -o:] = weights[..., o:], 0
                neighbours[..., o:] += weights[..., :-o]
                result.baddbmm_(gradient[:, index] + gradient[:, index].mT, neighbours, beta=min(index, 1))
            return result, None

    return PairCounts
