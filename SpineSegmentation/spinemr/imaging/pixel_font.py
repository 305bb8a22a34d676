"""A few letters for pictures: levels, sides and slice numbers, five pixels wide and seven high."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = {
    "0": "0E 11 13 15 19 11 0E",
    "1": "04 0C 04 04 04 04 0E",
    "2": "0E 11 01 02 04 08 1F",
    "3": "1F 02 04 02 01 11 0E",
    "4": "02 06 0A 12 1F 02 02",
    "5": "1F 10 1E 01 01 11 0E",
    "6": "06 08 10 1E 11 11 0E",
    "7": "1F 01 02 04 08 08 08",
    "8": "0E 11 11 0E 11 11 0E",
    "9": "0E 11 11 0F 01 02 0C",
    "/": "01 01 02 04 08 10 10",
    "C": "0E 11 10 10 10 11 0E",
    "L": "10 10 10 10 10 10 1F",
    "R": "1E 11 11 1E 14 12 11",
    "S": "0F 10 10 0E 01 01 1E",
    "T": "1F 04 04 04 04 04 04",
}
"""Seven rows of five bits a letter, the leftmost pixel in the highest bit."""


def text_mask(text: str, scale: int = 1) -> NDArray[np.bool_]:
    """The pixels of a text; raises ``KeyError`` for a letter the font lacks."""
    letters = []
    for letter in text:
        rows = [int(row, 16) for row in _ROWS[letter].split()]
        letters.append(np.array([[row >> bit & 1 for bit in (4, 3, 2, 1, 0)] + [0] for row in rows], dtype=bool))
    return np.kron(np.hstack(letters)[:, :-1], np.ones((scale, scale), dtype=bool))


def write_text(
    picture: NDArray[np.uint8], text: str, corner: tuple[int, int], colour: tuple[int, int, int], *, scale: int = 1
) -> None:
    """Write into a colour picture with a dark rim around each letter; what does not fit is cut off."""
    mask = np.pad(text_mask(text, scale), scale)
    rim = mask.copy()
    for axis in (0, 1):
        rim |= np.roll(rim, scale, axis) | np.roll(rim, -scale, axis)
    for pixels, ink in ((rim, (0, 0, 0)), (mask, colour)):
        rows, columns = np.nonzero(pixels)
        rows, columns = rows + corner[0] - scale, columns + corner[1] - scale
        fits = (rows >= 0) & (rows < picture.shape[0]) & (columns >= 0) & (columns < picture.shape[1])
        picture[rows[fits], columns[fits]] = ink
