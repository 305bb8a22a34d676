"""The names and values pyradiomics' parameter files know, and the fields of :class:`Settings` they stand for."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from spinemr.imaging.errors import InputError
from spinemr.radiomics.resampling import INTERPOLATORS
from spinemr.radiomics.settings import Aggregation, Settings

Check = Callable[[Any], Any]
"""Turns a value as it stands in a file into that of a field; ``ValueError`` with what is expected where it cannot."""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(least: float, *, open_end: bool = False) -> Check:
    expected = f"a number {'above' if open_end else 'of at least'} {least:g}" if least > -math.inf else "a number"

    def check(value: Any) -> float:  # noqa: ANN401
        if isinstance(value, str):  # YAML 1.1 takes 1e-3 for a text
            try:
                value = float(value)
            except ValueError:
                raise ValueError(expected) from None
        if not _is_number(value) or value < least or (open_end and value == least):
            raise ValueError(expected)
        return float(value)

    return check


def _whole(least: int, most: float = math.inf) -> Check:
    expected = f"a whole number from {least} to {most:g}" if most < math.inf else f"a whole number of at least {least}"

    def check(value: Any) -> int:  # noqa: ANN401
        if not _is_number(value) or value != int(value) or not least <= value <= most:
            raise ValueError(expected)
        return int(value)

    return check


def _flag(value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str:  # noqa: ANN401
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return str(value)

    return check


def _several(item: Check, counts: Iterable[int] = ()) -> Check:
    allowed = tuple(counts)

    def check(value: Any) -> tuple[Any, ...]:  # noqa: ANN401
        items = value if isinstance(value, (list, tuple)) else [value]
        if not items or (allowed and len(items) not in allowed):
            raise ValueError(f"a list of {' or '.join(str(count) for count in allowed) or 'some'} numbers")
        return tuple(item(one) for one in items)

    return check


def _or_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _interpolator(value: Any) -> str:  # noqa: ANN401
    """A name, or pyradiomics' number of it."""
    if _is_number(value) and value in range(1, len(INTERPOLATORS) + 1):
        return INTERPOLATORS[int(value) - 1]
    return str(_one_of(*INTERPOLATORS)(value))


@dataclass(frozen=True)
class Parameter:
    """The field of the settings a name stands for, and what values it takes."""

    field: str
    check: Check


PARAMETERS: Mapping[str, Parameter] = {
    "binWidth": Parameter("bin_width", _number(0, open_end=True)),
    "binCount": Parameter("bin_count", _or_none(_whole(1))),
    "discretization": Parameter("discretization", _one_of("pyradiomics", "ibsi")),
    "aggregation": Parameter("aggregation", _one_of(*get_args(Aggregation))),
    "normalize": Parameter("normalize", _flag),
    "normalizeScale": Parameter("normalize_scale", _number(0, open_end=True)),
    "removeOutliers": Parameter("remove_outliers", _or_none(_number(0, open_end=True))),
    "resampledPixelSpacing": Parameter("resampled_pixel_spacing_mm", _or_none(_several(_number(0), (3,)))),
    "interpolator": Parameter("interpolator", _interpolator),
    "padDistance": Parameter("pad_distance", _whole(0)),
    "preCrop": Parameter("pre_crop", _flag),
    "resegmentRange": Parameter("resegment_range", _or_none(_several(_number(-math.inf), (1, 2)))),
    "resegmentMode": Parameter("resegment_mode", _one_of("absolute", "relative", "sigma")),
    "resegmentShape": Parameter("resegment_shape", _flag),
    "force2D": Parameter("force_2d", _flag),
    "force2Ddimension": Parameter("force_2d_dimension", _whole(0, 2)),
    "distances": Parameter("distances", _several(_whole(1))),
    "symmetricalGLCM": Parameter("symmetrical_glcm", _flag),
    "weightingNorm": Parameter("weighting_norm", _or_none(_one_of("euclidean", "manhattan", "infinity", "no_weighting"))),
    "gldm_a": Parameter("gldm_alpha", _number(0)),
    "voxelArrayShift": Parameter("voxel_array_shift", _number(-math.inf)),
    "label": Parameter("label", _whole(1)),
    "minimumROIDimensions": Parameter("minimum_roi_dimensions", _whole(1, 3)),
    "minimumROISize": Parameter("minimum_roi_size", _or_none(_whole(1))),
    "geometryTolerance": Parameter("geometry_tolerance", _or_none(_number(0, open_end=True))),
    "correctMask": Parameter("correct_mask", _flag),
}

FILTER_PARAMETERS: Mapping[str, Check] = {
    "sigma": _several(_number(0, open_end=True)),
    "start_level": _whole(0),
    "level": _whole(1),
    "wavelet": str,
    "gradientUseSpacing": _flag,
    "lbp2DRadius": _number(0, open_end=True),
    "lbp2DSamples": _whole(1),
    "lbp2DMethod": _one_of("default", "ror", "uniform", "var"),
    "lbp3DLevels": _whole(1),
    "lbp3DIcosphereRadius": _number(0, open_end=True),
    "lbp3DIcosphereSubdivision": _whole(0),
}
"""What filters read from the settings of their image type."""

WITHOUT_EFFECT = ("additionalInfo", "enableCExtensions")
"""Known to pyradiomics and of no consequence for a feature."""


def overridden(settings: Settings, own: Mapping[str, Any]) -> Settings:
    """The settings with some of them changed, by pyradiomics' names; what only filters read is left alone."""
    fields = {PARAMETERS[name].field: checked(name, value) for name, value in own.items() if name in PARAMETERS}
    return replace(settings, **fields) if fields else settings


def checked(name: str, value: Any) -> Any:  # noqa: ANN401
    """The value of a parameter as a field or a filter takes it; an :class:`InputError` says what is expected."""
    check = PARAMETERS[name].check if name in PARAMETERS else FILTER_PARAMETERS.get(name)
    if check is None:
        raise unknown("setting", [name], [*PARAMETERS, *FILTER_PARAMETERS])
    try:
        return check(value)
    except ValueError as error:
        raise InputError(f"The setting {name} cannot be {value!r}.", f"It takes {error}.") from None


def unknown(kind: str, names: Iterable[str], known: Iterable[str]) -> InputError:
    """The sentence about names nobody knows, with the nearest ones that are known."""
    strange, choices = list(names), list(known)
    lowered = {choice.lower(): choice for choice in choices}
    near = [lowered[match] for name in strange for match in difflib.get_close_matches(str(name).lower(), lowered, 2, 0.75)]
    hint = f"Is {' or '.join(near)} meant?" if near else f"Known are: {', '.join(choices)}."
    return InputError(f"There is no {kind} named {', '.join(str(name) for name in strange)}.", hint)
