"""Pictures in a terminal: two pixels a character as coloured half blocks, or shades of ASCII where there is no colour."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from spinemr.imaging.errors import InputError, SpineMRError

HALF_BLOCK = "\N{UPPER HALF BLOCK}"
SHADES = " .:-=+*#%@"
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of red, green and blue."""

ByteArray = NDArray[np.uint8]


def print_picture(picture: Path | NDArray[Any], console: Console | None = None, width: int | None = None) -> None:
    """Draw a picture file or an 8-bit array (rows, columns[, 3]), ``width`` characters wide at most (default: the console's)."""
    console = console or Console()
    pixels = as_rgb(read_pixels(picture) if isinstance(picture, Path) else picture)
    small = shrink(pixels, max(1, min(width or console.width, console.width, pixels.shape[1])))
    console.print(half_blocks(small) if shows_blocks(console) else shades(small), no_wrap=True, overflow="crop")


def shows_blocks(console: Console) -> bool:
    """Whether the console has colours and an encoding that knows half blocks."""
    try:
        HALF_BLOCK.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return console.color_system is not None


def read_pixels(path: Path) -> NDArray[Any]:
    """The pixels of a picture file as they are stored."""
    try:
        return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    except RuntimeError as error:
        raise InputError(f"The picture {path.name} is not there or cannot be read.") from error


def as_rgb(pixels: NDArray[Any]) -> ByteArray:
    """Grey, colour or colour with opacity as (rows, columns, 3) bytes."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise InputError("Only 8-bit pictures of one slice can be shown.")
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 3, axis=2)
    return pixels[..., :3]


def shrink(pixels: ByteArray, columns: int) -> ByteArray:
    """Average blocks of pixels so that ``columns`` remain, and an even number of rows in proportion."""
    rows = max(2, 2 * round(pixels.shape[0] * columns / pixels.shape[1] / 2))
    averaged = _averaged(_averaged(pixels.astype(np.float32), rows, axis=0), columns, axis=1)
    return np.rint(averaged).astype(np.uint8)


def _averaged(values: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    """The means of ``count`` nearly equal stretches along an axis (of single values where there are fewer)."""
    length = values.shape[axis]
    starts = np.arange(count) * length // count
    stretches = np.maximum(np.diff(np.append(starts, length)), 1)
    shape = [1] * values.ndim
    shape[axis] = count
    means: NDArray[np.float32] = (np.add.reduceat(values, starts, axis=axis) / stretches.reshape(shape)).astype(np.float32)
    return means


def half_blocks(pixels: ByteArray) -> Text:
    """Two rows of pixels a line: the upper one as the character's colour, the lower one as its background."""
    text = Text()
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        for top, bottom in zip(upper, lower, strict=True):
            text.append(HALF_BLOCK, Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom)))
        text.append("\n")
    text.rstrip()
    return text


def shades(pixels: ByteArray) -> Text:
    """Two rows of pixels a line, by their mean brightness: a blank is black, ``@`` is white."""
    grey = pixels.astype(np.float32) @ np.array(LUMA, dtype=np.float32)
    levels = np.rint((grey[0::2] + grey[1::2]) / 2 / 255 * (len(SHADES) - 1)).astype(int)
    return Text("\n".join("".join(SHADES[level] for level in row) for row in levels))


def main() -> int:
    """``python -m spinemr.cli.terminal_picture PICTURE``: show one picture as wide as the terminal allows."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m spinemr.cli.terminal_picture PICTURE\n")
        return 2
    try:
        print_picture(Path(sys.argv[1]))
    except SpineMRError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
