"""Features of the grey level co-occurrence matrix, under pyradiomics' names; codes of the IBSI reference manual in brackets.

``p(i, j)`` is the probability that neighbours have levels i and j, ``p_{x+y}`` and ``p_{x-y}`` those of their sum and absolute
difference. By default each feature is the mean over directions (13 in 3D, 4 in 2D), of symmetrical matrices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.eigenvalues import symmetric_eigenvalues
from spinemr.radiomics.features.evaluation import EPSILON, Array, averaged, chosen, entropy
from spinemr.radiomics.features.glcm_matrix import CooccurrenceMatrices, cooccurrences
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

Formula = Callable[[CooccurrenceMatrices], Array]


def glcm_features(levels: Levels, region: Region, settings: Settings, wanted: tuple[str, ...] = ()) -> dict[str, float]:
    """The wanted features, or the 24 that pyradiomics computes by default.

    A region without any pair of neighbours has no such matrix: its features are NaN (the MCC of a single level is 1).
    """
    names = chosen("glcm", wanted, NAMES, ON_REQUEST)
    features = averaged(cooccurrences(levels, region, settings), _FORMULAS, names)
    if "MCC" in features and len(levels.occurring) == 1:
        features["MCC"] = 1.0
    return features


def autocorrelation(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij i j p(i, j)`` [QWB0]."""
    return matrices.p @ matrices.levels @ matrices.levels


def cluster_prominence(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij (i + j - mu_x - mu_y)^4 p(i, j)`` [AE86]."""
    return matrices.moment(4)


def cluster_shade(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij (i + j - mu_x - mu_y)^3 p(i, j)`` [7NFM]."""
    return matrices.moment(3)


def cluster_tendency(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij (i + j - mu_x - mu_y)^2 p(i, j)`` [DG8W]; equals the sum variance [OEEB]."""
    return matrices.moment(2)


def contrast(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k k^2 p_{x-y}(k)`` [ACUI]."""
    return matrices.differences @ _gaps(matrices) ** 2


def correlation(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij (i - mu_x)(j - mu_y) p(i, j) / (sigma_x sigma_y)`` [NI2N]; 1 where all levels are the same."""
    along_x = matrices.levels - matrices.mean_x[:, None]
    along_y = matrices.levels - matrices.mean_y[:, None]
    covariance = np.sum((matrices.p @ along_y[:, :, None])[:, :, 0] * along_x, axis=1)
    deviations = np.sqrt(matrices.variance_x) * np.sqrt(matrices.variance_y)
    return np.where(deviations == 0, 1.0, covariance / (deviations + EPSILON))


def difference_average(matrices: CooccurrenceMatrices) -> Array:
    """``DA = sum_k k p_{x-y}(k)`` [TF7R]; equals the dissimilarity [8S9J]."""
    return matrices.differences @ _gaps(matrices)


def difference_entropy(matrices: CooccurrenceMatrices) -> Array:
    """``-sum_k p_{x-y}(k) log2 p_{x-y}(k)`` [NTRS]."""
    return entropy(matrices.differences, 1)


def difference_variance(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k (k - DA)^2 p_{x-y}(k)`` [D3YU]."""
    gaps = _gaps(matrices) - difference_average(matrices)[:, None]
    variance: Array = np.sum(matrices.differences * gaps**2, axis=1)
    return variance


def inverse_difference(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k p_{x-y}(k) / (1 + k)`` [IB1Z]."""
    return matrices.differences @ (1 / (1 + _gaps(matrices)))


def inverse_difference_moment(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k p_{x-y}(k) / (1 + k^2)`` [WF0Z]."""
    return matrices.differences @ (1 / (1 + _gaps(matrices) ** 2))


def inverse_difference_moment_normalized(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k p_{x-y}(k) / (1 + k^2 / N_g^2)`` [1QCO]."""
    return matrices.differences @ (1 / (1 + _gaps(matrices) ** 2 / matrices.highest**2))


def inverse_difference_normalized(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k p_{x-y}(k) / (1 + k / N_g)`` [NDRX]."""
    return matrices.differences @ (1 / (1 + _gaps(matrices) / matrices.highest))


def information_correlation_1(matrices: CooccurrenceMatrices) -> Array:
    """``(HXY - HXY1) / max(HX, HY)`` with ``HXY1 = -sum_ij p(i, j) log2(p_x(i) p_y(j))`` [R8DG]; 0 where the levels are one."""
    crossed = -np.sum(matrices.p * matrices.log_independent, axis=(1, 2))
    largest = np.maximum(matrices.entropy_x, matrices.entropy_y)
    return np.where(largest == 0, 0.0, (matrices.joint_entropy - crossed) / np.where(largest == 0, 1.0, largest))


def information_correlation_2(matrices: CooccurrenceMatrices) -> Array:
    """``sqrt(1 - exp(-2 (HXY2 - HXY)))`` with ``HXY2 = -sum_ij p_x(i) p_y(j) log2(p_x(i) p_y(j))`` [JN9H]."""
    information = -np.sum(matrices.independent * matrices.log_independent, axis=(1, 2)) - matrices.joint_entropy
    coefficient: Array = np.sqrt(1 - np.exp(-2 * np.maximum(information, 0.0)))
    return coefficient


def inverse_variance(matrices: CooccurrenceMatrices) -> Array:
    """``sum_{k > 0} p_{x-y}(k) / k^2`` [E8JP]."""
    return matrices.differences[:, 1:] @ (1 / _gaps(matrices)[1:] ** 2)


def joint_average(matrices: CooccurrenceMatrices) -> Array:
    """``mu_x = sum_ij i p(i, j)`` [60VM]."""
    return matrices.mean_x


def joint_energy(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij p(i, j)^2``, the angular second moment [8ZQL]."""
    energy: Array = np.einsum("dij,dij->d", matrices.p, matrices.p)
    return energy


def joint_entropy(matrices: CooccurrenceMatrices) -> Array:
    """``-sum_ij p(i, j) log2 p(i, j)`` [TU9B]."""
    return matrices.joint_entropy


def maximal_correlation_coefficient(matrices: CooccurrenceMatrices) -> Array:
    """The square root of the second largest eigenvalue of ``Q(i, j) = sum_k p(i, k) p(j, k) / (p_x(i) p_y(k))``.

    ``Q`` is similar to ``A A^T`` with ``A(i, j) = p(i, j) / sqrt(p_x(i) p_y(j))``, whose second largest singular value this is:
    no eigenvalue can come out complex or negative, and where ``p`` is symmetrical so is ``A``. The epsilon that pyradiomics adds
    to the denominators of ``Q`` matters where a level is rarer than about 1 in 10^6; under the root it has the same effect to
    first order.
    """
    if len(matrices.levels) == 1:
        return np.ones(len(matrices.p))
    balanced = matrices.p / np.sqrt(matrices.independent + EPSILON)
    if matrices.symmetrical:
        values = symmetric_eigenvalues(balanced)  # ascending; the last one is 1, but for the epsilon
        second: Array = np.maximum(np.abs(values[:, 0]), values[:, -2])
        return second
    return np.linalg.svd(balanced, compute_uv=False)[:, 1].astype(np.float64)


def maximum_probability(matrices: CooccurrenceMatrices) -> Array:
    """``max_ij p(i, j)``, the joint maximum [GYBY]."""
    largest: Array = matrices.p.max(axis=(1, 2))
    return largest


def sum_average(matrices: CooccurrenceMatrices) -> Array:
    """``sum_k k p_{x+y}(k)`` [ZGXS]."""
    return matrices.mean_x + matrices.mean_y


def sum_entropy(matrices: CooccurrenceMatrices) -> Array:
    """``-sum_k p_{x+y}(k) log2 p_{x+y}(k)`` [P6QZ]."""
    return entropy(matrices.sums, 1)


def sum_of_squares(matrices: CooccurrenceMatrices) -> Array:
    """``sum_ij (i - mu_x)^2 p(i, j)``, the joint variance [UR99]."""
    return matrices.variance_x


def _gaps(matrices: CooccurrenceMatrices) -> Array:
    return np.arange(matrices.highest, dtype=np.float64)


_FORMULAS: dict[str, Formula] = {
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
    "Imc1": information_correlation_1,
    "Imc2": information_correlation_2,
    "InverseVariance": inverse_variance,
    "JointAverage": joint_average,
    "JointEnergy": joint_energy,
    "JointEntropy": joint_entropy,
    "MCC": maximal_correlation_coefficient,
    "MaximumProbability": maximum_probability,
    "SumAverage": sum_average,
    "SumEntropy": sum_entropy,
    "SumSquares": sum_of_squares,
}
NAMES = tuple(_FORMULAS)
"""The 24 that pyradiomics computes by default, in the order in which it gives them."""

_FORMULAS |= {
    "Dissimilarity": difference_average,
    "Homogeneity1": inverse_difference,
    "Homogeneity2": inverse_difference_moment,
    "SumVariance": cluster_tendency,
}
ON_REQUEST = ("Dissimilarity", "Homogeneity1", "Homogeneity2", "SumVariance")
"""Other names of features above; pyradiomics knows them and gives no value."""
