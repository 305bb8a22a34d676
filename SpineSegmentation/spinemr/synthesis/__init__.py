"""A lumbar spine and the scanners that image it, drawn from code: anatomy, MR physics, contrasts, artefacts.

Names are loaded when they are first used. One function carries its module's name and is taken from there:
:func:`spinemr.synthesis.random_contrast.random_contrast`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinemr.synthesis.acquisition import acquire as acquire
    from spinemr.synthesis.acquisition import ideal_image as ideal_image
    from spinemr.synthesis.anatomy.assemble import draw_spine as draw_spine
    from spinemr.synthesis.anatomy.render import SagittalGrid as SagittalGrid
    from spinemr.synthesis.anatomy.render import render as render
    from spinemr.synthesis.anatomy.request import PATHOLOGIES as PATHOLOGIES
    from spinemr.synthesis.anatomy.request import Request as Request
    from spinemr.synthesis.fields import bias_field as bias_field
    from spinemr.synthesis.fields import smooth_noise as smooth_noise
    from spinemr.synthesis.mixture import IntensityMixture as IntensityMixture
    from spinemr.synthesis.mr_physics import Experiment as Experiment
    from spinemr.synthesis.mr_physics import SpinEchoTimes as SpinEchoTimes
    from spinemr.synthesis.mr_physics import inversion_recovery as inversion_recovery
    from spinemr.synthesis.mr_physics import spin_echo as spin_echo
    from spinemr.synthesis.mr_physics import spin_echo_from_experiment as spin_echo_from_experiment
    from spinemr.synthesis.mr_physics import spoiled_gradient_echo as spoiled_gradient_echo
    from spinemr.synthesis.mr_physics import synthmri as synthmri
    from spinemr.synthesis.protocols import WEIGHTINGS as WEIGHTINGS
    from spinemr.synthesis.protocols import Protocol as Protocol
    from spinemr.synthesis.protocols import SequenceKind as SequenceKind
    from spinemr.synthesis.protocols import TissueSignals as TissueSignals
    from spinemr.synthesis.protocols import random_protocol as random_protocol
    from spinemr.synthesis.protocols import tissue_signals as tissue_signals
    from spinemr.synthesis.random_contrast import IntensityPrior as IntensityPrior
    from spinemr.synthesis.random_contrast import clustered_label_map as clustered_label_map
    from spinemr.synthesis.random_contrast import random_labels_to_image as random_labels_to_image
    from spinemr.synthesis.sample import DrawnSample as DrawnSample
    from spinemr.synthesis.sample import draw_sample as draw_sample
    from spinemr.synthesis.sample import draw_samples as draw_samples
    from spinemr.synthesis.scanners import SCANNERS as SCANNERS
    from spinemr.synthesis.scanners import Coil as Coil
    from spinemr.synthesis.scanners import Output as Output
    from spinemr.synthesis.scanners import PointSpread as PointSpread
    from spinemr.synthesis.scanners import Scanner as Scanner
    from spinemr.synthesis.scanners import random_scanner as random_scanner
    from spinemr.synthesis.scanners import scanner as scanner
    from spinemr.synthesis.scanners import scanner_for as scanner_for
    from spinemr.synthesis.study import CONTRASTS as CONTRASTS
    from spinemr.synthesis.study import DrawnStudy as DrawnStudy
    from spinemr.synthesis.study import draw_pair as draw_pair
    from spinemr.synthesis.study import draw_study as draw_study
    from spinemr.synthesis.tissue_map import Tissue as Tissue
    from spinemr.synthesis.tissue_map import TissueMap as TissueMap
    from spinemr.synthesis.tissues import TISSUES as TISSUES
    from spinemr.synthesis.tissues import at_field_strength as at_field_strength

_HOME = {
    "acquisition": ("acquire", "ideal_image"),
    "anatomy.assemble": ("draw_spine",),
    "anatomy.render": ("SagittalGrid", "render"),
    "anatomy.request": ("PATHOLOGIES", "Request"),
    "fields": ("bias_field", "smooth_noise"),
    "mixture": ("IntensityMixture",),
    "mr_physics": (
        "Experiment", "SpinEchoTimes", "inversion_recovery", "spin_echo",
        "spin_echo_from_experiment", "spoiled_gradient_echo", "synthmri",
    ),
    "protocols": ("WEIGHTINGS", "Protocol", "SequenceKind", "TissueSignals", "random_protocol", "tissue_signals"),
    "random_contrast": ("IntensityPrior", "clustered_label_map", "random_labels_to_image"),
    "sample": ("DrawnSample", "draw_sample", "draw_samples"),
    "scanners": ("SCANNERS", "Coil", "Output", "PointSpread", "Scanner", "random_scanner", "scanner", "scanner_for"),
    "study": ("CONTRASTS", "DrawnStudy", "draw_pair", "draw_study"),
    "tissue_map": ("Tissue", "TissueMap"),
    "tissues": ("TISSUES", "at_field_strength"),
}  # fmt: skip
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
