"""What goes wrong in a scanner: noise, ringing, ghosts, motion, and too few or too thick samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import fft

from spinemr.imaging.errors import InputError
from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.augmentation.strength import Strength, drawn, refuse_outside
from spinemr.synthesis.tissue_map import FloatArray

PhaseAxis = Literal["rows", "columns", "either"]
"""Axis along which k-space is filled line by line; ``either`` draws one each time."""


@dataclass(frozen=True)
class RicianNoise:
    """Magnitude of the signal with complex noise: ``sqrt((v + n1)^2 + n2^2)``, both of deviation ``sigma`` (0..1)."""

    sigma: Strength = (0.0, 0.06)

    def __post_init__(self) -> None:
        """Refuse negative noise."""
        refuse_outside("The deviation of noise", self.sigma, 0, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Two independent noises for each pixel."""
        sigma = np.float32(drawn(self.sigma, rng))
        if sigma == 0:
            return sample
        real, imaginary = rng.standard_normal((2, *sample.shape), dtype=np.float32) * sigma
        real += sample.image
        return sample.with_image(np.hypot(real, imaginary, out=real))


@dataclass(frozen=True)
class Gibbs:
    """Ringing: only a ``kept`` share (0.1..1) of k-space along rows and columns each, cut sharply; the mean stays.

    The magnitude is taken, so ringing below zero turns up again above it, as on a scanner.
    """

    kept: Strength = (0.5, 0.9)

    def __post_init__(self) -> None:
        """Refuse to cut everything away."""
        refuse_outside("The share of k-space", self.kept, 0.1, 1)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw one share for rows and one for columns."""
        shares = drawn(self.kept, rng), drawn(self.kept, rng)
        if shares == (1.0, 1.0):
            return sample
        _, rows, columns = sample.shape
        spectrum = fft.rfft2(sample.image, axes=(1, 2))
        spectrum[:, 2 * np.abs(fft.fftfreq(rows)) > shares[0]] = 0
        spectrum[:, :, 2 * fft.rfftfreq(columns) > shares[1]] = 0
        return sample.with_image(np.abs(fft.irfft2(spectrum, s=(rows, columns), axes=(1, 2))))


@dataclass(frozen=True)
class Ghosting:
    """Ghosts of a periodic motion: copies moved by ``+-N / copies`` pixels along the phase axis of N pixels.

    Modulating each ``copies``-th line (2..20) of k-space by ``1 + strength e^(i phase) cos(2 pi line / copies)`` makes them;
    here the same is done in the image: ``|v + strength e^(i phase) (v moved up + v moved down) / 2|``, strength 0..1.
    """

    strength: Strength = (0.05, 0.3)
    copies: tuple[int, int] = (2, 6)
    phase_axis: PhaseAxis = "either"

    def __post_init__(self) -> None:
        """Refuse negative ghosts and ghosts on top of the image."""
        refuse_outside("The strength of ghosts", self.strength, 0, 1)
        refuse_outside("The number of copies", self.copies, 2, 20)
        _refuse_axis(self.phase_axis)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw strength, phase, number of copies and axis."""
        strength, phase = drawn(self.strength, rng), 2 * np.pi * rng.random()
        copies, axis = int(rng.integers(self.copies[0], self.copies[1] + 1)), _phase_axis(self.phase_axis, rng)
        if strength == 0:
            return sample
        offset = round(sample.shape[axis] / copies)
        ghost = np.roll(sample.image, offset, axis)
        ghost += np.roll(sample.image, -offset, axis)
        ghost *= np.float32(strength / 2)
        real = sample.image + np.float32(np.cos(phase)) * ghost
        ghost *= np.float32(np.sin(phase))
        return sample.with_image(np.hypot(real, ghost, out=real))


@dataclass(frozen=True)
class Motion:
    """A patient who moves ``moves`` times (1..20) while k-space is filled line by line along the phase axis.

    After each move the body lies elsewhere, by normal numbers of deviation ``shift_mm`` (0..50) along rows and columns;
    the middle of k-space, which makes the contrast, is taken at rest. The place jumps between two lines.
    """

    shift_mm: Strength = (0.3, 2.0)
    moves: tuple[int, int] = (1, 4)
    phase_axis: PhaseAxis = "either"

    def __post_init__(self) -> None:
        """Refuse negative shifts and patients who never move."""
        refuse_outside("The shift in mm", self.shift_mm, 0, 50)
        refuse_outside("The number of moves", self.moves, 1, 20)
        _refuse_axis(self.phase_axis)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw when and where the body moves."""
        deviation, moves = drawn(self.shift_mm, rng), int(rng.integers(self.moves[0], self.moves[1] + 1))
        axis = _phase_axis(self.phase_axis, rng)
        places = self._places(sample.shape[axis], moves, rng) * deviation
        if deviation == 0:
            return sample
        down, back = (places[:, i] / sample.spacing_mm[i + 1] for i in (0, 1))
        if axis == 1:
            down, back = down[:, None], back[:, None]
        _, rows, columns = sample.shape
        turns = fft.fftfreq(rows)[:, None] * down + fft.fftfreq(columns)[None, :] * back
        spectrum = fft.fft2(sample.image, axes=(1, 2))
        spectrum *= np.exp(-2j * np.pi * turns).astype(np.complex64)
        return sample.with_image(np.abs(fft.ifft2(spectrum, axes=(1, 2))))

    @staticmethod
    def _places(lines: int, moves: int, rng: np.random.Generator) -> np.ndarray:
        """Displacement (rows, columns) of each k-space line in FFT order, in deviations."""
        starts = np.sort(rng.integers(1, max(2, lines), moves))
        state = np.searchsorted(starts, np.arange(lines), side="right")
        places = rng.standard_normal((moves + 1, 2))
        places -= places[state[lines // 2]]
        return np.asarray(fft.ifftshift(places[state], axes=0))


@dataclass(frozen=True)
class LowResolution:
    """Sampled ``factor`` (1..8) times coarser along rows and columns, then back by linear interpolation."""

    factor: Strength = (1.0, 2.5)

    def __post_init__(self) -> None:
        """Refuse factors that would add pixels."""
        refuse_outside("The factor of low resolution", self.factor, 1, 8)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """One factor for rows and columns."""
        factor = drawn(self.factor, rng)
        return sample.with_image(coarsened(coarsened(sample.image, 1, factor), 2, factor))


@dataclass(frozen=True)
class Anisotropy:
    """Coarser along one axis only: thicker slices (neighbours averaged, back on the grid by linear interpolation).

    A single slice gets oblong pixels instead, along rows or columns as drawn. ``factor`` is 1..8.
    """

    factor: Strength = (1.0, 3.0)

    def __post_init__(self) -> None:
        """Refuse factors that would add pixels."""
        refuse_outside("The factor of anisotropy", self.factor, 1, 8)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw the factor, and an axis for single slices."""
        factor, in_plane = drawn(self.factor, rng), 1 + int(rng.integers(2))
        return sample.with_image(coarsened(sample.image, 0 if sample.shape[0] > 1 else in_plane, factor))


def coarsened(image: FloatArray, axis: int, factor: float) -> FloatArray:
    """One axis averaged over ``factor`` times longer pixels, and read off again at the old places."""
    size = image.shape[axis]
    fewer = max(1, round(size / factor))
    if fewer == size:
        return image
    smaller = np.tensordot(_averaging(size, fewer), image, axes=(1, axis))
    return np.ascontiguousarray(np.moveaxis(np.tensordot(_interpolation(fewer, size), smaller, axes=(1, 0)), 0, axis))


def _averaging(size: int, fewer: int) -> FloatArray:
    """The (fewer, size) matrix that averages each long pixel over the pixels it covers."""
    edges = np.arange(fewer + 1) * (size / fewer)
    pixels = np.arange(size)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(covered, 0, None) * (fewer / size), dtype=np.float32)


def _interpolation(fewer: int, size: int) -> FloatArray:
    """The (size, fewer) matrix that reads off linearly between the middles of long pixels; flat beyond the outer ones."""
    position = np.clip((np.arange(size) + 0.5) * (fewer / size) - 0.5, 0, fewer - 1)
    return np.asarray(np.clip(1 - np.abs(position[:, None] - np.arange(fewer)), 0, None), dtype=np.float32)


def _phase_axis(wanted: PhaseAxis, rng: np.random.Generator) -> int:
    """Number of the phase axis; ``either`` and a fixed one use up the same random numbers."""
    choice = 1 + int(rng.integers(2))
    return {"rows": 1, "columns": 2, "either": choice}[wanted]


def _refuse_axis(axis: str) -> None:
    """Raise unless the axis is known."""
    if axis not in ("rows", "columns", "either"):
        raise InputError(f"The phase axis must be rows, columns or either, not {axis}.")
