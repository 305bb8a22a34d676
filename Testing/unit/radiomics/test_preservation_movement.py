"""Edges and movement: blind to contrast, not to anatomy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spinemr.radiomics.preservation.displacement import movement
from spinemr.radiomics.preservation.gradients import (
    edge_alignment,
    edge_map,
    edges_of,
    gradient_correlation,
    gradient_magnitude_correlation,
)

SPACING = (0.8, 0.8)
CURVES = {
    "inverted": lambda v: 1 - v,
    "square root": np.sqrt,
    "up and down": lambda v: 1 - np.abs(2 * v - 1),
    "a period of a sine": lambda v: np.sin(2 * np.pi * v),
    "random pieces": lambda v: np.interp(v, np.linspace(0, 1, 6), [0.3, 0.9, 0.1, 0.7, 0.2, 0.6]),
}


@pytest.fixture(scope="module")
def slice_():
    """Tissues of several grey values with blurred borders and a little noise, 0 to 1."""
    rng = np.random.default_rng(3)
    field = ndimage.gaussian_filter(rng.normal(size=(160, 140)), 7)
    levels = np.digitize(field, np.quantile(field, (0.2, 0.45, 0.6, 0.85)))
    tissue = np.array([0.05, 0.9, 0.35, 0.6, 0.2])[levels]
    return np.clip(ndimage.gaussian_filter(tissue, 0.8) + rng.normal(0, 0.01, tissue.shape), 0, 1)


def bulged(values, at, shift, radius):
    """Content around ``at`` moved by ``shift`` pixels, fading like a Gaussian."""
    rows, columns = np.indices(values.shape, dtype=float)
    fade = np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / (2 * radius**2))
    return ndimage.map_coordinates(values, [rows - shift[0] * fade, columns - shift[1] * fade], order=1, mode="nearest")


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_pure_contrast_changes_move_nothing(slice_, curve, rng):
    other = curve(slice_) + rng.normal(0, 0.01, slice_.shape)
    found = movement(slice_, other, SPACING)
    assert found.judged.mean() > 0.8
    assert np.percentile(found.length_mm, 95) == 0
    assert (found.length_mm > 0.3).mean() < 0.03


@pytest.mark.parametrize("shift", [(2, 0), (0, 2), (-2, 0), (0, -3), (2, 2)])
def test_a_local_shift_is_found_where_it_is(slice_, shift):
    at = (80, 70)
    other = CURVES["inverted"](bulged(slice_, at, shift, 14))
    found = movement(slice_, other, SPACING)
    length = found.length_mm
    rows, columns = np.unravel_index(length.argmax(), length.shape)
    assert np.hypot(rows - at[0], columns - at[1]) < 12
    wanted = np.array(shift) * 0.8
    middle = np.array([found.rows_mm[at], found.columns_mm[at]])
    assert middle == pytest.approx(wanted, abs=0.6)
    assert length[:30].max() == 0


def test_a_shift_of_the_whole_slice_is_found_exactly(slice_):
    other = 1 - np.roll(slice_, (3, 0), axis=(0, 1))
    found = movement(slice_, other, SPACING)
    inner = found.rows_mm[20:-20, 20:-20]
    assert np.median(inner) == pytest.approx(2.4, abs=0.1)
    assert np.median(np.abs(found.columns_mm[20:-20, 20:-20])) < 0.1


def test_unequal_pixels_are_told_in_mm(slice_):
    stretched = ndimage.zoom(slice_, (0.5, 1), order=1)
    other = np.roll(stretched, 2, axis=0)
    found = movement(stretched, other, (1.6, 0.8))
    assert np.median(found.rows_mm[10:-10, 20:-20]) == pytest.approx(3.2, abs=0.15)


def test_empty_slices_are_not_judged(slice_):
    blank = np.zeros_like(slice_)
    for one, other in ((blank, slice_), (slice_, blank), (blank, blank)):
        found = movement(one, other, SPACING)
        assert not found.judged.any()
        assert found.length_mm.max() == 0


def test_small_slices_can_be_asked():
    tiny = np.arange(12.0).reshape(3, 4)
    assert movement(tiny, tiny, SPACING).length_mm.shape == (3, 4)


def test_edge_alignment_is_blind_to_contrast_and_sees_strangers(slice_):
    own = edges_of(slice_, SPACING)
    assert edge_alignment(own, own) == pytest.approx(1)
    assert edge_alignment(own, edges_of(1 - slice_, SPACING)) == pytest.approx(1, abs=1e-3)
    assert edge_alignment(own, edges_of(CURVES["up and down"](slice_), SPACING)) > 0.85
    stranger = edge_alignment(own, edges_of(slice_[::-1, ::-1], SPACING))
    assert abs(stranger) < 0.15
    assert np.isnan(edge_alignment(own, edges_of(np.zeros_like(slice_), SPACING)))


def test_edge_map_shows_where_something_was_drawn_anew(slice_):
    other = slice_.copy()
    other[60:90, 50:80] = slice_[60:90, 50:80][::-1, ::-1]
    values = edge_map(edges_of(slice_, SPACING), edges_of(other, SPACING), SPACING)
    rows, columns = np.unravel_index(values.argmin(), values.shape)
    assert 55 < rows < 95 and 45 < columns < 85
    assert values[:30].min() > 0.99


def test_gradient_correlation_by_hand(slice_):
    assert gradient_correlation(slice_, 3 * slice_ + 7) == pytest.approx(1)
    assert gradient_correlation(slice_, -slice_) == pytest.approx(-1)
    assert gradient_magnitude_correlation(slice_, -2 * slice_) == pytest.approx(1)
    assert np.isnan(gradient_correlation(slice_, np.ones_like(slice_)))
    assert abs(gradient_magnitude_correlation(slice_, slice_[::-1])) < 0.3
