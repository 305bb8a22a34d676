from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.geometry import Grid
from spinemr.imaging.parts import POSTERIOR_LABELS, has_parts, united, united_array


def test_posterior_elements_take_the_number_of_their_vertebra_and_nothing_else_changes():
    labels = np.array([0, 23, 123, 223, 226, 228, 61, 200, 229, 250], dtype=np.uint8)
    assert united_array(labels).tolist() == [0, 23, 123, 23, 26, 28, 61, 200, 229, 250]
    assert united_array(labels).dtype == np.uint8


def test_numbers_beyond_all_structures_stay():
    assert united_array(np.array([223, 4000], dtype=np.uint16)).tolist() == [23, 4000]


def test_only_numbers_of_posterior_elements_count_as_parts():
    assert (min(POSTERIOR_LABELS), max(POSTERIOR_LABELS)) == (201, 228)
    assert has_parts(np.array([0, 223], np.uint8))
    assert not has_parts(np.array([0, 23, 123, 227, 229, 255], np.uint8))


def test_an_image_keeps_its_grid():
    image = sitk.GetImageFromArray(np.full((3, 4, 5), 223, np.uint8))
    image.SetSpacing((0.5, 0.6, 4.0))
    image.SetOrigin((1, 2, 3))
    assert Grid.of(united(image)) == Grid.of(image)
    assert sitk.GetArrayFromImage(united(image)).max() == 23
