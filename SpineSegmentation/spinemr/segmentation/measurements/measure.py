"""Heights, angles, slips, volumes and the canal of every level of a label map."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.anatomy import MOBILE_VERTEBRAE, Anatomy, disc_below
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.segmentation.measurements.canal import canal_depth_mm, middle_slices
from spinemr.segmentation.measurements.outlines import Outlines, Spacing
from spinemr.segmentation.measurements.profiles import Plate, Reals
from spinemr.segmentation.measurements.rows import DiscRow, SpineMeasurements, VertebraRow

NAN = math.nan


def measure_image(labels: sitk.Image) -> SpineMeasurements:
    """:func:`measure` of a label image in any orientation."""
    working = WorkingFrame.of(labels).forward(labels)
    column, row, slice_ = working.GetSpacing()
    return measure(sitk.GetArrayViewFromImage(working), (slice_, row, column))


def measure(labels: NDArray[Any], spacing_mm: Spacing) -> SpineMeasurements:
    """Measure an anatomy label map ``[slice][row][column]`` in the working frame.

    Each value is the mean over the central third of the slices that show the structure. Corners are the ends of curves through
    the end plates, so that osteophytes, round corners and single pixels hardly matter.
    """
    if labels.ndim != 3 or not all(math.isfinite(spacing) and spacing > 0 for spacing in spacing_mm):
        raise InputError("Measuring takes a label map of three dimensions and its spacing in mm.")
    outlines = Outlines(np.asarray(labels).astype(np.uint8, copy=False), spacing_mm)
    bones = [int(vertebra) for vertebra in MOBILE_VERTEBRAE if vertebra in outlines.boxes]
    vertebrae = tuple(_vertebra_row(outlines, bone) for bone in bones)
    by_label = {row.label: row for row in vertebrae}
    named = [int(vertebra) for vertebra in MOBILE_VERTEBRAE if disc_below(vertebra) in outlines.boxes]
    discs = tuple(_disc_row(outlines, bone, by_label) for bone in named)
    return SpineMeasurements(vertebrae, discs, _lordosis(outlines))


def _vertebra_row(outlines: Outlines, label: int) -> VertebraRow:
    found = []
    if not outlines.cut_in_slice(label):
        for index in outlines.middle_slices(label):
            outline = outlines.outline(label, index)
            if outline is not None:
                upper, lower = outline.upper, outline.lower
                heights = [_distance(getattr(upper, at), getattr(lower, at)) for at in ("front", "middle", "back")]
                found.append([*heights, lower.lean_deg - upper.lean_deg, outline.depth_mm])
    anterior, middle, posterior, turn, depth = _mean(found, 5)
    return VertebraRow(
        label=label,
        height_anterior_mm=anterior,
        height_middle_mm=middle,
        height_posterior_mm=posterior,
        wedge_deg=turn,
        depth_mm=depth,
        slip_mm=_slip_mm(outlines, label),
        volume_mm3=outlines.volume_mm3(label),
        cut_by_view=outlines.cut_by_view(label),
    )


def _disc_row(outlines: Outlines, above: int, bodies: dict[int, VertebraRow]) -> DiscRow:
    label = disc_below(above)
    found, own = [], False
    backs = []
    for index in () if outlines.cut_in_slice(label) else outlines.middle_slices(label):
        upper, lower, from_own = _plates_beside(outlines, above, index)
        if upper is not None and lower is not None:
            heights = [_distance(getattr(upper, at), getattr(lower, at)) for at in ("front", "middle", "back")]
            depth = 0.5 * (_distance(upper.front, upper.back) + _distance(lower.front, lower.back))
            found.append([*heights, lower.lean_deg - upper.lean_deg, depth])
            backs.append(0.5 * (upper.back + lower.back))
            own |= from_own
    anterior, middle, posterior, turn, depth = _mean(found, 5)
    behind = np.mean(backs, axis=0) if backs else None
    return DiscRow(
        label=label,
        height_anterior_mm=anterior,
        height_middle_mm=middle,
        height_posterior_mm=posterior,
        height_index=_height_index((anterior, middle, posterior), [bodies.get(above), bodies.get(_below(outlines, above))]),
        angle_deg=turn,
        depth_mm=depth,
        canal_depth_mm=_canal(outlines, behind),
        volume_mm3=outlines.volume_mm3(label),
        cut_by_view=outlines.cut_by_view(label),
        from_own_outline=own,
    )


def _below(outlines: Outlines, vertebra: int) -> int:
    """The number of the bone under a vertebra in this label map: the next that is there, at the end the sacrum."""
    if vertebra == Anatomy.T13:
        return int(Anatomy.L1)
    following = Anatomy(vertebra + 1)
    lumbar_end = vertebra in (Anatomy.L4, Anatomy.L5, Anatomy.L6) and following not in outlines.boxes
    return int(Anatomy.SACRUM) if lumbar_end else int(following)


def _plates_beside(outlines: Outlines, above: int, index: int) -> tuple[Plate | None, Plate | None, bool]:
    """The end plates above and below a disc in a slice; where a bone is not labelled, the disc's own surface."""
    label, lower_bone = disc_below(above), _below(outlines, above)
    own = outlines.outline(label, index)
    upper = _plate(outlines, above, index, upper=False)
    if lower_bone == Anatomy.SACRUM:
        lower = outlines.sacral_plate(label, index)
    else:
        lower = _plate(outlines, lower_bone, index, upper=True)
    if own is None:
        return upper, lower, False
    return upper or own.upper, lower or own.lower, upper is None or lower is None


def _plate(outlines: Outlines, bone: int, index: int, *, upper: bool) -> Plate | None:
    if bone not in outlines.boxes:
        return None
    outline = outlines.outline(bone, index)
    if outline is None or outlines.cut_in_slice(bone):
        return None
    return outline.upper if upper else outline.lower


def _slip_mm(outlines: Outlines, label: int) -> float:
    """See :class:`VertebraRow`; measured in the middle slices of the body."""
    lower_bone, slips = _below(outlines, label), []
    for index in outlines.middle_slices(label):
        mine = _plate(outlines, label, index, upper=False)
        if lower_bone == Anatomy.SACRUM:
            has_disc = disc_below(label) in outlines.boxes
            below = outlines.sacral_plate(disc_below(label), index) if has_disc else None
        else:
            below = _plate(outlines, lower_bone, index, upper=True)
        if mine is not None and below is not None:
            slips.append(float((mine.back - below.back) @ below.forward))
    return float(np.mean(slips)) if slips else NAN


def _lordosis(outlines: Outlines) -> float:
    first = _mean_lean(outlines, int(Anatomy.L1))
    discs = [disc_below(bone) for bone in (Anatomy.L4, Anatomy.L5, Anatomy.L6) if _below(outlines, bone) == Anatomy.SACRUM]
    for disc in reversed(discs):
        if disc in outlines.boxes:
            plates = [outlines.sacral_plate(disc, index) for index in outlines.middle_slices(disc)]
            leans = [plate.lean_deg for plate in plates if plate is not None]
            return float(np.mean(leans)) - first if leans else NAN
    return NAN


def _mean_lean(outlines: Outlines, label: int) -> float:
    if label not in outlines.boxes:
        return NAN
    plates = [_plate(outlines, label, index, upper=True) for index in outlines.middle_slices(label)]
    leans = [plate.lean_deg for plate in plates if plate is not None]
    return float(np.mean(leans)) if leans else NAN


def _height_index(heights: tuple[float, ...], beside: list[VertebraRow | None]) -> float:
    bodies = [v for row in beside if row for v in (row.height_anterior_mm, row.height_middle_mm, row.height_posterior_mm)]
    finite = [value for value in bodies if math.isfinite(value)]
    return float(np.mean(heights) / np.mean(finite)) if finite else NAN


def _canal(outlines: Outlines, behind: Reals | None) -> float:
    if behind is None:
        return NAN
    slices = middle_slices(outlines.labels, outlines.spacing_mm, float(behind[1]))
    return canal_depth_mm(outlines.labels, outlines.spacing_mm, slices, behind)


def _distance(a: Reals, b: Reals) -> float:
    return float(np.linalg.norm(a - b))


def _mean(rows: list[list[float]], width: int) -> list[float]:
    return [float(value) for value in np.mean(rows, axis=0)] if rows else [NAN] * width
