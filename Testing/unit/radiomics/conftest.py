"""Drawn studies with their true labels, for damage."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.radiomics.verdict.case import Case
from spinemr.synthesis.study import draw_study


@pytest.fixture(scope="session")
def drawn_case():
    """A function that draws the case of a scanner and a seed, sound and without pathology unless asked for; cached."""

    @cache
    def draw(scanner="cedar-3t-stir", seed=14, pathology=()):
        study = draw_study(seed, scanner=scanner, pathology=pathology)
        return Case(study.image, study.labels)

    return draw


@pytest.fixture(scope="session")
def relabel():
    """A function that replaces the arrays of an image by what an edit makes of them, on the same grid."""

    def edit(image, change):
        array = sitk.GetArrayFromImage(image)
        changed = change(array)
        other = sitk.GetImageFromArray(np.ascontiguousarray(array if changed is None else changed))
        other.CopyInformation(image)
        return other

    return edit
