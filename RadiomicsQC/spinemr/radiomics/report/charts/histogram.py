"""Distributions of intensities: before, after and reference over the same bins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.report.charts.palette import style_of
from spinemr.radiomics.report.charts.panel import (
    AXIS_HEIGHT,
    HALF,
    TITLE_HEIGHT,
    Panel,
    heading,
    left_margin,
    legend,
    nothing_to_show,
    x_axis,
    y_axis,
)
from spinemr.radiomics.report.charts.scales import Scale, starting_at_zero
from spinemr.radiomics.report.charts.svg import document, path

_HEIGHT = 250.0
_KEPT = (0.1, 99.7)
"""Percentiles of all values between which bins lie; the few beyond are counted in the outermost bins."""


def histogram(
    series: Mapping[str, NDArray[np.floating]],
    *,
    title: str,
    label: str = "intensity (scanner units)",
    bins: int = 64,
    width: float = HALF,
) -> str:
    """The share of voxels in each bin, one outline a series; the bins are the same for all."""
    values = {name: np.asarray(given, dtype=np.float64).ravel() for name, given in series.items()}
    values = {name: found[np.isfinite(found)] for name, found in values.items()}
    values = {name: found for name, found in values.items() if found.size}
    if not values:
        return document(width, 90.0, nothing_to_show(width, title, "There are no values to count."), title=title)
    edges = bin_edges(list(values.values()), bins)
    shares = {name: bin_shares(found, edges) for name, found in values.items()}
    styles = {name: style_of(name, place) for place, name in enumerate(values)}
    keys, keys_height = legend([(name, style, "line") for name, style in styles.items()], 0.0, TITLE_HEIGHT, width)
    y = starting_at_zero(np.concatenate(list(shares.values())) * 100.0)
    left, top = left_margin(y), TITLE_HEIGHT + keys_height
    panel = Panel.of(
        Scale(float(edges[0]), float(edges[-1]), 0, 1),
        y,
        left=left,
        top=top,
        width=width - left - 14,
        height=_HEIGHT - top - AXIS_HEIGHT,
    )
    parts = [heading(title, width), *keys, *y_axis(panel, "share of voxels (%)", count=4), *x_axis(panel, label, count=5)]
    for name, found in shares.items():
        style = styles[name]
        outline = _outline(panel, edges, found * 100.0)
        parts.append(path(outline, closed=True, fill=style.colour, fill_opacity=0.08))
        parts.append(
            path(
                outline[1:-1],
                fill="none",
                stroke=style.colour,
                stroke_width=1.7,
                stroke_dasharray=style.dash,
                stroke_linejoin="round",
                class_="series",
            )
        )
    return document(width, _HEIGHT, parts, title=title)


def bin_edges(values: list[NDArray[np.float64]], bins: int) -> NDArray[np.float64]:
    """Equal bins over what nearly all values of all series span."""
    low = min(float(np.percentile(found, _KEPT[0])) for found in values)
    high = max(float(np.percentile(found, _KEPT[1])) for found in values)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        half = max(abs(low) * 0.05, 0.5)
        low, high = low - half, high + half
    return np.linspace(low, high, bins + 1)


def bin_shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the values in each bin; what lies beyond counts in the outermost. Adds up to one."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return np.asarray(counts / values.size, dtype=np.float64)


def _outline(panel: Panel, edges: NDArray[np.float64], percent: NDArray[np.float64]) -> list[tuple[float, float]]:
    xs = np.repeat(edges, 2)[1:-1]
    ys = np.repeat(percent, 2)
    steps = [(panel.x(float(x)), panel.y(float(y))) for x, y in zip(xs, ys, strict=True)]
    return [(steps[0][0], panel.bottom), *steps, (steps[-1][0], panel.bottom)]
