"""Noise fields in millimetres: grain of marrow, streaks of fat in muscle, septa, clouds.

A field is looked up in a tile made once (0.5 mm steps, 256 mm wide, seamless), shifted by the seed of
the anatomy, and changes smoothly from slice to slice.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.synthesis.anatomy.plane import Plane
from spinemr.synthesis.anatomy.shapes import Reals

TILE = 512
FIBRE_LEAN = 0.16
"""How far forward (as a share of the way down) muscle fibres run toward the foot."""
STEP_MM = 0.5
GRAINS_MM: dict[str, tuple[float, float, float]] = {
    "grain": (0.7, 0.7, 2.5),
    "mottle": (2.6, 2.2, 5.0),
    "cloud": (11.0, 11.0, 14.0),
    "streak": (7.0, 0.55, 4.0),
    "fibre": (6.5, 0.6, 5.0),
    "septa": (6.0, 3.0, 9.0),
}
"""Correlation lengths along z, y and x (across slices) of each kind of field."""


@lru_cache(maxsize=len(GRAINS_MM))
def tile(kind: str) -> Reals:
    """The seamless tile of a kind: mean 0, standard deviation 1."""
    along_z, along_y, _ = GRAINS_MM[kind]
    noise = np.random.default_rng(sum(kind.encode())).standard_normal((TILE, TILE))
    smooth = ndimage.gaussian_filter(noise, (along_z / STEP_MM, along_y / STEP_MM), mode="wrap")
    if kind == "fibre":
        smooth = _muscle_fibres(smooth, noise)
    result: Reals = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
    return result


def _muscle_fibres(fine: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fine fibres and broad fat planes that wave, still seamless."""
    broad = ndimage.gaussian_filter(noise[::-1], (13.0 / STEP_MM, 2.2 / STEP_MM), mode="wrap")
    wave = ndimage.gaussian_filter(noise.T, 30.0 / STEP_MM, mode="wrap")
    both = fine / fine.std() + 0.75 * broad / broad.std()
    row, column = np.indices(both.shape)
    bent = column + 6.0 * wave / wave.std()
    moved: NDArray[np.float64] = ndimage.map_coordinates(both, (row, bent), order=1, mode="grid-wrap")
    return moved


class NoiseFields:
    """The noise of each kind at the pixels of a plane, made when first asked for."""

    def __init__(self, plane: Plane, seed: int) -> None:
        self._plane = plane
        self._seed = seed
        self._made: dict[str, Reals] = {}

    def __getitem__(self, kind: str) -> Reals:
        if kind not in self._made:
            self._made[kind] = _field(kind, self._plane, self._seed + list(GRAINS_MM).index(kind))
        return self._made[kind]


def _field(kind: str, plane: Plane, seed: int) -> Reals:
    """Two neighbouring draws of the tile, mixed by how far the plane lies between them."""
    phase, step = np.modf(plane.x / GRAINS_MM[kind][2] + 1000.0)
    near, far = (_shifted(kind, plane, seed + int(step) + k) for k in (0, 1))
    angle = phase * np.pi / 2
    near *= np.float32(np.cos(angle))
    far *= np.float32(np.sin(angle))
    near += far
    return near


def _shifted(kind: str, plane: Plane, seed: int) -> Reals:
    """The tile, shifted by a hash of the seed, at the pixels of a plane."""
    shift = (seed * 2654435761) & 0x7FFFFFFF
    row = (np.floor(plane.z / STEP_MM).astype(np.intp) + shift % TILE) % TILE
    column = (np.floor(plane.y / STEP_MM).astype(np.intp) + (shift // TILE) % TILE) % TILE
    if kind != "fibre":
        looked_up: Reals = tile(kind)[row].take(column, axis=1)
        return looked_up
    leaning = (column[None, :] + np.floor(FIBRE_LEAN * plane.z / STEP_MM).astype(np.intp)[:, None]) % TILE
    return np.take_along_axis(tile(kind)[row], leaning, axis=1)
