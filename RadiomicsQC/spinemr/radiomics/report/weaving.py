"""Two images cut into tiles and woven into one: where anatomy is kept, edges run on across the tiles (Kim 2024, Fig. 10)."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Array = TypeVar("_Array", bound=NDArray[Any])
TILE_MM = 16.0


def is_second(shape: tuple[int, int], spacing_mm: tuple[float, float], tile_mm: float = TILE_MM) -> NDArray[np.bool_]:
    """Which pixels of a checkerboard of square tiles show the second image; the upper left tile shows the first."""
    rows = np.floor((np.arange(shape[0]) + 0.5) * spacing_mm[0] / tile_mm).astype(int)
    columns = np.floor((np.arange(shape[1]) + 0.5) * spacing_mm[1] / tile_mm).astype(int)
    second: NDArray[np.bool_] = (rows[:, None] + columns[None, :]) % 2 == 1
    return second


def woven(first: _Array, second: _Array, spacing_mm: tuple[float, float], tile_mm: float = TILE_MM) -> _Array:
    """The checkerboard of two slices of the same size."""
    if first.shape != second.shape:
        raise ValueError("woven images have the same size")
    return np.where(is_second(first.shape, spacing_mm, tile_mm), second, first).astype(first.dtype)  # type: ignore[return-value]
