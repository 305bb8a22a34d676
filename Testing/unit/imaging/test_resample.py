from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinemr.imaging.errors import GeometryError
from spinemr.imaging.resample import AxisMap, NetworkGrid

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))
spacings = st.tuples(st.floats(0.25, 3.0), st.floats(0.25, 3.0))
seeds = st.integers(0, 2**32 - 1)
LABELS = np.array([0, 20, 23, 61, 123, 223], dtype=np.uint8)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.stack([labels == index for index in range(classes)]).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(sizes, spacings, seeds)
def test_the_same_grid_changes_nothing_at_all(size, spacing, seed):
    rng = np.random.default_rng(seed)
    grid = NetworkGrid(size, spacing, size, spacing)
    image = rng.normal(size=(2, *size)).astype(np.float32)
    labels = rng.choice(LABELS, size=(2, *size))
    classes = rng.integers(0, 4, size=(2, *size))
    assert np.array_equal(grid.to_grid(image), image)
    assert np.array_equal(grid.image_back(image), image)
    assert np.array_equal(grid.labels_to_grid(labels), labels)
    assert np.array_equal(grid.labels_back(labels), labels)
    assert np.array_equal(grid.probabilities_back(one_hot(classes, 4)), classes)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, spacings, seeds)
def test_cropping_and_padding_at_one_spacing_keeps_values_and_returns_what_was_inside(source, target, spacing, seed):
    image = np.random.default_rng(seed).normal(1, 0.1, size=source).astype(np.float32)
    grid = NetworkGrid(source, spacing, target, spacing)
    back = grid.image_back(grid.to_grid(image), fill=np.nan)
    inside = np.isfinite(back)
    assert np.array_equal(back[inside], image[inside])
    assert np.count_nonzero(inside) == min(source[0], target[0]) * min(source[1], target[1])


@settings(max_examples=60, deadline=None)
@given(sizes, spacings, st.tuples(st.floats(1.0, 4.0), st.floats(1.0, 4.0)), seeds)
def test_labels_return_exactly_from_any_finer_grid_that_covers_them(size, spacing, finer, seed):
    target_spacing = (spacing[0] / finer[0], spacing[1] / finer[1])
    target = tuple(int(np.ceil(n * f)) + 2 for n, f in zip(size, finer, strict=True))
    grid = NetworkGrid(size, spacing, target, target_spacing)
    labels = np.random.default_rng(seed).choice(LABELS, size=size)
    assert np.array_equal(grid.labels_back(grid.labels_to_grid(labels)), labels)


@settings(max_examples=100, deadline=None)
@given(sizes, sizes, spacings, spacings, st.none() | st.tuples(st.floats(-5, 45), st.floats(-5, 45)), seeds)
def test_no_label_and_no_grey_value_is_invented(source, target, source_spacing, target_spacing, centre, seed):
    rng = np.random.default_rng(seed)
    grid = NetworkGrid(source, source_spacing, target, target_spacing, centre)
    labels = rng.choice(LABELS, size=source)
    there = grid.labels_to_grid(labels)
    assert there.shape == target
    assert there.dtype == labels.dtype
    assert set(np.unique(there)) <= {0, *np.unique(labels)}
    assert set(np.unique(grid.labels_back(there))) <= {0, *np.unique(labels)}
    image = rng.uniform(100, 200, size=source)
    grey = grid.to_grid(image, fill=150)
    assert grey.shape == target
    assert 99.999 < grey.min() <= grey.max() < 200.001
    assert np.allclose(grid.to_grid(np.full(source, 9.0), fill=9.0), 9.0)
    classes = grid.probabilities_back(one_hot(rng.integers(2, 4, size=target), 4))
    assert set(np.unique(classes)) <= {0, 2, 3}


@settings(max_examples=60, deadline=None)
@given(spacings, spacings, seeds)
def test_a_smooth_image_keeps_its_place_there_and_back(source_spacing, target_spacing, seed):
    """A ramp in mm is kept to within a few hundredths of a pixel wherever the tent does not reach over the edge."""
    slope = np.random.default_rng(seed).normal(size=2)
    source = (60, 50)
    target = (24, 20)
    grid = NetworkGrid(source, source_spacing, target, target_spacing)

    def ramp(size, spacing):
        rows = (np.arange(size[0]) - (size[0] - 1) / 2) * spacing[0]
        columns = (np.arange(size[1]) - (size[1] - 1) / 2) * spacing[1]
        return slope[0] * rows[:, None] + slope[1] * columns[None, :], rows, columns

    image, rows, columns = ramp(source, source_spacing)
    expected, there_rows, there_columns = ramp(target, target_spacing)
    reach = [max(a, b) for a, b in zip(source_spacing, target_spacing, strict=True)]
    kept = (np.abs(there_rows) <= rows.max() - reach[0])[:, None] & (np.abs(there_columns) <= columns.max() - reach[1])[None, :]
    # Where the spacings agree the grid moves by up to half a pixel so that nothing is blurred.
    shift = [0.5 if abs(a / b - 1) < 1e-6 else 0.1 for a, b in zip(source_spacing, target_spacing, strict=True)]
    allowed = np.abs(slope) @ np.multiply(shift, source_spacing)
    assert np.abs(grid.to_grid(image) - expected)[kept].max(initial=0) < 1e-3 + allowed


def test_halving_averages_instead_of_picking():
    stripes = np.tile([0.0, 100.0], 32)[None].repeat(64, 0)
    grid = NetworkGrid((64, 64), (0.5, 0.5), (32, 32), (1.0, 1.0))
    assert np.allclose(grid.to_grid(stripes)[4:-4, 4:-4], 50.0, atol=1e-3)


def test_refining_interpolates_linearly():
    grid = NetworkGrid((2, 2), (2.0, 2.0), (4, 4), (1.0, 1.0))
    assert np.allclose(grid.to_grid(np.array([[0.0, 4.0], [0.0, 4.0]]))[0], [0.0, 1.0, 3.0, 4.0])


def test_probabilities_are_interpolated_before_the_choice_and_labels_between_classes_never_appear():
    """Half-way between classes 1 and 3 interpolated ids would be 2."""
    grid = NetworkGrid((1, 8), (1.0, 0.5), (1, 4), (1.0, 1.0))
    probabilities = one_hot(np.array([[1, 1, 3, 3]]), 4)
    assert grid.probabilities_back(probabilities).tolist() == [[1, 1, 1, 1, 3, 3, 3, 3]]
    doubtful = probabilities.copy()
    doubtful[:, 0, 1] = [0, 0.6, 0, 0.4]  # the border moves by a share of a pixel with the certainty
    doubtful[:, 0, 2] = [0, 0.1, 0, 0.9]
    # A quarter of the way from column 1 to column 2 class 1 has .475 and class 3 .525.
    assert grid.probabilities_back(doubtful).tolist() == [[1, 1, 1, 3, 3, 3, 3, 3]]


def test_a_given_centre_lies_in_the_middle():
    image = np.zeros((50, 50))
    image[31, 12] = 1.0
    grid = NetworkGrid((50, 50), (1.0, 1.0), (9, 9), (1.0, 1.0), centre=(31, 12))
    there = grid.to_grid(image)
    assert there[4, 4] == 1.0
    assert there.sum() == 1.0
    assert np.argwhere(grid.image_back(there) == 1.0).tolist() == [[31, 12]]


def test_what_the_network_did_not_see_is_background():
    grid = NetworkGrid((10, 10), (1.0, 1.0), (4, 4), (1.0, 1.0))
    classes = grid.probabilities_back(one_hot(np.ones((4, 4), int), 2))
    assert classes.sum() == 16
    assert classes[3:7, 3:7].all()
    assert grid.labels_back(np.full((4, 4), 23, np.uint8)).sum() == 16 * 23


def test_a_stack_goes_slice_by_slice_and_equals_its_slices():
    rng = np.random.default_rng(3)
    grid = NetworkGrid((30, 20), (0.7, 0.9), (16, 16), (1.2, 1.2))
    image = rng.normal(size=(5, 30, 20))
    probabilities = rng.random((3, 5, 16, 16))
    assert np.array_equal(grid.to_grid(image)[3], grid.to_grid(image[3]))
    assert np.array_equal(grid.probabilities_back(probabilities)[3], grid.probabilities_back(probabilities[:, 3]))


def test_slices_of_another_size_and_impossible_grids_are_refused():
    grid = NetworkGrid((10, 12), (1.0, 1.0), (4, 4), (1.0, 1.0))
    with pytest.raises(GeometryError, match="12 x 10 pixels was given where 10 x 12 belong"):
        grid.to_grid(np.zeros((12, 10)))
    with pytest.raises(GeometryError, match="4 x 4"):
        grid.probabilities_back(np.zeros((2, 10, 12)))
    with pytest.raises(GeometryError, match="at least one"):
        NetworkGrid((10, 0), (1.0, 1.0), (4, 4), (1.0, 1.0))
    with pytest.raises(GeometryError, match="positive"):
        NetworkGrid((10, 12), (1.0, 0.0), (4, 4), (1.0, 1.0))
    with pytest.raises(GeometryError, match="positive"):
        NetworkGrid((10, 12), (1.0, float("nan")), (4, 4), (1.0, 1.0))


def test_weights_of_a_position_inside_sum_to_one():
    positions = np.linspace(-2.3, 12.1, 37)
    tent = AxisMap.tent(positions, 10)
    sums = tent.weights.sum(axis=1)
    assert np.allclose(sums[tent.inside], 1.0)
    assert np.all(sums[~tent.inside] == 0)
