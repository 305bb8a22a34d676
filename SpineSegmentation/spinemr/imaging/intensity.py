"""Grey values onto common scales, and out of the shading of receive coils.

Everything but N4 takes and returns plain arrays; a constant image comes out as zeros, non-finite values are refused.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]


def rescale_0_255(image: AnyArray, low_percentile: float = 0.5, high_percentile: float = 99.5) -> FloatArray:
    """Robust min-max to 0..255: ``255 (x - p_low) / (p_high - p_low)``, clipped (Kim 2024 with percentiles for extremes)."""
    return stretch(image, low_percentile, high_percentile, 255.0)


def contrast_stretch(image: AnyArray) -> FloatArray:
    """The contrast stretch of Markhali 2024: percentiles 2.5 and 97.5 become 0 and 1, what lies beyond is clipped."""
    return stretch(image, 2.5, 97.5, 1.0)


def stretch(image: AnyArray, low_percentile: float, high_percentile: float, top: float) -> FloatArray:
    """Map two percentiles to 0 and ``top`` and clip; falls back to the extremes where the percentiles coincide."""
    if not 0 <= low_percentile < high_percentile <= 100:
        raise ValueError("percentiles have to satisfy 0 <= low < high <= 100")
    refuse_non_finite(image)
    low, high = np.percentile(image, (low_percentile, high_percentile))
    if high <= low:  # mostly one value: a small structure on empty ground
        low, high = float(image.min()), float(image.max())
    if high <= low:
        return np.zeros(image.shape, dtype=np.float32)
    scaled: NDArray[np.float64] = (image.astype(np.float64) - low) * (top / (high - low))
    return np.clip(scaled, 0, top, out=scaled).astype(np.float32)


def z_score(image: AnyArray, mask: MaskArray | None = None) -> FloatArray:
    """``(x - mean) / standard deviation`` with both taken inside the mask (population formula), applied everywhere."""
    refuse_non_finite(image)
    inside = image if mask is None else image[_checked(mask, image.shape)]
    mean, deviation = float(inside.mean(dtype=np.float64)), float(inside.std(dtype=np.float64))
    if deviation <= 1e-12 * max(abs(mean), 1e-12):
        return np.zeros(image.shape, dtype=np.float32)
    return ((image.astype(np.float64) - mean) / deviation).astype(np.float32)


def refuse_non_finite(image: AnyArray) -> None:
    """Raise :class:`InputError` for an empty array, or one with NaN or infinite values."""
    if image.size == 0:
        raise InputError("The image has no voxels.")
    if np.issubdtype(image.dtype, np.inexact) and not np.isfinite(image).all():
        count = int(np.count_nonzero(~np.isfinite(image)))
        raise InputError(f"The image holds {count} values that are not numbers (NaN or infinite).")


@dataclass(frozen=True)
class N4Settings:
    """Options of N4 (Tustison 2010, doi:10.1109/TMI.2010.2046908)."""

    shrink_factor: int = 4
    """In-plane reduction for the fit; the field is evaluated on the full grid."""
    iterations: tuple[int, ...] = (50, 50, 30)
    """At most so many iterations on each fitting level."""
    control_points: int = 4
    convergence: float = 0.001

    def __post_init__(self) -> None:
        if self.shrink_factor < 1 or not self.iterations or min(self.iterations) < 1 or self.control_points < 4:
            raise ValueError("N4 needs a shrink factor and iterations of at least 1 and at least 4 control points")


def correct_bias(
    image: sitk.Image,
    mask: sitk.Image | None = None,
    settings: N4Settings | None = None,
    progress: ProgressCallback = silent,
) -> sitk.Image:
    """The image without its slowly varying shading, as float32 on the same grid.

    The field is fitted inside ``mask`` (without one: the foreground by Otsu's threshold) on a shrunk copy and divided out on
    the full grid. Values below zero are lifted first (N4 works on logarithms). A constant image is returned as it is.
    """
    chosen = settings or N4Settings()
    values: sitk.Image = sitk.Cast(image, sitk.sitkFloat32)
    refuse_non_finite(sitk.GetArrayViewFromImage(values))
    lowest, highest = _extremes(values)
    if highest <= lowest:
        return values
    progress(Progress("bias field", 0.0, "Fitting the bias field"))
    lift = -min(lowest, 0.0)
    positive = values + lift
    field = _log_field(positive, _region(positive, mask), chosen, progress)
    corrected: sitk.Image = positive / sitk.Exp(sitk.Cast(field, sitk.sitkFloat32)) - lift
    progress(Progress("bias field", 1.0, "Bias field removed"))
    return corrected


def _log_field(image: sitk.Image, region: sitk.Image, settings: N4Settings, progress: ProgressCallback) -> sitk.Image:
    factors = _shrink_factors(image, settings.shrink_factor)
    thick = _at_least_two_thick(image)
    small_image, small_mask = sitk.Shrink(thick, factors), sitk.Shrink(_at_least_two_thick(region), factors)
    if not sitk.GetArrayViewFromImage(small_mask).any():
        raise InputError("The region to fit the bias field in is empty.")
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(settings.iterations)
    n4.SetConvergenceThreshold(settings.convergence)
    n4.SetNumberOfControlPoints([settings.control_points] * 3)
    with _watched(n4, progress, sum(settings.iterations)):
        n4.Execute(small_image, small_mask)
    width, height, depth = image.GetSize()
    field: sitk.Image = n4.GetLogBiasFieldAsImage(thick)[:width, :height, :depth]
    return field


def _at_least_two_thick(image: sitk.Image) -> sitk.Image:
    """A lone slice twice over: the spline of N4 cannot span an axis of one voxel."""
    copies = [2 if size == 1 else 1 for size in image.GetSize()]
    array = np.tile(sitk.GetArrayViewFromImage(image), copies[::-1])
    thick: sitk.Image = sitk.GetImageFromArray(array)
    thick.SetSpacing(image.GetSpacing())
    thick.SetOrigin(image.GetOrigin())
    thick.SetDirection(image.GetDirection())
    return thick


class _StopFitError(Exception):
    """Thrown through ITK to end the fit; nobody outside of this file sees it."""


@contextmanager
def _watched(n4: sitk.N4BiasFieldCorrectionImageFilter, progress: ProgressCallback, iterations: int) -> Iterator[None]:
    """Report each iteration; what the callback raises ends the fit at once and is raised again here.

    N4 does not look at ITK's abort flag, so the callback throws. SimpleITK would print that exception through
    ``sys.excepthook``, which therefore keeps quiet until the fit has ended.
    """
    stopped: list[BaseException] = []
    done = itertools.count(1)

    def iterated() -> None:
        try:
            progress(Progress("bias field", min(0.95, next(done) / iterations), "Fitting the bias field"))
        except BaseException as reason:  # a keyboard interrupt has to get through as well
            stopped.append(reason)
            sys.excepthook = _quiet
            raise _StopFitError from None

    hook = sys.excepthook
    n4.AddCommand(sitk.sitkIterationEvent, iterated)
    try:
        yield
    except RuntimeError as error:
        if stopped:
            raise stopped[0] from None
        raise InputError("The bias field of this image could not be fitted.") from error
    finally:
        sys.excepthook = hook


def _quiet(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """Print nothing."""


def _region(image: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    if mask is None:
        foreground: sitk.Image = sitk.OtsuThreshold(image, 0, 1)
        return foreground
    if mask.GetSize() != image.GetSize():
        raise InputError("The mask and the image do not have the same size.")
    region: sitk.Image = sitk.Cast(sitk.NotEqual(mask, 0), sitk.sitkUInt8)
    region.CopyInformation(image)
    return region


def _shrink_factors(image: sitk.Image, factor: int) -> list[int]:
    """Shrink fine axes only, and never below what the spline of control points can be fitted to."""
    finest = min(image.GetSpacing())
    allowed = [max(1, int(factor * finest / spacing + 0.5)) for spacing in image.GetSpacing()]
    return [max(1, min(wanted, size // 8)) for wanted, size in zip(allowed, image.GetSize(), strict=True)]


def _extremes(image: sitk.Image) -> tuple[float, float]:
    values = sitk.GetArrayViewFromImage(image)
    return float(values.min()), float(values.max())


def _checked(mask: MaskArray, shape: tuple[int, ...]) -> MaskArray:
    if mask.shape != shape:
        raise InputError("The mask and the image do not have the same size.")
    inside = mask.astype(bool)
    if not inside.any():
        raise InputError("The mask is empty.")
    return inside
