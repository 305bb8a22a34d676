"""Augmentation of labelled images: small objects that are composed, with a seed, for image and labels together.

Names are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinemr.synthesis.augmentation.artefacts import Anisotropy as Anisotropy
    from spinemr.synthesis.augmentation.artefacts import Ghosting as Ghosting
    from spinemr.synthesis.augmentation.artefacts import Gibbs as Gibbs
    from spinemr.synthesis.augmentation.artefacts import LowResolution as LowResolution
    from spinemr.synthesis.augmentation.artefacts import Motion as Motion
    from spinemr.synthesis.augmentation.artefacts import RicianNoise as RicianNoise
    from spinemr.synthesis.augmentation.compose import Compose as Compose
    from spinemr.synthesis.augmentation.compose import Maybe as Maybe
    from spinemr.synthesis.augmentation.compose import OneOf as OneOf
    from spinemr.synthesis.augmentation.intensity import Bias as Bias
    from spinemr.synthesis.augmentation.intensity import Blur as Blur
    from spinemr.synthesis.augmentation.intensity import CoilFallOff as CoilFallOff
    from spinemr.synthesis.augmentation.intensity import Gamma as Gamma
    from spinemr.synthesis.augmentation.intensity import MinMax as MinMax
    from spinemr.synthesis.augmentation.intensity import RandomCurve as RandomCurve
    from spinemr.synthesis.augmentation.intensity import RandomShallowConvolution as RandomShallowConvolution
    from spinemr.synthesis.augmentation.labelled import Augmentation as Augmentation
    from spinemr.synthesis.augmentation.labelled import Sample as Sample
    from spinemr.synthesis.augmentation.per_label import Groups as Groups
    from spinemr.synthesis.augmentation.per_label import PerLabelRedistribution as PerLabelRedistribution
    from spinemr.synthesis.augmentation.per_label import RandomMixture as RandomMixture
    from spinemr.synthesis.augmentation.per_label import anatomy_groups as anatomy_groups
    from spinemr.synthesis.augmentation.presets import PAPER_PATCH as PAPER_PATCH
    from spinemr.synthesis.augmentation.presets import synthmri_augmentation as synthmri_augmentation
    from spinemr.synthesis.augmentation.presets import synthseg_augmentation as synthseg_augmentation
    from spinemr.synthesis.augmentation.presets import training_augmentation as training_augmentation
    from spinemr.synthesis.augmentation.spatial import Affine as Affine
    from spinemr.synthesis.augmentation.spatial import AffineElastic as AffineElastic
    from spinemr.synthesis.augmentation.spatial import Crop as Crop
    from spinemr.synthesis.augmentation.spatial import Elastic as Elastic
    from spinemr.synthesis.augmentation.spatial import Flip as Flip

_HOME = {
    "artefacts": ("Anisotropy", "Ghosting", "Gibbs", "LowResolution", "Motion", "RicianNoise"),
    "compose": ("Compose", "Maybe", "OneOf"),
    "intensity": ("Bias", "Blur", "CoilFallOff", "Gamma", "MinMax", "RandomCurve", "RandomShallowConvolution"),
    "labelled": ("Augmentation", "Sample"),
    "per_label": ("Groups", "PerLabelRedistribution", "RandomMixture", "anatomy_groups"),
    "presets": ("PAPER_PATCH", "synthmri_augmentation", "synthseg_augmentation", "training_augmentation"),
    "spatial": ("Affine", "AffineElastic", "Crop", "Elastic", "Flip"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
