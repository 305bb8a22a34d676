"""Batches of images of several appearances, each batch a function of the seed and its step alone.

Images are moved, mirrored and cut, and never changed in appearance: appearance is what is to be learned. Drawn stacks are made
once and kept beside the run, so that a resumed run finds them and training is not slowed down by drawing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.config import HarmonizationConfig
from spinemr.harmonization.training.rescan import rescanned
from spinemr.harmonization.training.settings import Domain, Geometry, Grid, ImageSource
from spinemr.harmonization.training.stacks import ByteArray, Stack, anatomy_seed, draw_stacks, on_scale, read_stacks
from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.segmentation.training.data import SLICE_MM
from spinemr.synthesis.augmentation.compose import Compose
from spinemr.synthesis.augmentation.labelled import Augmentation, Sample
from spinemr.synthesis.augmentation.spatial import Affine, Crop, Flip

FloatArray = NDArray[np.float32]
POOLS = "drawn"
"""Folder of a run with what was drawn for it."""
DRAWING_VERSION = 1
"""Goes up when what is drawn from a seed changes."""


@dataclass(frozen=True)
class ImageBatch:
    """Images ``[image][slice][row][column]`` of 0..1, and the number of the domain each comes from."""

    images: NDArray[np.float32]
    domains: NDArray[np.int64]
    truth: NDArray[np.float32]
    """The middle slices ``[image][1][row][column]`` as the target shows them; NaN where that is not known."""


@dataclass(frozen=True)
class DomainImages:
    """The stacks of a domain, source by source, with the share each source has."""

    name: str
    sources: tuple[tuple[Stack, ...], ...]
    shares: tuple[float, ...]

    def take(self, slices: int, rng: np.random.Generator) -> tuple[ByteArray, ByteArray | None]:
        """A source by its share, one of its stacks, one of its slices between its neighbours (the outermost stand in).

        With it the truth of the slice itself, if it is known.
        """
        edges = np.cumsum(self.shares)
        chosen = self.sources[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]
        stack = chosen[int(rng.integers(len(chosen)))]
        last = len(stack.pixels) - 1
        middle, reach = int(rng.integers(last + 1)), slices // 2
        truth = None if stack.truth is None else stack.truth[middle : middle + 1]
        return stack.pixels[np.clip(np.arange(middle - reach, middle + reach + 1), 0, last)], truth


class Batches:
    """The batches of a run; also the map-style data set that PyTorch's loader wants."""

    def __init__(self, domains: tuple[DomainImages, ...], config: HarmonizationConfig, rank: int = 0) -> None:
        self.domains, self._config, self._rank = domains, config, [rank] if rank else []
        self._movement = movement(config.geometry, config.grid)
        self._plain = Crop(None, config.grid.rows, config.grid.columns, centred=True)

    def __len__(self) -> int:
        return self._config.steps

    def __getitem__(self, step: int) -> ImageBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self._config.seed, step, *self._rank])
        wanted = self._wanted(rng)
        return _batch([self._moved(int(domain), self._movement, rng) for domain in wanted], wanted)

    def still(self, count: int, seed: int = 0) -> ImageBatch:
        """So many images of every domain, none of them moved: the same for the same seed."""
        rng = np.random.default_rng([self._config.seed, seed, 1 << 30])
        wanted = np.repeat(np.arange(len(self.domains)), count)
        return _batch([self._moved(int(domain), self._plain, rng) for domain in wanted], wanted)

    def of_domain(self, domain: int, count: int) -> Iterator[NDArray[np.float32]]:
        """Slices ``[1][row][column]`` of a domain as they are, cut to the grid: at most so many, spread over its sources."""
        rng = np.random.default_rng([self._config.seed, 1 << 29])
        for _ in range(count):
            pixels, _ = self.domains[domain].take(1, rng)
            yield self._plain(_sample_of(pixels, self._config.grid), rng).image

    def _moved(self, domain: int, movement: Augmentation, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """An image and its truth, moved alike."""
        pixels, truth = self.domains[domain].take(self._config.inputs, rng)
        again = deepcopy(rng)
        image = movement(_sample_of(pixels, self._config.grid), rng).image
        if truth is None:
            return image, np.full_like(image[:1], np.nan)
        return image, movement(_sample_of(truth, self._config.grid), again).image

    def _wanted(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which domains: the same number of each (CycleGAN), or of all together as evenly as it goes (HarMOnAE)."""
        count = len(self.domains)
        if self._config.method == "cyclegan":
            return np.repeat(np.arange(count), self._config.batch_size)
        places = (np.arange(self._config.batch_size) + rng.random()) * count / self._config.batch_size
        return rng.permutation(count)[np.minimum(places.astype(np.int64), count - 1)]


def _batch(moved: list[tuple[FloatArray, FloatArray]], domains: NDArray[np.int64]) -> ImageBatch:
    return ImageBatch(np.stack([image for image, _ in moved]), domains, np.stack([truth for _, truth in moved]))


def _sample_of(pixels: ByteArray, grid: Grid) -> Sample:
    image = pixels.astype(np.float32) / np.float32(255)
    return Sample(image, np.zeros_like(pixels), (SLICE_MM, grid.pixel_mm, grid.pixel_mm))


def movement(geometry: Geometry, grid: Grid) -> Compose:
    """Turn, scale, shift, mirror and cut."""
    angle, shift, scale = geometry.rotation_deg, geometry.shift_mm, geometry.scale
    # Linear interpolation would blur, and sharpness is a part of appearance.
    affine = Affine((-angle, angle), (1 - scale, 1 + scale), (-shift, shift), order=3)
    return Compose((affine, Flip(geometry.mirrored, geometry.mirrored), Crop(None, grid.rows, grid.columns)))


def open_domains(config: HarmonizationConfig, folder: Path, progress: ProgressCallback = silent) -> tuple[DomainImages, ...]:
    """Read and draw everything; what is drawn lies in the folder of the run from then on."""
    count = len(config.domains)
    return tuple(
        _opened(domain, config, folder, within(progress, index / count, (index + 1) / count))
        for index, domain in enumerate(config.domains)
    )


def _opened(domain: Domain, config: HarmonizationConfig, folder: Path, progress: ProgressCallback) -> DomainImages:
    stacks = []
    for index, source in enumerate(domain.sources):
        part = within(progress, index / len(domain.sources), (index + 1) / len(domain.sources))
        if source.kind == "drawn":
            found = _drawn(source, domain.name, config, folder, part)
        else:
            found = _read(source, domain.name, index, config)
        stacks.append(tuple(on_scale(stack, config.grid.pixel_mm, config.scale) for stack in found))
    return DomainImages(domain.name, tuple(stacks), tuple(source.share for source in domain.sources))


def _read(source: ImageSource, name: str, index: int, config: HarmonizationConfig) -> tuple[Stack, ...]:
    """The stacks of files; rescanned ones are changed once, each by a scanner of its own."""
    pixel, stacks = config.grid.pixel_mm, read_stacks(source, config.grid.pixel_mm)
    if not source.rescanned:
        return stacks
    seed = anatomy_seed(config.seed, "rescanned", name, index)
    return tuple(rescanned(stack, source.rescanned, pixel, (seed, number)) for number, stack in enumerate(stacks))


def _drawn(
    source: ImageSource, name: str, config: HarmonizationConfig, folder: Path, progress: ProgressCallback
) -> tuple[Stack, ...]:
    """What was drawn before, or drawn now; two domains never share an anatomy."""
    told = [DRAWING_VERSION, asdict(source), name, config.grid.pixel_mm, config.seed]
    digest = sha256(json.dumps(told).encode()).hexdigest()
    path = folder / POOLS / f"{digest[:16]}.npz"
    if path.is_file():
        return _read_pool(path)
    seed = int(digest[:12], 16)
    stacks = draw_stacks(
        source, config.grid.pixel_mm, seed, lambda share: progress(Progress("draw", share, f"Drawing spines for {name}"))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{f"{number} {stack.name}": stack.pixels for number, stack in enumerate(stacks)})  # type: ignore[arg-type]
    return stacks


def _read_pool(path: Path) -> tuple[Stack, ...]:
    with np.load(path, allow_pickle=False) as content:
        return tuple(Stack(content[name], name.split(" ", 1)[1]) for name in content.files)
