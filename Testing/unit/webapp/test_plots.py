"""Charts of a study, from its tables and images."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.webapp.plots import agreement, plots_of, relative_errors

ROWS = [
    {"label": label, "structure": "", "image": image, "original_glcm_Idmn": value, "original_glcm_Correlation": 0.5}
    for label, before, after in ((23, 0.5, 0.55), (123, 0.8, 0.8), (61, 1.0, 9.0))
    for image, value in (("source", before), ("harmonized", after))
]


def labels_with(sizes: dict[int, int]) -> sitk.Image:
    """Structures of so many voxels of 1 ml."""
    values = np.zeros((4, 20, 20), dtype=np.uint8)
    for place, (label, size) in enumerate(sizes.items()):
        values[place].ravel()[:size] = label
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((10.0, 10.0, 10.0))
    return image


AUTOMATIC = {20: 100, 21: 120, 120: 30, 121: 40}


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()).strip() for one in ET.fromstring(svg).iter() if one.tag.endswith("text")]


def test_the_heat_map_holds_bodies_and_discs_with_their_changes_in_percent():
    svg = relative_errors(ROWS)
    assert all(name in svg for name in ("L4 vertebra", "L4-L5 disc", "Idmn", "Correlation"))
    assert "spinal canal" not in svg and any(text.startswith("10") for text in texts(svg))


def test_errors_nobody_would_notice_are_not_dark():
    rows = [{**row, "original_glcm_Idmn": 0.5 if row["image"] == "source" else 0.5001} for row in ROWS]
    svg = relative_errors(rows)
    assert "0.02" in texts(svg) and "5" in texts(svg)  # the end of the colour bar


def test_agreement_says_the_bias_of_volumes_in_ml():
    svg = agreement(labels_with(AUTOMATIC), labels_with({**AUTOMATIC, 20: 108}))
    assert any(text in ("2", "2.0", "2.00") for text in texts(svg))


@pytest.mark.parametrize("now", [AUTOMATIC, {20: 90, 21: 100}, {}])
def test_without_changes_or_with_few_pairs_there_is_no_agreement(now):
    assert agreement(labels_with(AUTOMATIC), labels_with(now)) == ""


def test_a_study_has_the_charts_it_allows():
    labels = labels_with(AUTOMATIC)
    image = sitk.Cast(labels, sitk.sitkFloat32)
    image.CopyInformation(labels)
    everything = plots_of(ROWS, image, image, labels, labels_with({**AUTOMATIC, 20: 108}))
    assert [one["name"] for one in everything] == ["relative_errors", "histogram_source", "histogram_harmonized", "agreement"]
    assert [one["name"] for one in plots_of([], image, None, None, labels)] == ["histogram_source"]
