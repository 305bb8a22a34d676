"""Ready-made chains: the published ones in their order, and the recipe the shipped models are trained with."""

from __future__ import annotations

from spinemr.synthesis.augmentation.artefacts import LowResolution, RicianNoise
from spinemr.synthesis.augmentation.compose import Compose, Maybe, OneOf
from spinemr.synthesis.augmentation.intensity import (
    Bias,
    Blur,
    CoilFallOff,
    Gamma,
    MinMax,
    RandomCurve,
    RandomShallowConvolution,
)
from spinemr.synthesis.augmentation.labelled import Augmentation
from spinemr.synthesis.augmentation.per_label import Groups, PerLabelRedistribution, RandomMixture
from spinemr.synthesis.augmentation.spatial import Affine, AffineElastic, Crop, Elastic, Flip

PAPER_PATCH = (32, 80, 80)
"""Slices, rows and columns of a training patch (Arias Martinez 2024, II.C)."""

Patch = tuple[int, int, int]


def synthmri_augmentation(patch: Patch | None = None) -> Compose:
    """The chain on simulated contrasts (Arias Martinez 2024, Fig. 3a): shape and place, bias, intensities, resolution, flips.

    The paper crops :data:`PAPER_PATCH` between affine and elastic; without a patch nothing is cropped.
    """
    return Compose((*_shape(patch), *_appearance()))


def synthseg_augmentation(patch: Patch | None = None) -> Compose:
    """The chain of SynthSeg (Fig. 3b): the same, but the contrast is drawn in the middle, on the deformed label map.

    So the mixture is painted only on the patch and is never blurred by a deformation.
    """
    return Compose((*_shape(patch), RandomMixture(), *_appearance()))


def training_augmentation(groups: Groups = ()) -> Compose:
    """The recipe for real label maps: contrast by label, by convolution or by curve, then place, then the scanner.

    ``groups`` names labels that share a contrast (:func:`anatomy_groups` for anatomy numbers). Contrast steps are
    independent, so three samples in ten keep the contrast they came with.
    """
    curve = OneOf((RandomCurve(monotone=True), RandomCurve(monotone=False)), (0.6, 0.4))
    return Compose((
        Maybe(0.45, PerLabelRedistribution(groups=groups)),
        Maybe(0.30, RandomShallowConvolution()),
        Maybe(0.25, curve),
        Maybe(0.90, AffineElastic(Affine(rotation_deg=(-12, 12), scale=(0.6, 1.25)), Elastic())),
        Flip(left_right=0.5, antero_posterior=0.5),
        Maybe(0.50, Bias()),
        Maybe(0.30, CoilFallOff()),
        Maybe(0.25, Blur()),
        Maybe(0.25, LowResolution()),
        Maybe(0.40, RicianNoise()),
        MinMax(),
        Maybe(0.40, Gamma()),
    ))  # fmt: skip


def _shape(patch: Patch | None) -> tuple[Augmentation, ...]:
    """Affine, crop, elastic."""
    affine, elastic = Affine(scale=(0.85, 1.15)), Elastic()
    return (affine, Crop(*patch), elastic) if patch else (affine, elastic)


def _appearance() -> tuple[Augmentation, ...]:
    """Bias, min-max, gamma, blur, coarser sampling and back, flips."""
    flips = Flip(left_right=0.5, antero_posterior=0.5)
    return (Bias(), MinMax(), Gamma(), Blur(), LowResolution(), flips)
