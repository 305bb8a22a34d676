"""Soft grey-level run-length matrices in closed form.

A run of level k and length L from pixel p has the weight ``(1 - w_k(p - 1)) w_k(p) ... w_k(p + L - 1) (1 - w_k(p + L))``: it
begins there, goes on, and ends. With the windows ``J_L(k) = sum_p w_k(p) ... w_k(p + L - 1)`` this adds up to
``P(k, L) = J_L - 2 J_{L+1} + J_{L+2}``, which for weights of 0 and 1 is the exact matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from spinemr.radiomics.differentiable.cooccurrence import directions
from spinemr.radiomics.differentiable.soft_levels import SoftLevels

if TYPE_CHECKING:
    from torch import Tensor

LEAST_WEIGHT = {"torch.float32": 1e-6, "torch.float64": 1e-13}
"""Windows whose product falls below this are not followed further."""
NO_RUN = 1e-3
"""Fewer soft runs than this are none."""


@dataclass(frozen=True)
class RunLengths:
    """Soft counts of runs of a batch."""

    counts: Tensor
    """``P(k, L)``, ``[batch][direction][level][length - 1]``; in the last column stand all runs at least as long."""
    lengths: Tensor
    """``[batch][direction][column]``: 1, 2, ..., and the mean length of the runs in the last column."""
    sizes: Tensor
    """``[batch]``: pixels, as often as a matrix has counted them."""


def run_lengths(levels: SoftLevels, longest: int, merged: bool = False) -> RunLengths:
    """The matrices of the four directions, with so many columns; merged, their sum.

    As every pixel lies in one run (``sum L P(k, L)`` is their number, for soft weights too), what the other columns leave over
    gives the mean length of the runs in the last one without following them.
    """
    import torch

    offsets = tuple(dy * levels.line + dx for dy, dx in directions())
    least = LEAST_WEIGHT[str(levels.weights.dtype)]
    windows = _window_sums().apply(levels.weights, offsets, longest + 1, least)
    exact = windows[..., :-2] - 2 * windows[..., 1:-1] + windows[..., 2:]
    counts = torch.cat([exact, windows[..., -2:-1] - windows[..., -1:]], dim=-1)
    sizes = levels.sizes
    if merged:
        counts, sizes = counts.sum(dim=1, keepdim=True), sizes * len(offsets)
    return RunLengths(counts, _lengths(counts, sizes), sizes)


def _lengths(counts: Tensor, sizes: Tensor) -> Tensor:
    import torch

    longest = counts.shape[-1]
    steps = torch.arange(1, longest + 1, device=counts.device, dtype=counts.dtype)
    by_length = counts.sum(dim=-2)
    last = by_length[..., -1]
    some = last > NO_RUN
    left = sizes[:, None] - by_length[..., :-1] @ steps[:-1]
    mean = torch.where(some, left / last.masked_fill(~some, 1.0), float(longest)).clamp(min=longest)
    return torch.cat([steps[:-1].expand(*mean.shape, -1), mean[..., None]], dim=-1)


@dataclass(frozen=True)
class _Step:
    """The windows of one length that still count."""

    places: Tensor
    """Their last pixels in the flat row of all levels of the batch."""
    rows: Tensor
    """Which level of which image that is."""
    weights: Tensor
    """Of the last pixels."""
    products: Tensor
    """Of all their pixels."""
    kept: Tensor | None
    """Which of the windows one shorter they continue."""


def _started(flat: Tensor, pixels: int, least: float) -> _Step:
    places = (flat > least).nonzero().flatten()
    weights = flat.index_select(0, places)
    return _Step(places, places // pixels, weights, weights, None)


def _followed(flat: Tensor, start: _Step, offset: int, longest: int, least: float) -> list[_Step]:
    """All windows of a direction by length."""
    steps = [start]
    while len(steps) < longest:
        last = steps[-1]
        places = last.places + offset
        weights = flat.index_select(0, places)
        products = last.products * weights
        kept = (products > least).nonzero().flatten()
        if not len(kept):
            break
        places, rows, weights, products = (every.index_select(0, kept) for every in (places, last.rows, weights, products))
        steps.append(_Step(places, rows, weights, products, kept))
    return steps


@cache
def _window_sums() -> Any:  # noqa: ANN401 - a class of PyTorch's, which is imported here
    """``J``, ``[batch][direction][level][length - 1]``, following only pixels that belong to a level at all."""
    import torch
    from torch.autograd.function import once_differentiable

    class WindowSums(torch.autograd.Function):  # type: ignore[misc]
        """Products along a direction; the gradient follows them again, so that of windows only their first pixels are kept."""

        @staticmethod
        def forward(ctx: Any, weights: Tensor, offsets: tuple[int, ...], longest: int, least: float) -> Tensor:  # noqa: ANN401
            batch, count, pixels = weights.shape
            flat = weights.flatten()
            start = _started(flat, pixels, least)
            ctx.save_for_backward(weights)
            ctx.following = (start, offsets, longest, least)
            result = weights.new_zeros((len(offsets), longest, batch * count))
            for direction, offset in enumerate(offsets):
                for length, step in enumerate(_followed(flat, start, offset, longest, least)):
                    result[direction, length].index_add_(0, step.rows, step.products)
            return result.view(len(offsets), longest, batch, count).permute(2, 0, 3, 1)

        @staticmethod
        @once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
            (weights,) = ctx.saved_tensors
            start, offsets, longest, least = ctx.following
            flat, result = weights.flatten(), torch.zeros_like(weights).flatten()
            by_length = gradient.permute(1, 3, 0, 2).flatten(2)
            for slopes, offset in zip(by_length, offsets, strict=True):
                steps = _followed(flat, start, offset, longest, least)
                longer: Tensor | None = None
                for index in range(len(steps) - 1, -1, -1):
                    step = steps[index]
                    slope = slopes[index].index_select(0, step.rows)
                    if longer is not None:
                        slope.index_add_(0, steps[index + 1].kept, longer)
                    longer = slope * step.weights
                    if step.kept is not None:
                        slope = slope * steps[index - 1].products.index_select(0, step.kept)
                    result.index_add_(0, step.places, slope)
            return result.view_as(weights), None, None, None

    return WindowSums
