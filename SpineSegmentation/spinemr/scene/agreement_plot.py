"""Bland-Altman plots as chart, series and table nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinemr.imaging.errors import InputError
from spinemr.scene.charts import Axis, Look, add_chart, add_series
from spinemr.scene.tables import UNITS, add_table

if TYPE_CHECKING:
    import slicer

_POINTS = Look((0.0, 0.45, 0.70), marker="circle")
_BIAS = Look((0.1, 0.1, 0.1), line="solid")
_LIMIT = Look((0.84, 0.37, 0.0), line="dash")
"""Colours after Okabe and Ito, told apart by every reader."""


def add_bland_altman(
    scene: slicer.vtkMRMLScene, title: str, means: Sequence[float], differences: Sequence[float], *, bias: float,
    limits: tuple[float, float], quantity: str, unit: str = "", labels: Sequence[str] = (),
    beside: slicer.vtkMRMLNode | None = None,
) -> slicer.vtkMRMLPlotChartNode:  # fmt: skip
    """Differences over means, with lines at the bias and the limits of agreement (Bland and Altman 1986).

    ``unit`` is the end of a column's name ("mm", "mm3", "deg", "percent"); ``labels`` name the points under the mouse. Pairs that
    are not finite are left out.
    """
    mean, difference, middle, lower, upper = _with_unit(unit, "mean", "difference", "bias", "lower", "upper")
    pairs = _finite(means, differences, labels)
    ends = min(x for _, x, _ in pairs), max(x for _, x, _ in pairs)
    points = [{"case": name, mean: x, difference: y} for name, x, y in pairs]
    rulers = [{mean: x, middle: bias, lower: limits[0], upper: limits[1]} for x in ends]
    cases = add_table(scene, f"{title}: pairs", points, beside=beside)
    table = add_table(scene, f"{title}: limits", rulers, beside=beside)
    shown = f" {UNITS.get(unit, unit)}".rstrip()
    series = [
        add_series(scene, "Pairs", cases, (mean, difference), _POINTS, labels="case"),
        add_series(scene, f"Bias {bias:.3g}{shown}", table, (mean, middle), _BIAS),
        add_series(scene, f"Lower limit {limits[0]:.3g}{shown}", table, (mean, lower), _LIMIT),
        add_series(scene, f"Upper limit {limits[1]:.3g}{shown}", table, (mean, upper), _LIMIT),
    ]
    bracket = f" ({UNITS.get(unit, unit)})" if unit else ""
    return add_chart(scene, title, series, Axis(f"Mean {quantity}{bracket}"), Axis(f"Difference of {quantity}{bracket}"))


def _finite(means: Sequence[float], differences: Sequence[float], labels: Sequence[str]) -> list[tuple[str, float, float]]:
    """Name, mean and difference of each pair that has both."""
    if len(means) != len(differences) or (labels and len(labels) != len(means)):
        raise InputError("Means, differences and names of the pairs are not equally many.")
    names = labels or [f"pair {index + 1}" for index in range(len(means))]
    pairs = [(name, float(x), float(y)) for name, x, y in zip(names, means, differences, strict=True)]
    finite = [pair for pair in pairs if math.isfinite(pair[1]) and math.isfinite(pair[2])]
    if not finite:
        raise InputError("There is no pair of measurements to plot.")
    return finite


def _with_unit(unit: str, *names: str) -> tuple[str, ...]:
    """Names of columns that end with their unit."""
    return tuple(f"{name}_{unit}" if unit else name for name in names)
