from __future__ import annotations

import numpy as np
import pytest

from spinemr.synthesis.fields import bias_field, blow_up, interpolation_weights, smooth_noise


@pytest.mark.parametrize(("samples", "nodes"), [(1, 4), (2, 4), (320, 4), (7, 1), (15, 9)])
def test_weights_sum_to_one_so_a_constant_stays_constant(samples, nodes):
    np.testing.assert_allclose(interpolation_weights(samples, nodes).sum(axis=1), 1, rtol=1e-6)


def test_a_line_of_nodes_stays_a_line_inside():
    line = interpolation_weights(31, 4) @ np.arange(4, dtype=np.float32)
    np.testing.assert_allclose(np.diff(line[10:21]), 0.1, rtol=1e-4)


def test_blowing_up_separates_by_axis():
    nodes = np.zeros((4, 4, 4), dtype=np.float32)
    nodes[:, 3, :] = 1
    field = blow_up(nodes, (3, 40, 50))
    assert field.shape == (3, 40, 50) and field.dtype == np.float32
    assert np.ptp(field, axis=(0, 2)).max() < 1e-6
    assert np.all(np.diff(field[0, :, 0]) >= 0)


def test_smooth_noise_has_unit_variance_and_smooth_neighbours():
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_noise((1, 48, 48), (1, 6, 6), rng) for _ in range(300)])
    assert fields.var() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(fields, axis=-1)).max() < 0.8


def test_a_bias_field_is_positive_has_the_asked_strength_and_repeats():
    fields = [bias_field((1, 32, 32), 0.3, np.random.default_rng(seed)) for seed in range(300)]
    assert min(field.min() for field in fields) > 0
    assert np.log(fields).std() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(fields[7], bias_field((1, 32, 32), 0.3, np.random.default_rng(7)))
    np.testing.assert_array_equal(bias_field((2, 8, 8), 0.0, np.random.default_rng(0)), 1)
