"""Images without labels: sagittal stacks on the pixels of a run, read from files or drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.training.settings import ImageSource
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.intensity import stretch
from spinemr.imaging.resample import NetworkGrid
from spinemr.segmentation.training.data import SLICE_MM
from spinemr.segmentation.training.sources import TRAIN, LabelledSlice, read_packed
from spinemr.synthesis.acquisition import acquire
from spinemr.synthesis.anatomy.assemble import draw_spine, stream
from spinemr.synthesis.anatomy.render import render
from spinemr.synthesis.scanners import scanner
from spinemr.synthesis.study import plan
from spinemr.synthesis.tissue_map import TissueMap

ByteArray = NDArray[np.uint8]
Report = Callable[[float], None]
"""Takes how much of the work is done, 0 to 1."""

LOW, HIGH = 0.5, 99.5
"""Percentiles of a stack that become black and white: Kim 2024's min-max without the extremes."""
DRAWN_SLICES = 3
LATERAL_REACH_MM = 16.0
"""Drawn stacks have so many slices, their middle up to so far from the midline."""


@dataclass(frozen=True)
class Stack:
    """Neighbouring slices ``[slice][row][column]``, 8 bit."""

    pixels: ByteArray
    name: str
    truth: ByteArray | None = None
    """The same slices as the target shows them, where that is known."""


def eight_bit(values: NDArray[Any]) -> ByteArray:
    """A stack from black to white."""
    return np.rint(stretch(values, LOW, HIGH, 255.0)).astype(np.uint8)


def on_scale(stack: Stack, pixel_mm: float, scale: str) -> Stack:
    """A stack and its truth, each brought to a scale that ships by its own percentiles; as they were for no scale."""
    if not scale:
        return stack
    truth = None if stack.truth is None else _scaled(stack.truth, pixel_mm, scale)
    return replace(stack, pixels=_scaled(stack.pixels, pixel_mm, scale), truth=truth)


def _scaled(pixels: ByteArray, pixel_mm: float, scale: str) -> ByteArray:
    image = sitk.GetImageFromArray(pixels)
    image.SetSpacing((pixel_mm, pixel_mm, SLICE_MM))
    with suppress(InputError):  # a stack of one intensity has no place on a scale
        scaled = sitk.GetArrayFromImage(shipped_scale(scale).transform(image))
        return np.asarray(np.rint(scaled), dtype=np.uint8)
    return pixels


def at_pixel(values: NDArray[Any], spacing_mm: tuple[float, float], pixel_mm: float) -> ByteArray:
    """Slices on square pixels of a size, over the same view."""
    size = (values.shape[-2], values.shape[-1])
    rows, columns = (max(1, round(count * spacing / pixel_mm)) for count, spacing in zip(size, spacing_mm, strict=True))
    grid = NetworkGrid(size, spacing_mm, (rows, columns), (pixel_mm, pixel_mm))
    return np.clip(np.rint(grid.to_grid(values)), 0, 255).astype(np.uint8)


def read_stacks(source: ImageSource, pixel_mm: float, split: str = TRAIN) -> tuple[Stack, ...]:
    """The stacks of a source of files; of a packed one, those of a side."""
    stacks = tuple(_packed(source, pixel_mm, split) if source.kind == "packed" else _folder(source, pixel_mm))
    if not stacks:
        raise InputError(f"{source.path} holds no images to train on.")
    return stacks


def _packed(source: ImageSource, pixel_mm: float, split: str) -> Iterator[Stack]:
    sets = [found for found in read_packed(Path(source.path)) if source.group in ("", found.name)]
    if not sets:
        raise InputError(f"{source.path} holds no set named '{source.group}'.")
    for found in sets:
        for number, slices in enumerate(_together(found.only(split).slices)):
            plane = [at_pixel(one.image[None], (one.pixel_mm, one.pixel_mm), pixel_mm) for one in slices]
            yield from (Stack(np.concatenate(group), f"{found.name} {number}") for group in _of_one_size(plane))


def _together(slices: Iterable[LabelledSlice]) -> Iterable[list[LabelledSlice]]:
    """Slices of one stack in their order; where nothing says which lie side by side, each by itself."""
    groups: dict[tuple[str, ...], list[LabelledSlice]] = {}
    for number, one in enumerate(slices):
        groups.setdefault((one.subject, one.stack) if one.stack else (one.subject, "", str(number)), []).append(one)
    return groups.values()


def _of_one_size(planes: Sequence[ByteArray]) -> list[list[ByteArray]]:
    sizes: dict[tuple[int, ...], list[ByteArray]] = {}
    for plane in planes:
        sizes.setdefault(plane.shape, []).append(plane)
    return list(sizes.values())


def _folder(source: ImageSource, pixel_mm: float) -> Iterator[Stack]:
    from spinemr.imaging.files import read_image
    from spinemr.imaging.formats import format_of

    folder = Path(source.path)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Name a folder of images.")
    spacing = (source.pixel_mm, source.pixel_mm) if source.pixel_mm else None
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.is_file() and format_of(path) is None):
            continue
        image = read_image(path, spacing_mm=spacing)
        frame = WorkingFrame.of(image)
        width, height, _ = frame.working_grid.spacing_mm
        values = eight_bit(frame.forward_array(_array(image)))
        yield Stack(at_pixel(values, (height, width), pixel_mm), path.name)


def _array(image: sitk.Image) -> NDArray[Any]:
    return np.asarray(sitk.GetArrayViewFromImage(image))


def tissue_stack(seed: int, planned_by: str) -> TissueMap:
    """A few slices of the anatomy of a seed, near the midline, as a simulated scanner would place them."""
    rng = stream(seed, "harmonization stack")
    spine = draw_spine(seed)
    grid = plan(spine, scanner(planned_by).protocol, rng)
    across, down, back = grid.centre
    centre = (across + float(rng.uniform(-LATERAL_REACH_MM, LATERAL_REACH_MM)), down, back)
    return render(spine, replace(grid, slices=DRAWN_SLICES, sub_slices=1, centre=centre))


def imaged(tissue: TissueMap, seed: int, by: str, pixel_mm: float) -> ByteArray:
    """A tissue map as a simulated scanner images it, on the pixels of a run."""
    values = eight_bit(acquire(tissue, scanner(by), stream(seed, f"harmonization {by}")))
    spacing = tissue.spacing_mm
    return at_pixel(values, (spacing[1], spacing[2]), pixel_mm)


def draw_stacks(source: ImageSource, pixel_mm: float, seed: int, report: Report) -> tuple[Stack, ...]:
    """The stacks of a drawn source; its scanners take turns, every anatomy is seen by one of them only."""
    stacks = []
    for number in range(source.anatomies):
        name = source.scanners[number % len(source.scanners)]
        one = anatomy_seed(seed, "training", number)
        stacks.append(Stack(imaged(tissue_stack(one, name), one, name, pixel_mm), f"{name} {number}"))
        report((number + 1) / source.anatomies)
    return tuple(stacks)


def anatomy_seed(*parts: object) -> int:
    """A seed of an anatomy that nobody else draws: from a text of what it is for."""
    return int.from_bytes(sha256(" ".join(map(str, parts)).encode()).digest()[:7], "big")
