"""Every class of features under pyradiomics' name of it: how it is computed and which features it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spinemr.radiomics.features import first_order, glcm, gldm, glrlm, glszm, ngtdm, shape2d, shape3d, spinetk
from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

OfShape = Callable[[Region, Settings, tuple[str, ...]], dict[str, float]]
OfLevels = Callable[[Levels, Region, Settings, tuple[str, ...]], dict[str, float]]


@dataclass(frozen=True)
class Names:
    """The features of one class."""

    default: tuple[str, ...]
    on_request: tuple[str, ...] = ()
    """Computed only where named."""

    @property
    def all(self) -> tuple[str, ...]:
        """Whatever can be asked for."""
        return self.default + self.on_request


def _first_order(levels: Levels, region: Region, settings: Settings, wanted: tuple[str, ...]) -> dict[str, float]:
    return first_order.first_order_features(region, settings, levels, wanted)


def _spinetk(region: Region, _settings: Settings, wanted: tuple[str, ...]) -> dict[str, float]:
    return spinetk.spinetk_features(region, wanted)


SHAPES: Mapping[str, OfShape] = {"shape": shape3d.shape_features, "shape2D": shape2d.shape2d_features}
"""Computed once, whatever the filters."""

INTENSITIES: Mapping[str, OfShape] = {"spinetk": _spinetk}
"""Computed from the intensities as they are."""

TEXTURES: Mapping[str, OfLevels] = {
    "firstorder": _first_order,
    "glcm": glcm.glcm_features,
    "glrlm": glrlm.glrlm_features,
    "glszm": glszm.glszm_features,
    "gldm": gldm.gldm_features,
    "ngtdm": ngtdm.ngtdm_features,
}
"""Computed from intensities in bins, wholly or in part."""

NAMES: Mapping[str, Names] = {
    "firstorder": Names(first_order.NAMES, first_order.ON_REQUEST),
    "shape": Names(shape3d.NAMES, shape3d.ON_REQUEST),
    "shape2D": Names(shape2d.NAMES, shape2d.ON_REQUEST),
    "glcm": Names(glcm.NAMES, glcm.ON_REQUEST),
    "glrlm": Names(glrlm.NAMES),
    "glszm": Names(glszm.NAMES),
    "gldm": Names(gldm.NAMES, gldm.ON_REQUEST),
    "ngtdm": Names(ngtdm.NAMES),
    "spinetk": Names(spinetk.NAMES),
}
"""In the order of tables and of the catalogue."""
