"""The part of a chart every chart has: a panel with axes, ticks, grid lines and units, marks, and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from spinemr.radiomics.report.charts.palette import Style
from spinemr.radiomics.report.charts.scales import Scale, power_of_ten, tick_labels
from spinemr.radiomics.report.charts.svg import FAINT, PALE_INK, element, fitted, line, path_data, plain, text, text_width

WIDE, HALF = 680.0, 335.0
"""The width of the text on A4 with margins of 15 mm, in CSS pixels, and of two charts side by side."""
SMALL = 11.0
TITLE_HEIGHT = 26.0
AXIS_HEIGHT = 42.0
"""Below a panel: tick labels and the axis title."""
_LINE = 16.0


@dataclass(frozen=True)
class Panel:
    """A rectangle on the page with a scale for each direction; y grows upwards."""

    left: float
    top: float
    width: float
    height: float
    x: Scale
    y: Scale

    @classmethod
    def of(cls, x: Scale, y: Scale, *, left: float, top: float, width: float, height: float) -> Panel:
        """The panel of two scales that do not have places yet."""
        return cls(left, top, width, height, x.placed(left, left + width), y.placed(top + height, top))

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


def heading(content: str, width: float) -> str:
    """The title of a chart, at its upper left."""
    return text(0.0, 15.0, fitted(content, width, 13.5), size=13.0, bold=True, kind="chart-title", tip=content)


def left_margin(scale: Scale, count: int = 5) -> float:
    """Room for the tick labels of a vertical axis and its title."""
    labels, _ = tick_labels(scale.ticks(count), scale.logarithmic)
    return max([text_width(label, SMALL) for label in labels], default=20.0) + 30.0


def x_axis(panel: Panel, label: str, *, count: int = 5, grid: bool = False) -> list[str]:
    """Ticks and title below a panel."""
    ticks = panel.x.ticks(count)
    labels, power = tick_labels(ticks, panel.x.logarithmic)
    parts = [line(panel.left, panel.bottom, panel.right, panel.bottom)]
    for tick, label_text in zip(ticks, labels, strict=True):
        x = panel.x(tick)
        if grid:
            parts.append(line(x, panel.top, x, panel.bottom, colour=FAINT))
        parts.append(line(x, panel.bottom, x, panel.bottom + 4))
        parts.append(text(x, panel.bottom + 16, label_text, anchor="middle", size=SMALL, colour=PALE_INK, kind="x-tick"))
    middle, titled = panel.left + panel.width / 2, _with_power(label, power)
    return [*parts, text(middle, panel.bottom + 34, titled, anchor="middle", kind="x-title")]


def y_axis(panel: Panel, label: str, *, count: int = 5) -> list[str]:
    """Ticks, grid lines and a turned title left of a panel."""
    ticks = panel.y.ticks(count)
    labels, power = tick_labels(ticks, panel.y.logarithmic)
    parts = [line(panel.left, panel.top, panel.left, panel.bottom)]
    for tick, label_text in zip(ticks, labels, strict=True):
        y = panel.y(tick)
        parts.append(line(panel.left, y, panel.right, y, colour=FAINT))
        parts.append(line(panel.left - 4, y, panel.left, y))
        parts.append(text(panel.left - 7, y + 4, label_text, anchor="end", size=SMALL, colour=PALE_INK, kind="y-tick"))
    titled = fitted(_with_power(label, power), panel.height + 30)
    return [*parts, text(12.0, panel.top + panel.height / 2, titled, anchor="middle", turn=-90.0, kind="y-title")]


def mark(
    x: float, y: float, style: Style, *, radius: float = 3.5, tip: str = "", kind: str = "mark", hollow: bool = False
) -> str:
    """One value as the series' own sign."""
    said = element("title", plain(tip)) if tip else ""
    fill, stroke = ("#ffffff", style.colour) if hollow else (style.colour, "#ffffff")
    paint = {"class_": kind, "fill": fill, "stroke": stroke, "stroke_width": 1.6 if hollow else 0.7}
    if style.marker == "circle":
        return element("circle", said, cx=x, cy=y, r=radius, **paint)
    if style.marker == "square":
        side = radius * 1.75
        return element("rect", said, x=x - side / 2, y=y - side / 2, width=side, height=side, **paint)
    tall = radius * 1.35
    corners = [(x, y - tall), (x + tall, y), (x, y + tall), (x - tall, y)]
    if style.marker == "triangle":
        corners = [(x, y - tall), (x + tall, y + tall * 0.8), (x - tall, y + tall * 0.8)]
    return element("path", said, d=path_data(corners, closed=True), **paint)


def legend(entries: Sequence[tuple[str, Style, str]], left: float, top: float, width: float) -> tuple[list[str], float]:
    """Names with their signs (``line``, ``mark`` or ``hollow``) in rows; the parts and the height they take."""
    parts: list[str] = []
    x, y = left, top + 11.0
    for name, style, sign in entries:
        shown = fitted(name, width - 30.0, SMALL)
        sign_width = 28.0 if sign == "line" else 14.0
        needed = sign_width + text_width(shown, SMALL) + 14.0
        if x > left and x + needed > left + width:
            x, y = left, y + _LINE
        if sign == "line":
            parts.append(line(x, y - 4, x + 22, y - 4, colour=style.colour, width=2.0, dash=style.dash))
        else:
            parts.append(mark(x + 5, y - 4, style, radius=4.0, kind="key", hollow=sign == "hollow"))
        parts.append(text(x + sign_width, y, shown, size=SMALL, kind="legend", tip=name if shown != name else ""))
        x += needed
    return parts, y - top + 8.0 if entries else 0.0


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in their order, at least ``gap`` apart and within the limits where they fit."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [min(max(value, low), high) for value in wanted]
    for _ in range(60):
        for first, second in pairwise(order):
            lack = gap - (placed[second] - placed[first])
            if lack > 0:
                placed[first] -= lack / 2
                placed[second] += lack / 2
    lowest, highest = low, high
    for index in order:
        placed[index] = max(placed[index], lowest)
        lowest = placed[index] + gap
    for index in reversed(order):
        placed[index] = min(placed[index], highest)
        highest = placed[index] - gap
    return placed


def nothing_to_show(width: float, title: str, reason: str, height: float = 90.0) -> list[str]:
    """What stands where a chart would, when there is nothing to draw."""
    frame = element("rect", x=0.5, y=TITLE_HEIGHT, width=width - 1, height=height - TITLE_HEIGHT - 1, fill="none", stroke=FAINT)
    middle = TITLE_HEIGHT + (height - TITLE_HEIGHT) / 2 + 4
    return [heading(title, width), frame, text(width / 2, middle, reason, anchor="middle", colour=PALE_INK)]


def _with_power(label: str, power: int) -> str:
    return f"{label} ({power_of_ten(power)})" if power else label
