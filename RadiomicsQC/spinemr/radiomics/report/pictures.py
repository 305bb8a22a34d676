"""Slices as SVG pictures: grey pixels inside, and over them contours, names, sides and a scale that stay sharp at any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import StructureKind, name_of, structure
from spinemr.imaging.terminology import colour_of
from spinemr.radiomics.report.charts.palette import ORANGE, SKY, as_hex, ramp
from spinemr.radiomics.report.charts.scales import Scale, tick_labels
from spinemr.radiomics.report.charts.svg import PALE_INK, document, element, line, path_data, plain, text
from spinemr.radiomics.report.contours import label_outlines
from spinemr.radiomics.report.display import Display, Grey
from spinemr.radiomics.report.png import data_uri
from spinemr.radiomics.report.weaving import TILE_MM, woven

WIDTH = 320.0
"""Of a picture, in the units of its SVG; its height follows from the slice."""
_LETTERS = 13.0
_BAR_STEPS = (100, 50, 20, 10, 5, 2, 1)
_MIN_NAMED_MM2 = 60.0
_COLOUR_BAR = 66.0
_CLEAR_OF_SIDES = 26.0


@dataclass(frozen=True)
class Overlay:
    """Values drawn over a slice in colour: ``sequential`` from 0 to the limit, ``diverging`` from minus to plus the limit."""

    values: NDArray[np.floating]
    unit: str
    limit: float
    kind: str = "sequential"


def outlined(display: Display, grey: Grey, labels: NDArray[Any] | None, *, title: str) -> str:
    """A slice with the contours of its structures in their colours, bodies named."""
    parts, size, scale = _ground(display, display.fitted(grey))
    if labels is not None:
        parts += _contours(labels, scale)
        parts += _names(display, labels, scale)
    return document(*size, [*parts, *_furniture(display, size, scale)], title=title)


def checkerboard(display: Display, source: Grey, harmonized: Grey, *, title: str) -> str:
    """Source and harmonized slice woven together; tiles of the first row and column carry the sign of their image."""
    first, second = display.fitted(source), display.fitted(harmonized)
    parts, size, scale = _ground(display, first)
    pixel_mm = (
        source.shape[0] * display.spacing_mm[0] / first.shape[0],
        source.shape[1] * display.spacing_mm[1] / first.shape[1],
    )
    parts[0] = _image(woven(first, second, pixel_mm), size)
    tile = (TILE_MM / display.spacing_mm[1] * scale[0], TILE_MM / display.spacing_mm[0] * scale[1])
    corners = []
    for row in range(math.ceil(size[1] / tile[1])):
        for column in range(math.ceil(size[0] / tile[0])):
            x, y = column * tile[0] + 1, row * tile[1] + 1
            if row and column:
                continue
            if (row + column) % 2:
                corners.append(element("circle", cx=x + 3, cy=y + 3, r=2.4, fill=SKY))
            else:
                corners.append(element("path", d=path_data([(x, y), (x + 6, y), (x, y + 6)], closed=True), fill=ORANGE))
    return document(*size, [*parts, *corners, *_furniture(display, size, scale)], title=title)


def coloured(display: Display, grey: Grey, overlay: Overlay, *, title: str) -> str:
    """A slice with values over it in colour, fading out towards zero, and a colour bar with their unit."""
    ground = display.fitted(grey)
    values = display.fitted(np.nan_to_num(np.asarray(overlay.values, dtype=np.float32)))
    share = np.clip(values / overlay.limit, -1.0, 1.0)
    colours = ramp(overlay.kind, (share + 1) / 2 if overlay.kind == "diverging" else np.abs(share)).astype(np.float32)
    opacity = np.clip(np.abs(share) * 1.6, 0.0, 0.9)[..., None]
    blended = (1 - opacity) * ground[..., None] + opacity * colours
    parts, size, scale = _ground(display, ground)
    parts[0] = _image(np.rint(blended).astype(np.uint8), size)
    bar = _colour_bar(overlay, size)
    return document(size[0] + _COLOUR_BAR, size[1], [*parts, *_furniture(display, size, scale), *bar], title=title)


def _ground(display: Display, pixels: NDArray[np.floating]) -> tuple[list[str], tuple[float, float], tuple[float, float]]:
    """The grey slice, the size it is shown in, and how many units a voxel takes along columns and rows."""
    height = WIDTH * pixels.shape[0] / pixels.shape[1]
    size = (WIDTH, round(height, 2))
    rows, columns = display.shown
    return [_image(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), size)], size, (WIDTH / columns, size[1] / rows)


def _image(pixels: NDArray[Any], size: tuple[float, float]) -> str:
    picture = np.clip(pixels, 0, 255).astype(np.uint8)
    return element("image", href=data_uri(picture), x=0, y=0, width=size[0], height=size[1], preserveAspectRatio="none")


def _contours(labels: NDArray[Any], scale: tuple[float, float]) -> list[str]:
    parts = []
    for label in np.unique(labels[labels > 0]).tolist():
        lines = label_outlines(labels, label)
        data = "".join(path_data([(x * scale[0], y * scale[1]) for x, y in points], closed=True) for points in lines)
        colour = structure_colour(label)
        tip = element("title", plain(structure_name(label)))
        parts.append(
            element("path", d=data, fill="none", stroke="#000000", stroke_width=2.6, stroke_opacity=0.55, stroke_linejoin="round")
        )
        parts.append(
            element(
                "path",
                tip,
                d=data,
                fill=colour,
                fill_opacity=0.1,
                fill_rule="evenodd",
                stroke=colour,
                stroke_width=1.4,
                stroke_linejoin="round",
                class_="contour",
                data_label=label,
            )
        )
    return parts


def _names(display: Display, labels: NDArray[Any], scale: tuple[float, float]) -> list[str]:
    pixel_mm2 = display.spacing_mm[0] * display.spacing_mm[1]
    parts = []
    for label in np.unique(labels[labels > 0]).tolist():
        short, inside = _level(label), labels == label
        if short and np.count_nonzero(inside) * pixel_mm2 >= _MIN_NAMED_MM2:
            row, column = _thickest(inside, display.spacing_mm)
            x, y = (column + 0.5) * scale[0], (row + 0.5) * scale[1]
            if y > _CLEAR_OF_SIDES:
                parts.append(_letter(x, y + 4.5, short, "middle", "level"))
    return parts


def _thickest(inside: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """The pixel farthest from the outline: in the body of a vertebra rather than in its arch."""
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing_mm)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), inside.shape)
    return int(row), int(column)


def _furniture(display: Display, size: tuple[float, float], scale: tuple[float, float]) -> list[str]:
    """Letters of the sides and a bar of round length in millimetres."""
    left, right, above, below = display.sides
    middle = (size[0] / 2, size[1] / 2)
    letters = [
        _letter(5, middle[1], left, "start", "side"),
        _letter(size[0] - 5, middle[1], right, "end", "side"),
        _letter(middle[0], 15, above, "middle", "side"),
        _letter(middle[0], size[1] - 6, below, "middle", "side"),
    ]
    unit_mm = display.spacing_mm[1] / scale[0]
    length_mm = next((step for step in _BAR_STEPS if step / unit_mm <= size[0] / 3), _BAR_STEPS[-1])
    length, y = length_mm / unit_mm, size[1] - 8
    bar = [
        line(8, y, 8 + length, y, colour="#000000", width=4.5),
        line(8, y, 8 + length, y, colour="#ffffff", width=2.5, kind="scale"),
    ]
    return [*letters, *bar, _letter(8, y - 6, f"{length_mm} mm", "start", "scale-name", 11.0)]


def _letter(x: float, y: float, content: str, anchor: str, kind: str, size: float = _LETTERS) -> str:
    return element(
        "text",
        plain(content),
        x=float(x),
        y=float(y),
        class_=kind,
        text_anchor=anchor,
        font_size=size,
        font_weight="bold",
        fill="#ffffff",
        stroke="#000000",
        stroke_width=2.4,
        stroke_linejoin="round",
        paint_order="stroke",
    )


def _colour_bar(overlay: Overlay, size: tuple[float, float]) -> list[str]:
    x, top, length = size[0] + 10, 26.0, min(size[1] - 44, 220.0)
    low = -overlay.limit if overlay.kind == "diverging" else 0.0
    scale = Scale(low, overlay.limit, top + length, top)
    steps = 48
    shares = np.linspace(1.0, 0.0, steps)
    colours = ramp(overlay.kind, shares).tolist()
    parts = [
        element(
            "rect",
            x=x,
            y=top + index * length / steps,
            width=11.0,
            height=length / steps + 0.6,
            fill=as_hex((r, g, b)),
        )
        for index, (r, g, b) in enumerate(colours)
    ]
    ticks = sorted({low, 0.0, overlay.limit / 2, overlay.limit, low / 2})
    labels, _ = tick_labels(ticks)
    for tick, shown in zip(ticks, labels, strict=True):
        y = scale(tick)
        prefix = "≥" if tick == overlay.limit else "≤" if tick == low < 0 else ""
        parts += [line(x + 11, y, x + 14, y, colour=PALE_INK), text(x + 16, y + 4, prefix + shown, size=11.0, kind="bar-tick")]
    return [*parts, text(size[0] + _COLOUR_BAR - 1, 13, overlay.unit, anchor="end", size=11.0, kind="bar-title")]


def structure_colour(label: int) -> str:
    """The colour of a label as HTML writes it; grey where it names nothing known."""
    try:
        return as_hex(colour_of(label))
    except ValueError:
        return "#c8c8c8"


def structure_name(label: int) -> str:
    """The English name of a label, or its number where it names nothing known."""
    try:
        return name_of(label)
    except ValueError:
        return f"label {label}"


def _level(label: int) -> str:
    """The letters on a body ("L4", "S1"); nothing on other structures."""
    try:
        part = structure(label)
    except ValueError:
        return ""
    if part.kind is StructureKind.SACRUM:
        return "S1"
    return part.vertebra.name if part.kind is StructureKind.BODY and part.vertebra is not None else ""


def shown_levels(labels: Sequence[int]) -> list[int]:
    """Labels from head to foot, each disc under its vertebra, then what has no level."""
    return sorted(labels, key=lambda label: (label % 100 in (60, 61), label % 100, label // 100))
