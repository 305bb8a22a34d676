"""Agreement of two ways to measure the same: the difference of each pair over its mean (Bland & Altman, Lancet 1986)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.report.charts.palette import BLUE, VERMILLION, Style
from spinemr.radiomics.report.charts.panel import (
    AXIS_HEIGHT,
    HALF,
    SMALL,
    TITLE_HEIGHT,
    Panel,
    heading,
    left_margin,
    mark,
    nothing_to_show,
    spread,
    x_axis,
    y_axis,
)
from spinemr.radiomics.report.charts.scales import number, spanning
from spinemr.radiomics.report.charts.svg import PALE_INK, RULE, document, element, line, text, text_width

_POINT = Style("#404040", None, "circle")
_HEIGHT = 265.0


@dataclass(frozen=True)
class Band:
    """A line of the chart with its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class AgreementLines:
    """Bias and limits of agreement, each with its confidence interval."""

    bias: Band
    lower: Band
    upper: Band
    confidence: float = 0.95
    """Of the intervals."""


def bland_altman(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    lines: AgreementLines,
    *,
    title: str,
    names: tuple[str, str],
    unit: str = "",
    width: float = HALF,
) -> str:
    """``second - first`` over the mean of both, with bias, limits of agreement and their confidence bands."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    means, differences = (a[both] + b[both]) / 2, b[both] - a[both]
    if not means.size:
        return document(width, 90.0, nothing_to_show(width, title, "There are no pairs to compare."), title=title)
    shown = [band for band in (lines.upper, lines.bias, lines.lower) if np.isfinite(band.value)]
    ends = [end for band in shown for end in (band.value, band.low, band.high) if np.isfinite(end)]
    y = spanning(differences, include=[*ends, 0.0])
    captions = _captions(lines)
    room = max(text_width(caption, SMALL) for pair in captions.values() for caption in pair) + 12.0
    left = left_margin(y)
    panel = Panel.of(
        spanning(means),
        y,
        left=left,
        top=TITLE_HEIGHT + 4,
        width=width - left - room,
        height=_HEIGHT - TITLE_HEIGHT - AXIS_HEIGHT - 8,
    )
    in_unit = f" ({unit})" if unit else ""
    parts = [
        heading(title, width),
        *_bands(panel, shown),
        *y_axis(panel, f"{names[1]} − {names[0]}{in_unit}"),
        *x_axis(panel, f"mean of both{in_unit}", count=4 if width > HALF else 3),
        *_lines(panel, shown, lines),
        *_named(panel, shown, captions),
    ]
    for x_value, y_value in zip(means, differences, strict=True):
        tip = f"mean {number(float(x_value), 4)}, difference {number(float(y_value), 4)}"
        parts.append(mark(panel.x(float(x_value)), panel.y(float(y_value)), _POINT, radius=3.2, tip=tip, kind="point"))
    said = (
        f"{means.size} pairs; bias {number(lines.bias.value)}, limits {number(lines.lower.value)} to {number(lines.upper.value)}"
    )
    return document(width, _HEIGHT, parts, title=title, description=said)


def _captions(lines: AgreementLines) -> dict[str, tuple[str, str]]:
    return {
        "upper": ("+1.96 SD", number(lines.upper.value)),
        "bias": ("bias", number(lines.bias.value)),
        "lower": ("−1.96 SD", number(lines.lower.value)),
    }


def _role(band: Band, lines: AgreementLines) -> str:
    return next(name for name in ("bias", "upper", "lower") if getattr(lines, name) is band)


def _bands(panel: Panel, shown: Sequence[Band]) -> list[str]:
    parts = []
    for band in shown:
        if np.isfinite(band.low) and np.isfinite(band.high):
            top, bottom = panel.y(band.high), panel.y(band.low)
            parts.append(
                element(
                    "rect",
                    x=panel.left,
                    y=top,
                    width=panel.width,
                    height=max(bottom - top, 0.8),
                    fill=VERMILLION,
                    fill_opacity=0.13,
                    class_="band",
                )
            )
    return parts


def _lines(panel: Panel, shown: Sequence[Band], lines: AgreementLines) -> list[str]:
    zero = panel.y(0.0)
    parts = [line(panel.left, zero, panel.right, zero, colour=RULE, dash="2 3", kind="zero")]
    for band in shown:
        role = _role(band, lines)
        colour, dash = (BLUE, None) if role == "bias" else (VERMILLION, "6 3")
        y = panel.y(band.value)
        parts.append(line(panel.left, y, panel.right, y, colour=colour, width=1.8, dash=dash, kind=role))
    return parts


def _named(panel: Panel, shown: Sequence[Band], captions: dict[str, tuple[str, str]]) -> list[str]:
    roles = ("upper", "bias", "lower") if len(shown) == 3 else ("bias",)[: len(shown)]
    places = spread([panel.y(band.value) for band in shown], 29.0, panel.top + 8, panel.bottom - 14)
    parts = []
    for role, place in zip(roles, places, strict=True):
        name, value = captions[role]
        parts.append(text(panel.right + 6, place, name, size=SMALL, colour=PALE_INK, kind="line-name"))
        parts.append(text(panel.right + 6, place + 13, value, size=SMALL, bold=True, kind="line-value"))
    return parts
