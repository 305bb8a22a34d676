"""Weighting is told from what the spine shows; blends and files keep what they promise."""

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.contrast import contrast_of
from spinemr.imaging.errors import GeometryError
from spinemr.synthesis.study import draw_study


@pytest.mark.parametrize(
    ("scanner", "kind"),
    [
        ("alder-1.5t-t1", "t1"),
        ("birch-1.5t-flash", "t1"),
        ("alder-1.5t-t2", "t2"),
        ("alder-3t-space", "t2"),
        ("cedar-3t-stir", "t2"),
    ],
)
def test_the_weighting_of_drawn_studies_is_told(scanner, kind):
    study = draw_study(77, scanner=scanner)
    found = contrast_of(study.image, study.labels)
    assert found is not None and found.kind == kind
    assert kind.upper() in found.sentence


def test_without_a_canal_nothing_is_said():
    study = draw_study(77, scanner="alder-1.5t-t1")
    labels = sitk.GetArrayFromImage(study.labels)
    labels[labels == 61] = 0
    without = sitk.GetImageFromArray(labels)
    without.CopyInformation(study.labels)
    assert contrast_of(study.image, without) is None


def test_labels_on_another_grid_are_refused():
    study = draw_study(77, scanner="alder-1.5t-t1")
    other = sitk.GetImageFromArray(np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(GeometryError):
        contrast_of(study.image, other)
