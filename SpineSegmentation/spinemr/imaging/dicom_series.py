"""DICOM files sorted into stacks: one orientation, one size, one image at each place, in order of position."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np

from spinemr.imaging.dicom_headers import SliceHeader, contrast_of, plane_of

SAME_PLACE_MM = 0.01
"""Slices closer than this lie at one place."""
SAME_ORIENTATION = 0.01
"""Direction cosines that differ by no more belong to one stack."""
_COLUMNS = ("--series", "id", "kind", "plane", "contrast", "slices", "size", "pixel mm", "slice mm", "TR/TE ms")


@dataclass(frozen=True)
class SeriesInfo:
    """One stack of slices, described by what the scanner did and by nothing that could name a patient."""

    number: str
    """What to choose it by: the series number, with ".1", ".2" where a series holds several stacks."""
    id: str
    """Eight characters that stay the same wherever the files lie."""
    modality: str
    plane: str
    contrast: str
    slices: int
    size: tuple[int, int]
    """Columns and rows."""
    pixel_mm: tuple[float, float]
    """Column and row spacing."""
    slice_distance_mm: float
    repetition_ms: float
    echo_ms: float
    files: tuple[SliceHeader, ...] = field(repr=False)

    @property
    def extent_mm(self) -> float:
        """The longer side of a slice."""
        return max(self.size[0] * self.pixel_mm[0], self.size[1] * self.pixel_mm[1])

    def row(self) -> tuple[str, ...]:
        """The cells of this series in the table."""
        timing = f"{self.repetition_ms:.0f}/{self.echo_ms:.0f}" if self.echo_ms else "-"
        return (
            self.number,
            self.id,
            self.modality or "?",
            self.plane,
            self.contrast,
            str(self.slices),
            f"{self.size[0]}x{self.size[1]}",
            f"{self.pixel_mm[0]:.2f}x{self.pixel_mm[1]:.2f}",
            f"{self.slice_distance_mm:.2f}",
            timing,
        )


def series_table(series: Iterable[SeriesInfo]) -> str:
    """The series as lines of aligned text, headings first."""
    rows = [_COLUMNS, *(info.row() for info in series)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def sorted_into_series(headers: list[SliceHeader]) -> list[SeriesInfo]:
    """All stacks among the files, ordered by series number."""
    by_uid = _grouped(_without_copies(headers), lambda header: header.series_uid)
    stacks = [stack for files in by_uid for stack in _stacks(files)]
    stacks.sort(key=lambda stack: (stack[0].series_number, stack[0].series_uid, stack[0].instance_number))
    by_number: dict[int, int] = defaultdict(int)
    for stack in stacks:
        by_number[stack[0].series_number] += 1
    seen: dict[int, int] = defaultdict(int)
    described = []
    for stack in stacks:
        number = stack[0].series_number
        seen[number] += 1
        described.append(_described(stack, f"{number}.{seen[number]}" if by_number[number] > 1 else str(number)))
    return described


def slice_distances_mm(files: Iterable[SliceHeader]) -> list[float]:
    """The steps from slice to slice along the normal."""
    return [float(step) for step in np.diff([file.depth_mm for file in files])]


def _stacks(files: list[SliceHeader]) -> list[list[SliceHeader]]:
    """A series taken apart until each stack has one image at each place."""
    stacks = list(chain.from_iterable(_by_orientation(stack) for stack in _grouped(files, _grid_key)))
    telling: list[Callable[[SliceHeader], Hashable]] = [
        lambda file: file.echo_ms,
        lambda file: file.inversion_ms,
        *(partial(_variant, place) for place in range(4)),
    ]
    for key in telling:
        stacks = list(chain.from_iterable(_grouped(stack, key) if _overlaps(stack) else [stack] for stack in stacks))
    ordered = [sorted(stack, key=lambda file: (file.depth_mm, file.instance_number)) for stack in stacks]
    return list(chain.from_iterable(_by_turn(stack) if _overlaps(stack) else [stack] for stack in ordered))


def _variant(place: int, file: SliceHeader) -> Hashable:
    return file.variants[place]


def _grid_key(file: SliceHeader) -> Hashable:
    # Several frames are a stack of their own; files without a position cannot be put in order.
    alone = file.path if file.frames > 1 or file.position_mm is None else None
    return file.header.size[:2], file.header.components, alone


def _by_orientation(files: list[SliceHeader]) -> list[list[SliceHeader]]:
    groups: list[list[SliceHeader]] = []
    for file in files:
        for group in groups:
            if _parallel(file, group[0]):
                group.append(file)
                break
        else:
            groups.append([file])
    return groups


def _parallel(file: SliceHeader, other: SliceHeader) -> bool:
    if file.orientation is None or other.orientation is None:
        return file.orientation is other.orientation
    return bool(np.allclose(file.orientation, other.orientation, rtol=0, atol=SAME_ORIENTATION))


def _overlaps(stack: list[SliceHeader]) -> bool:
    depths = np.sort([file.depth_mm for file in stack])
    return bool((np.diff(depths) < SAME_PLACE_MM).any())


def _by_turn(stack: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Images of one place that nothing tells apart: the first of each place, the second of each place, ..."""
    turns: list[list[SliceHeader]] = []
    turn, last = 0, float("-inf")
    for file in stack:
        turn = turn + 1 if file.depth_mm - last < SAME_PLACE_MM else 0
        last = file.depth_mm
        if turn == len(turns):
            turns.append([])
        turns[turn].append(file)
    return turns


def _grouped(files: Iterable[SliceHeader], key: Callable[[SliceHeader], Hashable]) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = defaultdict(list)
    for file in files:
        groups[key(file)].append(file)
    return list(groups.values())


def _without_copies(headers: list[SliceHeader]) -> list[SliceHeader]:
    """The same image exported twice counts once."""
    unique = {header.instance_uid or str(header.path): header for header in reversed(headers)}
    return list(unique.values())[::-1]


def _described(stack: list[SliceHeader], number: str) -> SeriesInfo:
    first = stack[0]
    steps = slice_distances_mm(stack)
    spacing, size = first.header.spacing_mm, first.header.size
    across = float(np.median(steps)) if steps else float(spacing[2]) if len(spacing) > 2 else 0.0
    key = f"{first.series_uid}/{np.round(first.orientation or (), 2).tolist()}/{first.echo_ms}/{first.variants}"
    return SeriesInfo(
        number=number,
        id=hashlib.sha256(key.encode()).hexdigest()[:8],
        modality=first.modality,
        plane=plane_of(first.normal),
        contrast=contrast_of(first.repetition_ms, first.echo_ms, first.inversion_ms, first.sequence),
        slices=sum(file.frames for file in stack),
        size=(size[0], size[1]),
        pixel_mm=(spacing[0], spacing[1]),
        slice_distance_mm=across,
        repetition_ms=first.repetition_ms,
        echo_ms=first.echo_ms,
        files=tuple(stack),
    )
