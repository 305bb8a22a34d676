"""Changes of brightness and contrast that keep every structure in its place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage

from spinemr.imaging.errors import InputError
from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.augmentation.strength import Strength, drawn, drawn_log, refuse_outside
from spinemr.synthesis.fields import bias_field
from spinemr.synthesis.tissue_map import FloatArray


@dataclass(frozen=True)
class MinMax:
    """Linear to 0..1: ``(v - min) / (max - min)``; a constant image stays as it is, held within 0..1."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:  # noqa: ARG002
        """Nothing here is random."""
        low, high = float(sample.image.min()), float(sample.image.max())
        if high <= low:
            return sample.with_image(np.clip(sample.image, 0, 1))
        image = sample.image - np.float32(low)
        image /= np.float32(high - low)
        return sample.with_image(np.minimum(image, np.float32(1), out=image))


@dataclass(frozen=True)
class Bias:
    """Times ``exp`` of a smooth field of deviation ``sigma`` (0..2), blown up from 4^3 normal nodes (SynthSeg)."""

    sigma: Strength = (0.0, 0.3)

    def __post_init__(self) -> None:
        """Refuse negative and blinding fields."""
        refuse_outside("The deviation of a bias field", self.sigma, 0, 2)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw the deviation, then the field."""
        field = bias_field(sample.shape, drawn(self.sigma, rng), rng)
        field *= sample.image
        return sample.with_image(field)


@dataclass(frozen=True)
class CoilFallOff:
    """The sensitivity of a posterior array: ``1 / (1 + (d / depth)^2)`` at distance d in front of the back edge.

    ``depth_mm`` (20 and more) is where half is left; ``share`` (0..1) is how much of the fall-off the scanner left uncorrected.
    """

    share: Strength = (0.0, 0.8)
    depth_mm: Strength = (80.0, 250.0)

    def __post_init__(self) -> None:
        """Refuse shares that are none and coils that see nothing."""
        refuse_outside("The share of coil fall-off", self.share, 0, 1)
        refuse_outside("The depth of a coil in mm", self.depth_mm, 20)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw how much is left uncorrected, and the depth."""
        share, depth = drawn(self.share, rng), drawn(self.depth_mm, rng)
        columns = sample.shape[2]
        distance = np.arange(columns - 1, -1, -1) * sample.spacing_mm[2]
        sensitivity = (1 + (distance / depth) ** 2) ** -share
        return sample.with_image(sample.image * sensitivity.astype(np.float32))


@dataclass(frozen=True)
class Gamma:
    """``v^exponent``, the exponent (0.1..10) uniform in its logarithm; what is below zero becomes zero."""

    exponent: Strength = (0.65, 1.55)

    def __post_init__(self) -> None:
        """Refuse exponents that leave nothing to see."""
        refuse_outside("The exponent", self.exponent, 0.1, 10)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw the exponent."""
        exponent = np.float32(drawn_log(self.exponent, rng))
        return sample.with_image(np.power(np.maximum(sample.image, np.float32(0)), exponent))


@dataclass(frozen=True)
class RandomCurve:
    """Intensities through a random curve from 0..1 to 0..1 with ``knots`` (2 and more) even steps.

    A monotone curve has steps from a flat Dirichlet distribution, any other a uniform value at each knot (which
    may turn a contrast round). ``strength`` (0..1) mixes it with the straight line.
    """

    strength: Strength = (0.2, 0.8)
    monotone: bool = True
    knots: int = 5

    def __post_init__(self) -> None:
        """Refuse curves without a step."""
        refuse_outside("The strength of a curve", self.strength, 0, 1)
        if self.knots < 2:
            raise InputError(f"A curve needs at least 2 knots, not {self.knots}.")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw how far from the straight line, then the curve."""
        strength = drawn(self.strength, rng)
        line = np.linspace(0, 1, self.knots)
        if self.monotone:
            curve = np.concatenate(([0.0], np.cumsum(rng.dirichlet(np.ones(self.knots - 1)))))
        else:
            curve = rng.random(self.knots)
        return sample.with_image(through_curve(sample.image, line + strength * (curve - line)))


@dataclass(frozen=True)
class Blur:
    """A Gaussian within the slices; its deviation in mm (0..20) is drawn once for rows and columns."""

    sigma_mm: Strength = (0.0, 1.2)

    def __post_init__(self) -> None:
        """Refuse negative widths."""
        refuse_outside("The width of a blur in mm", self.sigma_mm, 0, 20)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw the width."""
        sigma = drawn(self.sigma_mm, rng)
        widths = (0.0, sigma / sample.spacing_mm[1], sigma / sample.spacing_mm[2])
        return sample.with_image(ndimage.gaussian_filter(sample.image, widths, mode="nearest", truncate=3.0))


@dataclass(frozen=True)
class RandomShallowConvolution:
    """GIN (Ouyang et al. 2022): a small network of random 3x3 or 1x1 convolutions makes another contrast of the same shapes.

    ``layers`` convolutions with ``channels`` between them and leaky rectifiers; the result is brought to the range of
    the image and mixed with it by ``share`` (0..1).
    """

    share: Strength = (0.3, 1.0)
    layers: int = 4
    channels: int = 2

    def __post_init__(self) -> None:
        """Refuse networks without a layer."""
        refuse_outside("The share of a random convolution", self.share, 0, 1)
        if self.layers < 1 or self.channels < 1:
            raise InputError(f"A random network needs at least one layer and channel, not {self.layers} and {self.channels}.")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw the network anew."""
        share = drawn(self.share, rng)
        low, high = float(sample.image.min()), float(sample.image.max())
        widths = [1, *[self.channels] * (self.layers - 1), 1]
        sizes = [3 if rng.random() < 0.5 else 1 for _ in widths[1:]]
        shapes = [(n, m, k, k) for m, n, k in zip(widths[:-1], widths[1:], sizes, strict=True)]
        kernels = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
        shifts = [0.5 * rng.standard_normal((n, 1, 1), dtype=np.float32) for n in widths[1:]]
        if high <= low:
            return sample
        changed = np.stack([_shallow_network(plane, kernels, shifts) for plane in sample.image])
        bottom, top = float(changed.min()), float(changed.max())
        gain = (high - low) / (top - bottom) if top > bottom else 0.0
        changed = low + (changed - np.float32(bottom)) * np.float32(gain)
        return sample.with_image(sample.image + np.float32(share) * (changed - sample.image))


def through_curve(image: FloatArray, values: np.ndarray) -> FloatArray:
    """Intensities 0..1 through a curve given at even steps; beyond its ends the curve is flat."""
    steps = len(values) - 1
    position = np.clip(image, 0, 1) * np.float32(steps)
    before = np.minimum(position.astype(np.intp), steps - 1)
    position -= before
    knots = values.astype(np.float32)
    position *= np.take(np.diff(knots), before)
    position += np.take(knots, before)
    return position


def _shallow_network(plane: FloatArray, kernels: list[FloatArray], shifts: list[FloatArray]) -> FloatArray:
    """One slice through all layers; between them negative values shrink to a hundredth."""
    layer = plane[None]
    for number, (kernel, shift) in enumerate(zip(kernels, shifts, strict=True)):
        layer = _convolved(layer, kernel) + shift
        if number < len(kernels) - 1:
            layer = np.maximum(layer, np.float32(0.01) * layer)
    return np.asarray(layer[0])


def _convolved(layer: FloatArray, kernel: FloatArray) -> FloatArray:
    """Channels of one slice through one layer as a single matrix product, the edge repeated outwards."""
    channels, rows, columns = layer.shape
    size = kernel.shape[-1]
    padded = np.pad(layer, ((0, 0), (size // 2,) * 2, (size // 2,) * 2), mode="edge")
    neighbours = np.empty((channels, size, size, rows, columns), np.float32)
    for row, column in _offsets(size):
        neighbours[:, row, column] = padded[:, row : row + rows, column : column + columns]
    product = kernel.reshape(len(kernel), -1) @ neighbours.reshape(-1, rows * columns)
    return np.asarray(product.reshape(-1, rows, columns), dtype=np.float32)


@cache
def _offsets(size: int) -> tuple[tuple[int, int], ...]:
    """All places of a square kernel."""
    return tuple((row, column) for row in range(size) for column in range(size))
