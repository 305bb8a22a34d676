"""Grey levels to which a pixel belongs by degrees, so that gradients flow from counts of levels to intensities.

Hard binning asks on which side of every edge a pixel lies; here each edge ``e`` is a sigmoid ``c = sigmoid((x - e) / (T w))``
with a temperature T in bins of width w, and the weight of level k is ``c_{k-1} - c_k``: the weights of a pixel add up to one,
and for T -> 0 they become pyradiomics' levels. The edges below the region's lowest and above its highest level are left out, so
that no level appears that the region does not have. (Gaussian weights around the middles of bins spread over three of
them at any width and bias entropies and runs by a quarter and more.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MOST_LEVELS = 512
"""Beyond this many, matrices of levels outgrow a training step: the bin width does not fit the intensities."""
FAR = 100.0
"""Distance from an edge, in temperatures, at which a sigmoid is 0 or 1 in double precision too."""


@dataclass(frozen=True)
class Binning:
    """Which levels there are (pyradiomics' ``binWidth`` and ``binCount``) and how soft they are."""

    width: float = 25.0
    """In intensities; edges lie at its multiples, as in pyradiomics."""
    count: int | None = None
    """Instead of a width: this many between the region's minimum and maximum."""
    temperature: float = 0.004
    """Softness of an edge in bins; 0 makes exact levels, through which no gradient flows."""
    intensity_step: float = 0.0
    """1 for images of whole numbers, also those that will be rounded: edges then lie half-way between two intensities, where
    they part them as before, instead of on an intensity, which would belong to two levels by halves."""

    def __post_init__(self) -> None:
        if not self.width > 0 or (self.count is not None and not 2 <= self.count <= MOST_LEVELS):
            raise InputError(f"Soft levels need a bin width above zero, or a bin count of 2 to {MOST_LEVELS}.")
        if not 0 <= self.temperature <= 1 or not self.intensity_step >= 0:
            raise InputError("Soft levels need a temperature of 0 to 1 bin, and no negative step of intensities.")


@dataclass(frozen=True)
class SoftLevels:
    """Weights of levels of a batch, its pixels in one row with a margin of zeros behind every line and below the last.

    In that row the neighbour ``(dy, dx)`` of every pixel lies ``dy * line + dx`` further on, and is zero where there is none.
    """

    weights: Tensor
    """``[batch][level][pixel]``; zero outside the mask."""
    highest: Tensor
    """``[batch]``: the number of the highest level; the region's lowest is 1 (but see :func:`soft_levels` for flat regions)."""
    sizes: Tensor
    """``[batch]``: pixels inside the mask."""
    line: int
    """Pixels of a line with its margin."""


def soft_levels(values: Tensor, inside: Tensor, binning: Binning | None = None, margin: int = 1) -> SoftLevels:
    """The soft levels of intensities ``[batch][y][x]`` under boolean masks, each mask with at least one pixel.

    A region of one intensity has one level, number 1 with a width and ``count // 2 + 1`` with a count, as in pyradiomics.
    """
    from torch.nn.functional import pad

    binning = binning or Binning()
    edges, widths, highest = _edges(values, inside, binning)
    line = values.shape[2] + margin
    padded = pad(values, (0, margin, 0, margin)).flatten(1)
    mask = pad(inside, (0, margin, 0, margin)).flatten(1).to(values.dtype)
    if binning.temperature:
        weights = _weights().apply(padded, mask, edges, binning.temperature * widths)
    else:
        weights = _exact_weights(padded.detach(), mask, edges.detach())
    return SoftLevels(weights, highest, mask.sum(dim=1), line)


def _exact_weights(values: Tensor, mask: Tensor, edges: Tensor) -> Tensor:
    """1 for the level a pixel has, 0 for the others; an intensity on an edge belongs to the level above, as in pyradiomics."""
    import torch

    weights = values.new_zeros((values.shape[0], edges.shape[1] + 1, values.shape[1]))
    index = torch.searchsorted(edges.to(values.dtype).contiguous(), values.contiguous(), right=True)[:, None]
    return weights.scatter_(1, index, mask[:, None])


@cache
def _weights() -> Any:  # noqa: ANN401 - a class of PyTorch's, which is imported here
    """``c_{k-1} - c_k``, ``[batch][level][pixel]``, as an operation that goes edge by edge and keeps nothing but its result."""
    import torch
    from torch.autograd.function import once_differentiable

    def distances(values: Tensor, edges: Tensor, scales: Tensor, index: int) -> Tensor:
        return ((values - edges[:, index, None]) / scales[:, None]).clamp_(-FAR, FAR)

    class Weights(torch.autograd.Function):  # type: ignore[misc]
        """Sigmoids of distances to edges in scales, and their differences; zero where the mask is."""

        @staticmethod
        def forward(ctx: Any, values: Tensor, mask: Tensor, edges: Tensor, scales: Tensor) -> Tensor:  # noqa: ANN401
            ctx.save_for_backward(values, mask, edges, scales)
            weights = values.new_empty((values.shape[0], edges.shape[1] + 1, values.shape[1]))
            below = mask
            for index in range(edges.shape[1]):
                above = distances(values, edges, scales, index).sigmoid_().mul_(mask)
                torch.sub(below, above, out=weights[:, index])
                below = above
            weights[:, -1] = below
            return weights

        @staticmethod
        @once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:  # noqa: ANN401
            values, mask, edges, scales = ctx.saved_tensors
            of_values, of_edges, of_scales = (torch.zeros_like(given) for given in (values, edges, scales))
            for index in range(edges.shape[1]):
                away = distances(values, edges, scales, index)
                above = away.sigmoid()
                slope = (gradient[:, index + 1] - gradient[:, index]).mul_(above).mul_(1 - above).mul_(mask).div_(scales[:, None])
                of_values += slope
                of_edges[:, index] = -slope.sum(dim=1)
                of_scales -= (slope * away).sum(dim=1)
            return of_values, None, of_edges, of_scales

    return Weights


def _edges(values: Tensor, inside: Tensor, binning: Binning) -> tuple[Tensor, Tensor, Tensor]:
    """Edges ``[batch][levels - 1]`` (infinite where a region has no such level), bin widths, and highest levels ``[batch]``."""
    import torch

    lowest = values.masked_fill(~inside, torch.inf).flatten(1).amin(dim=1)
    largest = values.masked_fill(~inside, -torch.inf).flatten(1).amax(dim=1)
    if binning.count is not None:
        return _counted_edges(lowest, largest, binning.count, binning.intensity_step)
    lowest, largest = lowest.detach(), largest.detach()
    half = binning.intensity_step / 2
    first = torch.floor((lowest + half) / binning.width)
    highest = torch.floor((largest + half) / binning.width) - first + 1
    levels = _bounded(highest)
    steps = torch.arange(1, levels, device=values.device)
    edges = _between((first[:, None] + steps) * binning.width, binning.intensity_step)
    edges = edges.masked_fill(steps >= highest[:, None], torch.inf)
    return edges, torch.full_like(lowest, binning.width), highest


def _counted_edges(lowest: Tensor, largest: Tensor, count: int, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Edges that divide each range evenly; gradients flow through its ends, unless edges are moved between whole numbers."""
    import torch

    flat = lowest == largest
    widths = torch.where(flat, 1.0, (largest - lowest) / count)
    steps = torch.arange(1, count, device=lowest.device)
    edges = _between(lowest[:, None] + widths[:, None] * steps, step)
    middle = torch.where(steps <= count // 2, -torch.inf, torch.inf).to(edges.dtype)
    edges = torch.where(flat[:, None], middle, edges)
    return edges, widths, torch.where(flat, count // 2 + 1, count).to(edges.dtype)


def _between(edges: Tensor, step: float) -> Tensor:
    """The same parting of multiples of a step, by edges half-way between two of them."""
    import torch

    return torch.ceil(edges / step) * step - step / 2 if step else edges


def _bounded(highest: Tensor) -> int:
    levels = int(highest.max())
    if levels > MOST_LEVELS:
        raise InputError(
            f"The bin width makes {levels} grey levels; at most {MOST_LEVELS} are possible.",
            "Take a larger bin width, a bin count, or clamp the intensities (value_range).",
        )
    return levels


def annealed_temperature(step: int, steps: int, start: float = 0.3, end: float = 0.004) -> float:
    """The temperature after ``step`` of ``steps`` steps, falling geometrically: edges first reach far, at last they are exact."""
    if steps < 1 or not 0 < end <= start:
        raise InputError("Annealing needs at least one step and a temperature that falls.")
    share = min(max(step / steps, 0.0), 1.0)
    return math.exp((1 - share) * math.log(start) + share * math.log(end))
