"""The few SVG elements the charts are made of, as text: escaped, rounded, without ids, scripts or anything to fetch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from html import escape

from spinemr.imaging.atomic import write_text_atomic

NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'
"""What makes SVG text a file of its own; inside an HTML page nobody needs it."""
FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
FONT_SIZE = 12.0
INK, PALE_INK, RULE, FAINT = "#1a1a1a", "#4d4d4d", "#8c8c8c", "#e2e2e2"
"""Text, secondary text, axes, grid lines."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold, even escaped."""
_NARROW = {**dict.fromkeys("ijl'|", 0.22), **dict.fromkeys("ft.,:;!/I [](){}-\\", 0.30), **dict.fromkeys('r"*', 0.36)}
_WIDE = {**dict.fromkeys("mMW@", 0.88), **dict.fromkeys("%w", 0.80)}


def plain(text: object) -> str:
    """A text XML can hold: escaped, without control characters."""
    return escape(_FORBIDDEN.sub("", str(text)), quote=True)


def element(name: str, /, *children: str, **attributes: object) -> str:
    """An element; children are markup, attributes plain values (``stroke_width`` is stroke-width, ``None`` is left out)."""
    given = ((key.strip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    written = "".join(f' {key}="{_value(value)}"' for key, value in given)
    inside = "".join(children)
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def text(
    x: float,
    y: float,
    content: object,
    *,
    anchor: str = "start",
    size: float | None = None,
    colour: str = INK,
    bold: bool = False,
    struck: bool = False,
    turn: float = 0.0,
    tip: str = "",
    kind: str | None = None,
) -> str:
    """A line of text at its base line; turned by an angle (degrees, clockwise) around its place."""
    return element(
        "text",
        plain(content),
        element("title", plain(tip)) if tip else "",
        x=x,
        y=y,
        class_=kind,
        text_anchor=None if anchor == "start" else anchor,
        font_size=size,
        font_weight="bold" if bold else None,
        text_decoration="line-through" if struck else None,
        fill=None if colour == INK else colour,
        transform=f"rotate({_value(turn)} {_value(x)} {_value(y)})" if turn else None,
    )


def line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    colour: str = RULE,
    width: float = 1.0,
    dash: str | None = None,
    kind: str | None = None,
) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width, stroke_dasharray=dash, class_=kind)


def path(points: Iterable[tuple[float, float]], *, closed: bool = False, **attributes: object) -> str:
    """A line through points."""
    return element("path", d=path_data(points, closed), **attributes)


def path_data(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """The ``d`` of a line through points."""
    steps = " ".join(f"{_value(x)} {_value(y)}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def document(width: float, height: float, parts: Sequence[str], *, title: str, description: str = "") -> str:
    """A whole SVG text, ready for a file; ``title`` is what a screen reader says."""
    said = element("title", plain(title)) + (element("desc", plain(description)) if description else "")
    opening = (
        f'<svg{NAMESPACE} width="{_value(width)}" height="{_value(height)}" viewBox="0 0 {_value(width)} {_value(height)}" '
        f'role="img" font-family="{FONT}" font-size="{_value(FONT_SIZE)}" fill="{INK}">'
    )
    return f"{opening}{said}{''.join(parts)}</svg>"


def inline(svg: str) -> str:
    """The same SVG for the inside of an HTML page, which needs no namespace."""
    return svg.replace(NAMESPACE, "", 1)


def write_svg(svg: str, target: str | os.PathLike[str]) -> None:
    """Write a chart as a file of its own."""
    write_text_atomic(f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n', target)


def text_width(content: str, size: float = FONT_SIZE) -> float:
    """About how wide a text is set in Arial, in the units of ``size``; a little too much rather than too little."""
    return sum(_letter(letter) for letter in content) * size * 1.02


def fitted(content: str, width: float, size: float = FONT_SIZE) -> str:
    """The text, or its beginning and an ellipsis where it is wider than allowed."""
    if text_width(content, size) <= width:
        return content
    kept = content
    while kept and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrapped(content: str, width: float, size: float = FONT_SIZE, lines: int = 2) -> tuple[str, ...]:
    """The text in up to ``lines`` lines, broken at blanks; what does not fit ends in an ellipsis."""
    rows: list[str] = []
    for word in content.split():
        if rows and text_width(f"{rows[-1]} {word}", size) <= width:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], " ".join(rows[lines - 1 :])]
    return tuple(fitted(row, width, size) for row in rows)


def _letter(letter: str) -> float:
    if letter in _NARROW:
        return _NARROW[letter]
    if letter in _WIDE:
        return _WIDE[letter]
    return 0.68 if letter.isupper() else 0.56 if ord(letter) < 0x2E80 else 1.0


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.005 else "0"
    return plain(value)
