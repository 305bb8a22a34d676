"""The 24 GLCM features of pyradiomics from soft matrices, by direction; IBSI codes stand beside those that IBSI defines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from spinemr.radiomics.differentiable.cooccurrence import EPSILON, Cooccurrence, entropy

if TYPE_CHECKING:
    from torch import Tensor


def autocorrelation(matrix: Cooccurrence) -> Tensor:
    """``sum p(i, j) i j`` (QWB0)."""
    return ((matrix.shares @ matrix.numbers) * matrix.numbers).sum(dim=-1)


def joint_average(matrix: Cooccurrence) -> Tensor:
    """``sum p(i, j) i`` (60VM)."""
    return matrix.mean


def cluster_prominence(matrix: Cooccurrence) -> Tensor:
    """``sum (i + j - 2 mean)^4 p(i, j)`` (AE86)."""
    return _cluster(matrix, 4)


def cluster_shade(matrix: Cooccurrence) -> Tensor:
    """``sum (i + j - 2 mean)^3 p(i, j)`` (7NFM)."""
    return _cluster(matrix, 3)


def cluster_tendency(matrix: Cooccurrence) -> Tensor:
    """``sum (i + j - 2 mean)^2 p(i, j)`` (DG8W)."""
    return _cluster(matrix, 2)


def contrast(matrix: Cooccurrence) -> Tensor:
    """``sum (i - j)^2 p(i, j)`` (ACUI)."""
    return matrix.differences @ _steps(matrix) ** 2


def correlation(matrix: Cooccurrence) -> Tensor:
    """``sum p(i, j) (i - mean) (j - mean) / variance``; 1 for one level (NI2N)."""
    together = ((matrix.shares @ matrix.centred[..., None])[..., 0] * matrix.centred).sum(dim=-1)
    return _unless_flat(together, matrix.variance, 1.0)


def difference_average(matrix: Cooccurrence) -> Tensor:
    """``sum k p_{x-y}(k)`` (TF7R)."""
    return matrix.differences @ _steps(matrix)


def difference_entropy(matrix: Cooccurrence) -> Tensor:
    """``-sum p_{x-y}(k) log2(p_{x-y}(k) + eps)`` (NTRS); Kim 2024, table 6."""
    return entropy(matrix.differences)


def difference_variance(matrix: Cooccurrence) -> Tensor:
    """``sum (k - DifferenceAverage)^2 p_{x-y}(k)`` (D3YU)."""
    away = _steps(matrix) - difference_average(matrix)[..., None]
    return (matrix.differences * away**2).sum(dim=-1)


def inverse_difference(matrix: Cooccurrence) -> Tensor:
    """``sum p_{x-y}(k) / (1 + k)`` (IB1Z)."""
    return matrix.differences @ (1 / (1 + _steps(matrix)))


def inverse_difference_moment(matrix: Cooccurrence) -> Tensor:
    """``sum p_{x-y}(k) / (1 + k^2)`` (WF0Z)."""
    return matrix.differences @ (1 / (1 + _steps(matrix) ** 2))


def inverse_difference_moment_normalized(matrix: Cooccurrence) -> Tensor:
    """``sum p_{x-y}(k) / (1 + k^2 / Ng^2)`` (1QCO); Kim 2024, table 6."""
    return (matrix.differences / (1 + (_steps(matrix) / _levels(matrix)) ** 2)).sum(dim=-1)


def inverse_difference_normalized(matrix: Cooccurrence) -> Tensor:
    """``sum p_{x-y}(k) / (1 + k / Ng)`` (NDRX)."""
    return (matrix.differences / (1 + _steps(matrix) / _levels(matrix))).sum(dim=-1)


def informational_correlation_1(matrix: Cooccurrence) -> Tensor:
    """``(HXY - HXY1) / HX``; 0 for one level (R8DG)."""
    product = matrix.margins[..., None] * matrix.margins[..., None, :]
    crossed = -(matrix.shares * (product + EPSILON).log2()).sum(dim=(-1, -2))
    return _unless_flat(matrix.entropy - crossed, matrix.margin_entropy, 0.0)


def informational_correlation_2(matrix: Cooccurrence) -> Tensor:
    """``sqrt(1 - exp(-2 (HXY2 - HXY)))``; 0 where HXY is not smaller than HXY2 (JN9H)."""
    import torch

    product = matrix.margins[..., None] * matrix.margins[..., None, :]
    square = -torch.expm1(-2 * (entropy(product.flatten(-2)) - matrix.entropy))
    usable = square > torch.finfo(square.dtype).eps
    return square.masked_fill(~usable, 1.0).sqrt().masked_fill(~usable, 0.0)


def inverse_variance(matrix: Cooccurrence) -> Tensor:
    """``sum_{k > 0} p_{x-y}(k) / k^2`` (E8JP)."""
    return matrix.differences[..., 1:] @ (1 / _steps(matrix)[1:] ** 2)


def joint_energy(matrix: Cooccurrence) -> Tensor:
    """``sum p(i, j)^2`` (8ZQL)."""
    return (matrix.shares**2).sum(dim=(-1, -2))


def joint_entropy(matrix: Cooccurrence) -> Tensor:
    """``-sum p(i, j) log2(p(i, j) + eps)`` (TU9B)."""
    return matrix.entropy


def maximal_correlation_coefficient(matrix: Cooccurrence) -> Tensor:
    """The square root of the second largest eigenvalue of ``Q(i, j) = sum_k p(i, k) p(j, k) / (p_x(i) p_y(k))``; 1 for one level.

    For a symmetric matrix Q has the squared eigenvalues of ``p(i, j) / sqrt(p_x(i) p_x(j))``, whose largest, 1, belongs to
    ``sqrt(p_x)``: with that taken away, the largest in size is the coefficient.
    """
    import torch

    seen = matrix.margins > torch.finfo(matrix.margins.dtype).eps
    roots = matrix.margins.masked_fill(~seen, 1.0).sqrt()
    scaled = matrix.shares / (roots[..., None] * roots[..., None, :])
    roots = roots.masked_fill(~seen, 0.0)
    scaled = scaled.masked_fill(~(seen[..., None] & seen[..., None, :]), 0.0) - roots[..., None] * roots[..., None, :]
    largest = torch.linalg.eigvalsh(scaled).abs().amax(dim=-1)
    return largest.masked_fill((seen.sum(dim=-1) < 2), 1.0)


def maximum_probability(matrix: Cooccurrence) -> Tensor:
    """``max p(i, j)`` (GYBY)."""
    return matrix.shares.amax(dim=(-1, -2))


def sum_average(matrix: Cooccurrence) -> Tensor:
    """``sum k p_{x+y}(k)`` (ZGXS), twice the joint average."""
    return 2 * matrix.mean


def sum_entropy(matrix: Cooccurrence) -> Tensor:
    """``-sum p_{x+y}(k) log2(p_{x+y}(k) + eps)`` (P6QZ); Kim 2024, table 6."""
    return entropy(matrix.sums)


def sum_squares(matrix: Cooccurrence) -> Tensor:
    """``sum (i - mean)^2 p(i, j)`` (UR99)."""
    return matrix.variance



def _cluster(matrix: Cooccurrence, power: int) -> Tensor:
    import torch

    sums = torch.arange(2, matrix.sums.shape[-1] + 2, device=matrix.sums.device, dtype=matrix.sums.dtype)
    return (matrix.sums * (sums - 2 * matrix.mean[..., None]) ** power).sum(dim=-1)


def _steps(matrix: Cooccurrence) -> Tensor:
    """The differences of levels, from 0."""
    return matrix.numbers - 1


def _levels(matrix: Cooccurrence) -> Tensor:
    """Ng of every image, to be divided by."""
    return matrix.highest[:, None, None]


def _unless_flat(above: Tensor, below: Tensor, flat: float) -> Tensor:
    """A quotient; a given value, without gradient, where the denominator says that there is one level only."""
    one_level = below <= 1e-9
    return (above / below.masked_fill(one_level, 1.0)).masked_fill(one_level, flat)


GLCM_FEATURES: Mapping[str, Callable[[Cooccurrence], Tensor]] = MappingProxyType(
    {
        "Autocorrelation": autocorrelation,
        "ClusterProminence": cluster_prominence,
        "ClusterShade": cluster_shade,
        "ClusterTendency": cluster_tendency,
        "Contrast": contrast,
        "Correlation": correlation,
        "DifferenceAverage": difference_average,
        "DifferenceEntropy": difference_entropy,
        "DifferenceVariance": difference_variance,
        "Id": inverse_difference,
        "Idm": inverse_difference_moment,
        "Idmn": inverse_difference_moment_normalized,
        "Idn": inverse_difference_normalized,
        "Imc1": informational_correlation_1,
        "Imc2": informational_correlation_2,
        "InverseVariance": inverse_variance,
        "JointAverage": joint_average,
        "JointEnergy": joint_energy,
        "JointEntropy": joint_entropy,
        "MCC": maximal_correlation_coefficient,
        "MaximumProbability": maximum_probability,
        "SumAverage": sum_average,
        "SumEntropy": sum_entropy,
        "SumSquares": sum_squares,
    }
)
"""By pyradiomics' short names, in its order: ``[batch][direction]`` of a matrix."""
