"""Colours that colour-blind readers tell apart and that survive a grey printer: Okabe and Ito's eight, and two ramps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
"""Okabe and Ito, Color Universal Design (2008)."""
MISSING = "#d9d9d9"

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Style:
    """How one series looks: no two differ in colour alone."""

    colour: str
    dash: str | None
    marker: str


STYLES: tuple[Style, ...] = (
    Style(VERMILLION, "6 3", "circle"),
    Style(BLUE, None, "square"),
    Style(BLACK, "2 2.5", "diamond"),
    Style(GREEN, "8 2.5 2 2.5", "triangle"),
    Style(PURPLE, "12 4", "circle"),
    Style(ORANGE, "4 2", "square"),
    Style(SKY, "1 3", "diamond"),
)
BY_IMAGE = {"source": STYLES[0], "harmonized": STYLES[1], "reference": STYLES[2]}
"""The images of a case look the same in every chart."""

_SEQUENTIAL = ((255, 251, 240), (250, 222, 152), (236, 164, 62), (205, 92, 22), (140, 40, 28), (70, 12, 30))
_DIVERGING = ((0, 56, 110), (26, 118, 178), (146, 196, 224), (247, 247, 247), (244, 184, 128), (205, 92, 22), (110, 30, 20))


def style_of(name: str, place: int) -> Style:
    """The style of a series: that of the image it is named after, else by its place."""
    return BY_IMAGE.get(name, STYLES[place % len(STYLES)])


def sequential(share: float) -> Rgb:
    """From pale (0) over orange to dark red (1); lightness falls all the way."""
    return _between(_SEQUENTIAL, share)


def diverging(share: float) -> Rgb:
    """From dark blue (0) over white (0.5) to dark red (1)."""
    return _between(_DIVERGING, share)


def ramp(kind: str, shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A whole array of shares (0 to 1) as colours ``[...][red, green, blue]``; kinds: sequential, diverging."""
    anchors = np.asarray(_DIVERGING if kind == "diverging" else _SEQUENTIAL, dtype=np.float64)
    places = np.linspace(0.0, 1.0, len(anchors))
    clean = np.clip(np.nan_to_num(shares), 0.0, 1.0)
    channels = [np.interp(clean, places, anchors[:, channel]) for channel in range(3)]
    colours: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours


def as_hex(colour: Rgb) -> str:
    """A colour as HTML writes it: ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def ink_on(colour: Rgb) -> str:
    """Black or white, whichever reads better on a ground (relative luminance of WCAG 2)."""
    linear = [channel / 3294.6 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4 for channel in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"


def _between(anchors: tuple[Rgb, ...], share: float) -> Rgb:
    red, green, blue = ramp("diverging" if anchors is _DIVERGING else "sequential", np.asarray([share]))[0]
    return int(red), int(green), int(blue)
